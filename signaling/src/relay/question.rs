//! What the `turn` crate is asked: requests from authenticated clients, rewritten.
//!
//! The crate requires nonces of its own. The front sends it a wrong one once, takes the right one
//! from the answer, and uses it until the crate calls it stale: one nonce for the whole socket,
//! instead of one for every request. The front computes the integrity with the key of the client's
//! credential, so that the client can check the crate's answers.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use turn::{auth::AuthHandler, relay::RelayAddressGenerator};
use webrtc_util::Conn;

use super::{
    allocation::Allocation,
    conn::RelayConn,
    wire::{
        ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, Class, MessageBuilder, REFRESH, TransactionId,
        attribute,
    },
};

/// The realm, for clients and the crate.
pub(super) const REALM: &str = "tebdil";

/// UDP in REQUESTED-TRANSPORT.
pub(super) const UDP: u8 = 17;

/// One request.
pub(super) struct Question {
    pub what: QuestionKind,
    pub client: SocketAddr,
    pub transaction: TransactionId,
    pub key: Vec<u8>,
    /// Whether the client gets the answer.
    pub heard: bool,
    /// The crate said that the nonce was stale, and was asked again.
    pub again: bool,
}

/// What it is about.
pub(super) enum QuestionKind {
    /// `conn` until the crate takes it; the allocation is dropped with it.
    Allocate {
        conn: Option<Arc<RelayConn>>,
        allocation: Arc<Allocation>,
    },
    Refresh,
    End,
    Permit {
        allocation: Arc<Allocation>,
        peer: SocketAddr,
    },
    Bind {
        allocation: Arc<Allocation>,
        number: u16,
        peer: SocketAddr,
    },
}

impl QuestionKind {
    /// See [`Allocation::is_on_the_brink`].
    pub fn is_on_the_brink(&self) -> bool {
        let now = Instant::now();
        match self {
            Self::Permit { allocation, peer } => allocation.is_on_the_brink(peer.ip(), None, now),
            Self::Bind {
                allocation,
                number,
                peer,
            } => allocation.is_on_the_brink(peer.ip(), Some(*number), now),
            Self::Allocate { .. } | Self::Refresh | Self::End => false,
        }
    }
}

impl Question {
    /// The form the crate gets.
    pub fn write(&self, nonce: &str) -> Vec<u8> {
        let request = |method| MessageBuilder::new(Class::Request, method, self.transaction);
        let writer = match &self.what {
            QuestionKind::Allocate { .. } => {
                request(ALLOCATE).with(attribute::REQUESTED_TRANSPORT, &[UDP, 0, 0, 0])
            }
            QuestionKind::Refresh => request(REFRESH),
            QuestionKind::End => request(REFRESH).with(attribute::LIFETIME, &[0; 4]),
            QuestionKind::Permit { peer, .. } => {
                request(CREATE_PERMISSION).with_address(attribute::XOR_PEER_ADDRESS, *peer)
            }
            QuestionKind::Bind { number, peer, .. } => request(CHANNEL_BIND)
                .with(
                    attribute::CHANNEL_NUMBER,
                    &[number.to_be_bytes(), [0; 2]].concat(),
                )
                .with_address(attribute::XOR_PEER_ADDRESS, *peer),
        };
        let user = writer
            .with(attribute::USERNAME, b"-")
            .with(attribute::REALM, REALM.as_bytes());
        user.with(attribute::NONCE, nonce.as_bytes())
            .with_integrity(&self.key)
            .finish()
    }
}

/// Between the front of one socket and the crate, which reads one datagram after the other and is
/// done with one when it reads the next.
pub(super) struct Exchange {
    /// What the crate works on.
    pub current: Mutex<Option<Question>>,
    /// What the crate takes.
    pub nonce: Mutex<String>,
}

impl Exchange {
    pub fn new() -> Self {
        Self {
            current: Mutex::default(),
            nonce: Mutex::new("none".to_owned()),
        }
    }
}

impl AuthHandler for Exchange {
    fn auth_handle(&self, _: &str, _: &str, _: SocketAddr) -> Result<Vec<u8>, turn::Error> {
        self.current
            .lock()
            .as_ref()
            .map(|question| question.key.clone())
            .ok_or(turn::Error::ErrNoSuchUser)
    }
}

/// Gives the crate the allocation that the front made for the request.
pub(super) struct Prepared(pub Arc<Exchange>);

#[async_trait]
impl RelayAddressGenerator for Prepared {
    fn validate(&self) -> Result<(), turn::Error> {
        Ok(())
    }

    async fn allocate_conn(
        &self,
        _: bool,
        _: u16,
    ) -> Result<(Arc<dyn Conn + Send + Sync>, SocketAddr), turn::Error> {
        let conn = match self
            .0
            .current
            .lock()
            .as_mut()
            .map(|question| &mut question.what)
        {
            Some(QuestionKind::Allocate { conn, .. }) => conn.take(),
            _ => None,
        };
        let conn = conn.ok_or(turn::Error::ErrNoAllocationFound)?;
        let address = conn.allocation().address;
        Ok((conn, address))
    }
}
