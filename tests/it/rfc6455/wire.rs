//! A client that says exactly what a test wants, right or wrong, on a TCP connection.

use std::{io::ErrorKind, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The key of RFC 6455 §1.3, and what it is accepted with.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// First bytes of frames, with FIN.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;
/// Continuation, the last one.
pub const LAST: u8 = 0x80;
/// What makes a first byte one without FIN.
pub const MORE: u8 = !0x80;

/// A frame from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub first: u8,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of a close frame; `None` of an empty one.
    pub fn code(&self) -> Option<u16> {
        assert_eq!(self.first, CLOSE, "{self:?}");
        self.payload
            .first_chunk()
            .map(|code| u16::from_be_bytes(*code))
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct Head {
    pub status: u16,
    lines: Vec<String>,
}

impl Head {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A masked frame as clients send it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = header(first, payload.len() as u64, true);
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// A frame that no client may send.
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(first, payload.len() as u64, false);
    bytes.extend(payload);
    bytes
}

/// The beginning of a frame up to the mask, its length in the shortest form.
pub fn header(first: u8, length: u64, masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => vec![first, mask | short],
        (_, Ok(middle)) => [vec![first, mask | 0x7e], middle.to_be_bytes().to_vec()].concat(),
        _ => [vec![first, mask | 0x7f], length.to_be_bytes().to_vec()].concat(),
    }
}

/// The head of a good handshake with this host.
pub fn upgrade(host: &str) -> String {
    format!(
        "GET /v1/ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: tebdil.v1\r\n\r\n"
    )
}

pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            read: Vec::new(),
        }
    }
}

impl Wire {
    /// A connection to a server given as `http://address`.
    pub async fn connect(base: &str) -> Self {
        let stream = TcpStream::connect(host(base)).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream.into()
    }

    /// An open socket.
    pub async fn open(base: &str) -> Self {
        let mut wire = Self::connect(base).await;
        wire.say(upgrade(host(base))).await;
        assert_eq!(wire.head().await.status, 101);
        wire
    }

    /// Sends bytes. Whether all of them were taken: a server that has ended the connection takes no
    /// more.
    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref()))
            .await
            .expect("taken in time")
            .is_ok()
    }

    /// The head of the answer to a request; `None` when the connection breaks or ends before.
    pub async fn try_head(&mut self) -> Option<Head> {
        while !self.read.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            if timeout(PATIENCE, self.stream.read_buf(&mut self.read))
                .await
                .expect("an answer in time")
                .ok()?
                == 0
            {
                return None;
            }
        }
        Some(self.head().await)
    }

    /// Reads until there are so many bytes; false when the stream ended in good order before. A
    /// reset fails the test.
    async fn fill(&mut self, length: usize) -> bool {
        while self.read.len() < length {
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.read))
                .await
                .expect("an answer in time");
            if read
                .unwrap_or_else(|error| panic!("the connection broke instead of ending: {error}"))
                == 0
            {
                return false;
            }
        }
        true
    }

    /// The head of the answer to a request; what follows it stays unread.
    pub async fn head(&mut self) -> Head {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(
                self.fill(self.read.len() + 1).await,
                "it ended before the answer"
            );
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).expect("text");
        let mut lines = head.split("\r\n").map(str::to_owned);
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .expect("a status");
        Head {
            status,
            lines: lines.collect(),
        }
    }

    /// The next frame; `None` when the stream ended in good order.
    pub async fn frame(&mut self) -> Option<Frame> {
        if !self.fill(2).await {
            assert!(self.read.is_empty(), "half a frame");
            return None;
        }
        assert_eq!(self.read[1] & 0x80, 0, "a server does not mask");
        let (head, length) = match self.read[1] {
            126 => {
                assert!(self.fill(4).await, "half a frame");
                (
                    4,
                    usize::from(u16::from_be_bytes([self.read[2], self.read[3]])),
                )
            }
            127 => panic!("no frame of the server is so long"),
            short => (2, usize::from(short)),
        };
        assert!(self.fill(head + length).await, "half a frame");
        let first = self.read[0];
        let payload = self.read[head..head + length].to_vec();
        self.read.drain(..head + length);
        Some(Frame { first, payload })
    }

    /// The next frame but pings, which the server sends when it likes.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.frame().await {
                Some(frame) if frame.first == PING => {}
                other => return other,
            }
        }
    }

    /// Passes over everything up to the close frame, after which the stream must end in good order.
    pub async fn closed(&mut self) -> Frame {
        let close = loop {
            let frame = self.next().await.expect("a close frame before the end");
            if frame.first == CLOSE {
                break frame;
            }
        };
        assert_eq!(
            self.frame().await,
            None,
            "nothing comes after the close frame"
        );
        close
    }

    /// The next text whose `re` is this.
    pub async fn answer_to(&mut self, re: &str) -> serde_json::Value {
        loop {
            let frame = self.next().await.expect("an answer before the end");
            if frame.first == PONG {
                continue;
            }
            assert_eq!(frame.first, TEXT, "{frame:?}");
            let value: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
            if value["re"] == re {
                return value;
            }
        }
    }

    /// Whether, behind whatever was under way, the server cut the connection without a close frame.
    pub async fn ends_in_reset(&mut self) -> bool {
        let mut taken = vec![0; 64 * 1024];
        loop {
            match timeout(PATIENCE, self.stream.read(&mut taken))
                .await
                .expect("an end in time")
            {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::ConnectionReset,
            }
        }
    }

    /// Reads so many bytes at a time until the stream ends, in whichever way.
    pub async fn sip(&mut self, bytes: usize, pause: Duration) {
        let mut taken = vec![0; bytes];
        while timeout(PATIENCE, self.stream.read(&mut taken))
            .await
            .expect("an end in time")
            .is_ok_and(|read| read > 0)
        {
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether the server cut the connection without a word.
    pub async fn is_reset(&mut self) -> bool {
        let mut byte = [0];
        match timeout(PATIENCE, self.stream.read(&mut byte))
            .await
            .expect("an end in time")
        {
            Ok(read) => read == 0,
            Err(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
        }
    }
}

/// What a base address names.
pub fn host(base: &str) -> &str {
    base.trim_start_matches("http://")
}
