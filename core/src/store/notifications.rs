//! What users are told. Whoever changes something tells of it in the same transaction: [`notify_in!`].

use sqlx::FromRow;

use super::StoreError;
use crate::{
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
        let notice = serde_json::from_str(&row.notice).map_err(|_| StoreError::Corrupt { what: "notice" })?;
        Ok(Self { id: row.id, user_id: row.user_id, locale: row.locale, notice, read: row.read, created_at: row.created_at })
    }
}

pub(crate) const INSERT: &str = "INSERT INTO notifications (id, user_id, type, code, notice, reference, created_at) \
     SELECT $1, u.id, $2, $3, $4, $5, $6 FROM users u WHERE u.id = $7 ON CONFLICT DO NOTHING \
     RETURNING id, user_id, (SELECT locale FROM users WHERE users.id = user_id) AS locale, notice, read, created_at";

/// Stores a [`Notice`] in the open write transaction `$tx`, with the order to push it. `None` when the user was told of `$reference` before, or is gone.
///
/// After the commit the caller hands what it got to whoever tells sockets.
macro_rules! notify_in {
    ($store:expr, $tx:expr, $user:expr, $notice:expr, $reference:expr, $now:expr) => {{
        let notice: &$crate::notice::Notice = $notice;
        let user: $crate::id::UserId = $user;
        let id = $store.ids.next::<$crate::id::NotificationId>();
        let row: Option<$crate::store::notifications::NotificationRow> = sqlx::query_as($crate::store::notifications::INSERT)
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
            let order = $crate::notice::PushOrder::Notification { user_id: user, id, of: notice.kind() };
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

pub(crate) use notify_in;

impl super::Store {
    /// Tells a user something that no other change goes with. `None` when it was told of `reference` before, or is gone.
    pub async fn notify(&self, user: UserId, notice: &Notice, reference: &str, now: Timestamp) -> Result<Option<Notified>, StoreError> {
        Ok(crate::backend::write_tx!(self, |tx| { notify_in!(self, tx, user, notice, reference, now) }))
    }
}
