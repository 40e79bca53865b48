//! Who is connected: the registry of this node's devices, and the way to reach everybody, whichever
//! node they are connected to.
//!
//! Users have several connections (devices). Everything that is sent goes through a connection's
//! bounded [`Outbound`] queue; nothing here waits. What concerns devices at other nodes goes there
//! over the [`Bus`]; a user whose devices are all here costs the bus nothing.

mod connection;
mod message;
mod nodes;
mod outbound;
mod outgoing;

use std::{
    cell::LazyCell,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use connection::{Connection, ConnectionId, come_back_after_ms};
use dashmap::{DashMap, Entry};
pub use message::{Audience, Body, NodeMessage, Unreadable};
pub use outbound::{Next, Outbound, OutboundLimits};
pub use outgoing::{KnownMatches, Mark, Outgoing};
use tebdil_core::realtime::{Bus, Device, Presence, Realtime};
use tebdil_protocol::{
    CloseCode, ServerFrame,
    id::{SessionId, UserId},
};
use tokio::sync::mpsc;

/// Whether a user of this node has devices at other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    /// Presence has not answered yet.
    Unknown,
    No,
    Yes,
}

#[derive(Debug)]
struct User {
    /// Oldest first.
    connections: Vec<Arc<Connection>>,
    elsewhere: Elsewhere,
}

/// The connections of this node, and the way to those of the others.
#[derive(Debug)]
pub struct Hub {
    users: DashMap<UserId, User>,
    next_id: AtomicU64,
    max_devices: usize,
    bus: Bus,
    /// What other nodes hold, where there are any.
    presence: Option<Presence>,
    /// Takes connections that missed something.
    gaps: mpsc::UnboundedSender<Arc<Connection>>,
}

impl Hub {
    /// An empty hub that lets each user have `max_devices` connections, and the connections that
    /// turn out to have missed something.
    pub fn new(
        max_devices: usize,
        realtime: &Realtime,
    ) -> (Self, mpsc::UnboundedReceiver<Arc<Connection>>) {
        // A connection waits there once, so there are never more than connections.
        let (gaps, behind) = mpsc::unbounded_channel();
        (
            Self {
                users: DashMap::new(),
                next_id: AtomicU64::new(1),
                max_devices,
                bus: realtime.bus.clone(),
                presence: realtime.presence.clone(),
                gaps,
            },
            behind,
        )
    }

    /// A fresh name for a connection.
    pub fn next_connection_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Adds a connection. An older one of the same session goes, and the oldest when there are too
    /// many: both are closed as `replaced`. Of two of a session that come at once, the one with the
    /// greater id is the newer, here and in presence, whichever joins first: in different orders
    /// each would have closed the other.
    ///
    /// True if the user's only device at this node came back before its old connection was gone.
    pub fn join(&self, connection: &Arc<Connection>) -> bool {
        let mut replaced = Vec::new();
        let mut user = self
            .users
            .entry(connection.user_id)
            .or_insert_with(|| User {
                connections: Vec::new(),
                elsewhere: Elsewhere::Unknown,
            });
        let mut of_session = user.connections.iter();
        let of_session = of_session.find(|other| other.session_id == connection.session_id);
        if of_session.is_some_and(|other| other.id > connection.id) {
            drop(user);
            connection.outbound.close(CloseCode::Replaced);
            return false;
        }
        user.connections.retain(|other| {
            let stays = other.session_id != connection.session_id;
            if !stays {
                replaced.push(Arc::clone(other));
            }
            stays
        });
        let returned = user.connections.is_empty() && !replaced.is_empty();
        while user.connections.len() >= self.max_devices {
            replaced.push(user.connections.remove(0));
        }
        user.connections.push(Arc::clone(connection));
        drop(user);
        for other in replaced {
            other.outbound.close(CloseCode::Replaced);
        }
        returned
    }

    /// Takes a connection out.
    pub fn leave(&self, connection: &Connection) {
        let Entry::Occupied(mut user) = self.users.entry(connection.user_id) else {
            return;
        };
        user.get_mut()
            .connections
            .retain(|other| other.id != connection.id);
        if user.get().connections.is_empty() {
            user.remove();
        }
    }

