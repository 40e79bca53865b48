//! Ads as admins keep them. Who is shown one stands in [`super::impressions`].

use serde_json::json;
use sqlx_macros::FromRow;

use super::Economy;
use crate::{
    db::Tx,
    store::{StoreError, SystemLog, jobs::system_logs::log},
};
use tebdil_protocol::{
    Ad, AdDay, AdPatch, AdRefused, AdSettings, AdminAd,
    id::{AdId, UserId},
    time::Timestamp,
};

/// A stored ad. The counts are those of the last roll-up.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AdRow {
    pub id: AdId,
    #[sqlx(flatten)]
    pub settings: AdSettings,
    pub served: i64,
    pub views: i64,
    pub clicks: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What became of a change of an ad.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdChange {
    Changed(AdRow),
    /// It would not be an ad that is allowed; nothing was changed.
    Refused(AdRefused),
    NotFound,
}

pub(crate) const COLUMNS: &str = "id, title, content, click_url, placement, target_group, weight, \
     daily_cap, total_cap, active, starts_at, ends_at, served, views, clicks, created_at, updated_at";

impl AdRow {
    /// Whether it is turned on, in its time, and was not shown as often as it may be.
    pub fn is_running(&self, now: Timestamp) -> bool {
        let set = &self.settings;
        set.active
            && set.starts_at.is_none_or(|start| start <= now)
            && set.ends_at.is_none_or(|end| now < end)
            && set.total_cap.is_none_or(|cap| self.served < cap)
    }

    /// As users are shown it.
    pub fn shown(&self) -> Ad {
        let set = self.settings.clone();
        Ad {
            id: self.id,
            title: set.title,
            content: set.content,
            click_url: set.click_url,
            placement: set.placement,
        }
    }
}

