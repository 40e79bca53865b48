//! What the operator tells many users: stored once, then told to a batch of users at a time.

use serde_json::json;
use sqlx_macros::FromRow;

use super::{Notices, notifications::push_orders};
use crate::{
    db::Tx,
    notice::{ANNOUNCE_QUEUE, PushOrder},
    store::{
        AdRow, NewJob, Notified, StoreError, SystemLog,
        economy::ads::COLUMNS as AD_COLUMNS,
        jobs::{queue::push_job, system_logs::log},
    },
};
use tebdil_protocol::{
    Ad, Announcement, TargetGroup,
    domain::{Locale, NotificationType},
    id::{AdId, AnnouncementId, NotificationId, UserId},
    notice::Notice,
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
    /// It is not [running](super::super::AdRow::is_running), or for premium users, who are shown
    /// none.
    NotRunning,
    NotFound,
}

#[derive(FromRow)]
struct AnnouncementRow {
    id: AnnouncementId,
    tr: String,
    en: String,
    ad: Option<String>,
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

/// Stores an announcement in this transaction, with its job.
pub(crate) async fn announce(
    tx: &mut Tx,
    made: &Announcement,
    actor: UserId,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO announcements \
         (id, tr, en, ad, target_group, created_by, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let ad = made
        .ad
        .as_ref()
        .map(|ad| serde_json::to_string(ad).expect("an ad is plain data"));
    tx.execute(
        INSERT,
        (
            made.id,
            &made.tr,
            &made.en,
            ad,
            made.target.to_string(),
            actor,
            made.created_at,
        ),
    )
    .await?;
    let job = NewJob {
        queue: ANNOUNCE_QUEUE,
        payload: b"{}",
        dedupe: None,
        run_at: made.created_at,
        max_attempts: ANNOUNCE_ATTEMPTS,
    };
    // Without a key it is always new.
    push_job(tx, job, made.created_at).await?;
    Ok(())
}

#[derive(FromRow)]
struct ReaderRow {
    id: UserId,
    locale: Locale,
    has_device: bool,
}

impl Notices<'_> {
    /// Stores an announcement, with its job and the record of who made it.
    pub async fn announce(
        self,
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
        let mut tx = self.begin().await?;
        announce(&mut tx, &made, new.actor).await?;
        let act = SystemLog {
            action: "announcement_made",
            user: None,
            actor: Some(new.actor),
            details: json!({ "announcement_id": made.id, "target": made.target }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Has the users of an ad's target group told of it, as it is now: those who have not turned
    /// ads off, and premium users only where `premium` and it names them.
    pub async fn notify_of_ad(
        self,
        actor: UserId,
        ad: AdId,
        premium: bool,
        now: Timestamp,
    ) -> Result<AdNotifying, StoreError> {
        let mut tx = self.begin().await?;
        let row: Option<AdRow> = tx
            .query("SELECT ")
            .push(AD_COLUMNS)
            .push(" FROM ads WHERE id = $1 FOR NO KEY UPDATE")
            .bind(ad)
            .optional()
            .await?;
        let Some(row) = row else {
            return Ok(AdNotifying::NotFound);
        };
        let target = row.settings.target_group;
        if !row.is_running(now) || (target.premium() == Some(true) && !premium) {
            return Ok(AdNotifying::NotRunning);
        }
        let made = Announcement {
            id: tx.id(),
            tr: String::new(),
            en: String::new(),
            ad: Some(row.shown()),
            target,
            created_at: now,
            told: 0,
            finished_at: None,
        };
        announce(&mut tx, &made, actor).await?;
        let act = SystemLog {
            action: "ad_announced",
            user: None,
            actor: Some(actor),
            details: json!({ "announcement_id": made.id, "ad_id": ad, "target": target }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(AdNotifying::Made(made))
    }

    /// Announcements with ids below `before`, newest first, `limit` at most.
    pub async fn announcements(
        self,
        before: Option<AnnouncementId>,
        limit: i64,
    ) -> Result<Vec<Announcement>, StoreError> {
        const SQL: &str = "SELECT id, tr, en, ad, target_group, created_at, position, told, \
             finished_at FROM announcements WHERE id < $1 ORDER BY id DESC LIMIT $2";
        let before = before.unwrap_or(AnnouncementId(i64::MAX));
        let query = self.read(SQL);
        let rows: Vec<AnnouncementRow> = query.bind(before).bind(limit).all().await?;
        rows.into_iter().map(Announcement::try_from).collect()
    }

    /// Tells the next `limit` users, those among them whom it is for, of the oldest announcement
    /// that is not told to the end. `None` when there is none.
    ///
    /// Whoever joined after it was made is not told, nor who is banned. Each user is told once,
    /// whoever calls at the same time and whenever a call is cut off: how far it has come is
    /// written with what was told.
    pub async fn announce_next(
        self,
        limit: i64,
        now: Timestamp,
    ) -> Result<Option<Vec<Notified>>, StoreError> {
        const OLDEST: &str = "SELECT id, tr, en, ad, target_group, created_at, position, told, \
             finished_at FROM announcements WHERE finished_at IS NULL ORDER BY id LIMIT 1 \
             FOR NO KEY UPDATE";
        const RUNNING: &str = "SELECT id FROM ads WHERE id = $1 AND active \
             AND (starts_at IS NULL OR starts_at <= $2) AND (ends_at IS NULL OR ends_at > $2)";
        const LAST: &str =
            "SELECT MAX(id) FROM (SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2) AS page";
        const FINISH: &str = "UPDATE announcements SET finished_at = $1 WHERE id = $2";
        const ADVANCE: &str =
            "UPDATE announcements SET position = $1, told = told + $2 WHERE id = $3";
        let mut tx = self.begin().await?;
        let oldest: Option<AnnouncementRow> = tx.optional(OLDEST, ()).await?;
        let Some(of) = oldest else { return Ok(None) };
        let ad = stored_ad(of.ad.as_deref())?;
        let goes_on = match &ad {
            None => true,
            // One that was turned off or deleted meanwhile is told to nobody else.
            Some(ad) => {
                let running = tx.query(RUNNING).bind(ad.id).bind(now);
                running.optional_value::<AdId>().await?.is_some()
            }
        };
        let last: Option<UserId> = if goes_on {
            tx.value(LAST, (of.position, limit)).await?
        } else {
            None
        };
        let Some(last) = last else {
            tx.execute(FINISH, (now, of.id)).await?;
            tx.commit().await?;
            return Ok(Some(Vec::new()));
        };

        let readers: Vec<(NotificationId, ReaderRow)> = readers_among(&mut tx, &of, last)
            .await?
            .into_iter()
            .map(|reader| (tx.id(), reader))
            .collect();
        let stored = without_text(ad.as_ref().map(|ad| ad.id));
        tell(&mut tx, of.id, &stored, &readers, now).await?;
        let count = i64::try_from(readers.len()).unwrap_or(i64::MAX);
        let advance = tx.query(ADVANCE).bind(last).bind(count).bind(of.id);
        advance.execute().await?;
        tx.commit().await?;

        let notice = told(&of.tr, &of.en, ad);
        let notified = readers.into_iter().map(|(id, reader)| Notified {
            id,
            user_id: reader.id,
            locale: reader.locale,
            notice: notice.clone(),
            read: false,
            created_at: now,
        });
        Ok(Some(notified.collect()))
    }
}

/// The users after `of.position` and up to `last` whom it is for.
async fn readers_among(
    tx: &mut Tx,
    of: &AnnouncementRow,
    last: UserId,
) -> Result<Vec<ReaderRow>, StoreError> {
    const SQL: &str = "SELECT u.id, u.locale, \
         EXISTS (SELECT 1 FROM push_targets p WHERE p.user_id = u.id) AS has_device FROM users u \
         WHERE u.id > $1 AND u.id <= $2 AND u.created_at <= $3 \
         AND NOT u.is_banned AND u.erased_at IS NULL";
    const MUTED: &str =
        " AND NOT EXISTS (SELECT 1 FROM push_muted m WHERE m.user_id = u.id AND m.type = ";
    let mut query = tx
        .query(SQL)
        .bind(of.position)
        .bind(last)
        .bind(of.created_at);
    // An ad is for premium users only where it names them, which was asked when it was made.
    query = match of
        .target_group
        .premium()
        .or(of.ad.is_some().then_some(false))
    {
        Some(true) => query.push(" AND u.is_premium"),
        Some(false) => query.push(" AND NOT u.is_premium"),
        None => query,
    };
    if let Some(locale) = of.target_group.locale() {
        query = query.push(" AND u.locale = ").push_bind(locale);
    }
    if of.ad.is_some() {
        query = query.push(MUTED).push_bind(NotificationType::Ad).push(")");
    }
    Ok(query.push(" ORDER BY u.id").all().await?)
}

/// Stores what the readers are told in this transaction, with the orders to push it.
async fn tell(
    tx: &mut Tx,
    of: AnnouncementId,
    notice: &Notice,
    readers: &[(NotificationId, ReaderRow)],
    now: Timestamp,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO notifications \
         (id, user_id, type, code, notice, reference, created_at, announcement_id) \
         SELECT column1, column2, $1, $2, $3, $4, $5, $6 FROM ({rows}) AS v \
         WHERE column1 IS NOT NULL";
    tx.query(INSERT)
        .rows(readers, |row, (id, reader)| {
            row.bind(*id).bind(reader.id);
        })
        .bind(notice.kind())
        .bind(notice.code())
        .bind(serde_json::to_string(notice).expect("a notice is plain data"))
        .bind(of.to_string())
        .bind(now)
        .bind(of)
        .execute()
        .await?;
    let orders: Vec<PushOrder> = readers
        .iter()
        .filter(|(_, reader)| reader.has_device)
        .map(|(id, reader)| PushOrder::Notification {
            user_id: reader.id,
            id: *id,
            of: notice.kind(),
        })
        .collect();
    push_orders(tx, &orders, now).await
}
