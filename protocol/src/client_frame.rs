//! Frames from client to server.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{ErrorCode, MAX_CIPHERTEXT_BYTES, RtcCandidate, RtcDescription, RtcState, Secret};
use crate::{
    domain::{MessageKind, Mode},
    id::MatchId,
};

/// Longest text id of a frame, bytes.
const MAX_FRAME_ID_BYTES: usize = 64;

/// Largest number of a message: 2^53 - 1, the largest that JSON carries everywhere (RFC 8259 §6).
pub const MAX_SEQ: i64 = (1 << 53) - 1;

/// A client's own name for a frame; the answer carries it as `re`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FrameId {
    Number(i64),
    /// At most 64 bytes.
    Text(String),
}

/// First frame of a connection.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Hello {
    pub token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceInfo>,
    /// How far the client has come in the matches it knows; the server sends what came after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resume: Vec<ResumePoint>,
}

/// What `message_logs` keeps about the device and its connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceInfo {
    /// At most 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// `wifi`, `cellular`, `ethernet` or whatever the platform says; at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
}

/// The highest `seq` of the peer that the client has in a match; 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResumePoint {
    pub match_id: MatchId,
    pub peer_seq: i64,
}

/// Asks to be matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchFind {
    pub mode: Mode,
    /// At most 10; absent: those of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interests: Option<Vec<String>>,
    /// At most 5 ISO 639-1 codes; absent: those of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub languages: Option<Vec<String>>,
    /// 1 to 20,000; less than 10 counts as 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_distance_km: Option<u32>,
    /// Whether the search goes on for some minutes after its connection is lost; only with `text`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// Names a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MatchRef {
    pub match_id: MatchId,
}

/// An encrypted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageSend {
    pub match_id: MatchId,
    /// Position among this side's messages in the match: 1, 2, 3 … At most [`MAX_SEQ`].
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub seq: i64,
    pub kind: MessageKind,
    #[serde(with = "super::base64_bytes")]
    #[schema(value_type = String)]
    pub ciphertext: Vec<u8>,
    /// 32 bytes, the same as inside the message; only with content.
    #[serde(
        with = "super::base64_bytes::optional",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub franking_tag: Option<Vec<u8>>,
}

/// Says that every message of the peer up to `seq` has arrived (`message.ack`) or was read
/// (`message.read`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageAck {
    pub match_id: MatchId,
    /// 1 to [`MAX_SEQ`].
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub seq: i64,
}

/// Asks again for the peer's messages after `peer_seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageSync {
    pub match_id: MatchId,
    pub peer_seq: i64,
}

/// The user began or stopped writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Typing {
    pub match_id: MatchId,
    pub on: bool,
}

/// A fresh access token of the same session.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TokenRefresh {
    pub token: Secret,
}

/// A frame that has no fields of its own.
#[derive(Deserialize)]
struct Bare {}

/// Every frame a client may send.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum ClientFrame {
    #[serde(rename = "hello")]
    Hello(Hello),
    #[serde(rename = "match.find")]
    MatchFind(MatchFind),
    #[serde(rename = "match.cancel")]
    MatchCancel,
    #[serde(rename = "match.leave")]
    MatchLeave(MatchRef),
    #[serde(rename = "message.send")]
    MessageSend(MessageSend),
    #[serde(rename = "message.ack")]
    MessageAck(MessageAck),
    #[serde(rename = "message.read")]
    MessageRead(MessageAck),
    #[serde(rename = "message.sync")]
    MessageSync(MessageSync),
    #[serde(rename = "typing")]
    Typing(Typing),
    #[serde(rename = "rtc.description")]
    RtcDescription(RtcDescription),
    #[serde(rename = "rtc.candidate")]
    RtcCandidate(RtcCandidate),
    #[serde(rename = "rtc.state")]
    RtcState(RtcState),
    #[serde(rename = "token.refresh")]
    TokenRefresh(TokenRefresh),
    /// Asks whether the server is there. Pages cannot send WebSocket pings.
    #[serde(rename = "ping")]
    Ping,
}

impl ClientFrame {
    /// The frame as JSON text, with the client's id for it.
    pub fn to_json(&self, id: Option<&FrameId>) -> String {
        #[derive(Serialize)]
        struct Envelope<'a> {
            #[serde(flatten)]
            frame: &'a ClientFrame,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a FrameId>,
        }
        serde_json::to_string(&Envelope { frame: self, id })
            .expect("frames have string keys and serialize")
    }
}

