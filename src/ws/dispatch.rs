//! Hands each frame to the service of its family.

use std::sync::Arc;

use tebdil_core::store::StoreError;
use tebdil_protocol::{
    ClientFrame, ErrorCode, FrameId, ServerFrame, Signal,
    domain::EndReason,
    id::{MatchId, UserId},
};

use super::{Sockets, connection::SocketSession, limits::refusal};
use crate::{
    calls::{CallError, CallStateOutcome},
    hub::Connection,
    limits::{Limit, Limited},
    matching::FindError,
};

/// The client should not have sent this frame; it was told, and it counts.
pub(super) struct BadFrame;

/// Handles a frame. Every frame that has an answer gets one.
///
/// The frames of a conversation are queued right here; everything else is boxed, so that an idle
/// connection reserves no memory for it.
pub(super) async fn dispatch(
    sockets: &Arc<Sockets>,
    session: &SocketSession,
    frame: ClientFrame,
    re: Option<FrameId>,
) -> Result<(), BadFrame> {
    let connection = &session.connection;
    match frame {
        ClientFrame::MessageSend(frame) => match sockets
            .limiters
            .check_here(Limit::MessageAccount, connection.user_id)
        {
            Ok(()) => sockets.chat.send(connection, frame, re).await,
            Err(limited) => connection.send(&refusal(limited), re.as_ref()),
        },
        ClientFrame::MessageAck(frame) => sockets.chat.receipt(connection, frame, false, re).await,
        ClientFrame::MessageRead(frame) => sockets.chat.receipt(connection, frame, true, re).await,
        other => return Box::pin(rare(sockets, session, other, re)).await,
    }
    Ok(())
}

async fn rare(
    sockets: &Arc<Sockets>,
    session: &SocketSession,
    frame: ClientFrame,
    re: Option<FrameId>,
) -> Result<(), BadFrame> {
    let connection = &session.connection;
    let re = re.as_ref();
    if let Err(limited) = admitted(sockets, connection.user_id, &frame).await {
        connection.send(&refusal(limited), re);
        return Ok(());
    }
    let outcome = match frame {
        ClientFrame::MatchFind(wish) => {
            match sockets.matchmaker.find(connection, wish, re.cloned()).await {
                Err(FindError::Refused(frame)) => {
                    connection.send(&frame, re);
                    Ok(())
                }
                Err(FindError::Store(error)) => Err(error),
                Ok(()) => Ok(()),
            }
        }
        ClientFrame::MatchCancel => sockets.matchmaker.cancel(connection, re.cloned()).await,
        ClientFrame::MatchLeave(frame) => {
            leave(sockets, connection, frame.match_id, EndReason::Left, re).await
        }
        ClientFrame::MessageSync(frame) => {
            sockets
                .chat
                .sync(connection, frame, re, &sockets.franking)
                .await
        }
        ClientFrame::Typing(frame) => sockets.chat.typing(connection, frame, re).await,
        ClientFrame::TokenRefresh(frame) => {
            refresh(sockets, session, frame.token.expose(), re);
            Ok(())
        }
        ClientFrame::Ping => {
            connection.send(&ServerFrame::Pong, re);
            Ok(())
        }
        ClientFrame::RtcDescription(frame) => {
            let signal = Signal::Description(frame);
            let done = sockets.calls.signal(connection, signal).await;
            told(connection, re, done)
        }
        ClientFrame::RtcCandidate(frame) => {
            let signal = Signal::Candidate(frame);
            let done = sockets.calls.signal(connection, signal).await;
            told(connection, re, done)
        }
        ClientFrame::RtcState(frame) => match sockets.calls.state(connection, frame).await {
            Ok(CallStateOutcome::HungUp) => {
                leave(sockets, connection, frame.match_id, EndReason::HungUp, re).await
            }
            said => told(connection, re, said.map(drop)),
        },
        // The frames of a conversation do not come here.
        ClientFrame::Hello(_)
        | ClientFrame::MessageSend(_)
        | ClientFrame::MessageAck(_)
        | ClientFrame::MessageRead(_) => {
            connection.send(
                &ServerFrame::error(ErrorCode::UnexpectedFrame, "hello was said already"),
                re,
            );
            return Err(BadFrame);
        }
    };
    if let Err(error) = outcome {
        connection.send(&failure(&error), re);
    }
    Ok(())
}

/// Ends a match for a connection.
async fn leave(
    sockets: &Arc<Sockets>,
    connection: &Arc<Connection>,
    match_id: MatchId,
    reason: EndReason,
    re: Option<&FrameId>,
) -> Result<(), StoreError> {
    // In a task of its own: if the connection broke between the commit and the announcement, the
    // peer would not be told.
    let (ends, leaving, re) = (
        Arc::clone(&sockets.ends),
        Arc::clone(connection),
        re.cloned(),
    );
    let left = sockets
        .tasks
        .spawn(async move { ends.leave(&leaving, match_id, reason, re.as_ref()).await });
    left.await
        .unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}

/// Tells a connection why its signal had no effect.
fn told(
    connection: &Connection,
    re: Option<&FrameId>,
    outcome: Result<(), CallError>,
) -> Result<(), StoreError> {
    match outcome {
        Err(CallError::Refused(code, detail)) => {
            connection.send(&ServerFrame::error(code, detail), re);
        }
        Err(CallError::Store(error)) => return Err(error),
        Ok(()) => {}
    }
    Ok(())
}

/// Counts the frames that have a limit of their own.
async fn admitted(sockets: &Sockets, user: UserId, frame: &ClientFrame) -> Result<(), Limited> {
    match frame {
        ClientFrame::MatchFind(_) => sockets.limiters.check(Limit::FindAccount, user).await,
        ClientFrame::Typing(_) => sockets.limiters.check_here(Limit::TypingAccount, user),
        ClientFrame::RtcDescription(_)
        | ClientFrame::RtcCandidate(_)
        | ClientFrame::RtcState(_) => sockets.limiters.check_here(Limit::SignalAccount, user),
        _ => Ok(()),
    }
}

/// Extends a connection to the end of a fresh token of the same session.
fn refresh(sockets: &Sockets, session: &SocketSession, token: &str, re: Option<&FrameId>) {
    let connection = &session.connection;
    match sockets.tokens.verify_access(token) {
        Ok(access)
            if access.session_id == connection.session_id
                && access.user_id == connection.user_id =>
        {
            session.extend_token(access.expires_at);
        }
        _ => connection.send(
            &ServerFrame::error(ErrorCode::Unauthorized, ErrorCode::Unauthorized.title()),
            re,
        ),
    }
}

/// What a client is told of a store failure.
fn failure(error: &StoreError) -> ServerFrame {
    tracing::error!(%error, "a frame could not be handled");
    if error.is_transient() {
        unavailable()
    } else {
        ServerFrame::error(ErrorCode::Internal, ErrorCode::Internal.title())
    }
}

fn unavailable() -> ServerFrame {
    ServerFrame::Error {
        code: ErrorCode::Unavailable,
        message: ErrorCode::Unavailable.title().to_owned(),
        retry_after_ms: Some(1_000),
        resets_at: None,
        expected_seq: None,
    }
}
