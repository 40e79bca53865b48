//! The variant of one node: everything in this process.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{sync::mpsc, time::Instant};

use super::{BusEvent, Holder, NodeId, RealtimeError};
use tebdil_protocol::id::UserId;

/// The realtime state of a node that is alone.
#[derive(Debug)]
pub(crate) struct Local {
    node: NodeId,
    leases: Mutex<HashMap<String, Held>>,
    /// `None` once closed.
    events: Mutex<Option<mpsc::UnboundedSender<BusEvent>>>,
}

/// The last holding of a lease.
#[derive(Debug, Default)]
struct Held {
    fence: u64,
    until: Option<Instant>,
}

impl Local {
    pub fn new(node: NodeId) -> (Self, mpsc::UnboundedReceiver<BusEvent>) {
        let (events, received) = mpsc::unbounded_channel();
        (
            Self {
                node,
                leases: Mutex::default(),
                events: Mutex::new(Some(events)),
            },
            received,
        )
    }

    fn tell(&self, event: BusEvent) {
        if let Some(events) = &*self.events.lock().unwrap_or_else(PoisonError::into_inner) {
            // Whoever listened is gone at the end of the process only.
            let _ = events.send(event);
        }
    }

    #[expect(clippy::unused_self, reason = "the same form as over Redis")]
    pub fn to_user(&self, _: UserId, _: impl FnOnce() -> Bytes) {}

    pub fn to_node(&self, node: NodeId, message: Bytes) {
        if node == self.node {
            self.tell(BusEvent::Message(message));
        }
    }

    #[expect(clippy::unused_self, reason = "the same form as over Redis")]
    pub fn to_others(&self, _: impl FnOnce() -> Bytes) {}

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn hold(
        &self,
        name: &str,
        ttl: Duration,
        candidate: bool,
    ) -> Result<Option<Holder>, RealtimeError> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(lease) = leases.get_mut(name)
            && lease.until.is_some_and(|until| until > now)
        {
            if candidate {
                lease.until = Some(now + ttl);
            }
            return Ok(Some(Holder {
                node: self.node,
                fence: lease.fence,
            }));
        }
        if !candidate {
            return Ok(None);
        }
        let lease = leases.entry(name.to_owned()).or_default();
        lease.fence += 1;
        lease.until = Some(now + ttl);
        Ok(Some(Holder {
            node: self.node,
            fence: lease.fence,
        }))
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn release(&self, name: &str) -> Result<(), RealtimeError> {
        if let Some(lease) = self
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(name)
        {
            lease.until = None;
        }
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn ping(&self) -> Result<(), RealtimeError> {
        Ok(())
    }

    #[expect(clippy::unused_async, reason = "the same form as over Redis")]
    pub async fn close(&self, _in_order: bool) {
        self.events
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
