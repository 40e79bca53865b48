//! A relay of its own for each test, and a TURN client that can do what it should not.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    time::Duration,
};

use stun::{
    agent::TransactionId,
    attributes::RawAttribute,
    attributes::{
        ATTR_CHANNEL_NUMBER, ATTR_LIFETIME, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT,
        ATTR_USERNAME,
    },
    error_code::ErrorCodeAttribute,
    integrity::MessageIntegrity,
    message::{
        CLASS_INDICATION, CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, Getter as _, METHOD_ALLOCATE,
        METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH, METHOD_SEND, Message,
        MessageType, Method, Setter,
    },
    textattrs::TextAttribute,
};
use tebdil_protocol::{
    domain::MatchRole,
    id::MatchId,
    time::{Clock, Timestamp},
};
use tebdil_signaling::{
    Credential, Relay, RelayRange, RelayRanges, RelaySecret, RelaySettings, RelaySideId,
};
use tokio::{net::UdpSocket, time::timeout};
use turn::proto::{
    chandata::ChannelData, channum::ChannelNumber, data::Data, peeraddr::PeerAddress,
    relayaddr::RelayedAddress,
};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits for what must not.
pub const SILENCE: Duration = Duration::from_millis(150);

pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A loopback address that no other test has.
pub fn host() -> IpAddr {
    let [a, b, c]: [u8; 3] = rand::random();
    Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 250)).into()
}

pub struct TestRelay {
    pub relay: Relay,
    pub secret: RelaySecret,
    pub clock: Clock,
    pub ip: IpAddr,
}

pub fn range(ip: IpAddr, ports: RangeInclusive<u16>) -> RelayRange {
    RelayRange { ip, ports }
}

impl TestRelay {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings than 100 ports, itself as only peer, 12 allocations and 10 MB a second.
    pub async fn with(change: impl FnOnce(&mut RelaySettings)) -> Self {
        let ip = host();
        let own = range(ip, 20_000..=20_099);
        let mut settings = RelaySettings {
            listen: SocketAddr::new(ip, 0),
            range: own.clone(),
            peers: RelayRanges::new([own]),
            allocations: 12,
            bytes_per_second: 10_000_000,
        };
        change(&mut settings);
        let (secret, clock) = (
            RelaySecret::new("a secret of this test".into()),
            Clock::manual(NOW),
        );
        let ip = settings.range.ip;
        let relay = Relay::start(settings, secret.clone(), clock.clone())
            .await
            .expect("the relay starts");
        Self {
            relay,
            secret,
            clock,
            ip,
        }
    }

    pub fn credential(&self, match_id: i64, role: MatchRole) -> Credential {
        self.secret.issue(
            MatchId(match_id),
            role,
            self.clock.now(),
            Duration::from_mins(5),
        )
    }

    pub fn side(&self, match_id: i64, role: MatchRole) -> RelaySideId {
        self.secret.side(MatchId(match_id), role)
    }

    pub async fn client(&self, credential: Credential) -> Client {
        Client::new(self.relay.address(), credential).await
    }

    /// A client of one side of a match that has an allocation, and its address.
    pub async fn allocated(&self, match_id: i64, role: MatchRole) -> (Client, SocketAddr) {
        let mut client = self.client(self.credential(match_id, role)).await;
        let address = client.allocate().await.expect("an allocation");
        (client, address)
    }

    /// Two clients with permissions for each other.
    pub async fn pair(&self, match_id: i64) -> [(Client, SocketAddr); 2] {
        let (mut one, one_at) = self.allocated(match_id, MatchRole::Offerer).await;
        let (mut other, other_at) = self.allocated(match_id, MatchRole::Answerer).await;
        one.permit(other_at).await.expect("a permission");
        other.permit(one_at).await.expect("a permission");
        [(one, one_at), (other, other_at)]
    }

    /// Two clients with channels 0x4000 and 0x4001 to each other.
    pub async fn bound_pair(&self, match_id: i64) -> [(Client, SocketAddr); 2] {
        let [(mut one, one_at), (mut other, other_at)] = self.pair(match_id).await;
        one.bind(0x4000, other_at).await.expect("a channel");
        other.bind(0x4001, one_at).await.expect("a channel");
        [(one, one_at), (other, other_at)]
    }
}