    /// Whether the user has a connection at this node.
    pub fn is_here(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// The user's connections at this node, oldest first.
    pub fn connections(&self, user: UserId) -> Vec<Arc<Connection>> {
        self.users
            .get(&user)
            .map(|user| user.connections.clone())
            .unwrap_or_default()
    }

    /// Every connection of this node.
    pub fn all(&self) -> Vec<Arc<Connection>> {
        self.users
            .iter()
            .flat_map(|user| user.connections.clone())
            .collect()
    }

    /// How many users have a connection at this node.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// How many connections this node has.
    pub fn connection_count(&self) -> usize {
        self.users.iter().map(|user| user.connections.len()).sum()
    }

    /// Sends a frame to every device of the user.
    pub fn send(&self, user: UserId, frame: &ServerFrame) {
        self.send_encoded(user, None, || Outgoing::new(frame, None));
    }

    /// Sends a frame to every device of the user, but the connection `except` of this node. The
    /// frame is made only when somebody may get it.
    pub fn send_encoded(
        &self,
        user: UserId,
        except: Option<ConnectionId>,
        frame: impl FnOnce() -> Outgoing,
    ) {
        let frame = LazyCell::new(frame);
        if self.push(user, |connection| Some(connection.id) != except, &frame) {
            self.bus.to_user(user, || {
                NodeMessage::frame(user, Audience::All, &frame).encode()
            });
        }
    }

    /// Sends one frame to the device of the user that has this session, and another one to all its
    /// other devices.
    pub fn send_split(
        &self,
        user: UserId,
        session: SessionId,
        to_session: &ServerFrame,
        to_others: &ServerFrame,
    ) {
        for (audience, frame) in [
            (Audience::Only(session), to_session),
            (Audience::Except(session), to_others),
        ] {
            let frame = LazyCell::new(|| Outgoing::new(frame, None));
            if self.push(
                user,
                |connection| audience.includes(connection.session_id),
                &frame,
            ) {
                self.bus
                    .to_user(user, || NodeMessage::frame(user, audience, &frame).encode());
            }
        }
    }

    /// Sends a frame to the one device of the user that has this session.
    pub fn send_to_device(&self, user: UserId, session: SessionId, frame: &ServerFrame) {
        let frame = LazyCell::new(|| Outgoing::new(frame, None));
        if self.push(user, |connection| connection.session_id == session, &frame) {
            self.bus.to_user(user, || {
                NodeMessage::frame(user, Audience::Only(session), &frame).encode()
            });
        }
    }

    /// The connection of this device of the user, if it is at this node.
    pub fn device(&self, user: UserId, session: SessionId) -> Option<Arc<Connection>> {
        self.users
            .get(&user)?
            .connections
            .iter()
            .find(|connection| connection.session_id == session)
            .cloned()
    }

    /// Tells the other nodes that may have devices of the user something that is no frame.
    pub fn tell_elsewhere(&self, user: UserId, message: impl FnOnce() -> NodeMessage) {
        if self
            .users
            .get(&user)
            .is_none_or(|user| user.elsewhere != Elsewhere::No)
        {
            self.bus.to_user(user, || message().encode());
        }
    }

    /// Tells every other node something that is no frame.
    pub fn tell_others(&self, message: impl FnOnce() -> NodeMessage) {
        self.bus.to_others(|| message().encode());
    }

    /// Sends a frame to devices of the user at this node.
    pub fn send_here(&self, user: UserId, audience: Audience, frame: &Outgoing) {
        self.push(
            user,
            |connection| audience.includes(connection.session_id),
            &LazyCell::new(|| frame.clone()),
        );
    }

    /// Pushes to connections of this node; whether there may be devices at other nodes.
    fn push<F: FnOnce() -> Outgoing>(
        &self,
        user: UserId,
        to: impl Fn(&Connection) -> bool,
        frame: &LazyCell<Outgoing, F>,
    ) -> bool {
        let Some(user) = self.users.get(&user) else {
            return true;
        };
        for connection in user.connections.iter().filter(|connection| to(connection)) {
            if connection.outbound.push((**frame).clone()) {
                self.fell_behind(connection);
            }
        }
        user.elsewhere != Elsewhere::No
    }

    /// Closes the connections of sessions that were revoked, at whichever node.
    pub fn sign_out(&self, user: UserId, sessions: impl IntoIterator<Item = SessionId>) {
        for session in sessions {
            self.close(user, Audience::Only(session), CloseCode::Unauthorized);
        }
    }

    /// Closes every connection of a user, at whichever node.
    pub fn close_user(&self, user: UserId, code: CloseCode) {
        self.close(user, Audience::All, code);
    }

    fn close(&self, user: UserId, audience: Audience, code: CloseCode) {
        self.close_here(user, audience, code);
        // Whatever is known of other nodes: a session that is revoked must not survive a mistake
        // about where it is.
        self.bus.to_user(user, || {
            NodeMessage::Close {
                user,
                audience,
                code: code.code(),
            }
            .encode()
        });
    }

    /// Closes connections of a user at this node.
    pub fn close_here(&self, user: UserId, audience: Audience, code: CloseCode) {
        for connection in self.connections(user) {
            if audience.includes(connection.session_id) {
                connection.outbound.close(code);
            }
        }
    }

    /// Closes one connection of this node as `replaced`, if it is still there.
    pub fn replace(&self, device: Device) {
        for connection in self.connections(device.user) {
            if connection.device() == device {
                connection.outbound.close(CloseCode::Replaced);
            }
        }
    }

    /// Whether this connection is among those of this node.
    pub fn has(&self, device: Device) -> bool {
        self.users.get(&device.user).is_some_and(|user| {
            user.connections
                .iter()
                .any(|connection| connection.device() == device)
        })
    }

    /// The user's connections at this node may have missed something: they are brought up to date.
    pub fn is_behind(&self, user: UserId) {
        self.connections(user)
            .iter()
            .for_each(|connection| self.fell_behind(connection));
    }

    /// Every connection of this node may have missed something.
    pub fn all_are_behind(&self) {
        self.all()
            .iter()
            .for_each(|connection| self.fell_behind(connection));
    }

    /// A connection of this node may have missed something.
    pub fn fell_behind(&self, connection: &Arc<Connection>) {
        if !connection.behind.swap(true, Ordering::Relaxed) {
            // The receiver is gone only when the server ends.
            let _ = self.gaps.send(Arc::clone(connection));
        }
    }

    /// Tells the nodes of a user that frames for it were lost.
    pub fn tell_of_loss(&self, user: UserId) {
        self.bus
            .to_user(user, || NodeMessage::Resync { user }.encode());
    }

    /// Tells every other node that frames for its users may have been lost.
    pub fn tell_everybody_of_loss(&self) {
        self.tell_others(|| NodeMessage::ResyncAll);
    }

    /// Says goodbye to everybody within about `over`, a few at a time: each client is told a delay
    /// of its own, so that they do not come back in one herd.
    pub async fn drain(&self, over: Duration) {
        /// Sockets closed together.
        const GROUP: usize = 20;
        let connections = self.all();
        let groups = connections.len().div_ceil(GROUP);
        let pause = over / u32::try_from(groups.max(1)).unwrap_or(u32::MAX);
        for group in connections.chunks(GROUP) {
            for connection in group {
                connection.send_away();
            }
            if groups > 1 {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tebdil_core::realtime::{Realtime, RealtimeSettings};

    use super::*;

    fn connection(hub: &Hub, user: i64, session: i64) -> Arc<Connection> {
        Arc::new(Connection::new(
            hub.next_connection_id(),
            UserId(user),
            SessionId(session),
            OutboundLimits {
                frames: 8,
                bytes: 1_000,
            },
        ))
    }

    async fn hub() -> Hub {
        let alone = RealtimeSettings {
            redis_url: "".into(),
            prefix: String::new(),
        };
        let (realtime, _) = Realtime::connect(&alone, &mut rand::rng())
            .await
            .expect("in this process");
        Hub::new(2, &realtime).0
    }

    #[tokio::test]
    async fn the_oldest_device_goes_and_a_session_has_one_connection() {
        let hub = hub().await;
        let [a, b, c] = [1, 2, 3].map(|session| connection(&hub, 7, session));
        hub.join(&a);
        hub.join(&b);
        hub.join(&c);
        assert_eq!(a.outbound.closing(), Some(CloseCode::Replaced));
        let again = connection(&hub, 7, 3);
        assert!(!hub.join(&again), "the other device was there all the time");
        assert_eq!(c.outbound.closing(), Some(CloseCode::Replaced));
        assert_eq!(b.outbound.closing(), None);
        hub.leave(&c);
        let [older, newer] = [(); 2].map(|()| connection(&hub, 7, 3));
        hub.join(&newer);
        hub.join(&older);
        assert_eq!(older.outbound.closing(), Some(CloseCode::Replaced));
        assert_eq!(newer.outbound.closing(), None, "whichever joins first");
        hub.leave(&b);
        let last = connection(&hub, 7, 3);
        assert!(hub.join(&last), "the only device was gone and is back");
        hub.leave(&newer);
        assert!(hub.is_here(UserId(7)));
        hub.leave(&last);
        hub.leave(&last);
        assert_eq!((hub.is_here(UserId(7)), hub.connection_count()), (false, 0));
    }

    #[tokio::test]
    async fn what_is_for_a_device_that_moved_goes_to_its_new_node() {
        let hub = hub().await;
        let old = connection(&hub, 7, 1);
        hub.join(&old);
        let frame =
            LazyCell::new(|| Outgoing::new(&ServerFrame::Draining { retry_after_ms: 1 }, None));
        assert!(hub.push(UserId(7), |_| true, &frame), "nobody knows yet");
        hub.joined(UserId(7), false);
        assert!(
            !hub.push(UserId(7), |_| true, &frame),
            "all its devices are here"
        );
        hub.joined(UserId(7), true);
        hub.replace(Device {
            connection: 99,
            ..old.device()
        });
        assert_eq!(old.outbound.closing(), None);
        hub.replace(old.device());
        assert_eq!(old.outbound.closing(), Some(CloseCode::Replaced));
        assert!(
            hub.push(UserId(7), |_| true, &frame),
            "until the old connection is gone, and after"
        );
        hub.leave(&old);
        assert!(hub.push(UserId(7), |_| true, &frame));
    }
}
