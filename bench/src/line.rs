//! One side of a chat, whatever server it talks to.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tebdil_client::raw::{Incoming, RawSocket};
use tebdil_protocol::{
    ClientFrame, MessageAck, MessageSend, ServerFrame, domain::MessageKind, id::MatchId,
};

use crate::{
    Result, chat,
    limit::{self, Client},
    socketio::{Event, SocketIo},
};

/// What a message comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The peer's message.
    New,
    /// Its own is taken.
    Accepted,
    /// Its own has arrived.
    Delivered,
    Other,
}

/// One side of a chat.
pub enum Line {
    Tebdil(Box<RawSocket>, MatchId),
    /// Of the bare relay, which hands on whatever it gets: a message is four frames, and nobody
    /// says that it is accepted.
    Relay(Box<RawSocket>),
    Limit(Box<Client>),
    /// Of the stack in Node, with the id of the match.
    Node(Box<SocketIo>, String),
}

const RELAYED_ACK: &str = r#"{"type":"message.delivered","match_id":"382455093657641512","seq":1}"#;

impl Line {
    /// Sends the message with this number.
    pub async fn say(&mut self, seq: i64, ciphertext: &[u8]) -> Result<()> {
        match self {
            Self::Tebdil(socket, match_id) => {
                let send = ClientFrame::MessageSend(MessageSend {
                    match_id: *match_id,
                    seq,
                    kind: MessageKind::Content,
                    ciphertext: ciphertext.to_vec(),
                    franking_tag: Some(chat::TAG.to_vec()),
                });
                socket.send_text(send.to_json(None)).await?;
            }
            Self::Relay(socket) => {
                let content = STANDARD.encode(ciphertext);
                socket
                    .send_text(format!(
                        "{{\"type\":\"message.new\",\"match_id\":\"1\",\"ciphertext\":\"{content}\"}}"
                    ))
                    .await?;
            }
            Self::Limit(client) => client.send().await?,
            Self::Node(socket, match_id) => {
                let message = json!({
                    "match_id": match_id,
                    "seq": seq,
                    "ciphertext": STANDARD.encode(ciphertext),
                    "franking_tag": STANDARD.encode(chat::TAG),
                });
                socket.call("message.send", &message.to_string()).await?;
            }
        }
        Ok(())
    }

    /// Acknowledges the peer's messages up to this one.
    pub async fn take(&mut self, seq: i64) -> Result<()> {
        match self {
            Self::Tebdil(socket, match_id) => {
                let match_id = *match_id;
                let ack = ClientFrame::MessageAck(MessageAck { match_id, seq });
                socket.send_text(ack.to_json(None)).await?;
            }
            Self::Relay(socket) => socket.send_text(RELAYED_ACK).await?,
            Self::Limit(client) => client.ack().await?,
            Self::Node(socket, match_id) => {
                let ack = json!({ "match_id": match_id, "seq": seq });
                socket.emit("message.ack", &ack.to_string()).await?;
            }
        }
        Ok(())
    }

    /// How many frames come back for one's own message.
    pub const fn answers(&self) -> usize {
        match self {
            Self::Relay(_) => 1,
            _ => 2,
        }
    }

    /// Reads, which answers pings, until something comes that nobody should have sent.
    pub async fn listen(&mut self) -> Result<()> {
        while self.next().await? == Heard::Other {}
        Err("a frame that nobody waited for".into())
    }

    /// The next frame.
    pub async fn next(&mut self) -> Result<Heard> {
        Ok(match self {
            Self::Tebdil(socket, _) | Self::Relay(socket) => of_type(&text(socket).await?)?,
            Self::Limit(client) => match client.next().await? {
                limit::NEW => Heard::New,
                limit::ACCEPTED => Heard::Accepted,
                limit::DELIVERED => Heard::Delivered,
                _ => Heard::Other,
            },
            Self::Node(socket, _) => match socket.next().await? {
                Event::Answer(text) if text.contains("\"ok\":true") => Heard::Accepted,
                Event::Answer(text) => return Err(format!("refused: {text}").into()),
                Event::Named(text) if text.starts_with("42[\"message.new\"") => Heard::New,
                Event::Named(text) if text.starts_with("42[\"message.delivered\"") => {
                    Heard::Delivered
                }
                Event::Named(_) => Heard::Other,
            },
        })
    }
}

async fn text(socket: &mut RawSocket) -> Result<String> {
    loop {
        match socket.next().await? {
            Incoming::Text(text) => return Ok(text),
            Incoming::Heartbeat => {}
            _ => return Err("the server hung up".into()),
        }
    }
}

/// By the beginning of the frame: the load's core has better things to do than to parse.
fn of_type(text: &str) -> Result<Heard> {
    let of = |kind: &str| {
        text.strip_prefix("{\"type\":\"")
            .is_some_and(|rest| rest.starts_with(kind))
    };
    if of("message.new\"") {
        Ok(Heard::New)
    } else if of("message.accepted\"") {
        Ok(Heard::Accepted)
    } else if of("message.delivered\"") {
        Ok(Heard::Delivered)
    } else if of("error\"") {
        Err(format!("refused: {text}").into())
    } else {
        Ok(Heard::Other)
    }
}

/// Has two search until they are matched.
pub async fn matched(mut a: RawSocket, mut b: RawSocket) -> Result<[Line; 2]> {
    let wish = ClientFrame::MatchFind(crate::find::ANYBODY);
    a.send(&wish, None).await?;
    b.send(&wish, None).await?;
    let found = |message: &tebdil_protocol::ServerMessage| match &message.frame {
        ServerFrame::MatchFound(found) => Some(found.found.id),
        _ => None,
    };
    let id = a.recv_until(found).await?;
    b.recv_until(found).await?;
    Ok([a, b].map(|socket| Line::Tebdil(Box::new(socket), id)))
}
