//! Session descriptions, rebuilt from an allow-list of lines.
//!
//! A description is read line by line (RFC 8866), and what is known and harmless is written into a
//! new one; the rest is dropped. So nothing passes that a later browser may add: addresses,
//! candidates, names of devices. Lines that pass are checked by their grammars, and no value that
//! reads as an address passes. Names of streams, tracks and sources are replaced ([`names`]).
//!
//! What a client that follows the rules needs is kept: renegotiation, ICE restart, media that were
//! rejected or stopped (port 0), data channels, and media that share the transport of another (RFC
//! 9143). Simulcast (`a=rid`, `a=simulcast`) is dropped: with one receiver there is nothing to
//! choose from, and an offer without it is a plain one.

mod attribute;
mod names;

use std::fmt::Write as _;

use self::attribute::{Attribute, Scope};
use tebdil_protocol::domain::DescriptionKind;

use crate::address::has_address;

/// Longest description that is read, bytes. Chromium's with audio, video and data has about 8 KiB.
pub const MAX_SDP_BYTES: usize = 32 * 1024;

/// The format of a medium that carries data channels (RFC 8841 §4.3).
const DATA_CHANNEL: &str = "webrtc-datachannel";

const MAX_LINES: usize = 1_000;
const MAX_LINE_BYTES: usize = 1_024;
/// Media of a call: audio, video and data, and room for some that were stopped.
pub(crate) const MAX_MEDIA: usize = 8;

/// Why a description is refused. The text quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedSdp {
    /// As it was received, or as it would be forwarded.
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

/// Attributes that a section may have once: of two, readers differ in which they believe.
const ONCE: [&str; 7] = [
    "mid",
    "ice-ufrag",
    "ice-pwd",
    "setup",
    "rtcp",
    "sctp-port",
    "max-message-size",
];

/// A line of the new description.
struct Line {
    text: String,
    /// Names that a client gave, to be replaced and written after the text.
    names: Vec<String>,
}

impl Line {
    fn plain(text: String) -> Self {
        Self {
            text,
            names: Vec::new(),
        }
    }
}

/// What is collected of the session, or of one medium.
#[derive(Default)]
struct Section {
    /// The `m=` line; empty for the session.
    head: String,
    lines: Vec<Line>,
    /// Port 0: rejected, stopped, or sharing the transport of another medium and nothing else
    /// (`a=bundle-only`).
    portless: bool,
}

impl Section {
    /// The values of an attribute.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter_map(move |line| {
            line.text
                .strip_prefix("a=")?
                .strip_prefix(name)?
                .strip_prefix(':')
        })
    }

    fn value<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.values(name).next()
    }
}

/// The description as the peer may see it.
///
/// # Errors
/// [`MalformedSdp`] if it does not describe an encrypted call over ICE.
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
        let (key, value) = line
            .split_once('=')
            .filter(|(key, _)| key.len() == 1)
            .ok_or_else(malformed)?;
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
            ("o", None) if origin.is_none() => {
                origin = Some(read_origin(value).ok_or_else(malformed)?);
            }
            ("s", None) if !name => name = true,
            ("t", None) if !timing => timing = true,
            ("b", Some(section)) => section.lines.extend(read_bandwidth(value).map(Line::plain)),
            ("a", None) => take(&mut session, value, Scope::Session).ok_or_else(malformed)?,
            ("a", Some(section)) => take(section, value, Scope::Media).ok_or_else(malformed)?,
            // Rewritten, or of no use: connection, information, e-mail, phone, URI, repeats, keys.
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
    for (index, section) in media.iter().enumerate() {
        let mid = section.value("mid");
        if mid.is_some()
            && media[..index]
                .iter()
                .any(|before| before.value("mid") == mid)
        {
            return Err(MalformedSdp::Forbidden("two media have the same a=mid"));
        }
        if !section.portless {
            complete(section, &session, &media, kind)?;
        }
    }
    let out = write(id, revision, &session, &media);
    // A replacement can be longer than the original.
    if out.len() > MAX_SDP_BYTES {
        return Err(MalformedSdp::TooLarge);
    }
    if out.lines().count() > MAX_LINES {
        return Err(MalformedSdp::TooManyLines);
    }
    Ok(out)
}

