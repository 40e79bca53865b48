//! What users are told. Whoever changes something tells of it in the same transaction:
//! [`notify`].

use sqlx_macros::FromRow;

use super::{
    Notices,
    announcements::{stored_ad, told},
};
use crate::{
    db::Tx,
    notice::{PUSH_ATTEMPTS, PUSH_QUEUE, PushOrder},
    store::{NewJob, StoreError, jobs::queue::push_job},
};
use tebdil_protocol::{
    domain::Locale,
    id::{NotificationId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// A stored notification, with the language of its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notified {
    pub id: NotificationId,
    pub user_id: UserId,
    pub locale: Locale,
    pub notice: Notice,
    pub read: bool,
    pub created_at: Timestamp,
}

/// A notification as it is stored.
#[derive(FromRow)]
struct NotificationRow {
    id: NotificationId,
    user_id: UserId,
    locale: Locale,
    notice: String,
    read: bool,
    created_at: Timestamp,
}

impl TryFrom<NotificationRow> for Notified {
    type Error = StoreError;

    fn try_from(row: NotificationRow) -> Result<Self, StoreError> {
        let notice = serde_json::from_str(&row.notice)
            .map_err(|_| StoreError::Corrupt { what: "notice" })?;
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            locale: row.locale,
            notice,
            read: row.read,
            created_at: row.created_at,
        })
    }
}

/// One of a list. The text of an announcement stands in its own table.
#[derive(FromRow)]
struct ListedRow {
    #[sqlx(flatten)]
    row: NotificationRow,
    tr: Option<String>,
    en: Option<String>,
    ad: Option<String>,
}

impl TryFrom<ListedRow> for Notified {
    type Error = StoreError;

    fn try_from(listed: ListedRow) -> Result<Self, StoreError> {
        let mut notified = Self::try_from(listed.row)?;
        if let (Some(tr), Some(en)) = (listed.tr, listed.en) {
            notified.notice = told(&tr, &en, stored_ad(listed.ad.as_deref())?);
        }
        Ok(notified)
    }
}

/// What became of a wish to mark notifications as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkedRead {
    /// How many were unread before.
    pub changed: u64,
    /// How many still are.
    pub unread: i64,
}

const UNREAD: &str =
    "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE user_id = $1 AND NOT read";

/// Stores a [`Notice`] in this transaction, with the order to push it. `None` when the user was
/// told of `reference` before, or is gone.
///
/// After the commit the caller hands what it got to whoever tells sockets.
pub(crate) async fn notify(
    tx: &mut Tx,
    user: UserId,
    notice: &Notice,
    reference: String,
    now: Timestamp,
) -> Result<Option<Notified>, StoreError> {
    const INSERT: &str = "INSERT INTO notifications \
         (id, user_id, type, code, notice, reference, created_at) \
         SELECT $1, u.id, $2, $3, $4, $5, $6 FROM users u WHERE u.id = $7 AND u.erased_at IS NULL \
         ON CONFLICT (user_id, code, reference) DO NOTHING \
         RETURNING id, user_id, (SELECT locale FROM users WHERE users.id = user_id) AS locale, \
         notice, read, created_at";
    let id: NotificationId = tx.id();
    let row: Option<NotificationRow> = tx
        .optional(
            INSERT,
            (
                id,
                notice.kind(),
                notice.code(),
                serde_json::to_string(notice).expect("a notice is plain data"),
                reference,
                now,
                user,
            ),
        )
        .await?;
    let Some(row) = row else { return Ok(None) };
    let order = PushOrder::Notification {
        user_id: user,
        id,
        of: notice.kind(),
    };
    let payload = serde_json::to_vec(&order).expect("an order is plain data");
    let job = NewJob {
        queue: PUSH_QUEUE,
        payload: &payload,
        dedupe: None,
        run_at: now,
        max_attempts: PUSH_ATTEMPTS,
    };
    // Without a key it is always new.
    push_job(tx, job, now).await?;
    Notified::try_from(row).map(Some)
}

