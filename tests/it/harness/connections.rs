//! Who is connected, and who searches, at whichever node.

use std::sync::Arc;

use futures_util::future::join_all;
use tebdil::{hub::Connection, ws::Sockets};
use tebdil_protocol::id::{SessionId, UserId};

use super::{TestServer, TestUser};
use crate::sockets::eventually;

impl TestServer {
    /// The device that a user signed in with.
    pub fn session(&self, user: &TestUser) -> SessionId {
        let claims = self.app.tokens.verify_access(&user.access);
        claims.expect("a token").session_id
    }

    /// What the sockets of every node have.
    pub fn sockets(&self) -> impl Iterator<Item = &Sockets> {
        self.nodes.iter().map(|node| &*node.sockets)
    }

    /// How many signed-in connections there are.
    pub fn connection_count(&self) -> usize {
        self.nodes
            .iter()
            .map(|node| node.app.hub.connection_count())
            .sum()
    }

    /// Whether the user has a connection.
    pub fn is_online(&self, user: UserId) -> bool {
        self.nodes.iter().any(|node| node.app.hub.is_here(user))
    }

    /// Whether the user has a connection that the server has not begun to close.
    pub fn has_open_connection(&self, user: UserId) -> bool {
        let open = |connection: &Arc<Connection>| connection.outbound.closing().is_none();
        self.nodes
            .iter()
            .any(|node| node.app.hub.connections(user).iter().any(open))
    }

    /// Waits until there are this many signed-in connections: nodes may still have to tell each
    /// other.
    pub async fn expect_connections(&self, wanted: usize) {
        if let [node] = self.nodes.as_slice() {
            assert_eq!(node.app.hub.connection_count(), wanted);
        } else {
            eventually("the expected number of connections", async || {
                self.connection_count() == wanted
            })
            .await;
        }
    }

    /// Whether the node that leads has every search, and no match is being made.
    pub async fn nobody_is_being_matched(&self) -> bool {
        let searches = self.searches().await;
        searches.reserved == 0 && searches.own <= searches.waiting
    }

    /// Whether nobody searches.
    pub async fn nobody_searches(&self) -> bool {
        self.searches().await == Searches::default()
    }

    /// The searches of all nodes.
    pub async fn searches(&self) -> Searches {
        let statuses = join_all(self.nodes.iter().map(|node| node.app.matchmaker.status())).await;
        statuses
            .into_iter()
            .fold(Searches::default(), |sum, status| {
                let queues = status.queues.unwrap_or_default();
                Searches {
                    own: sum.own + status.own,
                    waiting: sum.waiting + queues.text.waiting + queues.video.waiting,
                    reserved: sum.reserved + status.reserved,
                }
            })
    }
}

/// The searches of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Searches {
    /// Of connections.
    pub own: usize,
    /// For a peer, at the leader.
    pub waiting: usize,
    /// Pairs whose match is written.
    pub reserved: usize,
}
