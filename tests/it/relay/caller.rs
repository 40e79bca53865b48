//! One side of a call as a relay sees it: a TURN client that holds an allocation.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::net::UdpSocket;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;

/// How often media is sent.
const FRAME: Duration = Duration::from_millis(10);

/// How long nothing has to come until nothing comes any more. Far above a frame, and above what a
/// busy machine keeps a task waiting.
const SILENCE: Duration = Duration::from_millis(500);

/// How long a media path may take to open, and the longest a test waits for it to close: above the
/// time between two looks of a relay.
const PATIENCE: Duration = Duration::from_secs(20);

/// A credential and the relay it is for.
#[derive(Debug, Clone)]
pub struct Credential {
    pub relay: SocketAddr,
    pub username: String,
    pub password: String,
}

impl Credential {
    /// From an answer of `POST /v1/rtc/ice-servers`.
    pub fn of(answer: &Value) -> Self {
        let server = &answer["ice_servers"][0];
        let url = server["urls"][0].as_str().expect("an address");
        let relay = url
            .trim_start_matches("turn:")
            .split('?')
            .next()
            .expect("an address")
            .parse()
            .expect("in numbers");
        let text = |field: &str| server[field].as_str().expect("text").to_owned();
        Self {
            relay,
            username: text("username"),
            password: text("credential"),
        }
    }

    /// The same at another relay.
    pub fn at(&self, relay: SocketAddr) -> Self {
        Self {
            relay,
            ..self.clone()
        }
    }
}

/// One side of a call.
pub struct Caller {
    media: Arc<dyn Conn + Send + Sync>,
    /// What the relay gave it.
    pub address: SocketAddr,
    client: Client,
}

impl Caller {
    /// Allocates from the socket of a new client; the error where the relay refuses.
    pub async fn allocate(credential: &Credential) -> Result<Self, turn::Error> {
        Self::allocate_from("127.0.0.1", credential).await
    }

    /// The same from this address of the machine.
    pub async fn allocate_from(ip: &str, credential: &Credential) -> Result<Self, turn::Error> {
        let socket = UdpSocket::bind((ip, 0)).await.expect("a port");
        let client = Client::new(ClientConfig {
            stun_serv_addr: String::new(),
            turn_serv_addr: credential.relay.to_string(),
            username: credential.username.clone(),
            password: credential.password.clone(),
            realm: String::new(),
            software: String::new(),
            rto_in_ms: 0,
            conn: Arc::new(socket),
            vnet: None,
        });
        let client = client.await?;
        client.listen().await?;
        let media: Arc<dyn Conn + Send + Sync> = Arc::new(client.allocate().await?);
        let address = media.local_addr()?;
        Ok(Self {
            media,
            address,
            client,
        })
    }

    /// Sends one datagram to a peer. The first asks the relay for its permission.
    pub async fn send(&self, peer: SocketAddr) -> Result<usize, webrtc_util::Error> {
        self.media.send_to(b"media", peer).await
    }

    /// Lets what it allocated go.
    pub async fn hang_up(self) {
        let _ = self.media.close().await;
        let _ = self.client.close().await;
    }

    async fn hear(&self, within: Duration) -> bool {
        let mut buffer = [0; 1500];
        matches!(
            tokio::time::timeout(within, self.media.recv_from(&mut buffer)).await,
            Ok(Ok(_))
        )
    }
}

/// Sends from both to the other without a pause, until `done` ends.
async fn while_sending<T>(one: &Caller, other: &Caller, done: impl Future<Output = T>) -> T {
    let send = async |from: &Caller, to: SocketAddr| {
        loop {
            // A relay that has cut the call does not take it.
            let _ = tokio::time::timeout(FRAME, from.send(to)).await;
            tokio::time::sleep(FRAME).await;
        }
    };
    tokio::select! {
        done = done => done,
        () = send(one, other.address) => unreachable!("it never ends"),
        () = send(other, one.address) => unreachable!("it never ends"),
    }
}

/// Waits until each hears the other.
pub async fn connect(one: &Caller, other: &Caller) {
    // Each side's permission is its own first packet's.
    let ready = async {
        while !(one.send(other.address).await.is_ok() && other.send(one.address).await.is_ok()) {
            tokio::time::sleep(FRAME).await;
        }
        while_sending(one, other, async {
            tokio::join!(one.hear(PATIENCE), other.hear(PATIENCE))
        })
        .await
    };
    assert_eq!(
        tokio::time::timeout(PATIENCE, ready)
            .await
            .expect("the path opens"),
        (true, true)
    );
}

/// How long after `since` the last datagram came through to either, while both go on sending.
pub async fn silent_after(one: &Caller, other: &Caller, since: Instant) -> Duration {
    let last = async |caller: &Caller| {
        let mut last = since;
        while caller.hear(SILENCE).await {
            last = Instant::now();
            assert!(since.elapsed() < PATIENCE, "it never stops");
        }
        last
    };
    let (one_last, other_last) =
        while_sending(one, other, async { tokio::join!(last(one), last(other)) }).await;
    one_last.max(other_last) - since
}