impl From<AdRow> for AdminAd {
    fn from(row: AdRow) -> Self {
        Self {
            id: row.id,
            settings: row.settings,
            served: row.served,
            views: row.views,
            clicks: row.clicks,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Writes all that is set of an ad, which are `$2` to `$12`; `$1` is its id, `$13` the time.
async fn put(
    tx: &mut Tx,
    sql: &'static str,
    id: AdId,
    set: &AdSettings,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = (
        id,
        &set.title,
        &set.content,
        &set.click_url,
        set.placement.as_str(),
        set.target_group.to_string(),
        set.weight,
        set.daily_cap,
        set.total_cap,
        set.active,
        set.starts_at,
        set.ends_at,
        now,
    );
    tx.execute(sql, params).await?;
    Ok(())
}

impl Economy<'_> {
    /// Makes an ad. `settings` are [checked](AdSettings::check) by the caller.
    pub async fn create_ad(
        self,
        actor: UserId,
        settings: &AdSettings,
        now: Timestamp,
    ) -> Result<AdRow, StoreError> {
        const SQL: &str = "INSERT INTO ads (id, title, content, click_url, placement, \
             target_group, weight, daily_cap, total_cap, active, starts_at, ends_at, created_at, \
             updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)";
        let mut tx = self.begin().await?;
        let id: AdId = tx.id();
        put(&mut tx, SQL, id, settings, now).await?;
        let created = SystemLog {
            action: "ad_created",
            user: None,
            actor: Some(actor),
            details: json!({ "ad_id": id, "after": settings }),
        };
        log(&mut tx, &created, now).await?;
        tx.commit().await?;
        Ok(AdRow {
            id,
            settings: settings.clone(),
            served: 0,
            views: 0,
            clicks: 0,
            created_at: now,
            updated_at: now,
        })
    }

    /// An ad.
    pub async fn ad(self, id: AdId) -> Result<Option<AdRow>, StoreError> {
        let query = self.read("SELECT ").push(COLUMNS);
        let query = query.push(" FROM ads WHERE id = $1");
        Ok(query.bind(id).optional().await?)
    }

    /// Ads, newest first; with `before`, only those with smaller ids.
    pub async fn ads(self, before: Option<AdId>, limit: i64) -> Result<Vec<AdRow>, StoreError> {
        let before = before.unwrap_or(AdId(i64::MAX));
        let query = self.read("SELECT ").push(COLUMNS);
        let query = query.push(" FROM ads WHERE id < $1 ORDER BY id DESC LIMIT $2");
        Ok(query.bind(before).bind(limit).all().await?)
    }

    /// What became of an ad on each day since `from`, `YYYY-MM-DD`, newest first, as of the last
    /// roll-up; `None` when there is no such ad.
    pub async fn ad_days(self, id: AdId, from: &str) -> Result<Option<Vec<AdDay>>, StoreError> {
        const AD: &str = "SELECT id FROM ads WHERE id = $1";
        const SQL: &str = "SELECT day, served, views, clicks FROM ad_days \
             WHERE ad_id = $1 AND day >= $2 ORDER BY day DESC";
        let ad: Option<AdId> = self.db.optional_value(AD, (id,)).await?;
        Ok(match ad {
            Some(ad) => Some(self.db.all(SQL, (ad, from)).await?),
            None => None,
        })
    }

    /// The ads that may be shown at `now` or later.
    pub async fn running_ads(self, now: Timestamp) -> Result<Vec<AdRow>, StoreError> {
        const RUNNING: &str = " FROM ads WHERE active AND (ends_at IS NULL OR ends_at > $1) \
             AND (total_cap IS NULL OR served < total_cap) ORDER BY id";
        let query = self.read("SELECT ").push(COLUMNS).push(RUNNING);
        Ok(query.bind(now).all().await?)
    }

    /// Changes what `patch` names. A patch that changes nothing is recorded nowhere.
    pub async fn change_ad(
        self,
        actor: UserId,
        id: AdId,
        patch: &AdPatch,
        now: Timestamp,
    ) -> Result<AdChange, StoreError> {
        const UPDATE: &str = "UPDATE ads SET title = $2, content = $3, click_url = $4, \
             placement = $5, target_group = $6, weight = $7, daily_cap = $8, total_cap = $9, \
             active = $10, starts_at = $11, ends_at = $12, updated_at = $13 WHERE id = $1";
        let mut tx = self.begin().await?;
        let query = tx.query("SELECT ").push(COLUMNS);
        let query = query.push(" FROM ads WHERE id = $1 FOR NO KEY UPDATE");
        let Some(row) = query.bind(id).optional::<AdRow>().await? else {
            return Ok(AdChange::NotFound);
        };
        let after = patch.apply(&row.settings);
        if let Err(refused) = after.check() {
            return Ok(AdChange::Refused(refused));
        }
        if after == row.settings {
            return Ok(AdChange::Changed(row));
        }
        put(&mut tx, UPDATE, id, &after, now).await?;
        let changed = SystemLog {
            action: "ad_changed",
            user: None,
            actor: Some(actor),
            details: json!({ "ad_id": id, "before": row.settings, "after": after }),
        };
        log(&mut tx, &changed, now).await?;
        tx.commit().await?;
        Ok(AdChange::Changed(AdRow {
            settings: after,
            updated_at: now,
            ..row
        }))
    }

    /// Deletes an ad; `false` when there is none. Who was shown it stays known until that has
    /// outlived its period, what was not counted yet is lost.
    pub async fn delete_ad(
        self,
        actor: UserId,
        id: AdId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let query = tx.query("DELETE FROM ads WHERE id = $1 RETURNING ");
        let row: Option<AdRow> = query.push(COLUMNS).bind(id).optional().await?;
        if let Some(row) = &row {
            let counts = json!({ "served": row.served, "views": row.views, "clicks": row.clicks });
            let deleted = SystemLog {
                action: "ad_deleted",
                user: None,
                actor: Some(actor),
                details: json!({ "ad_id": id, "before": row.settings, "counts": counts }),
            };
            log(&mut tx, &deleted, now).await?;
        }
        tx.commit().await?;
        Ok(row.is_some())
    }
}
