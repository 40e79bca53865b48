//! One WebSocket connection: one task with a reading and a writing half that never wait for each
//! other.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use futures_util::{
    FutureExt as _, Sink, SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tebdil_protocol::{
    ClientFrame, CloseCode, ErrorCode, FrameError, FrameId, Hello, MAX_FRAME_BYTES, ServerFrame,
    parse_client_frame, time::Timestamp,
};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Duration, Instant, timeout},
};
use tokio_tungstenite::tungstenite::{
    self, Bytes, Message, Utf8Bytes, error::ProtocolError, protocol::CloseFrame,
};

use super::{
    Socket, Sockets, dispatch,
    limits::{FrameLimits, Pace, refusal},
    welcome::{self, HelloError},
};
use crate::{
    hub::{Connection, Next, come_back_after_ms},
    limits::ConnectionPermit,
};

/// How long a closed connection is kept so that its close frame arrives: closing with unread input
/// would reset the connection and lose the frame.
const LINGER: Duration = Duration::from_secs(1);

/// How long a client that stopped reading has to read what was written before the close.
const SLOW_GRACE: Duration = Duration::from_secs(5);

/// A signed-in connection with what only its own task needs.
pub(super) struct SocketSession {
    pub(super) connection: Arc<Connection>,
    /// When the access token ends, milliseconds; `token.refresh` moves it.
    token_expires_at: AtomicI64,
}

impl SocketSession {
    pub(super) fn new(connection: Arc<Connection>, token_expires_at: Timestamp) -> Self {
        Self {
            connection,
            token_expires_at: AtomicI64::new(token_expires_at.millis()),
        }
    }

    pub(super) fn extend_token(&self, until: Timestamp) {
        self.token_expires_at
            .store(until.millis(), Ordering::Relaxed);
    }

    fn token_expired(&self, now: Timestamp) -> bool {
        now.millis() >= self.token_expires_at.load(Ordering::Relaxed)
    }
}

/// Serves a connection until it ends.
///
/// Beginning and end are boxed, so that an idle connection keeps only what it needs to wait.
pub(super) async fn run(
    mut socket: Socket,
    sockets: Arc<Sockets>,
    permit: Option<ConnectionPermit>,
) {
    let open = metrics::gauge!("tebdil_connections");
    open.increment(1);
    let told = match Box::pin(begin(&mut socket, &sockets)).await {
        Ok((session, hello)) => {
            if let Some(permit) = &permit {
                permit.finish();
            }
            let told = AssertUnwindSafe(converse(&mut socket, &sockets, &session, hello));
            let told = told.catch_unwind().await;
            // Nobody else takes the connection out of the hub.
            Box::pin(end(&sockets, &session.connection)).await;
            told.unwrap_or_else(|panic| resume_unwind(panic))
        }
        Err(code) => Box::pin(goodbye(&mut socket, code, LINGER)).await,
    };
    Box::pin(part(socket, told)).await;
    open.decrement(1);
}

/// An accepted `hello`, until it is answered.
type Greeting = Box<(Option<FrameId>, Hello)>;

/// Waits for `hello` and admits the connection. An error is a close code that the caller still has
/// to send.
async fn begin(
    socket: &mut Socket,
    sockets: &Sockets,
) -> Result<(SocketSession, Greeting), CloseCode> {
    let first = timeout(sockets.config.ws.hello_timeout, first_frame(socket))
        .await
        .map_err(|_| CloseCode::HelloTimeout)?;
    let (re, hello) = match first? {
        Ok(hello) => hello,
        Err(refused) => {
            say(
                socket,
                &ServerFrame::error(refused.code, refused.message),
                refused.re.as_ref(),
            )
            .await;
            return Err(CloseCode::BadFrame);
        }
    };
    match welcome::admit(sockets, &hello).await {
        Ok(session) => Ok((session, Box::new((re, hello)))),
        Err(denied) => {
            say(socket, &denied.frame(), re.as_ref()).await;
            Err(denied.close())
        }
    }
}

/// From joining the hub until everything is written. True if the close frame was the last of it.
async fn converse(
    socket: &mut Socket,
    sockets: &Arc<Sockets>,
    session: &SocketSession,
    greeting: Greeting,
) -> bool {
    let connection = &session.connection;
    let returned = sockets.hub.join(connection);
    // A drain may have listed the connections just before this one joined.
    if sockets.tasks.closing.is_cancelled() {
        connection.send_away();
    }
    let (mut sink, mut stream) = socket.split();
    tokio::select! {
        () = async {
            let welcome = welcome::welcome(sockets, connection, greeting, returned);
            match Box::pin(welcome).await {
                Ok(()) => {
                    sockets.activity.note(connection);
                    read(&mut stream, sockets, session).await;
                }
                Err(denied) => {
                    connection.outbound.push_first(denied.frame().to_json(None));
                    connection.outbound.close(denied.close());
                }
            }
            // Some clients take what is written only while they are read from.
            while let Some(Ok(_)) = stream.next().await {}
            // A broken read must not end the task before the close frame is written.
            std::future::pending::<()>().await;
        } => false,
        told = write(&mut sink, sockets, session) => told,
    }
}

