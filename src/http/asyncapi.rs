//! `GET /asyncapi.json`: the WebSocket half of the contract, as AsyncAPI 3.0.
//!
//! Everything in it comes from `tebdil_protocol`: the frames from the schemas of
//! [`ClientFrame`] and [`ServerFrame`], the codes from [`CloseCode::ALL`] and [`ErrorCode::ALL`]. A
//! new frame type is in the document as soon as it is a variant.

use serde_json::{Map, Value, json};
use tebdil_protocol::{
    ClientFrame, CloseCode, ErrorCode, FrameId, MAX_FRAME_BYTES, SUBPROTOCOL, ServerFrame,
};
use utoipa::{PartialSchema, ToSchema};

/// The address of the one channel.
const ADDRESS: &str = "/v1/ws";

/// What a client reads frames of later versions as; the server never sends it.
const UNKNOWN: &str = "unknown";

/// One side of the conversation.
struct Direction {
    /// Prefix of the keys of its messages, since `typing` goes both ways.
    prefix: &'static str,
    /// The optional field by which a frame and its answer find each other.
    correlation: &'static str,
    frames: Map<String, Value>,
}

/// The document. Each call builds it anew: keep it.
pub fn document() -> Value {
    let client = Direction {
        prefix: "client",
        correlation: "id",
        frames: frames::<ClientFrame>(),
    };
    let server = Direction {
        prefix: "server",
        correlation: "re",
        frames: frames::<ServerFrame>(),
    };

    let mut messages = Map::new();
    for direction in [&client, &server] {
        for (name, schema) in &direction.frames {
            messages.insert(direction.key(name), direction.message(name, schema));
        }
    }
    let in_channel: Map<String, Value> = messages
        .keys()
        .map(|key| {
            (
                key.clone(),
                json!({ "$ref": format!("#/components/messages/{key}") }),
            )
        })
        .collect();

    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tebdil WebSocket",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "description": format!(
                "One JSON object a text frame, subprotocol `{SUBPROTOCOL}`, at most {MAX_FRAME_BYTES} bytes from the client. The first frame is `hello`. \
                 A client's frame may carry `id`; its answer carries the same value as `re`. Order and guarantees: docs/protocol.md.",
            ),
        },
        "defaultContentType": "application/json",
        "channels": {
            "socket": {
                "address": ADDRESS,
                "messages": in_channel,
                "bindings": { "ws": { "method": "GET", "headers": handshake_headers(), "bindingVersion": "0.1.0" } },
            },
        },
        "operations": {
            "receive": client.operation("receive", "What a client sends."),
            "send": server.operation("send", "What the server sends."),
        },
        "components": { "messages": messages, "schemas": schemas() },
        "x-close-codes": CloseCode::ALL.iter().map(|code| {
            json!({ "code": code.code(), "reason": code.reason(), "reconnect": code.reconnect() })
        }).collect::<Vec<_>>(),
        "x-error-codes": ErrorCode::ALL.iter().map(|code| {
            json!({ "code": code.as_str(), "status": code.status(), "title": code.title() })
        }).collect::<Vec<_>>(),
    })
}

impl Direction {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    fn message(&self, name: &str, schema: &Value) -> Value {
        let correlation = json!({ "type": "object", "properties": { self.correlation: { "$ref": "#/components/schemas/FrameId" } } });
        json!({ "name": name, "payload": { "allOf": [schema, correlation] } })
    }

    fn operation(&self, action: &str, summary: &str) -> Value {
        let messages: Vec<Value> = self
            .frames
            .keys()
            .map(|name| json!({ "$ref": format!("#/channels/socket/messages/{}", self.key(name)) }))
            .collect();
        json!({ "action": action, "summary": summary, "channel": { "$ref": "#/channels/socket" }, "messages": messages })
    }
}

fn handshake_headers() -> Value {
    json!({
        "type": "object",
        "required": ["Sec-WebSocket-Protocol"],
        "properties": { "Sec-WebSocket-Protocol": { "type": "string", "const": SUBPROTOCOL } },
    })
}

/// The variants of a frame enum by the value of their `type`.
fn frames<T: PartialSchema>() -> Map<String, Value> {
    let schema = to_value(&T::schema());
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    variants
        .into_iter()
        .filter_map(|variant| Some((type_of(&variant)?, variant)))
        .filter(|(name, _)| name != UNKNOWN)
        .collect()
}