/// Pushes many [`PushOrder`]s in this transaction; at most some hundred.
pub(crate) async fn push_orders(
    tx: &mut Tx,
    orders: &[PushOrder],
    now: Timestamp,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO job \
         (id, queue, payload, max_attempts, run_at, created_at) \
         SELECT column1, $1, column2, $2, $3, $3 FROM ({rows}) AS v WHERE column1 IS NOT NULL";
    let jobs: Vec<(String, Vec<u8>)> = orders
        .iter()
        .map(|order| {
            let payload = serde_json::to_vec(order).expect("an order is plain data");
            (tx.id::<i64>().to_string(), payload)
        })
        .collect();
    let pushed = tx
        .query(INSERT)
        .rows(&jobs, |row, (id, payload)| {
            row.bind(id.as_str()).bind(payload.as_slice());
        })
        .bind(PUSH_QUEUE)
        .bind(PUSH_ATTEMPTS)
        .bind(now)
        .execute()
        .await?;
    if pushed > 0 {
        tx.wake_workers();
    }
    Ok(())
}

impl Notices<'_> {
    /// Tells a user something that no other change goes with. `None` when it was told of
    /// `reference` before, or is gone.
    pub async fn notify(
        self,
        user: UserId,
        notice: &Notice,
        reference: &str,
        now: Timestamp,
    ) -> Result<Option<Notified>, StoreError> {
        let mut tx = self.begin().await?;
        let notified = notify(&mut tx, user, notice, reference.to_owned(), now).await?;
        tx.commit().await?;
        Ok(notified)
    }

    /// Notifications of a user with ids below `before`, newest first, `limit` at most.
    pub async fn notifications_of(
        self,
        user: UserId,
        before: Option<NotificationId>,
        limit: i64,
    ) -> Result<Vec<Notified>, StoreError> {
        const SQL: &str = "SELECT n.id, n.user_id, u.locale, n.notice, n.read, n.created_at, \
             a.tr, a.en, a.ad FROM notifications n JOIN users u ON u.id = n.user_id \
             LEFT JOIN announcements a ON a.id = n.announcement_id \
             WHERE n.user_id = $1 AND n.id < $2 ORDER BY n.id DESC LIMIT $3";
        let before = before.unwrap_or(NotificationId(i64::MAX));
        let query = self.read(SQL);
        let rows: Vec<ListedRow> = query.bind(user).bind(before).bind(limit).all().await?;
        rows.into_iter().map(Notified::try_from).collect()
    }

    /// How many notifications a user has not read.
    pub async fn unread_notifications(self, user: UserId) -> Result<i64, StoreError> {
        self.db.value(UNREAD, (user,)).await
    }

    /// Marks notifications of a user as read: these, or all. Ids that are not the user's, or not
    /// there any more, are passed over.
    pub async fn read_notifications(
        self,
        user: UserId,
        ids: Option<&[NotificationId]>,
    ) -> Result<MarkedRead, StoreError> {
        // Locked by id: two devices that read at once do not wait for each other in a circle.
        const FIND: &str = "WITH unread AS MATERIALIZED \
             (SELECT id FROM notifications WHERE NOT read AND user_id = $1";
        const MARK: &str = " ORDER BY id FOR NO KEY UPDATE) \
             UPDATE notifications SET read = TRUE WHERE id IN (SELECT id FROM unread)";
        let mut tx = self.begin().await?;
        let mut query = tx.query(FIND).bind(user);
        if let Some(ids) = ids {
            query = query.push(" AND id IN ({list})").list(ids.iter().copied());
        }
        let changed = query.push(MARK).execute().await?;
        let unread = tx.value(UNREAD, (user,)).await?;
        tx.commit().await?;
        Ok(MarkedRead { changed, unread })
    }
}
