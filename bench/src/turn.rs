//! A TURN client that does as little as it can: what is measured is the relay.

use std::{net::SocketAddr, time::Duration};

use stun::{
    agent::TransactionId,
    attributes::{
        ATTR_CHANNEL_NUMBER, ATTR_NONCE, ATTR_REALM, ATTR_REQUESTED_TRANSPORT, ATTR_USERNAME,
        ATTR_XOR_PEER_ADDRESS, ATTR_XOR_RELAYED_ADDRESS,
    },
    integrity::MessageIntegrity,
    message::{
        CLASS_REQUEST, CLASS_SUCCESS_RESPONSE, METHOD_ALLOCATE, METHOD_CHANNEL_BIND, Message,
        MessageType, Method, Setter as _,
    },
    textattrs::TextAttribute,
    xoraddr::XorMappedAddress,
};
use tebdil_signaling::Credential;
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

use crate::Result;

/// How long an answer may take before the question is asked again (RFC 8489 §6.2.1).
const RETRANSMIT: Duration = Duration::from_millis(500);

/// How long a relay may take to answer at all; it may have begun to start a moment ago.
const PATIENCE: Duration = Duration::from_secs(15);

/// The channel that every client binds to its peer.
const CHANNEL: u16 = 0x4000;

/// Bytes before the data of a channel.
pub const HEADER: usize = 4;

/// UDP over IP, as REQUESTED-TRANSPORT.
const UDP: [u8; 4] = [17, 0, 0, 0];

/// One side of a call, with an allocation.
pub struct Client {
    pub socket: UdpSocket,
    relayed: SocketAddr,
    realm: String,
    nonce: String,
    credential: Credential,
}

impl Client {
    /// Allocates at a relay.
    pub async fn allocate(relay: SocketAddr, credential: Credential) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        socket.connect(relay).await?;
        let mut client = Self {
            socket,
            relayed: relay,
            realm: String::new(),
            nonce: String::new(),
            credential,
        };
        let challenge = client
            .ask(METHOD_ALLOCATE, |message| {
                message.add(ATTR_REQUESTED_TRANSPORT, &UDP);
            })
            .await?;
        client.realm = TextAttribute::get_from_as(&challenge, ATTR_REALM)?.text;
        client.nonce = TextAttribute::get_from_as(&challenge, ATTR_NONCE)?.text;
        let answer = client
            .ask(METHOD_ALLOCATE, |message| {
                message.add(ATTR_REQUESTED_TRANSPORT, &UDP);
            })
            .await?;
        let mut relayed = XorMappedAddress::default();
        relayed
            .get_from_as(&answer, ATTR_XOR_RELAYED_ADDRESS)
            .map_err(|_| format!("the relay refused an allocation: {answer}"))?;
        client.relayed = SocketAddr::new(relayed.ip, relayed.port);
        Ok(client)
    }

    /// Binds the channel to a peer, which also permits it to send.
    pub async fn bind(&self, peer: &Self) -> Result<()> {
        let peer = XorMappedAddress {
            ip: peer.relayed.ip(),
            port: peer.relayed.port(),
        };
        let channel = [CHANNEL.to_be_bytes(), [0; 2]].concat();
        let answer = self
            .ask(METHOD_CHANNEL_BIND, |message| {
                message.add(ATTR_CHANNEL_NUMBER, &channel);
                // The address is of a family that has a form.
                let _ = peer.add_to_as(message, ATTR_XOR_PEER_ADDRESS);
            })
            .await?;
        if answer.typ.class == CLASS_SUCCESS_RESPONSE {
            Ok(())
        } else {
            Err("the relay refused a channel".into())
        }
    }

    /// A request, asked until it is answered; signed once the relay has said how.
    async fn ask(&self, method: Method, attributes: impl Fn(&mut Message)) -> Result<Message> {
        let mut request = Message::new();
        TransactionId::new().add_to(&mut request)?;
        request.set_type(MessageType::new(method, CLASS_REQUEST));
        request.write_header();
        attributes(&mut request);
        if !self.nonce.is_empty() {
            let Credential { username, password } = &self.credential;
            for (kind, text) in [
                (ATTR_USERNAME, username),
                (ATTR_REALM, &self.realm),
                (ATTR_NONCE, &self.nonce),
            ] {
                TextAttribute::new(kind, text.clone()).add_to(&mut request)?;
            }
            let key = MessageIntegrity::new_long_term_integrity(
                username.clone(),
                self.realm.clone(),
                password.expose().to_owned(),
            );
            key.add_to(&mut request)?;
        }
        let begun = Instant::now();
        let mut buffer = [0; 2_048];
        while begun.elapsed() < PATIENCE {
            // On loopback an error only says that nobody listens yet.
            let _ = self.socket.send(&request.raw).await;
            let Ok(Ok(length)) = timeout(RETRANSMIT, self.socket.recv(&mut buffer)).await else {
                tokio::time::sleep(RETRANSMIT / 10).await;
                continue;
            };
            let mut answer = Message {
                raw: buffer[..length].to_vec(),
                ..Message::default()
            };
            if answer.decode().is_ok() && answer.transaction_id == request.transaction_id {
                return Ok(answer);
            }
        }
        Err("the relay does not answer".into())
    }
}

/// A datagram on the channel, with room for that many bytes.
pub fn datagram(bytes: usize) -> Result<Vec<u8>> {
    let mut datagram = [CHANNEL.to_be_bytes(), u16::try_from(bytes)?.to_be_bytes()].concat();
    datagram.resize(HEADER + bytes, 0xa5);
    Ok(datagram)
}
