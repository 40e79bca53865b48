//! STUN messages as this relay reads and writes them (RFC 8489 §5, §14). Reading allocates nothing
//! and trusts no length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

const HEADER: usize = 20;
const COOKIE: [u8; 4] = 0x2112_a442_u32.to_be_bytes();
const INTEGRITY: usize = 20;

pub(super) const ALLOCATE: u16 = 3;
pub(super) const REFRESH: u16 = 4;
pub(super) const SEND: u16 = 6;
pub(super) const CREATE_PERMISSION: u16 = 8;
pub(super) const CHANNEL_BIND: u16 = 9;

/// Types of attributes.
pub(super) mod attribute {
    pub const USERNAME: u16 = 0x0006;
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    pub const ERROR_CODE: u16 = 0x0009;
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub const CHANNEL_NUMBER: u16 = 0x000c;
    pub const LIFETIME: u16 = 0x000d;
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub const DATA: u16 = 0x0013;
    pub const REALM: u16 = 0x0014;
    pub const NONCE: u16 = 0x0015;
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

pub(super) type TransactionId = [u8; 12];

/// One STUN message, whole and well formed as far as lengths go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    raw: &'a [u8],
    pub class: Class,
    pub method: u16,
    pub transaction: TransactionId,
}

impl<'a> Message<'a> {
    /// `None` when the bytes are not exactly one message.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let header = raw.first_chunk::<HEADER>()?;
        let kind = u16::from_be_bytes([header[0], header[1]]);
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if kind & 0xc000 != 0
            || length % 4 != 0
            || raw.len() != HEADER + length
            || header[4..8] != COOKIE
        {
            return None;
        }
        let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        };
        let method = (kind & 0x000f) | ((kind >> 1) & 0x0070) | ((kind >> 2) & 0x0f80);
        let transaction = *header.last_chunk()?;
        let message = Self {
            raw,
            class,
            method,
            transaction,
        };
        // Every attribute ends within the message.
        let end = message.walk().last().map_or(HEADER, |(offset, _, value)| {
            offset + 4 + padded(value.len())
        });
        (end == raw.len()).then_some(message)
    }

    /// Offset, type and value of all attributes, up to one that does not fit.
    fn walk(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> + use<'a> {
        let raw = self.raw;
        let mut offset = HEADER;
        std::iter::from_fn(move || {
            let head = raw.get(offset..)?.first_chunk::<4>()?;
            let value = raw
                .get(offset + 4..)?
                .get(..usize::from(u16::from_be_bytes([head[2], head[3]])))?;
            let at = offset;
            offset += 4 + padded(value.len());
            Some((at, u16::from_be_bytes([head[0], head[1]]), value))
        })
    }

    /// The attributes up to MESSAGE-INTEGRITY (RFC 8489 §14.5 says to ignore the rest).
    pub fn attributes(&self) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        self.walk()
            .map(|(_, kind, value)| (kind, value))
            .take_while(|(kind, _)| *kind != attribute::MESSAGE_INTEGRITY)
    }

    /// The first attribute of a type; further ones are ignored (RFC 8489 §14).
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes()
            .find_map(|(each, value)| (each == kind).then_some(value))
    }

    /// The first attribute of a type, if it is text.
    pub fn text(&self, kind: u16) -> Option<&'a str> {
        std::str::from_utf8(self.get(kind)?).ok()
    }

    /// Whether it claims to be authentic.
    pub fn has_integrity(&self) -> bool {
        self.walk()
            .any(|(_, kind, _)| kind == attribute::MESSAGE_INTEGRITY)
    }

    /// Whether its sender holds the key. Compares in constant time.
    pub fn is_authentic(&self, key: &[u8]) -> bool {
        let Some((offset, _, value)) = self
            .walk()
            .find(|(_, kind, _)| *kind == attribute::MESSAGE_INTEGRITY)
        else {
            return false;
        };
        integrity(key, &self.raw[..offset])
            .verify_slice(value)
            .is_ok()
    }

    /// One of its XOR-…-ADDRESS attributes; an IPv4 address mapped into IPv6 is returned as IPv4.
    pub fn xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        let (head, address) = value.split_first_chunk::<4>()?;
        let port = u16::from_be_bytes([head[2] ^ COOKIE[0], head[3] ^ COOKIE[1]]);
        let ip = match (head[1], address.len()) {
            (1, 4) => Ipv4Addr::from_bits(u32::from_be_bytes(xor(
                address.try_into().ok()?,
                &self.transaction,
            )))
            .into(),
            (2, 16) => IpAddr::from(Ipv6Addr::from(xor::<16>(
                address.try_into().ok()?,
                &self.transaction,
            )))
            .to_canonical(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// The code of an error.
    pub fn error_code(&self) -> Option<u16> {
        let value = self.get(attribute::ERROR_CODE)?;
        Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?))
    }
}

