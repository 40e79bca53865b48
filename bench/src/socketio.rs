//! As much of Socket.IO as the peers in Node need: Engine.IO 4 over a WebSocket, events, and calls
//! that are answered (<https://socket.io/docs/v4/socket-io-protocol/>).

use serde_json::{Value, json};
use tebdil_client::raw::{Incoming, RawSocket};

use crate::Result;

/// A connection to a Socket.IO server.
pub struct SocketIo {
    socket: RawSocket,
    calls: u64,
}

/// What came in.
pub enum Event {
    /// A named event with its first argument, as text.
    Named(String),
    /// The answer to a call.
    Answer(String),
}

impl SocketIo {
    /// Connects to `http://…` with this token.
    pub async fn connect(url: &str, token: &str) -> Result<Self> {
        let url = url.replace("http://", "ws://");
        let url = format!("{url}/socket.io/?EIO=4&transport=websocket");
        let mut socket = RawSocket::open_with(&url, None).await?;
        text(&mut socket).await?;
        socket
            .send_text(format!("40{}", json!({ "token": token })))
            .await?;
        let answer = text(&mut socket).await?;
        if !answer.starts_with("40") {
            return Err(format!("the peer refused: {answer}").into());
        }
        Ok(Self { socket, calls: 0 })
    }

    /// Sends an event whose argument is this JSON.
    pub async fn emit(&mut self, name: &str, argument: &str) -> Result<()> {
        let text = format!("42[\"{name}\",{argument}]");
        Ok(self.socket.send_text(text).await?)
    }

    /// The same as a call, which is answered.
    pub async fn call(&mut self, name: &str, argument: &str) -> Result<()> {
        self.calls += 1;
        let text = format!("42{}[\"{name}\",{argument}]", self.calls);
        Ok(self.socket.send_text(text).await?)
    }

    pub async fn next(&mut self) -> Result<Event> {
        loop {
            let text = text(&mut self.socket).await?;
            if text == "2" {
                self.socket.send_text("3").await?;
            } else if text.starts_with("42") {
                return Ok(Event::Named(text));
            } else if text.starts_with("43") {
                return Ok(Event::Answer(text));
            }
        }
    }

    /// Reads until an event of this name; its argument.
    pub async fn until(&mut self, name: &str) -> Result<Value> {
        let begin = format!("42[\"{name}\",");
        loop {
            if let Event::Named(text) = self.next().await?
                && text.starts_with(&begin)
            {
                let mut parts: Vec<Value> = serde_json::from_str(&text[2..])?;
                return Ok(parts.swap_remove(1));
            }
        }
    }
}

async fn text(socket: &mut RawSocket) -> Result<String> {
    loop {
        match socket.next().await? {
            Incoming::Text(text) => return Ok(text),
            Incoming::Heartbeat => {}
            _ => return Err("the peer hung up".into()),
        }
    }
}
