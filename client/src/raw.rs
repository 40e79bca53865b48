//! A WebSocket without any logic: for protocol tests, the load generator, and as the transport of
//! [`crate::connection`].

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tebdil_protocol::{
    ClientFrame, CloseCode, FrameId, Hello, SUBPROTOCOL, Secret, ServerMessage,
    franking::{FrankingTag, authenticated_data},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest,
        http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL},
        protocol::{CloseFrame, WebSocketConfig},
    },
};

/// Largest frame a client accepts, bytes.
const MAX_INCOMING: usize = 1024 * 1024;

/// How long [`RawSocket::recv`] and its kin wait before they give up.
pub const RECEIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What [`framed`] adds, bytes.
pub const FRAMING: usize = 98;

/// Why a socket could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// The server answered the upgrade with this HTTP status.
    #[error("the server refused the socket with HTTP status {0}")]
    Refused(u16),
    #[error("the address is not valid")]
    Address,
    /// Not reachable, cut off, or not speaking WebSocket.
    #[error("the connection failed: {0}")]
    Transport(#[source] Box<tungstenite::Error>),
    #[error("the server sent nothing in time")]
    Timeout,
    /// A text frame that is not a server frame.
    #[error("the server sent something that is not a frame of the contract")]
    NotAFrame,
    /// The socket is closed; the code is missing where the connection was cut.
    #[error("the socket is closed ({0:?})")]
    Closed(Option<u16>),
}

impl From<tungstenite::Error> for RawError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Http(response) => Self::Refused(response.status().as_u16()),
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
                Self::Closed(None)
            }
            other => Self::Transport(Box::new(other)),
        }
    }
}

/// Something that came in; pings and pongs are reported but need no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Text(String),
    Binary(Vec<u8>),
    /// A ping or pong: a sign of life.
    Heartbeat,
    /// The end, with the code and reason of the close frame where there was one.
    Closed(Option<(u16, String)>),
}

/// The WebSocket address of a server given by its HTTP address (`http://host:port` or `https://…`).
pub fn socket_url(server: &str) -> String {
    let server = server.trim_end_matches('/');
    let address = match server.split_once("://") {
        Some(("https" | "wss", rest)) => format!("wss://{rest}"),
        Some((_, rest)) => format!("ws://{rest}"),
        None => format!("ws://{server}"),
    };
    format!("{address}/v1/ws")
}

