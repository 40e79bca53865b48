//! Where the devices of users are, over all nodes.
//!
//! A node knows its own connections; [`Presence`](tebdil_core::realtime::Presence) adds, where
//! there are other nodes, which devices those hold.

use tebdil_core::realtime::{Device, RealtimeError, Whom};
use tebdil_protocol::id::UserId;

use super::{Connection, Elsewhere, Hub};

impl Hub {
    /// Tells the other nodes that the connection is here, once it has [joined](Self::join), or once
    /// more when they have forgotten it. Whether the user's only device, over all nodes, came back
    /// before its old connection was known to be gone; `None` where there are no other nodes.
    ///
    /// # Errors
    /// As for [`Presence::join`](tebdil_core::realtime::Presence::join).
    pub async fn register(&self, connection: &Connection) -> Result<Option<bool>, RealtimeError> {
        let Some(presence) = &self.presence else {
            return Ok(None);
        };
        // It was replaced meanwhile: what came after it must not make room for it.
        if !self.has(connection.device()) {
            return Ok(Some(false));
        }
        let again = connection.stamp.get().copied();
        let joined = presence
            .join(connection.device(), self.max_devices, again)
            .await?;
        let _ = connection.stamp.set(joined.stamp);
        self.joined(connection.user_id, joined.elsewhere);
        Ok(Some(joined.returned))
    }

    /// Notes what presence said of a user: whether it has devices at other nodes. Those there may
    /// have missed what was sent before this node knew of them, and are brought up to date.
    pub fn joined(&self, user: UserId, elsewhere: bool) {
        let before = self.users.get_mut(&user).map_or(Elsewhere::No, |mut user| {
            let now = match (user.elsewhere, elsewhere) {
                // The word of a device that came there may have overtaken the answer.
                (Elsewhere::Yes, _) | (_, true) => Elsewhere::Yes,
                (Elsewhere::Unknown | Elsewhere::No, false) => Elsewhere::No,
            };
            std::mem::replace(&mut user.elsewhere, now)
        });
        if before == Elsewhere::No && elsewhere {
            self.tell_of_loss(user);
        }
    }

    /// Tells the other nodes that the connection is not here any more, once it has
    /// [left](Self::leave). One that they do not know of changes nothing.
    pub async fn unregister(&self, device: Device) {
        if let Some(presence) = &self.presence
            && let Err(error) = presence.leave(device).await
        {
            tracing::debug!(%error, "a connection could not be taken out of presence; the others are registered anew");
        }
    }

    /// Whether each of these has a connection, at whichever node.
    ///
    /// # Errors
    /// As for [`Presence::online`](tebdil_core::realtime::Presence::online), of those who are not
    /// at this node; never where there is no other.
    pub async fn online(&self, whom: &[Whom]) -> Result<Vec<bool>, RealtimeError> {
        let mut online: Vec<bool> = whom.iter().map(|one| self.holds(*one)).collect();
        let Some(presence) = &self.presence else {
            return Ok(online);
        };
        let not_here = whom.iter().zip(&online).filter(|(_, here)| !**here);
        let not_here: Vec<Whom> = not_here.map(|(one, _)| *one).collect();
        if not_here.is_empty() {
            return Ok(online);
        }
        let elsewhere = presence.online(&not_here).await?;
        let unknown = online.iter_mut().filter(|here| !**here);
        unknown
            .zip(elsewhere)
            .for_each(|(online, elsewhere)| *online = elsewhere);
        Ok(online)
    }

    /// Whether the user, or the device, has a connection at this node.
    fn holds(&self, (user, session): Whom) -> bool {
        match session {
            None => self.is_here(user),
            Some(session) => self.device(user, session).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tebdil_core::{
        realtime::BusEvent,
        testing::{RedisPrefix, TestNode},
    };
    use tebdil_protocol::{CloseCode, id::SessionId};

    use super::*;
    use crate::hub::OutboundLimits;

    const USER: UserId = UserId(7);
    const PHONE: SessionId = SessionId(1);
    const TABLET: SessionId = SessionId(2);

    fn joins(hub: &Hub, session: SessionId) -> Arc<Connection> {
        let limits = OutboundLimits {
            frames: 8,
            bytes: 1_000,
        };
        let id = hub.next_connection_id();
        let connection = Arc::new(Connection::new(id, USER, session, limits));
        hub.join(&connection);
        connection
    }

    async fn leaves(hub: &Hub, connection: &Connection) {
        hub.leave(connection);
        hub.unregister(connection.device()).await;
    }

    /// Whether the user, its phone and its tablet are online.
    async fn online(hub: &Hub) -> [bool; 3] {
        let whom = [None, Some(PHONE), Some(TABLET)].map(|session| (USER, session));
        let online = hub.online(&whom).await.expect("an answer");
        online.try_into().expect("an answer for each")
    }

    /// What is true of the connections of `hub` is what `asked` says.
    async fn agree(hub: &Hub, asked: &Hub) {
        assert_eq!(online(asked).await, [false; 3]);
        // Of two of a session the newer one stays, whichever is registered first.
        for newer_first in [false, true] {
            let [older, newer] = [(); 2].map(|()| joins(hub, PHONE));
            assert_eq!(older.outbound.closing(), Some(CloseCode::Replaced));
            let mut both = [&older, &newer];
            if newer_first {
                both.reverse();
            }
            for connection in both {
                hub.register(connection).await.expect("registered");
            }
            leaves(hub, &older).await;
            assert_eq!(online(asked).await, [true, true, false], "{newer_first}");
            let tablet = joins(hub, TABLET);
            hub.register(&tablet).await.expect("registered");
            leaves(hub, &newer).await;
            assert_eq!(online(asked).await, [true, false, true], "{newer_first}");
            leaves(hub, &tablet).await;
            assert_eq!(online(asked).await, [false; 3], "{newer_first}");
        }
    }

    #[tokio::test]
    async fn a_node_that_is_alone_knows_who_is_online() {
        let (hub, _) = Hub::new(2, &TestNode::local().await.realtime);
        agree(&hub, &hub).await;
    }

    #[tokio::test]
    async fn another_node_knows_who_is_online() {
        let Some(prefix) = RedisPrefix::create() else {
            return;
        };
        let a = TestNode::connect(&prefix.settings()).await;
        let b = TestNode::connect(&prefix.settings()).await;
        let [hub, other] = [&a, &b].map(|node| Hub::new(2, &node.realtime).0);
        agree(&hub, &other).await;
    }

    #[tokio::test]
    async fn nodes_agree_on_the_connection_of_a_device() {
        let Some(prefix) = RedisPrefix::create() else {
            return;
        };
        let mut a = TestNode::connect(&prefix.settings()).await;
        let b = TestNode::connect(&prefix.settings()).await;
        let [here, there] = [&a, &b].map(|node| Hub::new(2, &node.realtime).0);
        let old = joins(&here, PHONE);
        assert_eq!(here.register(&old).await, Ok(Some(false)));
        assert_eq!(online(&there).await, [true, true, false]);
        let new = joins(&there, PHONE);
        assert_eq!(there.register(&new).await, Ok(Some(true)), "gone and back");
        let replaced = BusEvent::Replaced(old.device());
        a.until(&replaced).await;
        leaves(&here, &old).await;
        assert_eq!(
            online(&here).await,
            [true, true, false],
            "at the other node"
        );
        leaves(&there, &new).await;
        assert_eq!(online(&here).await, [false; 3]);
    }
}
