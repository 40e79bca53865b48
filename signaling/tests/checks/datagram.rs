//! What reaches the relay's socket, as far as anybody can send it: reading trusts no length, and
//! what is written anew is read alike by another implementation.

use stun::{attributes::AttrType, message::Message as Other};

use super::wire::{ALLOCATE, Class, Message, MessageBuilder, attribute};

const KNOWN: [u16; 12] = [
    attribute::USERNAME,
    attribute::MESSAGE_INTEGRITY,
    attribute::ERROR_CODE,
    attribute::UNKNOWN_ATTRIBUTES,
    attribute::CHANNEL_NUMBER,
    attribute::LIFETIME,
    attribute::XOR_PEER_ADDRESS,
    attribute::DATA,
    attribute::REALM,
    attribute::NONCE,
    attribute::REQUESTED_ADDRESS_FAMILY,
    attribute::REQUESTED_TRANSPORT,
];

/// Whether the relay would read it at all.
pub fn is_message(bytes: &[u8]) -> bool {
    Message::parse(bytes).is_some()
}

/// A datagram, as a STUN message.
pub fn relay_datagram(bytes: &[u8]) {
    let Some(message) = Message::parse(bytes) else {
        return;
    };
    let mut other = Other {
        raw: bytes.to_vec(),
        ..Other::default()
    };
    other.decode().expect("another implementation reads it too");
    assert_eq!(other.transaction_id.0, message.transaction);
    assert_eq!(other.typ.value().to_be_bytes(), bytes[..2]);
    for kind in KNOWN {
        let Some(value) = message.get(kind) else {
            continue;
        };
        assert_eq!(
            other.get(AttrType(kind)).as_deref(),
            Ok(value),
            "the first of its type"
        );
        assert!(
            message
                .text(kind)
                .is_none_or(|text| text.as_bytes() == value)
        );
    }
    assert!(message.has_integrity() || !message.is_authentic(b"key"));
    let _ = message.error_code();

    // As the relay does with what it passes on.
    let mut writer = MessageBuilder::new(message.class, message.method, message.transaction);
    for (kind, value) in message.attributes() {
        writer = match message
            .xor_address(value)
            .filter(|_| kind == attribute::XOR_PEER_ADDRESS)
        {
            Some(address) => writer.with_address(kind, address),
            None => writer.with(kind, value),
        };
    }
    let written = writer.with_integrity(b"key").finish();
    let again = Message::parse(&written).expect("what was written is a message");
    assert_eq!(
        (again.class, again.method, again.transaction),
        (message.class, message.method, message.transaction)
    );
    assert!(again.is_authentic(b"key") && !again.is_authentic(b"another"));
    assert!(
        again
            .attributes()
            .map(|(kind, _)| kind)
            .eq(message.attributes().map(|(kind, _)| kind))
    );
    let [before, after] = [message, again].map(|each| {
        each.get(attribute::XOR_PEER_ADDRESS)
            .and_then(|value| each.xor_address(value))
    });
    assert_eq!(before, after, "an address is what it was");
}

/// A refusal is read as one.
pub fn refusal() {
    let written = MessageBuilder::new(Class::Error, ALLOCATE, [7; 12])
        .with_error(486, "Allocation Quota Reached")
        .finish();
    assert_eq!(
        Message::parse(&written).and_then(|message| message.error_code()),
        Some(486)
    );
    relay_datagram(&written);
}
