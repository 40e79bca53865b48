//! Who is connected to this node, and the way to reach them.
//!
//! Users have several connections (devices). Everything that is sent goes through a connection's bounded [`Outbound`] queue; nothing here waits.

mod outbound;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
pub use outbound::{Next, Outbound, OutboundLimits, Outgoing};
use rand::RngExt as _;
use tebdil_core::{
    id::{SessionId, UserId},
    protocol::{CloseCode, FrameId, ServerFrame},
};

/// Names a connection of this node; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

/// A signed-in connection, as the rest of the server sees it.
#[derive(Debug)]
pub struct Connection {
    pub id: ConnectionId,
    pub user_id: UserId,
    pub session_id: SessionId,
    /// What `message_logs` keeps of the device.
    pub device_info: Arc<str>,
    /// What `message_logs` keeps of the connection.
    pub connection_type: Arc<str>,
    pub outbound: Outbound,
}

impl Connection {
    /// Sends a frame, `re` naming the client's frame it answers.
    pub fn send(&self, frame: &ServerFrame, re: Option<&FrameId>) {
        self.outbound.push(frame.to_json(re).into());
    }
}

/// The connections of this node.
#[derive(Debug)]
pub struct Hub {
    users: DashMap<UserId, Vec<Arc<Connection>>>,
    next_id: AtomicU64,
    max_devices: usize,
}

impl Hub {
    /// An empty hub that lets each user have `max_devices` connections.
    pub fn new(max_devices: usize) -> Self {
        Self { users: DashMap::new(), next_id: AtomicU64::new(1), max_devices }
    }

    /// A fresh name for a connection.
    pub fn next_connection_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Adds a connection. An older one of the same session goes, and the oldest when there are too many: both are closed as `replaced`.
    pub fn join(&self, connection: &Arc<Connection>) {
        let mut replaced = Vec::new();
        let mut user = self.users.entry(connection.user_id).or_default();
        user.retain(|other| {
            let stays = other.session_id != connection.session_id;
            if !stays {
                replaced.push(Arc::clone(other));
            }
            stays
        });
        while user.len() >= self.max_devices {
            replaced.push(user.remove(0));
        }
        user.push(Arc::clone(connection));
        drop(user);
        for other in replaced {
            other.outbound.close(CloseCode::Replaced);
        }
    }

    /// Takes a connection out. True when it was the user's last here.
    pub fn leave(&self, connection: &Connection) -> bool {
        let Entry::Occupied(mut user) = self.users.entry(connection.user_id) else { return false };
        let before = user.get().len();
        user.get_mut().retain(|other| other.id != connection.id);
        let left = user.get().len() < before;
        if user.get().is_empty() {
            user.remove();
            return left;
        }
        false
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// The user's connections, oldest first.
    pub fn connections(&self, user: UserId) -> Vec<Arc<Connection>> {
        self.users.get(&user).map(|connections| connections.clone()).unwrap_or_default()
    }

    /// Sends a frame to every device of the user.
    pub fn send(&self, user: UserId, frame: &ServerFrame) {
        if let Some(connections) = self.users.get(&user) {
            let text: Outgoing = frame.to_json(None).into();
            for connection in connections.iter() {
                connection.outbound.push(text.clone());
            }
        }
    }

    /// Sends an encoded frame to every device of the user, but `except`. The frame is made only when somebody gets it.
    pub fn send_encoded(&self, user: UserId, except: Option<ConnectionId>, frame: impl FnOnce() -> Outgoing) {
        if let Some(connections) = self.users.get(&user) {
            let mut receivers = connections.iter().filter(|connection| Some(connection.id) != except).peekable();
            if receivers.peek().is_some() {
                let frame = frame();
                for connection in receivers {
                    connection.outbound.push(frame.clone());
                }
            }
        }
    }

    /// Closes the connections of a session.
    pub fn close_session(&self, user: UserId, session: SessionId, code: CloseCode) {
        for connection in self.connections(user) {
            if connection.session_id == session {
                connection.outbound.close(code);
            }
        }
    }

    /// Closes every connection of a user.
    pub fn close_user(&self, user: UserId, code: CloseCode) {
        for connection in self.connections(user) {
            connection.outbound.close(code);
        }
    }

    /// How many connections there are.
    pub fn connection_count(&self) -> usize {
        self.users.iter().map(|user| user.len()).sum()
    }

    /// Says goodbye to everybody within about `over`: each client is told a delay of its own, so that they do not come back in one herd.
    pub async fn drain(&self, over: Duration) {
        /// Sockets closed together.
        const GROUP: usize = 100;
        let connections: Vec<Arc<Connection>> = self.users.iter().flat_map(|user| user.clone()).collect();
        let groups = connections.len().div_ceil(GROUP);
        let pause = over / u32::try_from(groups.max(1)).unwrap_or(u32::MAX);
        let spread = u64::try_from(over.as_millis()).unwrap_or(u64::MAX).max(250);
        for group in connections.chunks(GROUP) {
            for connection in group {
                let reconnect_after_ms = rand::rng().random_range(100..=spread);
                connection.send(&ServerFrame::Draining { reconnect_after_ms }, None);
                connection.outbound.close(CloseCode::Draining);
            }
            if groups > 1 {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(hub: &Hub, user: i64, session: i64) -> Arc<Connection> {
        Arc::new(Connection {
            id: hub.next_connection_id(),
            user_id: UserId(user),
            session_id: SessionId(session),
            device_info: "".into(),
            connection_type: "".into(),
            outbound: Outbound::held(OutboundLimits { frames: 8, bytes: 1_000 }),
        })
    }

    #[test]
    fn the_oldest_device_goes_and_a_session_has_one_connection() {
        let hub = Hub::new(2);
        let [a, b, c] = [1, 2, 3].map(|session| connection(&hub, 7, session));
        hub.join(&a);
        hub.join(&b);
        hub.join(&c);
        assert_eq!(a.outbound.closing(), Some(CloseCode::Replaced));
        let again = connection(&hub, 7, 3);
        hub.join(&again);
        assert_eq!(c.outbound.closing(), Some(CloseCode::Replaced));
        assert_eq!(b.outbound.closing(), None);
        assert!(!hub.leave(&c), "it was replaced, the user is still here");
        assert!(!hub.leave(&again));
        assert!(hub.leave(&b));
        assert!(!hub.leave(&b), "only once");
        assert_eq!((hub.is_online(UserId(7)), hub.connection_count()), (false, 0));
    }
}
