//! The embedded TURN relay (RFC 8656), over UDP.
//!
//! The `turn` crate keeps allocations, permissions and channels. Around it is what a relay on the
//! internet needs and the crate lacks: [`front`] (who may ask, and for what), [`conn`] (where
//! datagrams may go), [`sides`] (how much one credential may use, and what was cut). ADR 0023 says
//! why.

mod allocation;
mod conn;
mod front;
mod limit;
mod meters;
mod nonce;
mod question;
mod requests;
mod sides;
mod sockets;
mod wire;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tebdil_protocol::time::Clock;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use turn::server::{
    Server,
    config::{ConnConfig, ServerConfig},
};

use self::{
    allocation::{Allocation, CHANNEL_LIFE, Handed, Listener, Ports},
    front::Front,
    limit::{Rate, Sources, Ticks},
    meters::{Meters, RefusalReason},
    nonce::Nonces,
    question::{Exchange, Prepared, REALM},
    sides::{Side, Sides},
};
use crate::{
    address::{RelayRange, RelayRanges},
    credentials::{RelaySecret, RelaySideId},
};

/// How a relay serves.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Where it listens (UDP).
    pub listen: SocketAddr,
    /// What it gives out: the address at which clients reach it, and its ports. Of the same family
    /// as `listen`.
    pub range: RelayRange,
    /// What it relays to: every relay of this service, and nothing else.
    pub peers: RelayRanges,
    /// Allocations one credential may hold.
    pub allocations: u32,
    /// What one credential may send through it on average, in bytes per second; a second's worth at
    /// once. A datagram counts as at least 100 bytes.
    pub bytes_per_second: u32,
}

/// A relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    #[error("cannot give out IPv4 addresses and listen at IPv6, or the other way round")]
    Family,
    #[error("the relay cannot start")]
    Start,
}

/// Most sockets, each with a reader. One reads 100,000 datagrams a second.
const MOST_LISTENERS: usize = 4;

/// How often idle sides and old cuts are forgotten.
const TIDY: Duration = Duration::from_secs(10);

/// How often readers are asked whether they still read.
const WATCH: Duration = Duration::from_secs(5);

/// How long one has to say so, even on an overloaded machine.
const ANSWER: Duration = Duration::from_secs(20);

/// How long [`Relay::cut`] and [`Relay::close`] wait for allocations to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// A relay that runs.
pub struct Relay {
    servers: Vec<Server>,
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
    failed: CancellationToken,
}

/// What all sockets of a relay share.
struct Shared {
    settings: RelaySettings,
    rate: Rate,
    secret: RelaySecret,
    clock: Clock,
    started: Instant,
    nonces: Nonces,
    sources: Sources,
    sides: Sides,
    ports: Ports,
    meters: Meters,
    stop: CancellationToken,
}

