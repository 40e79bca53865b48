//! Session descriptions, built anew from an allow-list of lines.
//!
//! A description is read line by line (RFC 8866) and what is known and harmless is written into a new one; the rest goes. So nothing passes that a later browser
//! may put there: addresses, candidates, names of devices. What stands in the lines that pass is checked by their grammars, and no value that reads as an address does.

mod attribute;

use std::fmt::Write as _;

use self::attribute::{Attribute, Scope};
use tebdil_core::domain::DescriptionKind;

use crate::address::has_address;

/// Longest description that is read, bytes. Chromium's, with audio, video and data, has about 8 KiB.
pub const MAX_SDP_BYTES: usize = 32 * 1024;

const MAX_LINES: usize = 1_000;
const MAX_LINE_BYTES: usize = 1_024;
/// Media of a call: audio, video and data, and some that were stopped.
pub(crate) const MAX_MEDIA: usize = 8;

/// Why a description is refused. The text holds nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSdp {
    #[error("sdp: longer than 32 KiB")]
    TooLarge,
    #[error("sdp: more than 1000 lines, or one longer than 1 KiB")]
    TooManyLines,
    /// The number of the line, from 1.
    #[error("sdp: line {0} is not well-formed")]
    Line(usize),
    #[error("sdp: {0}")]
    Missing(&'static str),
    #[error("sdp: {0}")]
    Forbidden(&'static str),
}

/// What is collected of the session, or of one medium.
#[derive(Default)]
struct Section {
    /// `m=`, and for the session nothing.
    head: String,
    lines: Vec<String>,
    rejected: bool,
}

impl Section {
    /// Whether it has an attribute with a value.
    fn has(&self, name: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.strip_prefix("a=").and_then(|line| line.strip_prefix(name)).is_some_and(|rest| rest.starts_with(':')))
    }
}

/// The description as the peer may see it.
///
/// # Errors
/// [`MalformedSdp`]: what is no description of an encrypted call over ICE.
pub fn sanitise_sdp(text: &str, kind: DescriptionKind) -> Result<String, MalformedSdp> {
    if text.len() > MAX_SDP_BYTES {
        return Err(MalformedSdp::TooLarge);
    }
    let mut session = Section::default();
    let mut media: Vec<Section> = Vec::new();
    let (mut origin, mut version, mut name, mut timing) = (None, false, false, false);
    let text = text.strip_suffix('\n').unwrap_or(text);
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if index >= MAX_LINES || line.len() > MAX_LINE_BYTES {
            return Err(MalformedSdp::TooManyLines);
        }
        let malformed = || MalformedSdp::Line(index + 1);
        let (key, value) = line.split_once('=').filter(|(key, _)| key.len() == 1).ok_or_else(malformed)?;
        if value.chars().any(char::is_control) {
            return Err(malformed());
        }
        if key == "m" {
            if media.len() >= MAX_MEDIA {
                return Err(MalformedSdp::Forbidden("more than 8 media"));
            }
            media.push(read_media(value).ok_or_else(malformed)?);
            continue;
        }
        match (key, media.last_mut()) {
            ("v", None) if value == "0" && !version => version = true,
            ("o", None) if origin.is_none() => origin = Some(read_origin(value).ok_or_else(malformed)?),
            ("s", None) if !name => name = true,
            ("t", None) if !timing => timing = true,
            ("b", Some(section)) => section.lines.extend(read_bandwidth(value)),
            ("a", None) => take(&mut session, value, Scope::Session).ok_or_else(malformed)?,
            ("a", Some(section)) => take(section, value, Scope::Media).ok_or_else(malformed)?,
            // Written anew, or of no use: connection, information, e-mail, phone, URI, repeats, keys.
            ("c" | "b" | "i" | "u" | "e" | "p" | "k" | "r" | "z", _) => {}
            _ => return Err(malformed()),
        }
    }
    let (id, revision) = origin.ok_or(MalformedSdp::Missing("o= is missing"))?;
    if !(version && name && timing) {
        return Err(MalformedSdp::Missing("v=0, s= or t= is missing"));
    }
    if media.is_empty() {
        return Err(MalformedSdp::Missing("there is no medium"));
    }
    for section in media.iter().filter(|section| !section.rejected) {
        complete(section, &session, kind)?;
    }
    Ok(write(id, revision, &session, &media))
}

