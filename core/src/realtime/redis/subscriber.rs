//! The task that hears what other nodes send.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::mpsc,
    time::{sleep, sleep_until, timeout},
};

use super::{SILENCE, Shared, connection};
use crate::realtime::{BusEvent, Device, RealtimeError};

/// How long it may take to connect, subscribe, and hear oneself.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between attempts.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// The first byte of what goes over a channel.
pub(super) mod kind {
    /// A message of the server.
    pub const MESSAGE: u8 = b'M';
    /// The user joined at another node: `user`.
    pub const ELSEWHERE: u8 = b'E';
    /// A connection of this node was replaced: `user|session|connection`.
    pub const REPLACED: u8 = b'R';
    /// A node said goodbye: `node`. Its last messages are lost.
    pub const GONE: u8 = b'G';
    /// A node said goodbye, after its last message: `node`.
    pub const LEFT: u8 = b'L';
    /// What a node sends to itself, to know that its subscription is alive.
    pub const ECHO: u8 = b'P';
}

/// A subscription of this node's channel that was heard to work.
pub(super) struct Subscription {
    pushes: mpsc::UnboundedReceiver<PushInfo>,
    /// The connection ends when it is dropped.
    _connection: MultiplexedConnection,
}

impl Subscription {
    /// Subscribes. What arrives before it is proven to work is taken as well.
    pub async fn open(shared: &Shared) -> Result<Self, RealtimeError> {
        let (sender, mut pushes) = mpsc::unbounded_channel();
        let opened = timeout(OPEN_TIMEOUT, async {
            let config = connection::config().set_push_sender(sender);
            let mut connection = shared
                .client
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            let channel = shared.channel(shared.node);
            connection.subscribe(&channel).await?;
            redis::cmd("PUBLISH")
                .arg(&channel)
                .arg(&[kind::ECHO][..])
                .query_async::<()>(&mut connection)
                .await?;
            Ok::<_, redis::RedisError>(connection)
        })
        .await
        .map_err(|_| RealtimeError::Unavailable)?
        .map_err(|error| connection::refusal(&error))?;
        let heard = timeout(OPEN_TIMEOUT, async {
            while let Some(push) = pushes.recv().await {
                match push.kind {
                    PushKind::Message => {
                        // Not only the echo proves it: among many messages it may come late, and by
                        // the old one's time this would be silent for long.
                        shared.heard();
                        take(shared, push);
                        return true;
                    }
                    PushKind::Disconnection => return false,
                    _ => {}
                }
            }
            false
        });
        match heard.await {
            Ok(true) => Ok(Self {
                pushes,
                _connection: opened,
            }),
            Ok(false) | Err(_) => Err(RealtimeError::Unavailable),
        }
    }

    /// Takes what arrives, until the connection fails or is silent.
    async fn listen(mut self, shared: &Shared) {
        loop {
            tokio::select! {
                push = self.pushes.recv() => match push {
                    Some(push) if push.kind == PushKind::Message => take(shared, push),
                    // Our channel is never unsubscribed by us.
                    None | Some(PushInfo { kind: PushKind::Disconnection | PushKind::Unsubscribe, .. }) => return,
                    Some(_) => {}
                },
                () = sleep_until(shared.heard_at() + SILENCE) => if shared.heard_at().elapsed() >= SILENCE { return },
            }
        }
    }
}

/// Listens, and subscribes anew whenever that ends.
pub(super) async fn run(shared: Arc<Shared>, mut subscription: Subscription) {
    loop {
        subscription.listen(&shared).await;
        tracing::warn!("the subscription was lost");
        shared.deaf(true);
        subscription = loop {
            match Subscription::open(&shared).await {
                Ok(subscription) => break subscription,
                Err(error) => tracing::debug!(%error, "not subscribed yet"),
            }
            sleep(RETRY_AFTER).await;
        };
        shared.deaf(false);
        metrics::counter!("tebdil_bus_gaps_total").increment(1);
        shared.tell(BusEvent::Gap);
        // Somebody may have replaced a connection of ours meanwhile, or joined elsewhere.
        shared.doubt_presence();
    }
}

fn take(shared: &Shared, push: PushInfo) {
    let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else {
        return;
    };
    let payload = Bytes::from(payload);
    let Some((&first, rest)) = payload.split_first() else {
        return;
    };
    let event = match first {
        kind::ECHO => {
            shared.heard();
            return;
        }
        kind::MESSAGE => {
            metrics::counter!("tebdil_bus_received_total").increment(1);
            Some(BusEvent::Message(payload.slice(1..)))
        }
        kind::GONE | kind::LEFT => {
            let node = str::from_utf8(rest).ok().and_then(|node| node.parse().ok());
            let news = node.filter(|node| shared.peers().said_goodbye(*node));
            news.map(|node| BusEvent::NodeGone {
                node,
                sent_all: first == kind::LEFT,
            })
        }
        kind::ELSEWHERE => str::from_utf8(rest)
            .ok()
            .and_then(|user| user.parse().ok())
            .map(BusEvent::Elsewhere),
        kind::REPLACED => str::from_utf8(rest).ok().and_then(replaced),
        // Of a node that is newer than this one, while the cluster is updated.
        _ => None,
    };
    if let Some(event) = event {
        shared.tell(event);
    }
}

fn replaced(text: &str) -> Option<BusEvent> {
    let (user, rest) = text.split_once('|')?;
    let (session, connection) = rest.split_once('|')?;
    Some(BusEvent::Replaced(Device {
        user: user.parse().ok()?,
        session: session.parse().ok()?,
        connection: connection.parse().ok()?,
    }))
}