impl Relay {
    /// Binds the sockets and serves until [`Relay::close`].
    pub async fn start(
        settings: RelaySettings,
        secret: RelaySecret,
        clock: Clock,
    ) -> Result<Self, RelayError> {
        if settings.listen.is_ipv4() != settings.range.ip.is_ipv4() {
            return Err(RelayError::Family);
        }
        let count = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(MOST_LISTENERS);
        let sockets = sockets::listen(settings.listen, count)?;
        let address = sockets[0].local_addr()?;
        if sockets.iter().any(sockets::is_small) {
            tracing::warn!(
                "the relay's socket buffers are smaller than 4 MiB: raise net.core.rmem_max and net.core.wmem_max"
            );
        }
        let per_second = u64::from(settings.bytes_per_second.max(1));
        let shared = Arc::new(Shared {
            rate: Rate::new(per_second, per_second),
            secret,
            clock,
            started: Instant::now(),
            nonces: Nonces::new(&mut rand::rng()),
            sources: Sources::new(),
            sides: Sides::new(usize::try_from(settings.allocations).unwrap_or(usize::MAX)),
            ports: Ports::new(&settings.range.ports),
            meters: Meters::new(),
            stop: CancellationToken::new(),
            settings,
        });
        let tasks = TaskTracker::new();
        let (mut servers, mut listeners) = (Vec::new(), Vec::new());
        for socket in sockets {
            // A socket that was never waited for does not know that it is writable.
            socket.writable().await?;
            let (listener, orders) = Listener::new(socket);
            listeners.push(Arc::clone(&listener));
            let exchange = Arc::new(Exchange::new());
            let front = Front::new(
                Arc::clone(&shared),
                listener,
                Arc::clone(&exchange),
                orders,
                tasks.token(),
            );
            // One server per socket, so that what the crate keeps per server belongs to one reader.
            let server = Server::new(ServerConfig {
                conn_configs: vec![ConnConfig {
                    conn: Arc::new(front),
                    relay_addr_generator: Box::new(Prepared(Arc::clone(&exchange))),
                }],
                realm: REALM.to_owned(),
                auth_handler: exchange,
                channel_bind_timeout: CHANNEL_LIFE,
                alloc_close_notify: None,
            });
            servers.push(server.await.map_err(|_| RelayError::Start)?);
        }
        tasks.spawn(tidy(Arc::clone(&shared)));
        let failed = CancellationToken::new();
        tasks.spawn(watch(listeners, shared.stop.clone(), failed.clone()));
        Ok(Self {
            servers,
            address,
            shared,
            tasks,
            failed,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until a socket is no longer read although nobody closed the relay: then its clients
    /// have no relay, and only a restart helps.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + use<> {
        self.failed.clone().cancelled_owned()
    }

    /// The sides that hold something now.
    pub fn sides(&self) -> Vec<RelaySideId> {
        self.shared.sides.holding()
    }

    /// Ends what one side of a call has allocated, and refuses it anything more.
    ///
    /// Nothing is relayed to or from it from the moment this is first polled, and it holds nothing
    /// when this returns. May be called repeatedly, and for sides that never came: credentials that
    /// are still valid become useless.
    pub async fn cut(&self, side: &RelaySideId) {
        let held = self.shared.sides.cut(*side, self.shared.clock.now());
        held.iter().for_each(Allocation::end);
        let gone = async {
            for allocation in &held {
                allocation.wait_until_gone().await;
            }
        };
        // A reader that is late still ends it.
        let _ = tokio::time::timeout(PATIENCE, gone).await;
    }

    /// Ends everything. Its address is free when this returns.
    pub async fn close(&self) {
        self.shared.stop.cancel();
        for server in &self.servers {
            let _ = server.close().await;
        }
        self.tasks.close();
        let _ = tokio::time::timeout(PATIENCE, self.tasks.wait()).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

/// Readers run in tasks of the crate, which tells nobody if one panics or hangs.
async fn watch(listeners: Vec<Arc<Listener>>, stop: CancellationToken, failed: CancellationToken) {
    while stop
        .run_until_cancelled(tokio::time::sleep(WATCH))
        .await
        .is_some()
    {
        for listener in &listeners {
            if stop.run_until_cancelled(listener.is_read(ANSWER)).await == Some(false) {
                tracing::error!("a socket of the relay is not read any more");
                return failed.cancel();
            }
        }
    }
}

async fn tidy(shared: Arc<Shared>) {
    while shared
        .stop
        .run_until_cancelled(tokio::time::sleep(TIDY))
        .await
        .is_some()
    {
        shared.sides.tidy(shared.clock.now(), shared.ticks());
    }
}

impl Shared {
    fn ticks(&self) -> Ticks {
        Ticks::since(self.started)
    }

    /// Whether this relay gives out that address.
    fn is_own(&self, address: SocketAddr) -> bool {
        self.settings.range.ip == address.ip()
            && self.settings.range.ports.contains(&address.port())
    }

    /// Whether a relay of this service gives out that address.
    fn is_peer(&self, address: SocketAddr) -> bool {
        self.settings.peers.contains(address.ip(), address.port())
    }

    /// A port of its own for a client, if its side may have one more.
    fn allocate(
        &self,
        side: &Arc<Side>,
        client: SocketAddr,
        listener: &Arc<Listener>,
    ) -> Result<(Arc<Allocation>, mpsc::Receiver<Handed>), RefusalReason> {
        let make = |port| {
            let socket = sockets::relay(self.settings.listen.ip(), port).ok()?;
            let address = SocketAddr::new(self.settings.range.ip, port);
            Some(Allocation::new(
                Arc::clone(side),
                client,
                address,
                socket,
                Arc::clone(listener),
            ))
        };
        let held = self.sides.hold(side, || {
            self.ports
                .claim(&mut rand::rng(), make)
                .ok_or(RefusalReason::Ports)
        })?;
        listener.add(&held.0);
        self.meters.allocations.increment(1);
        Ok(held)
    }

    /// Takes back what [`Self::allocate`] gave. Repeating it does no harm.
    fn release(&self, allocation: &Arc<Allocation>) {
        allocation.listener.remove(allocation);
        self.ports.release(allocation);
        if self.sides.release(allocation) {
            self.meters.allocations.decrement(1);
        }
        allocation.set_gone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_ended_or_hangs_is_noticed() {
        let bound = || async {
            tokio::net::UdpSocket::bind("127.0.0.1:0")
                .await
                .expect("a socket")
        };
        let ((good, mut orders), (bad, unread)) =
            (Listener::new(bound().await), Listener::new(bound().await));
        let tasks = TaskTracker::new();
        let reader = tasks.spawn(async move {
            while let Some(allocation::Order::Answer(answer)) = orders.recv().await {
                let _ = answer.send(());
            }
        });
        let (stop, failed) = (CancellationToken::new(), CancellationToken::new());
        let long = Duration::from_hours(1);
        let watching = watch(vec![Arc::clone(&good)], stop.clone(), failed.clone());
        assert!(
            tokio::time::timeout(long, watching).await.is_err() && !failed.is_cancelled(),
            "all is well"
        );

        // It hangs.
        tokio::time::timeout(
            long,
            watch(
                vec![Arc::clone(&good), Arc::clone(&bad)],
                stop.clone(),
                failed.clone(),
            ),
        )
        .await
        .expect("noticed");
        assert!(failed.is_cancelled());
        // It panicked.
        drop(unread);
        let failed = CancellationToken::new();
        tokio::time::timeout(long, watch(vec![bad.clone()], stop.clone(), failed.clone()))
            .await
            .expect("noticed");
        assert!(failed.is_cancelled());
        // The relay was closed.
        stop.cancel();
        let failed = CancellationToken::new();
        tokio::time::timeout(long, watch(vec![bad], stop, failed.clone()))
            .await
            .expect("through");
        assert!(!failed.is_cancelled());
        reader.abort();
    }
}