/// What a client gets that is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Received {
    Data(SocketAddr, Vec<u8>),
    Channel(u16, Vec<u8>),
}

pub struct Client {
    pub socket: UdpSocket,
    pub relay: SocketAddr,
    pub credential: Credential,
    pub nonce: Option<String>,
    held: VecDeque<Received>,
}

/// Attributes of a request.
pub type Attributes = Vec<Box<dyn Setter + Send>>;

pub fn raw(kind: stun::attributes::AttrType, value: impl Into<Vec<u8>>) -> Box<dyn Setter + Send> {
    let value: Vec<u8> = value.into();
    let length = u16::try_from(value.len()).expect("short");
    Box::new(RawAttribute {
        typ: kind,
        length,
        value,
    })
}

pub fn peer(address: SocketAddr) -> Box<dyn Setter + Send> {
    Box::new(PeerAddress {
        ip: address.ip(),
        port: address.port(),
    })
}

pub fn udp() -> Box<dyn Setter + Send> {
    raw(ATTR_REQUESTED_TRANSPORT, [17, 0, 0, 0])
}

pub fn request(method: Method, attributes: Attributes) -> Message {
    message(MessageType::new(method, CLASS_REQUEST), attributes)
}

/// Data for a peer, outside of channels.
pub fn indication(to: SocketAddr, data: &[u8]) -> Message {
    message(
        MessageType::new(METHOD_SEND, CLASS_INDICATION),
        vec![peer(to), Box::new(Data(data.to_vec()))],
    )
}

fn message(kind: MessageType, attributes: Attributes) -> Message {
    let mut setters: Vec<Box<dyn Setter>> = vec![Box::new(TransactionId::new()), Box::new(kind)];
    setters.extend(
        attributes
            .into_iter()
            .map(|attribute| attribute as Box<dyn Setter>),
    );
    let mut message = Message::new();
    message.build(&setters).expect("a message");
    message
}

pub fn code(message: &Message) -> u16 {
    let mut code = ErrorCodeAttribute::default();
    code.get_from(message).map_or(0, |()| code.code.0)
}

impl Client {
    pub async fn new(relay: SocketAddr, credential: Credential) -> Self {
        let own: IpAddr = if relay.is_ipv4() {
            Ipv4Addr::LOCALHOST.into()
        } else {
            Ipv6Addr::LOCALHOST.into()
        };
        let socket = UdpSocket::bind((own, 0)).await.expect("a socket");
        Self {
            socket,
            relay,
            credential,
            nonce: None,
            held: VecDeque::new(),
        }
    }

    fn key(&self, realm: &str) -> MessageIntegrity {
        let Credential { username, password } = &self.credential;
        MessageIntegrity::new_long_term_integrity(
            username.clone(),
            realm.to_owned(),
            password.expose().to_owned(),
        )
    }

    /// A request with this client's credential and nonce.
    pub fn signed(&self, method: Method, mut attributes: Attributes) -> Message {
        let realm = "tebdil";
        attributes.push(Box::new(TextAttribute::new(
            ATTR_USERNAME,
            self.credential.username.clone(),
        )));
        attributes.push(Box::new(TextAttribute::new(ATTR_REALM, realm.to_owned())));
        attributes.push(Box::new(TextAttribute::new(
            ATTR_NONCE,
            self.nonce.clone().unwrap_or_default(),
        )));
        attributes.push(Box::new(self.key(realm)));
        request(method, attributes)
    }

    /// Gets a nonce, as every client must first.
    pub async fn greet(&mut self) {
        let answer = self
            .exchange(&request(METHOD_ALLOCATE, vec![udp()]))
            .await
            .expect("a challenge");
        assert_eq!(code(&answer), 401);
        self.nonce = Some(
            TextAttribute::get_from_as(&answer, ATTR_NONCE)
                .expect("a nonce")
                .text,
        );
    }

