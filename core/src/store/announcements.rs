//! What the operator tells many users: stored once, then told to a batch of users at a time.

use serde_json::json;
use sqlx::{AssertSqlSafe, Database, Encode, FromRow, QueryBuilder, Type};

use super::{
    AdRow, NewJob, Notified, Store, StoreError, SystemLog, ads::COLUMNS as AD_COLUMNS,
    jobs::push_job_in, notifications::push_orders_in, system_logs::log_in,
};
use crate::{
    ads::TargetGroup,
    backend::{read, write_tx},
    domain::{Locale, NotificationType},
    id::{AdId, AnnouncementId, NotificationId, UserId},
    notice::{ANNOUNCE_QUEUE, Notice, PushOrder},
    protocol::{Ad, Announcement},
    time::Timestamp,
};

/// Attempts of the job; the next minute tries again anyway.
const ANNOUNCE_ATTEMPTS: i64 = 3;

/// An announcement to make.
#[derive(Debug, Clone)]
pub struct NewAnnouncement {
    pub tr: String,
    pub en: String,
    pub target: TargetGroup,
    /// The admin.
    pub actor: UserId,
}

/// What became of a wish to tell users of an ad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdNotifying {
    Made(Announcement),
    /// It is turned off, not in its time, or for premium users, who are shown none.
    NotRunning,
    NotFound,
}

#[derive(FromRow)]
struct AnnouncementRow {
    id: AnnouncementId,
    tr: String,
    en: String,
    ad: Option<String>,
    #[sqlx(try_from = "String")]
    target_group: TargetGroup,
    created_at: Timestamp,
    position: UserId,
    told: i64,
    finished_at: Option<Timestamp>,
}

impl TryFrom<AnnouncementRow> for Announcement {
    type Error = StoreError;

    fn try_from(row: AnnouncementRow) -> Result<Self, StoreError> {
        Ok(Self {
            ad: stored_ad(row.ad.as_deref())?,
            id: row.id,
            tr: row.tr,
            en: row.en,
            target: row.target_group,
            created_at: row.created_at,
            told: row.told,
            finished_at: row.finished_at,
        })
    }
}

/// The ad that stands in an announcement instead of words.
pub(super) fn stored_ad(text: Option<&str>) -> Result<Option<Ad>, StoreError> {
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|_| StoreError::Corrupt {
            what: "announcements.ad",
        })
}

/// What a user is told of an announcement.
pub(super) fn told(tr: &str, en: &str, ad: Option<Ad>) -> Notice {
    ad.map_or_else(
        || Notice::Announcement {
            tr: tr.to_owned(),
            en: en.to_owned(),
        },
        Notice::from,
    )
}

/// What is stored with each user: the text stands in `announcements`.
fn without_text(ad: Option<AdId>) -> Notice {
    match ad {
        None => Notice::Announcement {
            tr: String::new(),
            en: String::new(),
        },
        Some(ad_id) => Notice::Ad {
            ad_id,
            title: String::new(),
            content: String::new(),
            click_url: None,
        },
    }
}

const INSERT: &str = "INSERT INTO announcements (id, tr, en, ad, target_group, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Stores an announcement in the open write transaction `$tx`, with its job.
macro_rules! announce_in {
    ($store:expr, $tx:expr, $made:expr, $actor:expr) => {{
        let made: &Announcement = $made;
        let ad = made
            .ad
            .as_ref()
            .map(|ad| serde_json::to_string(ad).expect("an ad is plain data"));
        let insert = sqlx::query(INSERT)
            .bind(made.id)
            .bind(&made.tr)
            .bind(&made.en)
            .bind(ad);
        insert
            .bind(made.target.to_string())
            .bind($actor)
            .bind(made.created_at)
            .execute(&mut *$tx)
            .await?;
        let now = made.created_at;
        let job = NewJob {
            queue: ANNOUNCE_QUEUE,
            payload: b"{}",
            dedupe: None,
            run_at: now,
            max_attempts: ANNOUNCE_ATTEMPTS,
        };
        // Without a key it is always new.
        let _ = push_job_in!($store, $tx, job, now);
    }};
}

