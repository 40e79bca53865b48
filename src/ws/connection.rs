//! One WebSocket connection: one task with a reading and a writing half that never wait for each other.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tebdil_core::{
    protocol::{ClientFrame, CloseCode, ErrorCode, FrameError, FrameId, Hello, MAX_FRAME_BYTES, ServerFrame, parse_client_frame},
    time::Timestamp,
};
use tokio::time::{Duration, timeout};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

use super::{
    dispatch,
    limits::{Limits, Pace, rate_limited},
    welcome::{self, Denied},
};
use crate::{
    app::App,
    hub::{Connection, Next},
};

/// How long a closed connection is kept so that its close frame arrives: closing with unread input would reset it away.
const LINGER: Duration = Duration::from_secs(1);

/// How long a client that stopped reading has to take what was written before it was closed.
const SLOW_GRACE: Duration = Duration::from_secs(5);

/// A signed-in connection with what only its own task needs.
pub(super) struct Session {
    pub(super) connection: Arc<Connection>,
    /// When the access token ends, milliseconds; `token.refresh` moves it.
    token_expires_at: AtomicI64,
}

impl Session {
    pub(super) fn new(connection: Arc<Connection>, token_expires_at: Timestamp) -> Self {
        Self { connection, token_expires_at: AtomicI64::new(token_expires_at.millis()) }
    }

    pub(super) fn extend_token(&self, until: Timestamp) {
        self.token_expires_at.store(until.millis(), Ordering::Relaxed);
    }

    fn token_expired(&self, now: Timestamp) -> bool {
        now.millis() >= self.token_expires_at.load(Ordering::Relaxed)
    }
}

/// Serves a connection until it ends.
///
/// What happens once at its beginning and end is boxed: an idle connection keeps only what it needs to wait.
pub(super) async fn run(mut socket: WebSocket, app: Arc<App>) {
    let open = metrics::gauge!("tebdil_connections");
    open.increment(1);
    match Box::pin(begin(&mut socket, &app)).await {
        Ok((session, hello)) => {
            converse(&mut socket, &app, &session, hello).await;
            Box::pin(end(&app, &session.connection)).await;
        }
        Err(code) => Box::pin(close(&mut socket, code)).await,
    }
    open.decrement(1);
}

/// An accepted `hello`, until it is answered.
type Greeting = Box<(Option<FrameId>, Hello)>;

/// Waits for `hello` and lets the connection in. An error is a close that the caller still has to say.
async fn begin(socket: &mut WebSocket, app: &App) -> Result<(Session, Greeting), CloseCode> {
    let first = timeout(app.config.ws.hello_timeout(), first_frame(socket)).await.map_err(|_| CloseCode::HelloTimeout)?;
    let (re, hello) = match first? {
        Ok(hello) => hello,
        Err(refused) => {
            say(socket, &ServerFrame::error(refused.code, refused.message), refused.re.as_ref()).await;
            return Err(CloseCode::BadFrame);
        }
    };
    match welcome::admit(app, &hello).await {
        Ok(session) => Ok((session, Box::new((re, hello)))),
        Err(denied) => {
            let code = denied.error();
            say(socket, &ServerFrame::error(code, code.title()), re.as_ref()).await;
            Err(denied.close())
        }
    }
}

/// From joining the hub until one half ends.
async fn converse(socket: &mut WebSocket, app: &Arc<App>, session: &Session, greeting: Greeting) {
    let connection = &session.connection;
    app.hub.join(connection);
    // The drain may have listed the connections just before.
    if app.tasks.closing.is_cancelled() {
        connection.outbound.close(CloseCode::Draining);
    }
    let (mut sink, mut stream) = socket.split();
    tokio::select! {
        () = async {
            let welcomed = Box::pin(welcome::welcome(app, connection, greeting)).await;
            match welcomed {
                Ok(()) => read(&mut stream, app, session).await,
                Err(denied) => connection.outbound.close(denied.close()),
            }
            discard(&mut stream).await;
        } => {}
        () = write(&mut sink, app, session) => {}
    }
}

