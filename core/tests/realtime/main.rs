//! The realtime parts: one suite for a node that is alone and a node over Redis, and what there is
//! only where there are several nodes.

mod alike;
mod backoff;
mod bus;
mod cluster;
mod lease;
mod limiter;
mod outage;
mod presence;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use tebdil_core::{
    realtime::{BusEvent, Device, PresenceUpdate, Realtime},
    testing::{RedisPrefix, TestNode},
};
use tebdil_protocol::id::{SessionId, UserId};

const ALICE: UserId = UserId(1);
const BOB: UserId = UserId(2);
const MANY: usize = 5;

/// A connection of a user.
fn device(user: UserId, session: i64, connection: u64) -> Device {
    Device {
        user,
        session: SessionId(session),
        connection,
    }
}

fn replaced(device: Device) -> BusEvent {
    BusEvent::Replaced(device)
}

fn message(text: &str) -> BusEvent {
    BusEvent::Message(Bytes::copy_from_slice(text.as_bytes()))
}

/// A key that is counted by.
fn key(name: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key[..name.len()].copy_from_slice(name.as_bytes());
    key
}

/// Where Redis keeps what the counter `test` knows of a key.
fn counted_as(prefix: &RedisPrefix, kind: &str, name: &str) -> String {
    let key = URL_SAFE_NO_PAD.encode(key(name));
    format!("{}{kind}:test:{key}", prefix.prefix())
}

/// What `peer` is told of somebody.
fn word_to(peer: UserId) -> [PresenceUpdate; 1] {
    [PresenceUpdate {
        peer,
        online: Bytes::from_static(b"online"),
        offline: Bytes::from_static(b"offline"),
    }]
}

/// Nodes of one cluster in the Redis of the tests. They know each other.
async fn cluster<const N: usize>() -> Option<([TestNode; N], RedisPrefix)> {
    let prefix = RedisPrefix::create()?;
    let mut nodes = Vec::new();
    for _ in 0..N {
        nodes.push(TestNode::connect(&prefix.settings()).await);
    }
    Some((nodes.try_into().expect("as many as were made"), prefix))
}

/// The events that `node` got before this call: everything that `from` sent until now is among
/// them.
async fn events(node: &mut TestNode, from: &Realtime) -> Vec<BusEvent> {
    from.bus
        .to_node(node.realtime.node, Bytes::from_static(b"the last"));
    node.until(&message("the last")).await
}