#[derive(FromRow)]
struct ReaderRow {
    id: UserId,
    locale: Locale,
    has_device: bool,
}

impl Store {
    /// Stores an announcement, with its job and the record of who made it.
    pub async fn announce(
        &self,
        new: &NewAnnouncement,
        now: Timestamp,
    ) -> Result<Announcement, StoreError> {
        let made = Announcement {
            id: self.ids.next(),
            tr: new.tr.clone(),
            en: new.en.clone(),
            ad: None,
            target: new.target,
            created_at: now,
            told: 0,
            finished_at: None,
        };
        write_tx!(self, |tx| {
            announce_in!(self, tx, &made, new.actor);
            let details = json!({ "announcement_id": made.id, "target": made.target });
            log_in!(
                self,
                tx,
                &SystemLog {
                    action: "announcement_made",
                    user: None,
                    actor: Some(new.actor),
                    details
                },
                now
            );
        });
        Ok(made)
    }

    /// Has the users of an ad's target group told of it, as it is now: those who have not turned
    /// ads off, and premium users only where `premium` and it names them.
    pub async fn notify_of_ad(
        &self,
        actor: UserId,
        ad: AdId,
        premium: bool,
        now: Timestamp,
    ) -> Result<AdNotifying, StoreError> {
        Ok(write_tx!(self, |tx| {
            let select = AssertSqlSafe(format!(
                "SELECT {AD_COLUMNS} FROM ads WHERE id = $1{}",
                self.db.for_update()
            ));
            let row: Option<AdRow> = sqlx::query_as(select)
                .bind(ad)
                .fetch_optional(&mut *tx)
                .await?;
            let Some(row) = row else {
                return Ok(AdNotifying::NotFound);
            };
            let target = row.settings.target_group;
            if !row.is_running(now) || (target.premium() == Some(true) && !premium) {
                return Ok(AdNotifying::NotRunning);
            }
            let (tr, en) = (String::new(), String::new());
            let id = self.ids.next();
            let made = Announcement {
                id,
                tr,
                en,
                ad: Some(row.shown()),
                target,
                created_at: now,
                told: 0,
                finished_at: None,
            };
            announce_in!(self, tx, &made, actor);
            let details = json!({ "announcement_id": made.id, "ad_id": ad, "target": target });
            log_in!(
                self,
                tx,
                &SystemLog {
                    action: "ad_announced",
                    user: None,
                    actor: Some(actor),
                    details
                },
                now
            );
            AdNotifying::Made(made)
        }))
    }

    /// Announcements with ids below `before`, newest first, `limit` at most.
    pub async fn announcements(
        &self,
        before: Option<AnnouncementId>,
        limit: i64,
    ) -> Result<Vec<Announcement>, StoreError> {
        const SQL: &str = "SELECT id, tr, en, ad, target_group, created_at, position, told, finished_at FROM announcements \
             WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let before = before.unwrap_or(AnnouncementId(i64::MAX));
        let rows: Vec<AnnouncementRow> = read!(self, |db| sqlx::query_as(SQL)
            .bind(before)
            .bind(limit)
            .fetch_all(db)
            .await?);
        rows.into_iter().map(Announcement::try_from).collect()
    }