/// Why a frame was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameError {
    /// The id of the refused frame, where it could be read.
    pub re: Option<FrameId>,
    /// `bad_frame` when the text is not a JSON object with a `type`; that closes the connection.
    pub code: ErrorCode,
    /// For the client's author; names fields, never values.
    pub message: String,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    /// As it was sent: an id of the wrong kind makes it a refused frame, but still a frame.
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

/// Reads one text frame.
///
/// # Errors
/// [`ErrorCode::BadFrame`] for text that is not a JSON object with a `type`,
/// [`ErrorCode::UnknownType`], [`ErrorCode::UnknownField`], [`ErrorCode::MessageTooLarge`] and
/// [`ErrorCode::InvalidField`] with the field's name. Nesting depth is bounded by the JSON reader.
pub fn parse_client_frame(text: &str) -> Result<(Option<FrameId>, ClientFrame), FrameError> {
    let bad = |message: &str| FrameError {
        re: None,
        code: ErrorCode::BadFrame,
        message: message.to_owned(),
    };
    // serde reads a struct from an array as well.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(bad("a frame is a JSON object"));
    }
    let head: Head<'_> = serde_json::from_str(text)
        .map_err(|_| bad("a frame is a JSON object with a text field `type`"))?;
    let id = head.id.map(frame_id).transpose()?;
    let frame = match head.kind.as_ref() {
        "hello" => body(text).map(ClientFrame::Hello),
        "match.find" => body(text).map(ClientFrame::MatchFind),
        "match.cancel" => body::<Bare>(text).map(|_| ClientFrame::MatchCancel),
        "match.leave" => body(text).map(ClientFrame::MatchLeave),
        "message.send" => body::<MessageSend>(text)
            .and_then(within_bounds)
            .and_then(|message| with_seq(message.seq, message))
            .map(ClientFrame::MessageSend),
        "message.ack" => body(text)
            .and_then(|ack: MessageAck| with_seq(ack.seq, ack))
            .map(ClientFrame::MessageAck),
        "message.read" => body(text)
            .and_then(|ack: MessageAck| with_seq(ack.seq, ack))
            .map(ClientFrame::MessageRead),
        "message.sync" => body(text).map(ClientFrame::MessageSync),
        "typing" => body(text).map(ClientFrame::Typing),
        "rtc.description" => body(text).map(ClientFrame::RtcDescription),
        "rtc.candidate" => body(text).map(ClientFrame::RtcCandidate),
        "rtc.state" => body(text).map(ClientFrame::RtcState),
        "token.refresh" => body(text).map(ClientFrame::TokenRefresh),
        "ping" => body::<Bare>(text).map(|_| ClientFrame::Ping),
        _ => Err((
            ErrorCode::UnknownType,
            "there is no frame of this type".to_owned(),
        )),
    };
    match frame {
        Ok(frame) => Ok((id, frame)),
        Err((code, message)) => Err(FrameError {
            re: id,
            code,
            message,
        }),
    }
}

fn frame_id(raw: &RawValue) -> Result<FrameId, FrameError> {
    let fits = |id: &FrameId| !matches!(id, FrameId::Text(text) if text.len() > MAX_FRAME_ID_BYTES);
    serde_json::from_str(raw.get())
        .ok()
        .filter(fits)
        .ok_or_else(|| FrameError {
            re: None,
            code: ErrorCode::InvalidField,
            message: "id: a text of at most 64 bytes, or an integer of 64 bits".to_owned(),
        })
}

type Refusal = (ErrorCode, String);

fn body<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    super::strict_json::from_str(text, &["type", "id"])
        .map_err(|refused| (refused.code, refused.to_string()))
}

fn within_bounds(frame: MessageSend) -> Result<MessageSend, Refusal> {
    if frame.ciphertext.len() > MAX_CIPHERTEXT_BYTES {
        return Err((
            ErrorCode::MessageTooLarge,
            "ciphertext: at most 16 KiB".to_owned(),
        ));
    }
    if frame.ciphertext.is_empty() {
        return Err((ErrorCode::InvalidField, "ciphertext: empty".to_owned()));
    }
    if frame
        .franking_tag
        .as_ref()
        .is_some_and(|tag| tag.len() != 32)
    {
        return Err((
            ErrorCode::InvalidField,
            "franking_tag: exactly 32 bytes".to_owned(),
        ));
    }
    if frame.franking_tag.is_some() && frame.kind != MessageKind::Content {
        return Err((
            ErrorCode::InvalidField,
            "franking_tag: only with kind content".to_owned(),
        ));
    }
    Ok(frame)
}

