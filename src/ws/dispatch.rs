//! From a frame to the service of its family.

use std::sync::Arc;

use tebdil_core::{
    protocol::{ClientFrame, ErrorCode, FrameId, ServerFrame},
    store::StoreError,
};

use super::connection::Session;
use crate::{app::App, matching::Refused};

/// The client should not have sent this frame; it was told, and it counts.
pub(super) struct BadFrame;

/// Handles a frame. Every frame that has an answer gets one.
pub(super) async fn dispatch(app: &Arc<App>, session: &Session, frame: ClientFrame, re: Option<FrameId>) -> Result<(), BadFrame> {
    let connection = &session.connection;
    let outcome = match frame {
        ClientFrame::Hello(_) => {
            connection.send(&ServerFrame::error(ErrorCode::UnexpectedFrame, "hello was said already"), re.as_ref());
            return Err(BadFrame);
        }
        ClientFrame::MatchFind(wish) => match app.matchmaker.find(connection, wish, re.clone()).await {
            Ok(()) => Ok(()),
            Err(Refused::Answer(frame)) => {
                connection.send(&frame, re.as_ref());
                Ok(())
            }
            Err(Refused::Store(error)) => Err(error),
        },
        ClientFrame::MatchCancel => {
            app.matchmaker.cancel(connection, re).await;
            return Ok(());
        }
        ClientFrame::MatchLeave(frame) => app.chat.leave(connection, frame.match_id, re.as_ref()).await,
        ClientFrame::MessageSend(frame) => {
            app.chat.send(connection, frame, re).await;
            return Ok(());
        }
        ClientFrame::MessageAck(frame) => {
            app.chat.receipt(connection, frame, false, re).await;
            return Ok(());
        }
        ClientFrame::MessageRead(frame) => {
            app.chat.receipt(connection, frame, true, re).await;
            return Ok(());
        }
        ClientFrame::MessageSync(frame) => app.chat.sync(connection, frame, re.as_ref()).await,
        ClientFrame::Typing(frame) => app.chat.typing(connection, frame, re.as_ref()).await,
        ClientFrame::TokenRefresh(frame) => {
            match app.tokens.verify_access(frame.token.expose()) {
                Ok(claims) if claims.session_id == connection.session_id && claims.user_id == connection.user_id => {
                    session.extend_token(claims.expires_at);
                }
                _ => connection.send(&ServerFrame::error(ErrorCode::Unauthorized, ErrorCode::Unauthorized.title()), re.as_ref()),
            }
            return Ok(());
        }
    };
    if let Err(error) = outcome {
        connection.send(&failure(&error), re.as_ref());
    }
    Ok(())
}

/// What a client is told of a store failure.
fn failure(error: &StoreError) -> ServerFrame {
    tracing::error!(%error, "a frame could not be handled");
    let transient = error.is_transient();
    let code = if transient { ErrorCode::Unavailable } else { ErrorCode::Internal };
    ServerFrame::Error {
        code,
        message: code.title().to_owned(),
        retry_after_ms: transient.then_some(1_000),
        resets_at: None,
        client_id: None,
    }
}