/// The bytes of an address, XOR-ed with cookie and transaction (RFC 8489 §14.2); doing it twice
/// undoes it.
fn xor<const N: usize>(mut bytes: [u8; N], transaction: &TransactionId) -> [u8; N] {
    bytes
        .iter_mut()
        .zip(COOKIE.iter().chain(transaction))
        .for_each(|(byte, mask)| *byte ^= mask);
    bytes
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// The HMAC of everything before MESSAGE-INTEGRITY, with the length that the message has up to its
/// end (RFC 8489 §14.5).
fn integrity(key: &[u8], before: &[u8]) -> Hmac<Sha1> {
    let length = u16::try_from(before.len() - HEADER + 4 + INTEGRITY).unwrap_or(u16::MAX);
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&before[..2]);
    mac.update(&length.to_be_bytes());
    mac.update(&before[4..]);
    mac
}

/// A message being built.
#[derive(Debug, Clone)]
pub(super) struct MessageBuilder(Vec<u8>);

impl MessageBuilder {
    pub fn new(class: Class, method: u16, transaction: TransactionId) -> Self {
        let class = match class {
            Class::Request => 0,
            Class::Indication => 0x0010,
            Class::Success => 0x0100,
            Class::Error => 0x0110,
        };
        let kind = (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2) | class;
        let mut raw = Vec::with_capacity(160);
        raw.extend(kind.to_be_bytes());
        raw.extend([0; 2]);
        raw.extend(COOKIE);
        raw.extend(transaction);
        Self(raw)
    }