    /// Sends a request and returns the answer, `None` when none comes.
    pub async fn exchange(&mut self, message: &Message) -> Option<Message> {
        self.socket
            .send_to(&message.raw, self.relay)
            .await
            .expect("sent");
        let answer = async {
            loop {
                let datagram = self.datagram().await;
                match decode(&datagram) {
                    Ok(answer) if answer.transaction_id == message.transaction_id => return answer,
                    Ok(_) => {}
                    Err(received) => self.held.push_back(received),
                }
            }
        };
        timeout(PATIENCE, answer).await.ok()
    }

    async fn datagram(&self) -> Vec<u8> {
        let mut buffer = [0; 2_000];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer).await.expect("received");
            if from == self.relay {
                return buffer[..length].to_vec();
            }
        }
    }

    /// Asks with the credential. The success, whose integrity is checked, or the code of the error.
    pub async fn ask(&mut self, method: Method, attributes: Attributes) -> Result<Message, u16> {
        if self.nonce.is_none() {
            self.greet().await;
        }
        let message = self.signed(method, attributes);
        let mut answer = self.exchange(&message).await.expect("an answer");
        if answer.typ.class != CLASS_SUCCESS_RESPONSE {
            return Err(code(&answer));
        }
        self.key("tebdil")
            .check(&mut answer)
            .expect("the answer is authentic");
        Ok(answer)
    }

    pub async fn allocate(&mut self) -> Result<SocketAddr, u16> {
        let answer = self.ask(METHOD_ALLOCATE, vec![udp()]).await?;
        let mut address = RelayedAddress::default();
        address.get_from(&answer).expect("an address");
        Ok(SocketAddr::new(address.ip, address.port))
    }

    pub async fn refresh(&mut self, seconds: u32) -> Result<(), u16> {
        self.ask(
            METHOD_REFRESH,
            vec![raw(ATTR_LIFETIME, seconds.to_be_bytes())],
        )
        .await
        .map(drop)
    }

    pub async fn permit(&mut self, address: SocketAddr) -> Result<(), u16> {
        self.ask(METHOD_CREATE_PERMISSION, vec![peer(address)])
            .await
            .map(drop)
    }

    pub async fn bind(&mut self, number: u16, address: SocketAddr) -> Result<(), u16> {
        let number = raw(ATTR_CHANNEL_NUMBER, [number.to_be_bytes(), [0; 2]].concat());
        self.ask(METHOD_CHANNEL_BIND, vec![number, peer(address)])
            .await
            .map(drop)
    }

    pub async fn send(&self, to: SocketAddr, data: &[u8]) {
        self.socket
            .send_to(&indication(to, data).raw, self.relay)
            .await
            .expect("sent");
    }

    pub async fn send_channel(&self, number: u16, data: &[u8]) {
        let mut message = ChannelData {
            data: data.to_vec(),
            number: ChannelNumber(number),
            raw: Vec::new(),
        };
        message.encode();
        self.socket
            .send_to(&message.raw, self.relay)
            .await
            .expect("sent");
    }

    /// What comes next within that time.
    pub async fn receive(&mut self, within: Duration) -> Option<Received> {
        if let Some(held) = self.held.pop_front() {
            return Some(held);
        }
        let next = async {
            loop {
                if let Err(received) = decode(&self.datagram().await) {
                    return received;
                }
            }
        };
        timeout(within, next).await.ok()
    }

    pub async fn expect(&mut self, wanted: Received) {
        assert_eq!(self.receive(PATIENCE).await, Some(wanted));
    }

    pub async fn expect_silence(&mut self) {
        assert_eq!(self.receive(SILENCE).await, None);
    }
}

/// An answer, or what it carries otherwise.
fn decode(datagram: &[u8]) -> Result<Message, Received> {
    if ChannelData::is_channel_data(datagram) {
        let mut data = ChannelData {
            raw: datagram.to_vec(),
            ..ChannelData::default()
        };
        data.decode().expect("channel data");
        return Err(Received::Channel(data.number.0, data.data));
    }
    let mut message = Message {
        raw: datagram.to_vec(),
        ..Message::default()
    };
    message.decode().expect("a message");
    if message.typ.class != CLASS_INDICATION {
        return Ok(message);
    }
    let (mut from, mut data) = (PeerAddress::default(), Data::default());
    from.get_from(&message).expect("a peer");
    data.get_from(&message).expect("data");
    Err(Received::Data(SocketAddr::new(from.ip, from.port), data.0))
}
