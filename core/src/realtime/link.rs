//! Whether the node is alone or one of several: the one place that chooses.

use std::sync::Arc;

use rand::Rng;

use super::{
    Bus, BusEvents, Lease, NodeId, Presence, Realtime, RealtimeError, RealtimeSettings,
    local::Local, redis::Redis,
};

/// The realtime state: in this process, or shared with other nodes.
#[derive(Debug, Clone)]
pub(crate) enum Link {
    Local(Arc<Local>),
    Redis(Arc<Redis>),
}

impl Link {
    /// What counts for all nodes together, where there are several.
    pub(super) fn shared(&self) -> Option<&Arc<Redis>> {
        match self {
            Self::Local(_) => None,
            Self::Redis(redis) => Some(redis),
        }
    }
}

impl Realtime {
    /// The realtime parts of a new node: in this process, or connected to `redis_url`.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn connect(
        settings: &RealtimeSettings,
        rng: &mut impl Rng,
    ) -> Result<(Self, BusEvents), RealtimeError> {
        let node = NodeId::random(rng);
        let (link, events) = if settings.redis_url.expose().is_empty() {
            let (local, events) = Local::new(node);
            (Link::Local(Arc::new(local)), events)
        } else {
            let (redis, events) = Redis::connect(settings, node).await?;
            (Link::Redis(Arc::new(redis)), events)
        };
        let realtime = Self {
            node,
            bus: Bus(link.clone()),
            presence: link.shared().cloned().map(Presence),
            lease: Lease(link),
        };
        Ok((realtime, BusEvents(events)))
    }

    /// Asks for an answer, for readiness.
    ///
    /// # Errors
    /// [`RealtimeError`]
    pub async fn ping(&self) -> Result<(), RealtimeError> {
        match &self.bus.0 {
            Link::Local(link) => link.ping().await,
            Link::Redis(link) => link.ping().await,
        }
    }

    /// Sends what is queued, takes this node out and ends; after this nothing arrives any more.
    /// `in_order`: it has given the bus everything that it had to say.
    pub async fn close(&self, in_order: bool) {
        match &self.bus.0 {
            Link::Local(link) => link.close(in_order).await,
            Link::Redis(link) => link.close(in_order).await,
        }
    }
}

/// Whether `url` has the form of a Redis's.
pub fn is_redis(url: &str) -> bool {
    url.starts_with("redis://") || url.starts_with("rediss://")
}
