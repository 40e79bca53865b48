//! The embedded TURN relay (RFC 8656), over UDP.
//!
//! The `turn` crate keeps allocations, permissions and channels. Around it stands what a relay on the internet needs and the crate has not: [`front`] (who may ask,
//! and for what), [`conn`] (where datagrams may go), [`sides`] (how much one credential may take, and what was cut). ADR 0023 says why.

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

use tebdil_core::time::Clock;
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
    meters::{Meters, Refused},
    nonce::Nonces,
    question::{Desk, Prepared, REALM},
    sides::{Side, Sides},
};
use crate::{
    address::{RelayRange, RelayRanges},
    credentials::{RelaySecret, SideId},
};

/// How a relay serves.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Where it listens (UDP).
    pub listen: SocketAddr,
    /// What it gives out: the address clients reach it at, and its ports. Of the same family as `listen`.
    pub range: RelayRange,
    /// What it relays to: every relay of this service, and nothing else.
    pub peers: RelayRanges,
    /// Allocations one credential may hold.
    pub allocations: u32,
    /// What one credential may send through it on average, bytes a second, at least 1; a second's worth at once.
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

/// Sockets, and readers of them, at most. One reads 100,000 datagrams a second.
const MOST_LISTENERS: usize = 4;

/// How often idle sides and old cuts are forgotten.
const TIDY: Duration = Duration::from_secs(10);

/// How long [`Relay::cut`] and [`Relay::close`] wait for what they ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// A relay that runs.
pub struct Relay {
    servers: Vec<Server>,
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
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
    pub async fn start(settings: RelaySettings, secret: RelaySecret, clock: Clock) -> Result<Self, RelayError> {
        if settings.listen.is_ipv4() != settings.range.ip.is_ipv4() {
            return Err(RelayError::Family);
        }
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_LISTENERS);
        let sockets = sockets::listen(settings.listen, count)?;
        let address = sockets[0].local_addr()?;
        if sockets.iter().any(sockets::is_small) {
            tracing::warn!("the relay's socket buffers are smaller than 4 MiB: raise net.core.rmem_max and net.core.wmem_max");
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
        let mut servers = Vec::new();
        for socket in sockets {
            // A socket that was never waited for does not know that it has room.
            socket.writable().await?;
            let (listener, to_end) = Listener::new(socket);
            let desk = Arc::new(Desk::new());
            let front = Front::new(Arc::clone(&shared), listener, Arc::clone(&desk), to_end, tasks.token());
            // One server a socket: what the crate keeps per server belongs to one reader then.
            let server = Server::new(ServerConfig {
                conn_configs: vec![ConnConfig { conn: Arc::new(front), relay_addr_generator: Box::new(Prepared(Arc::clone(&desk))) }],
                realm: REALM.to_owned(),
                auth_handler: desk,
                channel_bind_timeout: CHANNEL_LIFE,
                alloc_close_notify: None,
            });
            servers.push(server.await.map_err(|_| RelayError::Start)?);
        }
        tasks.spawn(tidy(Arc::clone(&shared)));
        Ok(Self { servers, address, shared, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sides that hold something now.
    pub fn sides(&self) -> Vec<SideId> {
        self.shared.sides.holding()
    }

    /// Ends what one side of a call has allocated, and gives it nothing more.
    ///
    /// Nothing is relayed to or from it from the moment this is first polled, and it holds nothing when this returns. As often as one likes, and for sides that
    /// never came, too: credentials that are valid still are worth nothing.
    pub async fn cut(&self, side: &SideId) {
        let held = self.shared.sides.cut(*side, self.shared.clock.now());
        held.iter().for_each(Allocation::end);
        let gone = async {
            for allocation in &held {
                allocation.wait_until_gone().await;
            }
        };
        // A reader that does not come to it in time still comes to it.
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

async fn tidy(shared: Arc<Shared>) {
    while shared.stop.run_until_cancelled(tokio::time::sleep(TIDY)).await.is_some() {
        shared.sides.tidy(shared.clock.now(), shared.ticks());
    }
}

impl Shared {
    fn ticks(&self) -> Ticks {
        Ticks::since(self.started)
    }

    /// Whether this relay gives out that address.
    fn is_own(&self, address: SocketAddr) -> bool {
        self.settings.range.ip == address.ip() && self.settings.range.ports.contains(&address.port())
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
    ) -> Result<(Arc<Allocation>, mpsc::Receiver<Handed>), Refused> {
        let make = |port| {
            let socket = sockets::relay(self.settings.listen.ip(), port).ok()?;
            let address = SocketAddr::new(self.settings.range.ip, port);
            Some(Allocation::new(Arc::clone(side), client, address, socket, Arc::clone(listener)))
        };
        let held = self.sides.hold(side, || self.ports.claim(&mut rand::rng(), make).ok_or(Refused::Ports))?;
        listener.add(&held.0);
        self.meters.allocations.increment(1);
        Ok(held)
    }

    /// Takes back what [`Self::allocate`] gave. Once is enough, and more often does no harm.
    fn release(&self, allocation: &Arc<Allocation>) {
        allocation.listener.remove(allocation);
        self.ports.release(allocation);
        if self.sides.release(allocation) {
            self.meters.allocations.decrement(1);
        }
        allocation.set_gone();
    }
}
