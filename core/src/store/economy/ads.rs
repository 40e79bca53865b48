//! Ads as admins keep them. Who is shown one stands in [`super::impressions`].

use serde_json::json;
use sqlx::FromRow;

use super::Economy;
use crate::store::{StoreError, SystemLog, jobs::system_logs::log};
use tebdil_protocol::{
    Ad, AdPatch, AdRefused, AdSettings, AdminAd,
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
     daily_cap, active, starts_at, ends_at, served, views, clicks, created_at, updated_at";

impl AdRow {
    /// Whether it is turned on and in its time.
    pub fn is_running(&self, now: Timestamp) -> bool {
        let set = &self.settings;
        set.active
            && set.starts_at.is_none_or(|start| start <= now)
            && set.ends_at.is_none_or(|end| now < end)
    }

    /// As users are shown it.
    pub fn shown(&self) -> Ad {
        let AdSettings {
            title,
            content,
            click_url,
            placement,
            ..
        } = self.settings.clone();
        Ad {
            id: self.id,
            title,
            content,
            click_url,
            placement,
        }
    }
}

impl From<AdRow> for AdminAd {
    fn from(row: AdRow) -> Self {
        let AdRow {
            id,
            settings,
            served,
            views,
            clicks,
            created_at,
            updated_at,
        } = row;
        Self {
            id,
            settings,
            served,
            views,
            clicks,
            created_at,
            updated_at,
        }
    }
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
             target_group, weight, daily_cap, active, starts_at, ends_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)";
        let mut tx = self.begin().await?;
        let id: AdId = tx.id();
        tx.query(SQL)
            .bind(id)
            .bind(&settings.title)
            .bind(&settings.content)
            .bind(&settings.click_url)
            .bind(settings.placement.as_str())
            .bind(settings.target_group.to_string())
            .bind(settings.weight)
            .bind(settings.daily_cap)
            .bind(settings.active)
            .bind(settings.starts_at)
            .bind(settings.ends_at)
            .bind(now)
            .execute()
            .await?;
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
        Ok(query
            .push(" FROM ads WHERE id = $1")
            .bind(id)
            .optional()
            .await?)
    }

    /// Ads, newest first; with `before`, only those with smaller ids.
    pub async fn ads(self, before: Option<AdId>, limit: i64) -> Result<Vec<AdRow>, StoreError> {
        let query = self.read("SELECT ").push(COLUMNS);
        Ok(query
            .push(" FROM ads WHERE id < $1 ORDER BY id DESC LIMIT $2")
            .bind(before.unwrap_or(AdId(i64::MAX)))
            .bind(limit)
            .all()
            .await?)
    }

    /// The ads that may be shown at `now` or later.
    pub async fn running_ads(self, now: Timestamp) -> Result<Vec<AdRow>, StoreError> {
        let query = self.read("SELECT ").push(COLUMNS);
        Ok(query
            .push(" FROM ads WHERE active AND (ends_at IS NULL OR ends_at > $1) ORDER BY id")
            .bind(now)
            .all()
            .await?)
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
             placement = $5, target_group = $6, weight = $7, daily_cap = $8, active = $9, \
             starts_at = $10, ends_at = $11, updated_at = $12 WHERE id = $1";
        let mut tx = self.begin().await?;
        let row: Option<AdRow> = tx
            .query("SELECT ")
            .push(COLUMNS)
            .push(" FROM ads WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id)
            .optional()
            .await?;
        let Some(row) = row else {
            return Ok(AdChange::NotFound);
        };
        let after = patch.apply(&row.settings);
        if let Err(refused) = after.check() {
            return Ok(AdChange::Refused(refused));
        }
        if after == row.settings {
            return Ok(AdChange::Changed(row));
        }
        tx.query(UPDATE)
            .bind(id)
            .bind(&after.title)
            .bind(&after.content)
            .bind(&after.click_url)
            .bind(after.placement.as_str())
            .bind(after.target_group.to_string())
            .bind(after.weight)
            .bind(after.daily_cap)
            .bind(after.active)
            .bind(after.starts_at)
            .bind(after.ends_at)
            .bind(now)
            .execute()
            .await?;
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
        let row: Option<AdRow> = tx
            .query("DELETE FROM ads WHERE id = $1 RETURNING ")
            .push(COLUMNS)
            .bind(id)
            .optional()
            .await?;
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