/// After the last frame. In this order: once closed nothing is queued, once left nobody sees the user here, and then its ticket goes.
async fn end(app: &App, connection: &Connection) {
    connection.outbound.close(CloseCode::GoingAway);
    app.hub.leave(connection);
    app.matchmaker.gone(connection).await;
    if let Err(error) = app.realtime.presence.leave(connection.device()).await {
        tracing::debug!(%error, "a connection could not be taken out of presence; it is registered anew without it");
    }
    // Looked at only now: of two that end at the same time, the one that leaves presence last has to tell it.
    if !app.hub.is_here(connection.user_id)
        && !app.tasks.hard.is_cancelled()
        && let Err(error) = app.chat.announce_presence(connection.user_id, false).await
    {
        tracing::warn!(%error, "peers were not told that a user went offline; trying again");
        // Nothing else would tell them before the user comes back.
        app.announcer.tell([connection.user_id], false);
    }
}

type First = Result<(Option<FrameId>, Hello), FrameError>;

/// The first data frame, which has to be `hello`.
async fn first_frame(socket: &mut WebSocket) -> Result<First, CloseCode> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) if text.len() > MAX_FRAME_BYTES => return Err(CloseCode::TooLarge),
            Some(Ok(Message::Text(text))) => {
                return Ok(parse_client_frame(&text).and_then(|(re, frame)| match frame {
                    ClientFrame::Hello(hello) => Ok((re, hello)),
                    _ => Err(FrameError { re, code: ErrorCode::UnexpectedFrame, message: "the first frame is hello".to_owned() }),
                }));
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(CloseCode::BadFrame),
            Some(Err(error)) => return Err(close_code_of(error)),
            Some(Ok(Message::Close(_))) | None => return Err(CloseCode::GoingAway),
        }
    }
}

/// Reads and handles frames until the connection is closing.
async fn read(stream: &mut SplitStream<&mut WebSocket>, app: &Arc<App>, session: &Session) {
    let outbound = &session.connection.outbound;
    let ws = &app.config.ws;
    let rate = NonZeroU32::new(ws.frames_per_second).filter(|_| app.config.limits.enabled);
    let mut limits = Limits::new(rate, NonZeroU32::new(ws.frame_burst).unwrap_or(NonZeroU32::MIN));
    while outbound.closing().is_none() {
        // Pings are sent twice as often as this: a live client is never silent for so long.
        let Ok(message) = timeout(ws.heartbeat(), stream.next()).await else { return outbound.close(CloseCode::GoingAway) };
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Binary(_))) => {
                session.connection.send(&ServerFrame::error(ErrorCode::BadFrame, "frames are text"), None);
                return outbound.close(CloseCode::BadFrame);
            }
            Some(Ok(Message::Close(_))) | None => return outbound.close(CloseCode::GoingAway),
            Some(Err(error)) => return outbound.close(close_code_of(error)),
        };
        if text.len() > MAX_FRAME_BYTES {
            return outbound.close(CloseCode::TooLarge);
        }
        match limits.frame() {
            Pace::Fine => {}
            Pace::Wait { retry_after } => {
                session.connection.send(&rate_limited(retry_after, None), None);
                continue;
            }
            Pace::GiveUp => return outbound.close(CloseCode::RateLimited),
        }
        if outbound.closing().is_some() {
            return;
        }
        // A token.refresh that came in time is read before the clock says otherwise.
        if session.token_expired(app.clock.now()) {
            return outbound.close(CloseCode::Unauthorized);
        }
        match parse_client_frame(&text) {
            Ok((re, frame)) => {
                if dispatch::dispatch(app, session, frame, re).await.is_err() && limits.bad_frame() {
                    return outbound.close(CloseCode::BadFrame);
                }
            }
            Err(refused) => {
                let not_a_frame = refused.code == ErrorCode::BadFrame;
                session.connection.send(&ServerFrame::error(refused.code, refused.message), refused.re.as_ref());
                if limits.bad_frame() || not_a_frame {
                    return outbound.close(CloseCode::BadFrame);
                }
            }
        }
    }
}

