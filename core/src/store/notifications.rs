//! What users are told. Whoever changes something tells of it in the same transaction:
//! [`notify_in!`].

use sqlx::{FromRow, QueryBuilder};

use super::{
    Store, StoreError,
    announcements::{stored_ad, told},
    retention::ID_SLACK,
};
use crate::{
    backend::{read, write_tx},
    domain::Locale,
    id::{IdGenerator, NotificationId, UserId},
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
pub(crate) struct NotificationRow {
    pub id: NotificationId,
    pub user_id: UserId,
    pub locale: Locale,
    pub notice: String,
    pub read: bool,
    pub created_at: Timestamp,
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

pub(crate) const INSERT: &str = "INSERT INTO notifications (id, user_id, type, code, notice, reference, created_at) \
     SELECT $1, u.id, $2, $3, $4, $5, $6 FROM users u WHERE u.id = $7 AND u.erased_at IS NULL \
     ON CONFLICT (user_id, code, reference) DO NOTHING \
     RETURNING id, user_id, (SELECT locale FROM users WHERE users.id = user_id) AS locale, notice, read, created_at";

/// Stores a [`Notice`] in the open write transaction `$tx`, with the order to push it. `None` when
/// the user was told of `$reference` before, or is gone.
///
/// After the commit the caller hands what it got to whoever tells sockets.
macro_rules! notify_in {
    ($store:expr, $tx:expr, $user:expr, $notice:expr, $reference:expr, $now:expr) => {{
        let notice: &$crate::notice::Notice = $notice;
        let user: $crate::id::UserId = $user;
        let id = $store.ids.next::<$crate::id::NotificationId>();
        let row: Option<$crate::store::notifications::NotificationRow> =
            sqlx::query_as($crate::store::notifications::INSERT)
                .bind(id)
                .bind(notice.kind())
                .bind(notice.code())
                .bind(serde_json::to_string(notice).expect("a notice is plain data"))
                .bind($reference)
                .bind($now)
                .bind(user)
                .fetch_optional(&mut *$tx)
                .await?;
        if row.is_some() {
            let order = $crate::notice::PushOrder::Notification {
                user_id: user,
                id,
                of: notice.kind(),
            };
            let payload = serde_json::to_vec(&order).expect("an order is plain data");
            let job = $crate::store::NewJob {
                queue: $crate::notice::PUSH_QUEUE,
                payload: &payload,
                dedupe: None,
                run_at: $now,
                max_attempts: $crate::notice::PUSH_ATTEMPTS,
            };
            // Without a key it is always new.
            let _ = $crate::store::jobs::push_job_in!($store, $tx, job, $now);
        }
        row.map($crate::store::Notified::try_from).transpose()?
    }};
}

/// Pushes many [`PushOrder`](crate::notice::PushOrder)s in the open write transaction `$tx`; at
/// most some hundred.
macro_rules! push_orders_in {
    ($store:expr, $tx:expr, $orders:expr, $now:expr) => {{
        let orders: &[$crate::notice::PushOrder] = $orders;
        if !orders.is_empty() {
            let mut query = sqlx::QueryBuilder::new(
                "INSERT INTO job (id, queue, payload, max_attempts, run_at, created_at) ",
            );
            query.push_values(orders, |mut row, order| {
                row.push_bind($store.ids.next::<i64>().to_string())
                    .push_bind($crate::notice::PUSH_QUEUE)
                    .push_bind(serde_json::to_vec(order).expect("an order is plain data"))
                    .push_bind($crate::notice::PUSH_ATTEMPTS)
                    .push_bind($now)
                    .push_bind($now);
            });
            query.build().execute(&mut *$tx).await?;
        }
    }};
}

pub(crate) use notify_in;
pub(crate) use push_orders_in;

impl Store {
    /// Tells a user something that no other change goes with. `None` when it was told of
    /// `reference` before, or is gone.
    pub async fn notify(
        &self,
        user: UserId,
        notice: &Notice,
        reference: &str,
        now: Timestamp,
    ) -> Result<Option<Notified>, StoreError> {
        Ok(write_tx!(self, |tx| {
            notify_in!(self, tx, user, notice, reference, now)
        }))
    }

    /// Notifications of a user with ids below `before`, newest first, `limit` at most.
    pub async fn notifications_of(
        &self,
        user: UserId,
        before: Option<NotificationId>,
        limit: i64,
    ) -> Result<Vec<Notified>, StoreError> {
        const SQL: &str = "SELECT n.id, n.user_id, u.locale, n.notice, n.read, n.created_at, a.tr, a.en, a.ad FROM notifications n \
             JOIN users u ON u.id = n.user_id LEFT JOIN announcements a ON a.id = n.announcement_id \
             WHERE n.user_id = $1 AND n.id < $2 ORDER BY n.id DESC LIMIT $3";
        let before = before.unwrap_or(NotificationId(i64::MAX));
        let rows: Vec<ListedRow> = read!(self, |db| sqlx::query_as(SQL)
            .bind(user)
            .bind(before)
            .bind(limit)
            .fetch_all(db)
            .await?);
        rows.into_iter().map(Notified::try_from).collect()
    }

    /// How many notifications a user has not read.
    pub async fn unread_notifications(&self, user: UserId) -> Result<i64, StoreError> {
        Ok(read!(self, |db| sqlx::query_scalar(UNREAD)
            .bind(user)
            .fetch_one(db)
            .await?))
    }

    /// Marks notifications of a user as read: these, or all. Ids that are not the user's, or not
    /// there any more, are passed over.
    pub async fn read_notifications(
        &self,
        user: UserId,
        ids: Option<&[NotificationId]>,
    ) -> Result<MarkedRead, StoreError> {
        Ok(write_tx!(self, |tx| {
            // Locked by id: two devices that read at once do not wait for each other in a circle.
            let mut query = QueryBuilder::new(
                "WITH unread AS MATERIALIZED (SELECT id FROM notifications WHERE NOT read AND user_id = ",
            );
            query.push_bind(user);
            if let Some(ids) = ids {
                query.push(" AND id IN (");
                let mut list = query.separated(", ");
                for id in ids {
                    list.push_bind(*id);
                }
                query.push(")");
            }
            query.push(" ORDER BY id").push(self.db.for_update());
            query
                .push(") UPDATE notifications SET read = TRUE WHERE id IN (SELECT id FROM unread)");
            let changed = query.build().execute(&mut *tx).await?.rows_affected();
            let unread = sqlx::query_scalar(UNREAD)
                .bind(user)
                .fetch_one(&mut *tx)
                .await?;
            MarkedRead { changed, unread }
        }))
    }

    /// Deletes up to `limit` notifications that were made at `cutoff` or before, oldest first, and
    /// says how many.
    pub async fn delete_old_notifications(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(cutoff + ID_SLACK))
                .push(" AND created_at <= ")
                .push_bind(cutoff);
            query
                .push(" ORDER BY id LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
    }
}
