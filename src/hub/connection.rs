//! A connection of this node.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use rand::RngExt as _;
use tebdil_core::realtime::{Device, Stamp};
use tebdil_protocol::{
    CloseCode, FrameId, ServerFrame,
    id::{SessionId, UserId},
};

use super::{Outbound, OutboundLimits, Outgoing};

/// Names a connection of this node; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub(super) u64);

/// A signed-in connection, as the rest of the server sees it.
#[derive(Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// What `message_logs` keeps of the device and its network.
    pub device_info: Arc<str>,
    pub outbound: Outbound,
    /// When it joined presence, once it has.
    pub stamp: OnceLock<Stamp>,
    /// It waits to be brought up to date.
    pub(super) behind: AtomicBool,
}

impl Connection {
    /// A connection that was not welcomed yet.
    pub fn new(
        id: ConnectionId,
        user_id: UserId,
        session_id: SessionId,
        outbound: OutboundLimits,
    ) -> Self {
        Self {
            id,
            user_id,
            session_id,
            device_info: "".into(),
            outbound: Outbound::held(outbound),
            stamp: OnceLock::new(),
            behind: AtomicBool::new(false),
        }
    }

    /// It is being brought up to date: what is missed from now on is missed anew.
    pub fn catches_up(&self) {
        self.behind.store(false, Ordering::Relaxed);
    }

    /// Sends a frame, `re` naming the client's frame it answers.
    pub fn send(&self, frame: &ServerFrame, re: Option<&FrameId>) {
        self.outbound.push(Outgoing::new(frame, re));
    }

    /// Closes it because this node ends, and says when to come back.
    pub fn send_away(&self) {
        // Ahead of what is held, which a close drops.
        self.outbound.push_first(
            ServerFrame::Draining {
                retry_after_ms: come_back_after_ms(),
            }
            .to_json(None),
        );
        self.outbound.close(CloseCode::Draining);
    }

    /// The connection, as presence knows it.
    pub fn device(&self) -> Device {
        Device {
            user: self.user_id,
            session: self.session_id,
            connection: self.id.0,
        }
    }
}

/// When a client that is sent away is to come back, in milliseconds: a time of its own, so that
/// they do not come in one herd.
pub fn come_back_after_ms() -> u64 {
    /// Closing a few at a time spreads them already; this spreads the last group.
    const LONGEST: u64 = 2_000;
    rand::rng().random_range(100..=LONGEST)
}
