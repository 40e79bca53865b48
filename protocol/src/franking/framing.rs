//! Finds the tag in an MLS message (RFC 9420): it is in the authenticated data, which is not
//! encrypted. Nothing else in the message is read.

use super::FrankingTag;

/// Authenticated data of a content message: items of 35 bytes in all (`23`), one of them of the
/// component `0020` with 32 bytes (`20`), the tag.
const DATA_PREFIX: [u8; 4] = [0x23, 0x00, 0x20, 0x20];

/// `ProtocolVersion mls10`, `WireFormat mls_private_message`.
const PRIVATE_MESSAGE: [u8; 4] = [0, 1, 0, 2];

/// `ContentType application`: not a proposal or commit, which carry no content.
const APPLICATION: u8 = 1;

/// The authenticated data that carries `tag`.
pub fn authenticated_data(tag: &FrankingTag) -> Vec<u8> {
    [&DATA_PREFIX[..], tag].concat()
}

/// The tag in authenticated data, if that has the one allowed form.
pub fn tag_in_authenticated_data(data: &[u8]) -> Option<FrankingTag> {
    data.strip_prefix(&DATA_PREFIX)?.try_into().ok()
}

/// The tag in an `MLSMessage`, if that is one whole `PrivateMessage` with application content;
/// `None` for anything else.
///
/// Only the receiver, who checks the tag again, knows whether the message decrypts.
pub fn tag_in_message(message: &[u8]) -> Option<FrankingTag> {
    let mut rest = message.strip_prefix(&PRIVATE_MESSAGE)?;
    let _group_id = vector(&mut rest)?;
    let (_epoch, after) = rest.split_first_chunk::<8>()?;
    rest = after.strip_prefix(&[APPLICATION])?;
    let tag = tag_in_authenticated_data(vector(&mut rest)?)?;
    let _encrypted_sender_data = vector(&mut rest)?;
    let _ciphertext = vector(&mut rest)?;
    rest.is_empty().then_some(tag)
}

/// Takes a vector with its length (§2.1.2) off the front: the two highest bits of the first byte
/// say how many bytes the length takes, which must be as few as possible.
fn vector<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = match *rest {
        [a @ 0x00..=0x3f, after @ ..] => (u32::from(*a), after),
        [a @ 0x40..=0x7f, b, after @ ..] => (u32::from_be_bytes([0, 0, a & 0x3f, *b]), after),
        [a @ 0x80..=0xbf, b, c, d, after @ ..] => {
            (u32::from_be_bytes([a & 0x3f, *b, *c, *d]), after)
        }
        _ => return None,
    };
    let fewest = match length {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        _ => 4,
    };
    if rest.len() - after.len() != fewest {
        return None;
    }
    let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAG: FrankingTag = [0xa5; 32];

    fn prefixed(value: &[u8]) -> Vec<u8> {
        let length = u32::try_from(value.len()).expect("short");
        let mut bytes = match length {
            0..0x40 => length.to_be_bytes()[3..].to_vec(),
            0x40..0x4000 => (length | 0x4000).to_be_bytes()[2..].to_vec(),
            _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
        };
        bytes.extend_from_slice(value);
        bytes
    }

    fn message(group_id: &[u8], data: &[u8], ciphertext: &[u8]) -> Vec<u8> {
        let mut bytes = PRIVATE_MESSAGE.to_vec();
        bytes.extend(prefixed(group_id));
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 3, APPLICATION]);
        bytes.extend(prefixed(data));
        bytes.extend(prefixed(&[7; 28]));
        bytes.extend(prefixed(ciphertext));
        bytes
    }

    #[test]
    fn the_tag_is_found_in_messages_of_every_size() {
        for (group_id, ciphertext) in [
            (0, 0),
            (16, 63),
            (32, 64),
            (63, 16_383),
            (64, 16_384),
            (300, 70_000),
        ] {
            let bytes = message(
                &vec![1; group_id],
                &authenticated_data(&TAG),
                &vec![2; ciphertext],
            );
            assert_eq!(tag_in_message(&bytes), Some(TAG), "{group_id} {ciphertext}");
        }
    }

    #[test]
    fn what_is_not_one_whole_application_message_has_no_tag() {
        let good = message(&[1; 16], &authenticated_data(&TAG), &[2; 300]);
        for length in 0..good.len() {
            assert_eq!(tag_in_message(&good[..length]), None, "cut at {length}");
        }
        assert_eq!(
            tag_in_message(&[&good[..], &[0]].concat()),
            None,
            "a byte too many"
        );
        let changed = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            tag_in_message(&bytes)
        };
        assert_eq!(changed(1, 2), None, "another version");
        for format in [1, 3, 4, 5] {
            assert_eq!(
                changed(3, format),
                None,
                "public message, welcome, group info, key package"
            );
        }
        let content_type = 4 + 1 + 16 + 8;
        for kind in [0, 2, 3, 255] {
            assert_eq!(changed(content_type, kind), None, "proposal, commit");
        }
        for data in [
            vec![],
            TAG.to_vec(),
            [&[0x23, 0, 0x21, 0x20][..], &TAG].concat(),
            [&authenticated_data(&TAG)[..], &[0]].concat(),
        ] {
            assert_eq!(
                tag_in_message(&message(&[1; 16], &data, &[2; 300])),
                None,
                "data of another form"
            );
        }
    }

    #[test]
    fn a_length_has_one_form() {
        for (bytes, value) in [
            (&[0x01, 7][..], Some(&[7][..])),
            (&[0x40, 0x01, 7], None),
            (&[0x80, 0, 0, 0x01, 7], None),
            (&[0xc1, 7], None),
            (&[0x80, 0, 0x3f, 0xff], None),
            (&[], None),
            (&[0x00], Some(&[])),
        ] {
            assert_eq!(vector(&mut &*bytes), value, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(tag_in_message(&bytes), None);
            let begun = [&PRIVATE_MESSAGE[..], &bytes].concat();
            let _ = tag_in_message(&begun);
        }

        /// Whatever is changed in a good message, another tag is found only where the tag itself
        /// was changed.
        #[test]
        fn one_byte_changed_gives_no_other_tag(at in 0_usize..400, to in any::<u8>()) {
            let mut bytes = message(&[1; 16], &authenticated_data(&TAG), &[2; 300]);
            let at = at % bytes.len();
            bytes[at] = to;
            let tag_at = 4 + 1 + 16 + 8 + 1 + 1 + DATA_PREFIX.len();
            match tag_in_message(&bytes) {
                Some(tag) if (tag_at..tag_at + 32).contains(&at) => prop_assert_eq!(tag[at - tag_at], to),
                Some(tag) => prop_assert_eq!(tag, TAG),
                None => prop_assert!(!(tag_at..tag_at + 32).contains(&at)),
            }
        }
    }
}
