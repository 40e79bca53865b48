//! The limit: raw TCP that moves the frames of a message, byte for byte, and does nothing else.
//!
//! A frame has its length (4 bytes), what it is (1 byte), and as many bytes as the WebSocket frame
//! that it stands for, its header included. A message is five: `send` makes the peer's `new` and
//! the writer's `accepted`, `ack` makes the writer's `delivered`.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, LazyLock},
};

use parking_lot::Mutex;
use tebdil_protocol::{
    ClientFrame, Frank, MessageAccepted, MessageAck, MessageNew, MessageSend, ServerFrame,
    domain::MessageKind, id::MatchId, time::Timestamp,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use tokio_util::task::TaskTracker;

use crate::{Result, chat};

/// What a frame is.
pub const SEND: u8 = 1;
pub const ACK: u8 = 2;
pub const NEW: u8 = 3;
pub const ACCEPTED: u8 = 4;
pub const DELIVERED: u8 = 5;

const HEADER: usize = 5;

/// Larger than any frame here.
const BUFFER: usize = 32 * 1024;

/// The frames of a message with this ciphertext, of the lengths that Tebdil's have.
pub struct Frames {
    pub send: Vec<u8>,
    pub ack: Vec<u8>,
    new: Vec<u8>,
    accepted: Vec<u8>,
    delivered: Vec<u8>,
}

impl Frames {
    pub fn of(bytes: usize) -> Self {
        let (match_id, seq) = (MatchId(i64::MAX / 32), 1);
        let (ciphertext, tag) = (chat::ciphertext(bytes), Some(chat::TAG.to_vec()));
        let frank = Some(Frank {
            kid: "derived".into(),
            mac: [1; 32].to_vec(),
        });
        let sent_at = Timestamp::from_millis(1_800_000_000_123);
        let kind = MessageKind::Content;
        let send = ClientFrame::MessageSend(MessageSend {
            match_id,
            seq,
            kind,
            ciphertext: ciphertext.clone(),
            franking_tag: tag.clone(),
        });
        let ack = ClientFrame::MessageAck(MessageAck { match_id, seq });
        let new = ServerFrame::MessageNew(MessageNew {
            match_id,
            seq,
            kind,
            ciphertext,
            franking_tag: tag,
            frank: frank.clone(),
            sent_at,
        });
        let accepted = ServerFrame::MessageAccepted(MessageAccepted {
            match_id,
            seq,
            sent_at,
            frank,
        });
        let delivered = ServerFrame::MessageDelivered { match_id, seq };
        Self {
            // A client masks what it sends: four bytes more (RFC 6455, section 5.2).
            send: frame(SEND, &send.to_json(None), 4),
            ack: frame(ACK, &ack.to_json(None), 4),
            new: frame(NEW, &new.to_json(None), 0),
            accepted: frame(ACCEPTED, &accepted.to_json(None), 0),
            delivered: frame(DELIVERED, &delivered.to_json(None), 0),
        }
    }
}

fn frame(kind: u8, text: &str, mask: usize) -> Vec<u8> {
    let header = if text.len() < 126 { 2 } else { 4 };
    let length = header + mask + text.len() - HEADER;
    let mut frame = u32::try_from(length)
        .unwrap_or(u32::MAX)
        .to_be_bytes()
        .to_vec();
    frame.push(kind);
    frame.resize(HEADER + length, 0);
    frame
}

/// A connection that frames are read from.
pub struct Reader {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Reader {
    pub fn new() -> Self {
        Self {
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// The next frame that was read already: what it is.
    pub fn buffered(&mut self) -> Option<u8> {
        let (header, _) = self.buffer[self.start..self.end].split_first_chunk::<HEADER>()?;
        let [a, b, c, d, kind] = *header;
        let length = HEADER + u32::from_be_bytes([a, b, c, d]) as usize;
        (self.end - self.start >= length).then(|| {
            self.start += length;
            kind
        })
    }

    /// Reads more; false at the end.
    pub async fn more(
        &mut self,
        stream: &mut (impl tokio::io::AsyncRead + Unpin),
    ) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let read = stream.read(&mut self.buffer[self.end..]).await?;
        self.end += read;
        Ok(read > 0)
    }
}

type Pairs = Arc<Mutex<HashMap<u32, Vec<Arc<TcpStream>>>>>;

static NOBODY: LazyLock<Vec<u8>> = LazyLock::new(Vec::new);

/// Listens on a free port, prints the address, and serves until killed. Each connection first says
/// the number of its pair (4 bytes).
pub async fn serve(bytes: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (pairs, frames) = (Pairs::default(), Arc::new(Frames::of(bytes)));
    let connections = TaskTracker::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(relay(stream, Arc::clone(&pairs), Arc::clone(&frames)));
    }
}

async fn relay(mut stream: TcpStream, pairs: Pairs, frames: Arc<Frames>) -> io::Result<()> {
    let pair = stream.read_u32().await?;
    let mine = Arc::new(stream);
    let both = || pairs.lock().entry(pair).or_default().clone();
    pairs
        .lock()
        .entry(pair)
        .or_default()
        .push(Arc::clone(&mine));
    let mut peer = None;
    let mut reader = Reader::new();
    loop {
        mine.readable().await?;
        match mine.try_read(&mut reader.buffer[reader.end..]) {
            Ok(0) => return Ok(()),
            Ok(read) => reader.end += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if peer.is_none() {
            peer = both().into_iter().find(|other| !Arc::ptr_eq(other, &mine));
        }
        let Some(peer) = &peer else { continue };
        while let Some(kind) = reader.buffered() {
            let (own, theirs) = match kind {
                SEND => (&frames.accepted, &frames.new),
                _ => (&*NOBODY, &frames.delivered),
            };
            write(&mine, own).await?;
            write(peer, theirs).await?;
        }
        reader.buffer.copy_within(reader.start..reader.end, 0);
        (reader.start, reader.end) = (0, reader.end - reader.start);
    }
}

/// One frame of a pair is under way at a time, so the socket has room for it.
async fn write(stream: &TcpStream, frame: &[u8]) -> io::Result<()> {
    let mut rest = frame;
    while !rest.is_empty() {
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The client's end of it.
pub struct Client {
    stream: TcpStream,
    reader: Reader,
    frames: Arc<Frames>,
}

impl Client {
    pub async fn connect(url: &str, pair: u32, frames: Arc<Frames>) -> Result<Self> {
        let mut stream = TcpStream::connect(crate::usage::address(url)?).await?;
        stream.set_nodelay(true)?;
        stream.write_u32(pair).await?;
        Ok(Self {
            stream,
            reader: Reader::new(),
            frames,
        })
    }

    pub async fn send(&mut self) -> Result<()> {
        Ok(self.stream.write_all(&self.frames.send).await?)
    }

    pub async fn ack(&mut self) -> Result<()> {
        Ok(self.stream.write_all(&self.frames.ack).await?)
    }

    pub async fn next(&mut self) -> Result<u8> {
        loop {
            if let Some(kind) = self.reader.buffered() {
                return Ok(kind);
            }
            if !self.reader.more(&mut self.stream).await? {
                return Err("the limit hung up".into());
            }
        }
    }
}
