//! Ads that were shown: to whom, and what became of it.
//!
//! A row an impression, so that nobody waits for the row of a popular ad. What its counts have to
//! rise by stands in `ad_events` until the roll-up.

use std::collections::BTreeMap;

use rand::Rng;
use sqlx::{AssertSqlSafe, FromRow, QueryBuilder};

use super::{AdRow, Store, StoreError};
use crate::{
    ads::{AdRules, Placement, Shown, Viewer},
    backend::{read, write_tx},
    domain::Locale,
    id::{AdId, IdGenerator, MatchId, UserId},
    protocol::AdEventKind,
    time::Timestamp,
};

/// How long after it was shown an ad can be viewed and clicked.
const EVENT_WINDOW: std::time::Duration = std::time::Duration::from_hours(24);

/// A chance to show an ad.
#[derive(Debug, Clone)]
pub struct AdSlot {
    pub user_id: UserId,
    pub placement: Placement,
    /// The match that has ended; a user is shown one ad for it.
    pub match_id: Option<MatchId>,
}

#[derive(FromRow)]
struct ViewerRow {
    is_premium: bool,
    is_banned: bool,
    locale: Locale,
}

const VIEWER: &str =
    "SELECT is_premium, is_banned, locale FROM users WHERE id = $1 AND erased_at IS NULL";
const SHOWN: &str =
    "SELECT ad_id, day, served_at FROM ad_impressions WHERE user_id = $1 AND served_at > $2";

/// Reads a [`Viewer`] with `$select`, a form of [`VIEWER`]; `None` when there is no such user.
macro_rules! viewer {
    ($db:expr, $select:expr, $user:expr, $since:expr) => {{
        let row: Option<ViewerRow> = sqlx::query_as($select)
            .bind($user)
            .fetch_optional($db)
            .await?;
        match row {
            None => None,
            Some(ViewerRow {
                is_premium,
                is_banned,
                locale,
            }) => {
                let shown: Vec<Shown> = sqlx::query_as(SHOWN)
                    .bind($user)
                    .bind($since)
                    .fetch_all($db)
                    .await?;
                Some(Viewer {
                    is_premium,
                    is_banned,
                    locale,
                    shown,
                })
            }
        }
    }};
}

const EVENT: &str = "INSERT INTO ad_events (id, ad_id, kind) VALUES ($1, $2, $3)";
/// What `ad_events` calls an impression; the others are the words of [`AdEventKind`].
const SERVED: &str = "served";