/// After the last frame, in this order: close, so that nothing more is queued; leave, so that
/// nobody sees the user here; then withdraw the ticket.
async fn end(sockets: &Sockets, connection: &Connection) {
    connection.outbound.close(CloseCode::GoingAway);
    sockets.activity.note(connection);
    sockets.hub.leave(connection);
    sockets.matchmaker.gone(connection).await;
    sockets.presence_notifier.left(connection.device()).await;
}

type First = Result<(Option<FrameId>, Hello), FrameError>;

/// The first data frame, which has to be `hello`.
async fn first_frame(socket: &mut Socket) -> Result<First, CloseCode> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME_BYTES => {
                return Err(CloseCode::TooLarge);
            }
            Some(Ok(Message::Text(text))) => {
                return Ok(
                    parse_client_frame(&text).and_then(|(re, frame)| match frame {
                        ClientFrame::Hello(hello) => Ok((re, hello)),
                        _ => Err(FrameError {
                            re,
                            code: ErrorCode::UnexpectedFrame,
                            message: "the first frame is hello".to_owned(),
                        }),
                    }),
                );
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(CloseCode::BadFrame),
            Some(Err(error)) => return Err(close_code_of(&error)),
            Some(Ok(Message::Close(_))) | None => return Err(CloseCode::GoingAway),
        }
    }
}

/// Reads and handles frames until the connection is closing.
async fn read(
    stream: &mut SplitStream<&mut Socket>,
    sockets: &Arc<Sockets>,
    session: &SocketSession,
) {
    let outbound = &session.connection.outbound;
    let ws = &sockets.config.ws;
    let settings = &sockets.config.limits;
    let mut limits = FrameLimits::new(settings.enabled.then_some(settings.frames_per_connection));
    // One timer for all frames: it is reset when it fires, not for each frame.
    let mut heard = Instant::now();
    let silence = tokio::time::sleep(ws.heartbeat);
    tokio::pin!(silence);
    while outbound.closing().is_none() {
        let message = tokio::select! {
            // What has arrived is read before the client counts as silent: handling a frame may
            // have taken long.
            biased;
            message = stream.next() => message,
            () = &mut silence => {
                // Pings are sent twice as often as this, so a live client is never silent for so
                // long.
                if heard.elapsed() >= ws.heartbeat {
                    return outbound.close(CloseCode::GoingAway);
                }
                silence.as_mut().reset(heard + ws.heartbeat);
                continue;
            }
        };
        heard = Instant::now();
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Binary(_))) => {
                session.connection.send(
                    &ServerFrame::error(ErrorCode::BadFrame, "frames are text"),
                    None,
                );
                return outbound.close(CloseCode::BadFrame);
            }
            Some(Ok(Message::Close(_))) | None => return outbound.close(CloseCode::GoingAway),
            Some(Err(error)) => return outbound.close(close_code_of(&error)),
        };
        if text.len() > MAX_FRAME_BYTES {
            return outbound.close(CloseCode::TooLarge);
        }
        match limits.frame() {
            Pace::Fine => {}
            Pace::Wait(limited) => {
                session.connection.send(&refusal(limited), None);
                continue;
            }
            Pace::GiveUp => return outbound.close(CloseCode::RateLimited),
        }
        if outbound.closing().is_some() {
            return;
        }
        // A token.refresh that came in time is read before the clock is asked.
        if session.token_expired(sockets.clock.now()) {
            return outbound.close(CloseCode::Unauthorized);
        }
        match parse_client_frame(&text) {
            Ok((re, frame)) => {
                if dispatch::dispatch(sockets, session, frame, re)
                    .await
                    .is_err()
                    && limits.bad_frame()
                {
                    return outbound.close(CloseCode::BadFrame);
                }
            }
            Err(refused) => {
                let not_a_frame = refused.code == ErrorCode::BadFrame;
                session.connection.send(
                    &ServerFrame::error(refused.code, refused.message),
                    refused.re.as_ref(),
                );
                if limits.bad_frame() || not_a_frame {
                    return outbound.close(CloseCode::BadFrame);
                }
            }
        }
    }
}