/// The `type` that a variant's schema requires, in itself or in one of the schemas it is composed
/// of.
fn type_of(schema: &Value) -> Option<String> {
    let own = &schema["properties"]["type"]["enum"][0];
    match own.as_str() {
        Some(name) => Some(name.to_owned()),
        None => schema["allOf"].as_array()?.iter().find_map(type_of),
    }
}

/// Every schema the messages refer to.
fn schemas() -> Map<String, Value> {
    let mut found = Vec::new();
    ClientFrame::schemas(&mut found);
    ServerFrame::schemas(&mut found);
    found.push((FrameId::name().into_owned(), FrameId::schema()));
    found
        .into_iter()
        .map(|(name, schema)| (name, to_value(&schema)))
        .collect()
}

fn to_value(schema: &impl serde::Serialize) -> Value {
    serde_json::to_value(schema).expect("schemas have string keys and serialize")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tebdil_protocol::parse_client_frame;

    use super::*;

    const CLIENT: &[&str] = &[
        "hello",
        "match.cancel",
        "match.find",
        "match.leave",
        "message.ack",
        "message.read",
        "message.send",
        "message.sync",
        "ping",
        "rtc.candidate",
        "rtc.description",
        "rtc.state",
        "token.refresh",
        "typing",
    ];
    const SERVER: &[&str] = &[
        "ad",
        "draining",
        "error",
        "match.cancelled",
        "match.ended",
        "match.found",
        "match.searching",
        "message.accepted",
        "message.delivered",
        "message.new",
        "message.read",
        "notification",
        "notification.read",
        "peer.presence",
        "pong",
        "quota",
        "rtc.candidate",
        "rtc.description",
        "rtc.state",
        "typing",
        "welcome",
    ];

    /// A new variant does not compile here until it has a name, and with the name in the list the
    /// document has to have it.
    fn client_name(frame: &ClientFrame) -> &'static str {
        match frame {
            ClientFrame::Hello(_) => "hello",
            ClientFrame::MatchFind(_) => "match.find",
            ClientFrame::MatchCancel => "match.cancel",
            ClientFrame::MatchLeave(_) => "match.leave",
            ClientFrame::MessageSend(_) => "message.send",
            ClientFrame::MessageAck(_) => "message.ack",
            ClientFrame::MessageRead(_) => "message.read",
            ClientFrame::MessageSync(_) => "message.sync",
            ClientFrame::Typing(_) => "typing",
            ClientFrame::RtcDescription(_) => "rtc.description",
            ClientFrame::RtcCandidate(_) => "rtc.candidate",
            ClientFrame::RtcState(_) => "rtc.state",
            ClientFrame::TokenRefresh(_) => "token.refresh",
            ClientFrame::Ping => "ping",
        }
    }

    fn names_in<'a>(document: &'a Value, prefix: &str) -> BTreeSet<&'a str> {
        let messages = document["channels"]["socket"]["messages"]
            .as_object()
            .expect("messages");
        messages
            .keys()
            .filter_map(|key| key.strip_prefix(prefix))
            .collect()
    }

    #[test]
    fn every_frame_is_in_the_document_and_nothing_else() {
        let document = document();
        assert_eq!(
            names_in(&document, "client."),
            CLIENT.iter().copied().collect()
        );
        assert_eq!(
            names_in(&document, "server."),
            SERVER.iter().copied().collect()
        );
        for name in CLIENT {
            let text = json!({ "type": name }).to_string();
            match parse_client_frame(&text) {
                Ok((_, frame)) => assert_eq!(client_name(&frame), *name),
                Err(refused) => assert_eq!(
                    refused.code,
                    ErrorCode::InvalidField,
                    "{name}: {}",
                    refused.message
                ),
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value) {
            match value {
                Value::Object(fields) => {
                    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                        let pointer = target
                            .strip_prefix('#')
                            .expect("a reference within the document");
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    fields.values().for_each(|field| walk(field, document));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, document)),
                _ => {}
            }
        }
        let document = document();
        walk(&document, &document);
    }

    #[test]
    fn every_code_is_there() {
        let document = document();
        let count = |field: &str| document[field].as_array().map(Vec::len);
        assert_eq!(count("x-close-codes"), Some(CloseCode::ALL.len()));
        assert_eq!(count("x-error-codes"), Some(ErrorCode::ALL.len()));
    }
}