impl Store {
    /// Shows a user the next of `ads` that is for it, if one is: what is returned counts as shown.
    ///
    /// One call at a time decides for a user, over all nodes, so caps and distances hold; premium
    /// that was committed before is respected. `ads` may be some seconds old: one that was turned
    /// off or deleted since is not shown.
    pub async fn serve_ad<'a>(
        &self,
        slot: &AdSlot,
        ads: &'a [AdRow],
        rules: &AdRules,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Option<&'a AdRow>, StoreError> {
        const INSERT: &str = "INSERT INTO ad_impressions (id, user_id, ad_id, match_id, day, served_at) \
             SELECT $1, $2, a.id, $3, $4, $5 FROM ads a WHERE a.id = $6 AND a.active ON CONFLICT DO NOTHING";
        let since = now - rules.min_interval.max(Viewer::SHOWN_FOR);
        // Most users have just seen one, or see none at all: they cost a read, and on SQLite do not
        // queue up with the messages.
        let viewer = read!(self, |db| viewer!(db, VIEWER, slot.user_id, since));
        let Some(ad) =
            viewer.and_then(|viewer| viewer.next_of(ads, &slot.placement, rules, now, rng))
        else {
            return Ok(None);
        };
        let shown = write_tx!(self, |tx| {
            let viewer = viewer!(&mut *tx, self.locking(VIEWER), slot.user_id, since);
            if !viewer.is_some_and(|viewer| viewer.may_see(ad, rules, now)) {
                return Ok(None);
            }
            let shown = sqlx::query(INSERT)
                .bind(self.ids.next::<i64>())
                .bind(slot.user_id)
                .bind(slot.match_id)
                .bind(now.local_day(&rules.zone))
                .bind(now)
                .bind(ad.id)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if shown == 1 {
                sqlx::query(EVENT)
                    .bind(self.ids.next::<i64>())
                    .bind(ad.id)
                    .bind(SERVED)
                    .execute(&mut *tx)
                    .await?;
            }
            shown == 1
        });
        Ok(shown.then_some(ad))
    }

    /// Counts that a user viewed or clicked an ad: each once for every time it was shown to the
    /// user in the last 24 hours. Whether it counted; `None` when there is no such ad.
    pub async fn ad_event(
        &self,
        user: UserId,
        ad: AdId,
        kind: AdEventKind,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        const AD: &str = "SELECT id FROM ads WHERE id = $1";
        let (select, mark) = match kind {
            AdEventKind::View => (
                "SELECT id FROM ad_impressions WHERE user_id = $1 AND ad_id = $2 AND served_at > $3 AND NOT viewed ORDER BY id LIMIT 1",
                "UPDATE ad_impressions SET viewed = TRUE WHERE id = $1",
            ),
            AdEventKind::Click => (
                "SELECT id FROM ad_impressions WHERE user_id = $1 AND ad_id = $2 AND served_at > $3 AND NOT clicked ORDER BY id LIMIT 1",
                "UPDATE ad_impressions SET clicked = TRUE WHERE id = $1",
            ),
        };
        let since = now - EVENT_WINDOW;
        let (known, open): (Option<AdId>, Option<i64>) = read!(self, |db| {
            let known = sqlx::query_scalar(AD).bind(ad).fetch_optional(db).await?;
            (
                known,
                sqlx::query_scalar(select)
                    .bind(user)
                    .bind(ad)
                    .bind(since)
                    .fetch_optional(db)
                    .await?,
            )
        });
        if known.is_none() {
            return Ok(None);
        }
        // A flood of repeats only reads.
        if open.is_none() {
            return Ok(Some(false));
        }
        Ok(Some(write_tx!(self, |tx| {
            // Who comes second at the same time takes another one, or none.
            let select = AssertSqlSafe(format!("{select}{}", self.db.for_update_skip_locked()));
            let open: Option<i64> = sqlx::query_scalar(select)
                .bind(user)
                .bind(ad)
                .bind(since)
                .fetch_optional(&mut *tx)
                .await?;
            if let Some(impression) = open {
                sqlx::query(mark).bind(impression).execute(&mut *tx).await?;
                sqlx::query(EVENT)
                    .bind(self.ids.next::<i64>())
                    .bind(ad)
                    .bind(kind.as_str())
                    .execute(&mut *tx)
                    .await?;
            }
            open.is_some()
        })))
    }

    /// Adds up to `limit` of what happened to the counts of its ads, each once whoever else does so
    /// meanwhile; how many there were.
    pub async fn roll_up_ads(&self, limit: i64) -> Result<u64, StoreError> {
        const ADD: &str = "UPDATE ads SET served = served + $2, views = views + $3, clicks = clicks + $4 WHERE id = $1";
        const ANY: &str = "SELECT id FROM ad_events LIMIT 1";
        let any: Option<i64> = read!(self, |db| sqlx::query_scalar(ANY)
            .fetch_optional(db)
            .await?);
        if any.is_none() {
            return Ok(0);
        }
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM ad_events WHERE id IN (SELECT id FROM ad_events ORDER BY id LIMIT ",
            );
            query
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(") RETURNING ad_id, kind");
            let events: Vec<(AdId, String)> = query.build_query_as().fetch_all(&mut *tx).await?;
            // By id: two roll-ups lock the ads in the same order.
            let mut sums: BTreeMap<AdId, [i64; 3]> = BTreeMap::new();
            for (ad, kind) in &events {
                let [served, views, clicks] = sums.entry(*ad).or_default();
                match AdEventKind::from_text(kind) {
                    None => *served += 1,
                    Some(AdEventKind::View) => *views += 1,
                    Some(AdEventKind::Click) => *clicks += 1,
                }
            }
            for (ad, [served, views, clicks]) in sums {
                sqlx::query(ADD)
                    .bind(ad)
                    .bind(served)
                    .bind(views)
                    .bind(clicks)
                    .execute(&mut *tx)
                    .await?;
            }
            events.len() as u64
        }))
    }

    /// Deletes up to `limit` impressions of `cutoff` or before, oldest first, and says how many.
    ///
    /// A cutoff at least [`Viewer::SHOWN_FOR`] ago: caps count them until then.
    pub async fn delete_old_ad_impressions(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM ad_impressions WHERE id IN (SELECT id FROM ad_impressions WHERE id < ",
            );
            query
                .push_bind(IdGenerator::first_id_at(
                    cutoff + super::retention::ID_SLACK,
                ))
                .push(" AND served_at <= ")
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
