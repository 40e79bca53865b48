//! What the operator tells many users: stored once, then told to a batch of users at a time.

use serde_json::json;
use sqlx::{Database, Encode, FromRow, QueryBuilder, Type};

use super::{NewJob, Notified, Store, StoreError, SystemLog, jobs::push_job_in, notifications::push_orders_in, system_logs::log_in};
use crate::{
    backend::{read, write_tx},
    domain::{AnnouncementTarget, Locale},
    id::{AnnouncementId, NotificationId, UserId},
    notice::{ANNOUNCE_QUEUE, Notice, PushOrder},
    protocol::Announcement,
    time::Timestamp,
};

/// Attempts of the job; the next minute tries again anyway.
const ANNOUNCE_ATTEMPTS: i64 = 3;

/// An announcement to make.
#[derive(Debug, Clone)]
pub struct NewAnnouncement {
    pub tr: String,
    pub en: String,
    pub target: AnnouncementTarget,
    /// The admin.
    pub actor: UserId,
}

#[derive(FromRow)]
struct AnnouncementRow {
    id: AnnouncementId,
    tr: String,
    en: String,
    target_group: AnnouncementTarget,
    created_at: Timestamp,
    position: UserId,
    told: i64,
    finished_at: Option<Timestamp>,
}

impl From<AnnouncementRow> for Announcement {
    fn from(row: AnnouncementRow) -> Self {
        Self {
            id: row.id,
            tr: row.tr,
            en: row.en,
            target: row.target_group,
            created_at: row.created_at,
            told: row.told,
            finished_at: row.finished_at,
        }
    }
}

#[derive(FromRow)]
struct ReaderRow {
    id: UserId,
    locale: Locale,
    has_device: bool,
}

impl Store {
    /// Stores an announcement, with its job and the record of who made it.
    pub async fn announce(&self, new: &NewAnnouncement, now: Timestamp) -> Result<Announcement, StoreError> {
        const SQL: &str = "INSERT INTO announcements (id, tr, en, target_group, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
        let id: AnnouncementId = self.ids.next();
        write_tx!(self, |tx| {
            let insert = sqlx::query(SQL).bind(id).bind(&new.tr).bind(&new.en).bind(new.target).bind(new.actor).bind(now);
            insert.execute(&mut *tx).await?;
            let details = json!({ "announcement_id": id, "target": new.target });
            log_in!(self, tx, &SystemLog { action: "announcement_made", user: None, actor: Some(new.actor), details }, now);
            let job = NewJob { queue: ANNOUNCE_QUEUE, payload: b"{}", dedupe: None, run_at: now, max_attempts: ANNOUNCE_ATTEMPTS };
            // Without a key it is always new.
            let _ = push_job_in!(self, tx, job, now);
        });
        Ok(Announcement { id, tr: new.tr.clone(), en: new.en.clone(), target: new.target, created_at: now, told: 0, finished_at: None })
    }

    /// Announcements with ids below `before`, newest first, `limit` at most.
    pub async fn announcements(&self, before: Option<AnnouncementId>, limit: i64) -> Result<Vec<Announcement>, StoreError> {
        const SQL: &str = "SELECT id, tr, en, target_group, created_at, position, told, finished_at FROM announcements \
             WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let before = before.unwrap_or(AnnouncementId(i64::MAX));
        let rows: Vec<AnnouncementRow> = read!(self, |db| sqlx::query_as(SQL).bind(before).bind(limit).fetch_all(db).await?);
        Ok(rows.into_iter().map(Announcement::from).collect())
    }

