//! Ads that were shown: to whom, and what became of it.
//!
//! A row an impression, so that nobody waits for the row of a popular ad. What its counts have to
//! rise by stands in `ad_events` until the roll-up.

use std::collections::BTreeMap;

use rand::Rng;
use sqlx_macros::FromRow;

use super::{AdRow, Economy};
use crate::{
    ads::{AdRules, ShownAd, Viewer},
    db::Tx,
    store::StoreError,
};
use tebdil_protocol::{
    AdEventKind, Placement,
    domain::Locale,
    id::{AdId, MatchId, UserId},
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

impl ViewerRow {
    fn viewer(self, shown: Vec<ShownAd>) -> Viewer {
        Viewer {
            is_premium: self.is_premium,
            is_banned: self.is_banned,
            locale: self.locale,
            shown,
        }
    }
}

/// A [`ViewerRow`], and what makes it a [`Viewer`].
const VIEWER: &str =
    "SELECT is_premium, is_banned, locale FROM users WHERE id = $1 AND erased_at IS NULL";
const SHOWN: &str =
    "SELECT ad_id, day, served_at FROM ad_impressions WHERE user_id = $1 AND served_at > $2";

const EVENT: &str = "INSERT INTO ad_events (id, ad_id, day, kind) VALUES ($1, $2, $3, $4)";
/// What `ad_events` calls an impression; the others are the words of [`AdEventKind`].
const SERVED: &str = "served";

/// Reads the [`Viewer`] and locks it; `None` when there is no such user.
async fn lock_viewer(
    tx: &mut Tx,
    user: UserId,
    since: Timestamp,
) -> Result<Option<Viewer>, StoreError> {
    let query = tx.query(VIEWER).push(" FOR NO KEY UPDATE").bind(user);
    let Some(row) = query.optional::<ViewerRow>().await? else {
        return Ok(None);
    };
    let shown = tx.all(SHOWN, (user, since)).await?;
    Ok(Some(row.viewer(shown)))
}

/// Notes what the counts of an ad that was shown on `day` have to rise by.
async fn note(tx: &mut Tx, ad: AdId, day: &str, kind: &str) -> Result<(), StoreError> {
    let id: i64 = tx.id();
    tx.execute(EVENT, (id, ad, day, kind)).await?;
    Ok(())
}

impl Economy<'_> {
    /// Shows a user the next of `ads` that is for it, if one is: what is returned counts as shown.
    ///
    /// One call at a time decides for a user, over all nodes, so caps and distances hold; premium
    /// that was committed before is respected. `ads` may be some seconds old: one that was turned
    /// off or deleted since is not shown. Nor is one that was shown as often as it may be in all,
    /// as of the last roll-up: what one minute shows may pass that.
    pub async fn serve_ad<'a>(
        self,
        slot: &AdSlot,
        ads: &'a [AdRow],
        rules: &AdRules,
        rng: &mut (impl Rng + Send),
        now: Timestamp,
    ) -> Result<Option<&'a AdRow>, StoreError> {
        const INSERT: &str = "INSERT INTO ad_impressions \
             (id, user_id, ad_id, match_id, day, served_at) SELECT $1, $2, a.id, $3, $4, $5 \
             FROM ads a WHERE a.id = $6 AND a.active \
             AND (a.total_cap IS NULL OR a.served < a.total_cap) ON CONFLICT DO NOTHING";
        let since = now - rules.min_interval.max(Viewer::SHOWN_FOR);
        // Most users have just seen one, or see none at all: they cost a read, and on SQLite do not
        // queue up with the messages.
        let viewer = self.viewer(slot.user_id, since).await?;
        let Some(ad) =
            viewer.and_then(|viewer| viewer.next_of(ads, &slot.placement, rules, now, rng))
        else {
            return Ok(None);
        };
        let mut tx = self.begin().await?;
        let viewer = lock_viewer(&mut tx, slot.user_id, since).await?;
        if !viewer.is_some_and(|viewer| viewer.may_see(ad, rules, now)) {
            return Ok(None);
        }
        let id: i64 = tx.id();
        let day = now.local_day(&rules.zone);
        let params = (id, slot.user_id, slot.match_id, &day, now, ad.id);
        let shown = tx.execute(INSERT, params).await? == 1;
        if shown {
            note(&mut tx, ad.id, &day, SERVED).await?;
        }
        tx.commit().await?;
        Ok(shown.then_some(ad))
    }

    /// Reads a [`Viewer`]; `None` when there is no such user.
    async fn viewer(self, user: UserId, since: Timestamp) -> Result<Option<Viewer>, StoreError> {
        let row: Option<ViewerRow> = self.db.optional(VIEWER, (user,)).await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let shown = self.db.all(SHOWN, (user, since)).await?;
        Ok(Some(row.viewer(shown)))
    }

    /// Counts that a user viewed or clicked an ad: each once for every time it was shown to the
    /// user in the last 24 hours. Whether it counted; `None` when there is no such ad.
    pub async fn ad_event(
        self,
        user: UserId,
        ad: AdId,
        kind: AdEventKind,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        const AD: &str = "SELECT id FROM ads WHERE id = $1";
        let (select, mark) = match kind {
            AdEventKind::View => (
                "SELECT id FROM ad_impressions WHERE user_id = $1 AND ad_id = $2 \
                 AND served_at > $3 AND NOT viewed ORDER BY id LIMIT 1",
                "UPDATE ad_impressions SET viewed = TRUE WHERE id = $1 RETURNING day",
            ),
            AdEventKind::Click => (
                "SELECT id FROM ad_impressions WHERE user_id = $1 AND ad_id = $2 \
                 AND served_at > $3 AND NOT clicked ORDER BY id LIMIT 1",
                "UPDATE ad_impressions SET clicked = TRUE WHERE id = $1 RETURNING day",
            ),
        };
        let since = now - EVENT_WINDOW;
        let known: Option<AdId> = self.db.optional_value(AD, (ad,)).await?;
        let open: Option<i64> = self.db.optional_value(select, (user, ad, since)).await?;
        if known.is_none() {
            return Ok(None);
        }
        // A flood of repeats only reads.
        if open.is_none() {
            return Ok(Some(false));
        }
        let mut tx = self.begin().await?;
        // Who comes second at the same time takes another one, or none.
        let query = tx.query(select).push(" FOR UPDATE SKIP LOCKED");
        let query = query.bind(user).bind(ad).bind(since);
        let open: Option<i64> = query.optional_value().await?;
        if let Some(impression) = open {
            let day: String = tx.value(mark, (impression,)).await?;
            note(&mut tx, ad, &day, kind.as_str()).await?;
        }
        tx.commit().await?;
        Ok(Some(open.is_some()))
    }

    /// Adds up to `limit` of what happened to the counts of its ads and their days, each once
    /// whoever else does so meanwhile; how many there were.
    pub async fn roll_up_ads(self, limit: i64) -> Result<u64, StoreError> {
        const ANY: &str = "SELECT id FROM ad_events LIMIT 1";
        const TAKE: &str = "DELETE FROM ad_events WHERE id IN (SELECT id FROM ad_events \
             ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING ad_id, day, kind";
        const ADD: &str = "UPDATE ads SET served = served + $2, views = views + $3, \
             clicks = clicks + $4 WHERE id = $1";
        const ADD_DAY: &str = "INSERT INTO ad_days (ad_id, served, views, clicks, day) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (ad_id, day) DO UPDATE SET \
             served = ad_days.served + excluded.served, views = ad_days.views + excluded.views, \
             clicks = ad_days.clicks + excluded.clicks";
        let any: Option<i64> = self.db.optional_value(ANY, ()).await?;
        if any.is_none() {
            return Ok(0);
        }
        let mut tx = self.begin().await?;
        let events: Vec<(AdId, String, String)> = tx.all(TAKE, (limit,)).await?;
        // By id: two roll-ups lock the ads in the same order.
        let mut sums: BTreeMap<(AdId, &str), [i64; 3]> = BTreeMap::new();
        for (ad, day, kind) in &events {
            let [served, views, clicks] = sums.entry((*ad, day)).or_default();
            match AdEventKind::from_text(kind) {
                None => *served += 1,
                Some(AdEventKind::View) => *views += 1,
                Some(AdEventKind::Click) => *clicks += 1,
            }
        }
        for ((ad, day), [served, views, clicks]) in sums {
            // Nothing of an ad that was deleted meanwhile.
            if tx.execute(ADD, (ad, served, views, clicks)).await? == 1 {
                let params = (ad, served, views, clicks, day);
                tx.execute(ADD_DAY, params).await?;
            }
        }
        tx.commit().await?;
        Ok(events.len() as u64)
    }
}
