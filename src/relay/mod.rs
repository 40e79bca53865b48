//! The relays of calls, as the server sees them: which there are, who may use them, and the one in
//! this process.

mod sweep;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tebdil_core::store::Store;
use tebdil_protocol::{IceServer, IceServers, Secret, domain::MatchRole, id::MatchId, time::Clock};
use tebdil_signaling::{Relay, RelayError, RelayRanges, RelaySecret, RelaySettings, RelaySideId};
use tokio::sync::Notify;

use crate::{config, error::RunError, lifecycle::Tasks};

/// The relays of this service.
#[derive(Debug)]
pub struct Relays {
    secret: RelaySecret,
    ranges: RelayRanges,
    urls: Vec<String>,
    credential_ttl: Duration,
    /// The one in this process.
    embedded: Option<Arc<Relay>>,
    clock: Clock,
    tasks: Tasks,
    /// The message that a match is over may have been lost.
    lost: Notify,
}

impl Relays {
    /// Starts the relay of this process, if there is one.
    pub async fn start(
        config: &config::Relay,
        secret: Secret,
        clock: Clock,
        tasks: Tasks,
    ) -> Result<Self, RunError> {
        let secret = RelaySecret::new(secret);
        let ranges = RelayRanges::new(config.ranges());
        let embedded = if config.embedded {
            let settings = RelaySettings {
                listen: config.listen_address(),
                range: config.own_range(),
                peers: ranges.clone(),
                allocations: config.allocations,
                bytes_per_second: config.kilobytes_per_second.saturating_mul(1_000),
            };
            let relay = Relay::start(settings, secret.clone(), clock.clone()).await;
            let relay = relay.map_err(|error| cannot_start(&config.listen, &error))?;
            let (failed, closing) = (relay.failed(), tasks.closing.clone());
            tasks.supervise("relay", async move {
                closing.run_until_cancelled(failed).await;
            });
            Some(Arc::new(relay))
        } else {
            None
        };
        let own = embedded
            .as_ref()
            .map(|relay| SocketAddr::new(config.own_range().ip, relay.address().port()));
        let urls = match config.urls().collect::<Vec<_>>() {
            none if none.is_empty() => own
                .map(|address| format!("turn:{address}?transport=udp"))
                .into_iter()
                .collect(),
            urls => urls,
        };
        let credential_ttl = config.credential_ttl;
        Ok(Self {
            secret,
            ranges,
            urls,
            credential_ttl,
            embedded,
            clock,
            tasks,
            lost: Notify::new(),
        })
    }

    /// Whether there is a relay, without which there are no calls.
    pub fn any(&self) -> bool {
        !self.urls.is_empty()
    }

    /// The addresses that relays give out.
    pub fn ranges(&self) -> &RelayRanges {
        &self.ranges
    }

    /// What one side of a call needs to reach a relay.
    pub fn ice_servers(&self, match_id: MatchId, role: MatchRole) -> IceServers {
        let credential = self
            .secret
            .issue(match_id, role, self.clock.now(), self.credential_ttl);
        let server = IceServer {
            urls: self.urls.clone(),
            username: credential.username,
            credential: credential.password,
        };
        IceServers {
            ice_servers: vec![server],
            ttl_s: self.credential_ttl.as_secs(),
            transport_policy: "relay".to_owned(),
        }
    }

    /// Where the relay of this process listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(|relay| relay.address())
    }

    /// Has the relay of this process look for ended calls by itself, until the process ends.
    pub fn look_after(self: &Arc<Self>, store: &Store) {
        if self.embedded.is_some() {
            self.tasks.supervise(
                "sweep of calls",
                Arc::clone(self).keep_sweeping(store.clone(), self.tasks.closing.clone()),
            );
        }
    }

    /// Like [`Relays::look_after`] without a database: nothing is relayed for longer than
    /// `lifetime`.
    pub fn look_after_alone(self: &Arc<Self>, lifetime: Duration) {
        self.tasks.supervise(
            "age of calls",
            Arc::clone(self).keep_ageing(lifetime, self.tasks.closing.clone()),
        );
    }

    /// Messages of other nodes did not arrive: looks at the store now.
    pub fn word_was_lost(&self) {
        self.lost.notify_one();
    }

    /// Ends the relay of this process, and every call that goes through it.
    pub async fn close(&self) {
        if let Some(relay) = &self.embedded {
            relay.close().await;
        }
    }

    /// Cuts a call at the relay of this process.
    pub fn cut(&self, match_id: MatchId) {
        let Some(relay) = self.embedded.clone() else {
            return;
        };
        let sides: Vec<RelaySideId> = MatchRole::ALL
            .iter()
            .map(|role| self.secret.side(match_id, *role))
            .collect();
        // Each waits for its own ports, not for the other's.
        self.tasks
            .spawn(async move { drop(join_all(sides.iter().map(|side| relay.cut(side))).await) });
    }
}

/// One line that names the setting and the ways out.
fn cannot_start(listen: &str, error: &RelayError) -> RunError {
    RunError::Failed(match error {
        RelayError::Listen(error) if error.kind() == io::ErrorKind::AddrInUse => {
            format!(
                "relay.listen: UDP {listen} is taken: free it, name another port (TEBDIL_RELAY__LISTEN=127.0.0.1:0 takes any), \
                 or do without calls (TEBDIL_RELAY__EMBEDDED=false)"
            )
        }
        error => format!("relay.listen: {listen}: {error}"),
    })
}