/// Whether a medium in use has what it needs, of its own or of the session.
fn complete(section: &Section, session: &Section, kind: DescriptionKind) -> Result<(), MalformedSdp> {
    let has = |name| section.has(name) || session.has(name);
    if !section.has("mid") {
        return Err(MalformedSdp::Missing("a medium has no a=mid"));
    }
    if !has("ice-ufrag") || !has("ice-pwd") {
        return Err(MalformedSdp::Missing("a medium has no a=ice-ufrag or a=ice-pwd"));
    }
    if !has("fingerprint") {
        return Err(MalformedSdp::Missing("a medium has no a=fingerprint: calls are encrypted"));
    }
    // RFC 8842 §5.2: an offer may leave it out, and the answerer is active then.
    if kind == DescriptionKind::Answer && !has("setup") {
        return Err(MalformedSdp::Missing("a medium has no a=setup"));
    }
    Ok(())
}

fn write(id: u64, revision: u64, session: &Section, media: &[Section]) -> String {
    let mut out = format!("v=0\r\no=- {id} {revision} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for line in &session.lines {
        let _ = write!(out, "{line}\r\n");
    }
    for section in media {
        let _ = write!(out, "m={}\r\nc=IN IP4 0.0.0.0\r\n", section.head);
        for line in &section.lines {
            let _ = write!(out, "{line}\r\n");
        }
    }
    out
}

/// Session id and version: numbers that a client draws and counts.
fn read_origin(value: &str) -> Option<(u64, u64)> {
    let mut words = value.split(' ');
    let (_user, id, revision) = (words.next()?, words.next()?, words.next()?);
    let net = (words.next()?, words.next()?, words.next()?);
    (words.next().is_none() && net.0 == "IN").then_some(())?;
    Some((digits(id)?, digits(revision)?))
}

/// `audio 9 UDP/TLS/RTP/SAVPF 111 63`. The port is a placeholder: with ICE candidates say where.
fn read_media(value: &str) -> Option<Section> {
    let mut words = value.split(' ');
    let (kind, port, protocol) = (words.next()?, words.next()?, words.next()?);
    let formats: Vec<&str> = words.collect();
    let rejected = digits(port)? == 0;
    let fits = match (kind, protocol) {
        ("audio" | "video", "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF") => {
            formats.iter().all(|format| digits(format).is_some_and(|payload| payload <= 127))
        }
        ("application", "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP") => formats == ["webrtc-datachannel"],
        _ => false,
    };
    (fits && !formats.is_empty() && formats.len() <= 128).then_some(())?;
    let head = format!("{kind} {} {protocol} {}", if rejected { 0 } else { 9 }, formats.join(" "));
    Some(Section { head, rejected, ..Section::default() })
}

/// Bandwidth, in kilobits or bits a second; other kinds go.
fn read_bandwidth(value: &str) -> Option<String> {
    let (kind, limit) = value.split_once(':')?;
    (matches!(kind, "AS" | "TIAS") && digits(limit).is_some()).then(|| format!("b={kind}:{limit}"))
}

/// Takes an attribute into a section where it is allowed; `None` when it is malformed.
fn take(section: &mut Section, value: &str, scope: Scope) -> Option<()> {
    match attribute::read(value, scope)? {
        Attribute::Dropped => {}
        Attribute::Kept(line) => {
            // Fingerprints look like nothing else, and are checked to the last digit.
            if line.starts_with("fingerprint:") || line == attribute::RTCP || !has_address(&line) {
                section.lines.push(format!("a={line}"));
            }
        }
    }
    Some(())
}

/// A decimal number without sign.
fn digits(word: &str) -> Option<u64> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