/// Takes what a closed connection still sends, until it ends.
async fn discard(stream: &mut SplitStream<&mut WebSocket>) {
    while let Some(Ok(_)) = stream.next().await {}
    // A broken read must not end the task before the close frame is written.
    std::future::pending::<()>().await;
}

/// Writes what is queued, pings, and ends with the close frame.
async fn write(sink: &mut SplitSink<&mut WebSocket, Message>, app: &App, session: &Session) {
    let outbound = &session.connection.outbound;
    let mut pings = tokio::time::interval(app.config.ws.heartbeat() / 2);
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    pings.tick().await;
    loop {
        let message = tokio::select! {
            next = outbound.next() => match next {
                Next::Frame(text) => Message::Text(text),
                Next::Close(code) => {
                    // At once, not after the goodbye: whoever searches shall not meet somebody who is gone.
                    Box::pin(app.matchmaker.gone(&session.connection)).await;
                    let goodbye = async {
                        let _ = sink.send(Message::Close(Some(close_frame(code)))).await;
                    };
                    let grace = if code == CloseCode::SlowConsumer { SLOW_GRACE } else { LINGER };
                    if timeout(grace, goodbye).await.is_ok() && code != CloseCode::GoingAway {
                        tokio::time::sleep(LINGER).await;
                    }
                    return;
                }
            },
            _ = pings.tick() => {
                if session.token_expired(app.clock.now()) {
                    outbound.close(CloseCode::Unauthorized);
                    continue;
                }
                Message::Ping(axum::body::Bytes::new())
            }
        };
        tokio::select! {
            sent = sink.send(message) => if sent.is_err() { return },
            // Stuck in the socket while the queue has given up: leave it some time to take what is under way.
            () = gave_up(outbound) => return,
        }
    }
}

/// Resolves some time after the queue was closed because nothing was read.
async fn gave_up(outbound: &crate::hub::Outbound) {
    outbound.closed().await;
    tokio::time::sleep(SLOW_GRACE).await;
}

fn close_frame(code: CloseCode) -> CloseFrame {
    CloseFrame { code: code.code(), reason: Utf8Bytes::from_static(code.reason()) }
}

async fn say(socket: &mut WebSocket, frame: &ServerFrame, re: Option<&FrameId>) {
    let _ = timeout(LINGER, socket.send(Message::Text(frame.to_json(re).into()))).await;
}

/// Closes a connection that never was welcomed.
async fn close(socket: &mut WebSocket, code: CloseCode) {
    let goodbye = async {
        if socket.send(Message::Close(Some(close_frame(code)))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = timeout(LINGER, goodbye).await;
}

/// Why reading failed, as a close code.
fn close_code_of(error: axum::Error) -> CloseCode {
    match error.into_inner().downcast_ref::<tungstenite::Error>() {
        Some(tungstenite::Error::Capacity(_)) => CloseCode::TooLarge,
        // The line broke: nobody is there to be told anything.
        Some(tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => CloseCode::GoingAway,
        Some(tungstenite::Error::Utf8(_) | tungstenite::Error::Protocol(_)) => CloseCode::BadFrame,
        _ => CloseCode::GoingAway,
    }
}

impl Denied {
    pub(super) const fn close(&self) -> CloseCode {
        match self {
            Self::Unauthorized => CloseCode::Unauthorized,
            Self::Banned => CloseCode::Banned,
            Self::Invalid => CloseCode::BadFrame,
            Self::Unavailable => CloseCode::Draining,
        }
    }

    const fn error(&self) -> ErrorCode {
        match self {
            Self::Unauthorized => ErrorCode::Unauthorized,
            Self::Banned => ErrorCode::Banned,
            Self::Invalid => ErrorCode::InvalidField,
            Self::Unavailable => ErrorCode::Unavailable,
        }
    }
}