    /// Tells the next `limit` users, those among them whom it is for, of the oldest announcement
    /// that is not told to the end. `None` when there is none.
    ///
    /// Whoever joined after it was made is not told, nor who is banned. Each user is told once,
    /// whoever calls at the same time and whenever a call is cut off: how far it has come is
    /// written with what was told.
    pub async fn announce_next(
        &self,
        limit: i64,
        now: Timestamp,
    ) -> Result<Option<Vec<Notified>>, StoreError> {
        const OLDEST: &str = "SELECT id, tr, en, ad, target_group, created_at, position, told, finished_at FROM announcements \
             WHERE finished_at IS NULL ORDER BY id LIMIT 1";
        const RUNNING: &str = "SELECT id FROM ads WHERE id = $1 AND active AND (starts_at IS NULL OR starts_at <= $2) AND (ends_at IS NULL OR ends_at > $2)";
        const LAST: &str =
            "SELECT MAX(id) FROM (SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2) AS page";
        const FINISH: &str = "UPDATE announcements SET finished_at = $1 WHERE id = $2";
        const ADVANCE: &str =
            "UPDATE announcements SET position = $1, told = told + $2 WHERE id = $3";
        Ok(write_tx!(self, |tx| {
            let oldest: Option<AnnouncementRow> = sqlx::query_as(self.locking(OLDEST))
                .fetch_optional(&mut *tx)
                .await?;
            let Some(of) = oldest else { return Ok(None) };
            let ad = stored_ad(of.ad.as_deref())?;
            let goes_on = match &ad {
                None => true,
                // One that was turned off or deleted meanwhile is told to nobody else.
                Some(ad) => sqlx::query_scalar::<_, AdId>(RUNNING)
                    .bind(ad.id)
                    .bind(now)
                    .fetch_optional(&mut *tx)
                    .await?
                    .is_some(),
            };
            let last: Option<UserId> = if goes_on {
                sqlx::query_scalar(LAST)
                    .bind(of.position)
                    .bind(limit)
                    .fetch_one(&mut *tx)
                    .await?
            } else {
                None
            };
            let readers: Vec<ReaderRow> = match last {
                Some(last) => {
                    readers_among(&of, last)
                        .build_query_as()
                        .fetch_all(&mut *tx)
                        .await?
                }
                None => Vec::new(),
            };

            let told: Vec<(NotificationId, &ReaderRow)> = readers
                .iter()
                .map(|reader| (self.ids.next(), reader))
                .collect();

            if !told.is_empty() {
                let notice = without_text(ad.as_ref().map(|ad| ad.id));
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
                let orders: Vec<PushOrder> = orders
                    .map(|(id, reader)| PushOrder::Notification {
                        user_id: reader.id,
                        id: *id,
                        of: notice.kind(),
                    })
                    .collect();
                push_orders_in!(self, tx, &orders, now);
            }
            match last {
                Some(last) => {
                    let count = i64::try_from(told.len()).unwrap_or(i64::MAX);
                    sqlx::query(ADVANCE)
                        .bind(last)
                        .bind(count)
                        .bind(of.id)
                        .execute(&mut *tx)
                        .await?
                }
                None => {
                    sqlx::query(FINISH)
                        .bind(now)
                        .bind(of.id)
                        .execute(&mut *tx)
                        .await?
                }
            };

            let notice = self::told(&of.tr, &of.en, ad);
            let notified = told.iter().map(|(id, reader)| Notified {
                id: *id,
                user_id: reader.id,
                locale: reader.locale,
                notice: notice.clone(),
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
    NotificationType: Type<DB> + for<'q> Encode<'q, DB>,
{
    let mut query = QueryBuilder::new(
        "SELECT u.id, u.locale, EXISTS (SELECT 1 FROM push_tokens p WHERE p.user_id = u.id) AS has_device FROM users u WHERE u.id > ",
    );
    query
        .push_bind(of.position)
        .push(" AND u.id <= ")
        .push_bind(last);
    query
        .push(" AND u.created_at <= ")
        .push_bind(of.created_at)
        .push(" AND NOT u.is_banned AND u.erased_at IS NULL");
    // An ad is for premium users only where it names them, which was asked when it was made.
    match of
        .target_group
        .premium()
        .or(of.ad.is_some().then_some(false))
    {
        Some(true) => query.push(" AND u.is_premium"),
        Some(false) => query.push(" AND NOT u.is_premium"),
        None => &mut query,
    };
    if let Some(locale) = of.target_group.locale() {
        query.push(" AND u.locale = ").push_bind(locale);
    }
    if of.ad.is_some() {
        query
            .push(
                " AND NOT EXISTS (SELECT 1 FROM push_muted m WHERE m.user_id = u.id AND m.type = ",
            )
            .push_bind(NotificationType::Ad)
            .push(")");
    }
    query.push(" ORDER BY u.id");
    query
}