/// Whether a medium in use has what it needs: itself, from the session, or from a medium whose
/// transport it shares (RFC 9143 §7.1.3: such media need not repeat it).
fn complete(
    section: &Section,
    session: &Section,
    media: &[Section],
    kind: DescriptionKind,
) -> Result<(), MalformedSdp> {
    let mid = section
        .value("mid")
        .ok_or(MalformedSdp::Missing("a medium has no a=mid"))?;
    let bundle: Vec<&str> = session
        .values("group")
        .map(|group| group.split(' ').skip(1).collect::<Vec<_>>())
        .find(|mids| mids.contains(&mid))
        .unwrap_or_default();
    let sharing = || {
        media
            .iter()
            .filter(|other| other.value("mid").is_some_and(|mid| bundle.contains(&mid)))
    };
    let find = |name| {
        section
            .value(name)
            .or_else(|| session.value(name))
            .or_else(|| sharing().find_map(|other| other.value(name)))
    };
    if find("ice-ufrag").is_none() || find("ice-pwd").is_none() {
        return Err(MalformedSdp::Missing(
            "a medium has no a=ice-ufrag or a=ice-pwd",
        ));
    }
    if find("fingerprint").is_none() {
        return Err(MalformedSdp::Missing(
            "a medium has no a=fingerprint: calls are encrypted",
        ));
    }
    // RFC 8842 §5.2 and §5.3: an offer may leave it out, and the answerer is active then; an answer
    // decides.
    match (kind, find("setup")) {
        (DescriptionKind::Answer, None) => Err(MalformedSdp::Missing("a medium has no a=setup")),
        (DescriptionKind::Answer, Some("actpass")) => {
            Err(MalformedSdp::Forbidden("an answer has a=setup:actpass"))
        }
        _ => Ok(()),
    }
}

fn write(id: u64, revision: u64, session: &Section, media: &[Section]) -> String {
    let mut out = format!("v=0\r\no=- {id} {revision} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    // A description without one has no medium in use, and needs no names.
    let key = std::iter::once(session)
        .chain(media)
        .find_map(|section| section.value("fingerprint"));
    let lines = |out: &mut String, section: &Section| {
        for Line { text, names } in &section.lines {
            match key {
                _ if names.is_empty() => {
                    let _ = write!(out, "{text}\r\n");
                }
                Some(key) => {
                    let names: Vec<String> =
                        names.iter().map(|name| names::replace(name, key)).collect();
                    let _ = write!(out, "{text}{}\r\n", names.join(" "));
                }
                None => {}
            }
        }
    };
    lines(&mut out, session);
    for section in media {
        let _ = write!(out, "m={}\r\nc=IN IP4 0.0.0.0\r\n", section.head);
        lines(&mut out, section);
    }
    out
}

/// Session id and version: a random number and a counter of the client.
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
    let portless = digits(port)? == 0;
    let fits = match (kind, protocol) {
        ("audio" | "video", "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF") => formats
            .iter()
            .all(|format| digits(format).is_some_and(|payload| payload <= 127)),
        // Nobody reads the format of a stopped medium; Firefox writes "rejected".
        ("application", "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" | "DTLS/SCTP") => {
            formats.len() == 1 && (portless || formats == [DATA_CHANNEL])
        }
        _ => false,
    };
    (fits && !formats.is_empty() && formats.len() <= 128).then_some(())?;
    let formats = if kind == "application" {
        DATA_CHANNEL.to_owned()
    } else {
        formats.join(" ")
    };
    let head = format!(
        "{kind} {} {protocol} {formats}",
        if portless { 0 } else { 9 }
    );
    Some(Section {
        head,
        portless,
        ..Section::default()
    })
}

/// Bandwidth, in kilobits or bits per second; other kinds are dropped.
fn read_bandwidth(value: &str) -> Option<String> {
    let (kind, limit) = value.split_once(':')?;
    (matches!(kind, "AS" | "TIAS") && digits(limit).is_some()).then(|| format!("b={kind}:{limit}"))
}

/// Adds an attribute to a section if it is allowed there; `None` if it is malformed or a repeat.
fn take(section: &mut Section, value: &str, scope: Scope) -> Option<()> {
    let (text, names) = match attribute::read(value, scope)? {
        Attribute::Dropped => return Some(()),
        Attribute::Kept(text) => (text, Vec::new()),
        Attribute::Named(text, names) => (text, names),
    };
    let name = text.split(':').next().unwrap_or_default();
    if ONCE.contains(&name) && section.value(name).is_some() {
        return None;
    }
    // Fingerprints look like nothing else, and every digit is checked.
    if name == "fingerprint" || text == attribute::RTCP || !has_address(&text) {
        section.lines.push(Line {
            text: format!("a={text}"),
            names,
        });
    }
    Some(())
}

/// A decimal number without sign.
fn digits(word: &str) -> Option<u64> {
    word.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| word.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests;