    /// Tells the next `limit` users, those among them whom it is for, of the oldest announcement that is not told to the end. `None` when there is none.
    ///
    /// Whoever joined after it was made is not told, nor who is banned. Each user is told once, whoever calls at the same time and whenever a call is cut off:
    /// how far it has come is written with what was told.
    pub async fn announce_next(&self, limit: i64, now: Timestamp) -> Result<Option<Vec<Notified>>, StoreError> {
        const OLDEST: &str = "SELECT id, tr, en, target_group, created_at, position, told, finished_at FROM announcements \
             WHERE finished_at IS NULL ORDER BY id LIMIT 1";
        const LAST: &str = "SELECT MAX(id) FROM (SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2) AS page";
        const FINISH: &str = "UPDATE announcements SET finished_at = $1 WHERE id = $2";
        const ADVANCE: &str = "UPDATE announcements SET position = $1, told = told + $2 WHERE id = $3";
        Ok(write_tx!(self, |tx| {
            let oldest: Option<AnnouncementRow> = sqlx::query_as(self.locking(OLDEST)).fetch_optional(&mut *tx).await?;
            let Some(of) = oldest else { return Ok(None) };
            let last: Option<UserId> = sqlx::query_scalar(LAST).bind(of.position).bind(limit).fetch_one(&mut *tx).await?;
            let readers: Vec<ReaderRow> = match last {
                Some(last) => readers_among(&of, last).build_query_as().fetch_all(&mut *tx).await?,
                None => Vec::new(),
            };

            let told: Vec<(NotificationId, &ReaderRow)> = readers.iter().map(|reader| (self.ids.next(), reader)).collect();

            if !told.is_empty() {
                // The text stands in `announcements`.
                let notice = Notice::Announcement { tr: String::new(), en: String::new() };
                let stored = serde_json::to_string(&notice).expect("a notice is plain data");
                let reference = of.id.to_string();
                let mut query = QueryBuilder::new(
                    "INSERT INTO notifications (id, user_id, type, code, notice, reference, created_at, announcement_id) ",
                );
                query.push_values(&told, |mut row, (id, reader)| {
                    row.push_bind(*id)
                        .push_bind(reader.id)
                        .push_bind(notice.kind())
                        .push_bind(notice.code())
                        .push_bind(stored.as_str())
                        .push_bind(reference.as_str())
                        .push_bind(now)
                        .push_bind(of.id);
                });
                query.build().execute(&mut *tx).await?;

                let orders = told.iter().filter(|(_, reader)| reader.has_device);
                let orders: Vec<PushOrder> =
                    orders.map(|(id, reader)| PushOrder::Notification { user_id: reader.id, id: *id, of: notice.kind() }).collect();
                push_orders_in!(self, tx, &orders, now);
            }
            match last {
                Some(last) => {
                    let count = i64::try_from(told.len()).unwrap_or(i64::MAX);
                    sqlx::query(ADVANCE).bind(last).bind(count).bind(of.id).execute(&mut *tx).await?
                }
                None => sqlx::query(FINISH).bind(now).bind(of.id).execute(&mut *tx).await?,
            };

            let notified = told.iter().map(|(id, reader)| Notified {
                id: *id,
                user_id: reader.id,
                locale: reader.locale,
                notice: Notice::Announcement { tr: of.tr.clone(), en: of.en.clone() },
                read: false,
                created_at: now,
            });
            Some(notified.collect())
        }))
    }
}

/// The users after `of.position` and up to `last` whom it is for.
fn readers_among<DB>(of: &AnnouncementRow, last: UserId) -> QueryBuilder<DB>
where
    DB: Database,
    UserId: Type<DB> + for<'q> Encode<'q, DB>,
    Timestamp: Type<DB> + for<'q> Encode<'q, DB>,
    Locale: Type<DB> + for<'q> Encode<'q, DB>,
{
    let mut query = QueryBuilder::new(
        "SELECT u.id, u.locale, EXISTS (SELECT 1 FROM push_tokens p WHERE p.user_id = u.id) AS has_device FROM users u WHERE u.id > ",
    );
    query.push_bind(of.position).push(" AND u.id <= ").push_bind(last);
    query.push(" AND u.created_at <= ").push_bind(of.created_at).push(" AND NOT u.is_banned AND u.erased_at IS NULL");
    match of.target_group {
        AnnouncementTarget::All => &mut query,
        AnnouncementTarget::Free => query.push(" AND NOT u.is_premium"),
        AnnouncementTarget::Premium => query.push(" AND u.is_premium"),
        AnnouncementTarget::Turkish => query.push(" AND u.locale = ").push_bind(Locale::Tr),
        AnnouncementTarget::English => query.push(" AND u.locale = ").push_bind(Locale::En),
    }
    .push(" ORDER BY u.id");
    query
}