/// Bytes in the outer form of an encrypted content message with this tag, for those who look at
/// frames only. The body, of 64 to 16383 bytes, stands where the ciphertext would, behind
/// [`FRAMING`] bytes.
pub fn framed(tag: &FrankingTag, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len())
        .ok()
        .filter(|length| (64..0x4000).contains(length))
        .expect("64 to 16383 bytes");
    let mut bytes = vec![0, 1, 0, 2, 16];
    bytes.extend([9; 16]);
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 1, 1, 36]);
    bytes.extend(authenticated_data(tag));
    bytes.push(28);
    bytes.extend([0; 28]);
    bytes.extend((length | 0x4000).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// An open WebSocket.
#[derive(Debug)]
pub struct RawSocket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl From<WebSocketStream<MaybeTlsStream<TcpStream>>> for RawSocket {
    /// A socket that somebody else opened, as with certificates of his own.
    fn from(stream: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self { stream }
    }
}

impl RawSocket {
    /// Opens the socket of `server` (its HTTP address) with the subprotocol of the contract; says
    /// no `hello`.
    ///
    /// Drop-safe; no time limit of its own.
    pub async fn open(server: &str) -> Result<Self, RawError> {
        Self::open_with(&socket_url(server), Some(SUBPROTOCOL)).await
    }

    /// Opens `url` (`ws://…`) with any subprotocol or none.
    pub async fn open_with(url: &str, subprotocol: Option<&str>) -> Result<Self, RawError> {
        // Another crate in the process may bring a second TLS provider; rustls then refuses to
        // choose. An earlier choice stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut request = url.into_client_request().map_err(|_| RawError::Address)?;
        if let Some(name) = subprotocol {
            let name = HeaderValue::from_str(name).map_err(|_| RawError::Address)?;
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
        // The defaults cost 128 KiB a socket, which a load generator feels.
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_message_size(Some(MAX_INCOMING))
            .max_frame_size(Some(MAX_INCOMING));
        let (stream, _) = connect_async_with_config(request, Some(config), true).await?;
        Ok(Self { stream })
    }

    /// Opens the socket, says `hello` with `token`, and returns it with the server's first answer.
    pub async fn hello(server: &str, token: &Secret) -> Result<(Self, ServerMessage), RawError> {
        let mut socket = Self::open(server).await?;
        socket
            .send(
                &ClientFrame::Hello(Hello {
                    token: token.clone(),
                    device: None,
                    resume: vec![],
                }),
                None,
            )
            .await?;
        let first = socket.recv().await?;
        Ok((socket, first))
    }

    /// Sends `frame`, `id` being the client's name for it.
    pub async fn send(
        &mut self,
        frame: &ClientFrame,
        id: Option<&FrameId>,
    ) -> Result<(), RawError> {
        self.send_text(frame.to_json(id)).await
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: impl Into<String>) -> Result<(), RawError> {
        Ok(self.stream.send(Message::text(text.into())).await?)
    }

    /// Sends any JSON value.
    pub async fn send_json(&mut self, value: &Value) -> Result<(), RawError> {
        self.send_text(value.to_string()).await
    }

    /// Sends a binary frame, which the contract does not allow.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> Result<(), RawError> {
        Ok(self.stream.send(Message::binary(bytes)).await?)
    }

    /// Sends a ping.
    pub async fn ping(&mut self) -> Result<(), RawError> {
        Ok(self
            .stream
            .send(Message::Ping(tungstenite::Bytes::new()))
            .await?)
    }

    /// The next thing that comes in, whenever that is. Cancel-safe. Answers pings by itself.
    pub async fn next(&mut self) -> Result<Incoming, RawError> {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Text(text.to_string())),
            Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Binary(bytes.to_vec())),
            Some(Ok(Message::Close(frame))) => {
                Ok(Incoming::Closed(frame.map(|frame| {
                    (u16::from(frame.code), frame.reason.to_string())
                })))
            }
            Some(Ok(Message::Ping(_))) => {
                // The library has queued the pong and would send it with the next frame only.
                self.stream.flush().await?;
                Ok(Incoming::Heartbeat)
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Ok(Incoming::Heartbeat),
            None
            | Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)) => {
                Ok(Incoming::Closed(None))
            }
            Some(Err(error)) => Err(error.into()),
        }
    }

    async fn next_text(&mut self) -> Result<String, RawError> {
        let next = async {
            loop {
                match self.next().await? {
                    Incoming::Text(text) => return Ok(text),
                    Incoming::Heartbeat => {}
                    Incoming::Binary(_) => return Err(RawError::NotAFrame),
                    Incoming::Closed(close) => {
                        return Err(RawError::Closed(close.map(|(code, _)| code)));
                    }
                }
            }
        };
        tokio::time::timeout(RECEIVE_TIMEOUT, next)
            .await
            .unwrap_or(Err(RawError::Timeout))
    }

    /// The next frame; fails after [`RECEIVE_TIMEOUT`] or when the socket is closed.
    pub async fn recv(&mut self) -> Result<ServerMessage, RawError> {
        serde_json::from_str(&self.next_text().await?).map_err(|_| RawError::NotAFrame)
    }

    /// The next frame as plain JSON.
    pub async fn recv_json(&mut self) -> Result<Value, RawError> {
        serde_json::from_str(&self.next_text().await?).map_err(|_| RawError::NotAFrame)
    }

    /// Reads until a frame for which `wanted` answers `Some`; other frames are passed over.
    /// [`RECEIVE_TIMEOUT`] holds for each.
    pub async fn recv_until<T>(
        &mut self,
        mut wanted: impl FnMut(&ServerMessage) -> Option<T>,
    ) -> Result<T, RawError> {
        loop {
            if let Some(found) = wanted(&self.recv().await?) {
                return Ok(found);
            }
        }
    }

    /// Reads until the socket is closed and tells the close code; frames before are passed over.
    pub async fn recv_close(&mut self) -> Result<Option<u16>, RawError> {
        loop {
            match self.next_text().await {
                Ok(_) | Err(RawError::NotAFrame) => {}
                Err(RawError::Closed(code)) => return Ok(code),
                Err(error) => return Err(error),
            }
        }
    }

    /// The same as a [`CloseCode`], where it is one of the contract.
    pub async fn recv_close_code(&mut self) -> Result<Option<CloseCode>, RawError> {
        Ok(self.recv_close().await?.and_then(CloseCode::from_code))
    }

    /// Closes with the normal code and does not wait for the other side.
    pub async fn close(&mut self) -> Result<(), RawError> {
        let frame = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        Ok(self.stream.close(Some(frame)).await?)
    }
}

#[cfg(test)]
mod tests {
    use tebdil_protocol::franking::tag_in_message;

    use super::*;

    #[test]
    fn what_is_framed_has_the_form_of_a_message() {
        for length in [64, 16_383] {
            let bytes = framed(&[5; 32], &vec![7; length]);
            assert_eq!(
                (tag_in_message(&bytes), bytes.len()),
                (Some([5; 32]), FRAMING + length)
            );
        }
    }

    #[test]
    fn the_socket_is_beside_the_api() {
        assert_eq!(
            socket_url("http://127.0.0.1:8080"),
            "ws://127.0.0.1:8080/v1/ws"
        );
        assert_eq!(
            socket_url("https://chat.example/"),
            "wss://chat.example/v1/ws"
        );
        assert_eq!(socket_url("localhost:1"), "ws://localhost:1/v1/ws");
    }
}
