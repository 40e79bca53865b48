//! Who leads.

use std::time::Duration;

use super::{NodeId, RealtimeError, link::Link};

/// Who holds a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub node: NodeId,
    /// Grows with every change of the holder, also over a loss of all realtime state.
    pub fence: u64,
}

/// Roles that one node has at a time.
///
/// A holder that does not renew in time is not the holder any more, whether or not it knows:
/// measure from *before* the call that renewed. Two nodes may therefore believe to hold a lease for
/// a moment when one of them was suspended; what they do must be fenced by the store.
#[derive(Debug, Clone)]
pub struct Lease(pub(crate) Link);

impl Lease {
    /// Takes or renews the lease `name` for `ttl` when it is free or this node's; a node that is no
    /// `candidate` only looks, and does not renew. Who holds it now.
    ///
    /// # Errors
    /// [`RealtimeError`]; whether it was taken is not known then.
    pub async fn hold(
        &self,
        name: &str,
        ttl: Duration,
        candidate: bool,
    ) -> Result<Option<Holder>, RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.hold(name, ttl, candidate).await,
            Link::Redis(link) => link.hold(name, ttl, candidate).await,
        }
    }

    /// Gives the lease back, if this node holds it.
    ///
    /// # Errors
    /// [`RealtimeError`]; it runs out by itself then.
    pub async fn release(&self, name: &str) -> Result<(), RealtimeError> {
        match &self.0 {
            Link::Local(link) => link.release(name).await,
            Link::Redis(link) => link.release(name).await,
        }
    }
}
