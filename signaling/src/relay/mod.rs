//! The embedded TURN relay (RFC 8656), over UDP.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tebdil_core::time::Clock;
use tokio::net::UdpSocket;
use turn::{
    auth::{AuthHandler, generate_auth_key},
    relay::relay_range::RelayAddressGeneratorRanges,
    server::{
        Server,
        config::{ConnConfig, ServerConfig},
    },
};
use webrtc_util::vnet::net::Net;

use crate::{
    address::{RelayRange, RelayRanges},
    credentials::{RelaySecret, SideId},
};

/// How a relay serves.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Where it listens (UDP).
    pub listen: SocketAddr,
    /// What it gives out: the address clients reach it at, and its ports.
    pub range: RelayRange,
    /// What it relays to: every relay of this service, and nothing else.
    pub peers: RelayRanges,
    /// Allocations one credential may hold.
    pub allocations: u32,
    /// What one credential may send through it on average, bytes a second.
    pub bytes_per_second: u32,
}

/// A relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    #[error("the relay cannot start")]
    Start,
}

/// A relay that runs.
pub struct Relay {
    server: Server,
    address: SocketAddr,
}

struct Credentials {
    secret: RelaySecret,
    clock: Clock,
}

impl AuthHandler for Credentials {
    fn auth_handle(&self, username: &str, realm: &str, _: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        let expiry: i64 = username.split(':').next().and_then(|text| text.parse().ok()).ok_or(turn::Error::ErrNoSuchUser)?;
        if expiry < self.clock.now().millis() / 1_000 {
            return Err(turn::Error::ErrNoSuchUser);
        }
        Ok(generate_auth_key(username, realm, self.secret.password(username).expose()))
    }
}

impl Relay {
    /// Binds the sockets and serves until [`Relay::close`].
    pub async fn start(settings: RelaySettings, secret: RelaySecret, clock: Clock) -> Result<Self, RelayError> {
        let socket = UdpSocket::bind(settings.listen).await?;
        let address = socket.local_addr()?;
        let server = Server::new(ServerConfig {
            conn_configs: vec![ConnConfig {
                conn: Arc::new(socket),
                relay_addr_generator: Box::new(RelayAddressGeneratorRanges {
                    relay_address: settings.range.ip,
                    min_port: *settings.range.ports.start(),
                    max_port: *settings.range.ports.end(),
                    max_retries: 0,
                    address: bind_ip(settings.listen.ip()).to_string(),
                    net: Arc::new(Net::new(None)),
                }),
            }],
            realm: "tebdil".to_owned(),
            auth_handler: Arc::new(Credentials { secret, clock }),
            channel_bind_timeout: Duration::ZERO,
            alloc_close_notify: None,
        });
        Ok(Self { server: server.await.map_err(|_| RelayError::Start)?, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends what one side of a call has allocated, and gives it nothing more.
    pub async fn cut(&self, side: &SideId) {
        let held = self.server.get_allocations_info(None).await.unwrap_or_default();
        for info in held.values().filter(|info| SideId::of_username(&info.username).as_ref() == Some(side)) {
            let _ = self.server.delete_allocations_by_username(info.username.clone()).await;
        }
    }

    /// The sides that hold something now.
    pub fn sides(&self) -> Vec<SideId> {
        let asked = || tokio::runtime::Handle::current().block_on(self.server.get_allocations_info(None));
        let held = tokio::task::block_in_place(asked).unwrap_or_default();
        held.values().filter_map(|info| SideId::of_username(&info.username)).collect()
    }

    /// Ends everything.
    pub async fn close(&self) {
        let _ = self.server.close().await;
    }
}

fn bind_ip(ip: IpAddr) -> IpAddr {
    ip
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}