/// The frame, if its `seq` is in range.
fn with_seq<T>(seq: i64, frame: T) -> Result<T, Refusal> {
    if (1..=MAX_SEQ).contains(&seq) {
        Ok(frame)
    } else {
        Err((ErrorCode::InvalidField, format!("seq: 1 to {MAX_SEQ}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> (ErrorCode, String) {
        let error = parse_client_frame(text).expect_err("refused");
        (error.code, error.message)
    }

    #[test]
    fn text_that_is_no_frame() {
        let deep = format!(
            "{{\"type\":\"typing\",\"match_id\":\"1\",\"on\":{}true{}}}",
            "[".repeat(5_000),
            "]".repeat(5_000)
        );
        for text in [
            "",
            "[]",
            "1",
            "{}",
            "{\"type\":1}",
            "[\"match.cancel\"]",
            "{\"type\":\"typing\"",
            "{\"type\":\"typing\"} x",
        ] {
            assert_eq!(refusal(text).0, ErrorCode::BadFrame, "{text}");
        }
        assert_eq!(refusal(&deep).0, ErrorCode::InvalidField);
    }

    #[test]
    fn fields_that_are_wrong_are_named_and_never_quoted() {
        assert_eq!(refusal(r#"{"type":"nope"}"#).0, ErrorCode::UnknownType);
        assert_eq!(
            refusal(r#"{"type":"match.cancel","x":1}"#),
            (ErrorCode::UnknownField, "x: unknown field".to_owned())
        );
        assert_eq!(
            refusal(r#"{"type":"hello","token":"t","device":{"serial":"s"}}"#),
            (
                ErrorCode::UnknownField,
                "device.serial: unknown field".to_owned()
            )
        );
        let (code, message) =
            refusal(r#"{"type":"typing","match_id":"5412345678","on":"+905321234567"}"#);
        assert_eq!(code, ErrorCode::InvalidField);
        assert!(
            message.starts_with("on: ") && !message.contains("+90"),
            "{message}"
        );
        for seq in [
            "0",
            "-1",
            "1.5",
            "\"1\"",
            "null",
            "9007199254740992",
            "1e300",
        ] {
            for frame in [
                format!(r#"{{"type":"message.ack","match_id":"1","seq":{seq}}}"#),
                format!(r#"{{"type":"message.read","match_id":"1","seq":{seq}}}"#),
                format!(
                    r#"{{"type":"message.send","match_id":"1","seq":{seq},"kind":"content","ciphertext":"AQ=="}}"#
                ),
            ] {
                assert_eq!(refusal(&frame).0, ErrorCode::InvalidField, "{frame}");
            }
        }
        assert_eq!(
            refusal(r#"{"type":"message.ack","match_id":1,"seq":1}"#).0,
            ErrorCode::InvalidField
        );
    }

    #[test]
    fn an_id_of_another_kind_is_a_refused_frame() {
        let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
        let long = format!("\"{}\"", "i".repeat(65));
        for id in [
            "1.5",
            "true",
            "[]",
            "[1]",
            "{}",
            r#"{"a":1}"#,
            "18446744073709551615",
            "1e400",
            "9223372036854775808",
            &deep,
            &long,
        ] {
            let error = parse_client_frame(&format!(r#"{{"type":"match.cancel","id":{id}}}"#))
                .expect_err(id);
            assert_eq!(
                (error.re, error.code),
                (None, ErrorCode::InvalidField),
                "{id}"
            );
            assert!(error.message.starts_with("id: "), "{}", error.message);
        }
        let good = [
            ("null", None),
            ("-9223372036854775808", Some(FrameId::Number(i64::MIN))),
            (r#""""#, Some(FrameId::Text(String::new()))),
        ];
        for (id, read) in good {
            assert_eq!(
                parse_client_frame(&format!(r#"{{"id":{id},"type":"match.cancel"}}"#))
                    .expect(id)
                    .0,
                read
            );
        }
    }

    #[test]
    fn frames_survive_the_round_trip() {
        let frame = ClientFrame::MessageSend(MessageSend {
            match_id: MatchId(7),
            seq: 1,
            kind: MessageKind::Content,
            ciphertext: vec![1, 2, 3],
            franking_tag: None,
        });
        let text = frame.to_json(Some(&FrameId::Number(3)));
        insta::assert_snapshot!(text, @r#"{"type":"message.send","match_id":"7","seq":1,"kind":"content","ciphertext":"AQID","id":3}"#);
        let (id, parsed) = parse_client_frame(&text).expect("parses");
        assert_eq!(id, Some(FrameId::Number(3)));
        assert!(matches!(parsed, ClientFrame::MessageSend(send) if send.ciphertext == [1, 2, 3]));
    }
}