    /// Adds an attribute.
    pub fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend(kind.to_be_bytes());
        self.0
            .extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        self.0.extend(value);
        self.0.resize(padded(self.0.len()), 0);
        self
    }

    /// Adds an attribute XOR-…-ADDRESS.
    pub fn with_address(self, kind: u16, address: SocketAddr) -> Self {
        let transaction = *self.0[..HEADER]
            .last_chunk()
            .expect("a message begins with its header");
        let mut value = [0; 20];
        let port = address.port().to_be_bytes();
        value[2..4].copy_from_slice(&[port[0] ^ COOKIE[0], port[1] ^ COOKIE[1]]);
        let length = match address.ip() {
            IpAddr::V4(ip) => {
                value[1] = 1;
                value[4..8].copy_from_slice(&xor(ip.octets(), &transaction));
                8
            }
            IpAddr::V6(ip) => {
                value[1] = 2;
                value[4..20].copy_from_slice(&xor(ip.octets(), &transaction));
                20
            }
        };
        self.with(kind, &value[..length])
    }

    /// Adds ERROR-CODE.
    pub fn with_error(self, code: u16, reason: &str) -> Self {
        let [class, number] = [code / 100, code % 100].map(|part| u8::try_from(part).unwrap_or(0));
        let mut value = vec![0, 0, class, number];
        value.extend(reason.as_bytes());
        self.with(attribute::ERROR_CODE, &value)
    }

    /// Adds MESSAGE-INTEGRITY, the last attribute.
    pub fn with_integrity(self, key: &[u8]) -> Self {
        let mac = integrity(key, &self.0).finalize().into_bytes();
        self.with(attribute::MESSAGE_INTEGRITY, &mac)
    }

    /// The message.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.0.len() - HEADER).unwrap_or(u16::MAX);
        self.0[2..4].copy_from_slice(&length.to_be_bytes());
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turn::auth::generate_auth_key;

    use super::*;

    /// RFC 5769 §2.4: a Binding request with long-term credentials.
    const SAMPLE: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b3935346436\
        4f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

    fn sample() -> Vec<u8> {
        (0..SAMPLE.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&SAMPLE[at..at + 2], 16).expect("hex"))
            .collect()
    }

    #[test]
    fn the_sample_of_the_rfc_is_read_and_authentic() {
        let raw = sample();
        let message = Message::parse(&raw).expect("a message");
        assert_eq!((message.class, message.method), (Class::Request, 1));
        let user = message.text(attribute::USERNAME).expect("a name");
        assert_eq!(
            (user, message.text(attribute::REALM)),
            ("マトリックス", Some("example.org"))
        );
        let key = generate_auth_key(user, "example.org", "TheMatrIX");
        assert!(message.is_authentic(&key));
        assert!(!message.is_authentic(&generate_auth_key(user, "example.org", "TheMatrix")));
        for at in 0..raw.len() {
            let mut changed = raw.clone();
            changed[at] ^= 1;
            assert!(
                Message::parse(&changed).is_none_or(|message| !message.is_authentic(&key)),
                "byte {at}"
            );
        }
        // What stands behind the integrity does not count, and takes nothing from it.
        let mut longer = raw.clone();
        longer.extend([0, 0x0d, 0, 4, 0, 0, 0, 0]);
        longer[3] += 8;
        let longer = Message::parse(&longer).expect("a message");
        assert!(longer.is_authentic(&key) && longer.get(attribute::LIFETIME).is_none());
    }

    #[test]
    fn what_is_written_is_read_here_and_by_the_crate() {
        use stun::message::Getter as _;
        for text in ["192.0.2.1:49160", "[2001:db8::1]:49160"] {
            let address: SocketAddr = text.parse().expect("an address");
            let writer = MessageBuilder::new(Class::Request, CREATE_PERMISSION, *b"transaction!")
                .with_address(attribute::XOR_PEER_ADDRESS, address);
            let raw = writer
                .with(attribute::USERNAME, b"x")
                .with_integrity(b"key")
                .finish();
            let message = Message::parse(&raw).expect("a message");
            assert_eq!(
                (message.class, message.method, message.transaction),
                (Class::Request, CREATE_PERMISSION, *b"transaction!")
            );
            assert_eq!(
                message
                    .get(attribute::XOR_PEER_ADDRESS)
                    .and_then(|value| message.xor_address(value)),
                Some(address)
            );
            assert!(
                message.has_integrity()
                    && message.is_authentic(b"key")
                    && !message.is_authentic(b"Key")
            );

            let mut theirs = stun::message::Message {
                raw,
                ..stun::message::Message::default()
            };
            theirs.decode().expect("a message");
            stun::integrity::MessageIntegrity(b"key".to_vec())
                .check(&mut theirs)
                .expect("authentic");
            let mut peer = turn::proto::peeraddr::PeerAddress::default();
            peer.get_from(&theirs).expect("a peer");
            assert_eq!((peer.ip, peer.port), (address.ip(), address.port()));
        }
        let raw = MessageBuilder::new(Class::Error, ALLOCATE, [7; 12])
            .with_error(486, "Allocation Quota Reached")
            .finish();
        assert_eq!(
            Message::parse(&raw).and_then(|message| message.error_code()),
            Some(486)
        );
    }

    #[test]
    fn a_mapped_address_is_what_it_maps() {
        let address: SocketAddr = "[::ffff:192.0.2.1]:5".parse().expect("an address");
        let raw = MessageBuilder::new(Class::Indication, SEND, [3; 12])
            .with_address(attribute::XOR_PEER_ADDRESS, address)
            .finish();
        let message = Message::parse(&raw).expect("a message");
        let read = message
            .get(attribute::XOR_PEER_ADDRESS)
            .and_then(|value| message.xor_address(value));
        assert_eq!(read, Some("192.0.2.1:5".parse().expect("an address")));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(mut raw in proptest::collection::vec(any::<u8>(), 0..120), known in any::<bool>(), value in proptest::collection::vec(any::<u8>(), 0..24)) {
            if known && raw.len() >= HEADER {
                let length = u16::try_from(raw.len() - HEADER).expect("short");
                raw[0] &= 0x3f;
                raw[2..4].copy_from_slice(&length.to_be_bytes());
                raw[4..8].copy_from_slice(&COOKIE);
            }
            if let Some(message) = Message::parse(&raw) {
                prop_assert!(!message.is_authentic(b"key"));
                let _ = (message.attributes().count(), message.error_code(), message.xor_address(&value), message.text(attribute::USERNAME));
            }
        }
    }
}
