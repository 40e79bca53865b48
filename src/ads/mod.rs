//! Showing ads: after a match, by the node that told the user of its end, and when a client asks
//! for one.

use std::{sync::Arc, time::Duration};

use rand::{Rng, SeedableRng as _, rngs::StdRng};
use tebdil_core::{
    ads::AdRules,
    store::{AdRow, AdSlot, Store, StoreError},
};
use tebdil_protocol::{
    Ad, Placement, ServerFrame,
    id::{MatchId, UserId},
    time::{Clock, Timestamp},
};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;

/// How old the cached ads may be: a change at another node takes this long.
const CACHE_FOR: Duration = Duration::from_secs(5);

/// Users who may wait for an ad after a match. Further ones get none, since a late ad is worthless.
const QUEUE: usize = 512;

/// The ads of this node. Each user is shown at most one ad for a match, however it ended and
/// whoever ended it.
#[derive(Debug)]
pub struct Ads {
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    rules: AdRules,
    /// The ads that run, and when they were read. Held while they are read, so that a burst reads
    /// them once.
    running: Mutex<Option<(Timestamp, Arc<[AdRow]>)>>,
    ended: mpsc::Sender<(MatchId, UserId)>,
}

/// Sends ads after matches; it has to be [run](Self::run).
#[derive(Debug)]
pub struct AdsTask {
    ads: Arc<Ads>,
    ended: mpsc::Receiver<(MatchId, UserId)>,
}

impl Ads {
    pub fn new(store: Store, hub: Arc<Hub>, clock: Clock, rules: AdRules) -> (Arc<Self>, AdsTask) {
        let (queue, ended) = mpsc::channel(QUEUE);
        let ads = Arc::new(Self {
            store,
            hub,
            clock,
            rules,
            running: Mutex::default(),
            ended: queue,
        });
        (Arc::clone(&ads), AdsTask { ads, ended })
    }

    /// A user with a device at this node was told that a match is over: sends it an ad, if there is
    /// one for it. Never waits. If it has devices at several nodes, one of them sends the ad.
    pub fn match_ended(&self, match_id: MatchId, user: UserId) {
        if self.ended.try_send((match_id, user)).is_err() {
            metrics::counter!("tebdil_ads_skipped_total").increment(1);
        }
    }

    /// The next ad for a user at `placement`, which counts as shown. `None` if there is none, or it
    /// is too soon.
    pub async fn next(
        &self,
        user: UserId,
        placement: Placement,
        match_id: Option<MatchId>,
        rng: &mut (impl Rng + Send),
    ) -> Result<Option<Ad>, StoreError> {
        let ads = self.running().await?;
        // Nearly always the case if nobody advertises.
        if !ads.iter().any(|ad| ad.settings.placement == placement) {
            return Ok(None);
        }
        let slot = AdSlot {
            user_id: user,
            placement,
            match_id,
        };
        let ad = self
            .store
            .economy()
            .serve_ad(&slot, &ads, &self.rules, rng, self.clock.now())
            .await?;
        if ad.is_some() {
            metrics::counter!("tebdil_ads_served_total").increment(1);
        }
        Ok(ad.map(AdRow::shown))
    }

    /// Ads were changed at this node.
    pub async fn changed(&self) {
        *self.running.lock().await = None;
    }

    async fn running(&self) -> Result<Arc<[AdRow]>, StoreError> {
        let mut running = self.running.lock().await;
        let now = self.clock.now();
        if let Some((read_at, ads)) = &*running
            && (*read_at..*read_at + CACHE_FOR).contains(&now)
        {
            return Ok(Arc::clone(ads));
        }
        let ads: Arc<[AdRow]> = self.store.economy().running_ads(now).await?.into();
        *running = Some((now, Arc::clone(&ads)));
        Ok(ads)
    }

    async fn after(
        &self,
        match_id: MatchId,
        user: UserId,
        rng: &mut StdRng,
    ) -> Result<(), StoreError> {
        let ad = self
            .next(user, Placement::match_end(), Some(match_id), rng)
            .await?;
        if let Some(ad) = ad {
            self.hub.send(user, &ServerFrame::Ad { ad });
        }
        Ok(())
    }
}

impl AdsTask {
    /// Sends until `stop`. What still waits then is not sent.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut rng = StdRng::from_rng(&mut rand::rng());
        while let Some(Some((match_id, user))) = stop.run_until_cancelled(self.ended.recv()).await {
            if let Err(error) = self.ads.after(match_id, user, &mut rng).await {
                tracing::warn!(%error, "no ads were shown after a match");
            }
        }
    }
}
