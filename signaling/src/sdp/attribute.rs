//! The attributes that pass, with their grammars.

use super::digits;
use crate::token::{is_ice_text, is_mid, is_token};

/// Where an attribute stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    Media,
}

/// What becomes of an attribute.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    /// In the form that is forwarded, without `a=`.
    Kept(String),
    /// The same, with names that follow it.
    Named(String, Vec<String>),
    Dropped,
}

/// The only RTCP address there is.
pub(super) const RTCP: &str = "rtcp:9 IN IP4 0.0.0.0";

/// Header extensions that tell nothing of what is said: the audio level would be readable by a
/// relay.
const HEADER_EXTENSIONS: [&str; 2] = [
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

/// Longest name of a stream, track or source, bytes.
const MAX_NAME_BYTES: usize = 256;

/// Reads an attribute (what follows `a=`). An unknown one is dropped; `None` when a known one has a
/// value that it cannot have.
pub(super) fn read(text: &str, scope: Scope) -> Option<Attribute> {
    let (name, value) = text
        .split_once(':')
        .map_or((text, None), |(name, value)| (name, Some(value)));
    if !is_token(name) {
        return None;
    }
    let keep = |fits: bool| kept(text, fits);
    let words = |most: usize| {
        value
            .map(|value| value.split(' ').take(most + 1).collect::<Vec<_>>())
            .filter(|words| words.len() <= most)
    };
    match (name, scope) {
        // Either way.
        ("fingerprint", _) => keep(value.is_some_and(is_fingerprint)),
        ("setup", _) => keep(matches!(value, Some("actpass" | "active" | "passive"))),
        ("ice-ufrag", _) => {
            keep(value.is_some_and(|value| (4..=256).contains(&value.len()) && is_ice_text(value)))
        }
        ("ice-pwd", _) => {
            keep(value.is_some_and(|value| (22..=256).contains(&value.len()) && is_ice_text(value)))
        }
        ("ice-options", _) => keep(words(4)?.into_iter().all(is_token)),
        ("extmap-allow-mixed" | "sendrecv" | "sendonly" | "recvonly" | "inactive", _)
        | ("rtcp-mux" | "rtcp-rsize" | "bundle-only", Scope::Media) => keep(value.is_none()),
        // Of the session.
        ("group", Scope::Session) => {
            let Some(mids) = value?
                .strip_prefix("BUNDLE")
                .filter(|mids| mids.is_empty() || mids.starts_with(' '))
            else {
                return Some(Attribute::Dropped);
            };
            keep(mids.split(' ').skip(1).all(is_mid))
        }
        (_, Scope::Media) => read_of_medium(text, name, value),
        _ => Some(Attribute::Dropped),
    }
}

/// Reads an attribute that only a medium can have.
fn read_of_medium(text: &str, name: &str, value: Option<&str>) -> Option<Attribute> {
    let keep = |fits: bool| kept(text, fits);
    match name {
        "mid" => keep(value.is_some_and(is_mid)),
        "rtcp" => Some(Attribute::Kept(RTCP.to_owned())),
        "rtpmap" => {
            let (payload, coding) = value?.split_once(' ')?;
            let mut parts = coding.split('/');
            let fits = parts.next().is_some_and(is_token)
                && (1..=2).contains(&parts.clone().count())
                && parts.all(|part| digits(part).is_some());
            keep(is_payload(payload) && fits)
        }
        "fmtp" => {
            let (payload, parameters) = value?.split_once(' ')?;
            // Of a data channel, in drafts of RFC 8841.
            if payload == super::DATA_CHANNEL || !is_plain(parameters) {
                return Some(Attribute::Dropped);
            }
            keep(is_payload(payload))
        }
        "rtcp-fb" => {
            let (payload, kinds) = value?.split_once(' ')?;
            // webrtc-rs and Pion end the line with a space when there is no parameter.
            let kinds = kinds.trim_end_matches(' ');
            let fits = (payload == "*" || is_payload(payload)) && kinds.split(' ').all(is_token);
            fits.then(|| Attribute::Kept(format!("rtcp-fb:{payload} {kinds}")))
        }
        "extmap" => {
            let (id, uri) = value?.split_once(' ')?;
            let fits = digits(id).is_some_and(|id| (1..=255).contains(&id));
            if fits && HEADER_EXTENSIONS.contains(&uri) {
                keep(true)
            } else {
                Some(Attribute::Dropped)
            }
        }
        "msid" => Some(Attribute::Named("msid:".to_owned(), read_names(value?)?)),
        "ssrc" => {
            let (id, rest) = value?.split_once(' ')?;
            let id = digits(id).and_then(|id| u32::try_from(id).ok());
            match rest.split_once(':') {
                Some((kind @ ("cname" | "msid"), names)) => Some(Attribute::Named(
                    format!("ssrc:{} {kind}:", id?),
                    read_names(names)?,
                )),
                _ => Some(Attribute::Dropped),
            }
        }
        "ssrc-group" => {
            let (kind, ids) = value?.split_once(' ')?;
            if !matches!(kind, "FID" | "FEC-FR" | "SIM") {
                return Some(Attribute::Dropped);
            }
            keep(
                ids.split(' ')
                    .all(|id| digits(id).is_some_and(|id| u32::try_from(id).is_ok())),
            )
        }
        "sctp-port" => keep(digits(value?).is_some_and(|port| u16::try_from(port).is_ok())),
        "max-message-size" => keep(digits(value?).is_some()),
        _ => Some(Attribute::Dropped),
    }
}

fn kept(text: &str, fits: bool) -> Option<Attribute> {
    fits.then(|| Attribute::Kept(text.to_owned()))
}

/// `sha-256 AB:CD:…` in the hash functions of RFC 8122 that are still strong.
fn is_fingerprint(value: &str) -> bool {
    let Some((hash, digest)) = value.split_once(' ') else {
        return false;
    };
    let bytes = match hash.to_ascii_lowercase().as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return false,
    };
    let pairs: Vec<&str> = digest.split(':').collect();
    pairs.len() == bytes
        && pairs
            .iter()
            .all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_payload(word: &str) -> bool {
    digits(word).is_some_and(|payload| payload <= 127)
}

/// One or two names that a client gave: of a stream and a track, or of a source.
fn read_names(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = text.split(' ').take(3).map(str::to_owned).collect();
    let fits = |name: &String| (1..=MAX_NAME_BYTES).contains(&name.len());
    (names.len() <= 2 && names.iter().all(fits)).then_some(names)
}

/// Parameters of a codec: names, numbers and Base64, in which neither an address of IPv6 nor a URL
/// can be written.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b" +,-./;=_".contains(&byte))
}