/// Writes what is queued, pings, and ends with the close frame; false if that could not be written.
async fn write(
    sink: &mut SplitSink<&mut Socket, Message>,
    sockets: &Sockets,
    session: &SocketSession,
) -> bool {
    let outbound = &session.connection.outbound;
    let mut pings = tokio::time::interval(sockets.config.ws.heartbeat / 2);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pings.tick().await;
    let mut closed_at = None;
    loop {
        let message = tokio::select! {
            next = outbound.next() => match next {
                Next::Frame(text) => Message::Text(text),
                Next::Close(code) => {
                    // At once, not after the goodbye: nobody should be matched with somebody who is
                    // gone.
                    Box::pin(sockets.matchmaker.gone(&session.connection)).await;
                    let grace = if code == CloseCode::SlowConsumer { SLOW_GRACE } else { LINGER };
                    let told = goodbye(sink, code, grace).await;
                    return count_slow(code, told);
                }
            },
            _ = pings.tick() => {
                if session.token_expired(sockets.clock.now()) {
                    outbound.close(CloseCode::Unauthorized);
                    continue;
                }
                Message::Ping(Bytes::new())
            }
        };
        if outbound.closing().is_some() {
            closed_at.get_or_insert_with(Instant::now);
        }
        let told = tokio::select! {
            // Usually it is taken at once, and nothing has to be timed.
            biased;
            sent = sink.send(message) => match sent {
                Ok(()) => continue,
                Err(error) => was_first(&error),
            },
            () = gave_up(outbound, sockets.config.ws.send_timeout, closed_at) => false,
        };
        return count_slow(outbound.closing().unwrap_or(CloseCode::GoingAway), told);
    }
}

/// Resolves when a frame is no longer waited for. A frame that the client does not take in time
/// closes the queue; a while after that, everything left in it is given up.
async fn gave_up(outbound: &crate::hub::Outbound, patience: Duration, closed_at: Option<Instant>) {
    if let Some(closed_at) = closed_at {
        return tokio::time::sleep_until(closed_at + SLOW_GRACE).await;
    }
    if timeout(patience, outbound.closed()).await.is_err() {
        outbound.give_up();
    }
    tokio::time::sleep(SLOW_GRACE).await;
}

/// Counts a client that did not read, and whether it could still be told so.
fn count_slow(code: CloseCode, told: bool) -> bool {
    if code == CloseCode::SlowConsumer {
        metrics::counter!("tebdil_slow_consumers_total", "outcome" => if told { "told" } else { "reset" }).increment(1);
    }
    told
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame {
        code: code.code().into(),
        reason: Utf8Bytes::from_static(code.reason()),
    }
}

async fn say(socket: &mut Socket, frame: &ServerFrame, re: Option<&FrameId>) {
    let _ = timeout(LINGER, socket.send(Message::Text(frame.to_json(re).into()))).await;
}

/// Sends the close frame; false if it could not be written.
async fn goodbye(
    sink: &mut (impl Sink<Message, Error = tungstenite::Error> + Unpin),
    code: CloseCode,
    grace: Duration,
) -> bool {
    match timeout(grace, sink.send(Message::Close(Some(close_frame(code))))).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => was_first(&error),
        Err(_) => false,
    }
}

/// Whether nothing could be written because the client closed first. Reading on answers its close
/// frame.
fn was_first(error: &tungstenite::Error) -> bool {
    matches!(
        error,
        tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(ProtocolError::SendAfterClosing)
    )
}

/// Ends the TCP connection. A client that was told is read from until it hangs up, since a
/// connection that is dropped with unread input is reset, and the reset overtakes the close frame.
/// A client that could not be told is reset, or the system would keep what it did not take for
/// minutes.
async fn part(mut socket: Socket, told: bool) {
    if !told {
        let _ = socket.get_ref().set_zero_linger();
        return;
    }
    let goodbye = async {
        while let Some(Ok(_)) = socket.next().await {}
        let stream = socket.get_mut();
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
        }
    };
    let _ = timeout(LINGER, goodbye).await;
}

/// Why reading failed, as a close code.
fn close_code_of(error: &tungstenite::Error) -> CloseCode {
    match error {
        tungstenite::Error::Capacity(_) => CloseCode::TooLarge,
        // The connection broke: there is nobody to tell.
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            CloseCode::GoingAway
        }
        tungstenite::Error::Protocol(_) => CloseCode::ProtocolError,
        tungstenite::Error::Utf8(_) => CloseCode::InvalidText,
        _ => CloseCode::GoingAway,
    }
}

impl HelloError {
    pub(super) const fn close(&self) -> CloseCode {
        match self {
            Self::Unauthorized => CloseCode::Unauthorized,
            Self::Banned => CloseCode::Banned,
            Self::ConsentRequired => CloseCode::ConsentRequired,
            Self::Invalid => CloseCode::BadFrame,
            Self::Unavailable => CloseCode::Draining,
        }
    }

    const fn error(&self) -> ErrorCode {
        match self {
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::Banned => ErrorCode::Banned,
            Self::ConsentRequired => ErrorCode::ConsentRequired,
            Self::Invalid => ErrorCode::InvalidField,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }

    /// What the client is told before the close frame. With [`CloseCode::Draining`], when to come
    /// back, which differs for each client.
    fn frame(&self) -> ServerFrame {
        let code = self.error();
        let mut frame = ServerFrame::error(code, code.title());
        if let ServerFrame::Error { retry_after_ms, .. } = &mut frame {
            *retry_after_ms = matches!(self, Self::Unavailable).then(come_back_after_ms);
        }
        frame
    }
}
