//! One attempt to open a socket and be greeted.

use std::time::Duration;

use tebdil_protocol::{
    ClientFrame, CloseCode, Hello, ResumePoint, ServerFrame, ServerMessage, Welcome,
};

use super::{AccessToken, DisconnectReason, Options, TokenError};
use crate::raw::{Incoming, RawError, RawSocket};

/// A token must live for so long to be used for a new socket.
pub(super) const TOKEN_MARGIN: Duration = Duration::from_secs(30);

/// What came of one attempt to connect.
pub(super) enum Attempt {
    Open(Box<(RawSocket, Welcome, AccessToken)>),
    /// The server did not take this token.
    Unauthorized(AccessToken),
    SignedOut,
    Failed(DisconnectReason),
}

pub(super) fn reason_of(close: Option<(u16, String)>) -> DisconnectReason {
    close
        .and_then(|(code, _)| CloseCode::from_code(code))
        .map_or(DisconnectReason::Lost, DisconnectReason::Closed)
}

pub(super) async fn connect(
    options: Options,
    resume: Vec<ResumePoint>,
    refused: Option<AccessToken>,
) -> Attempt {
    let token = match &refused {
        Some(refused) => options.tokens.renew(&refused.token).await,
        None => options.tokens.token(TOKEN_MARGIN).await,
    };
    let token = match token {
        Ok(token) => token,
        Err(TokenError::SignedOut) => return Attempt::SignedOut,
        Err(TokenError::Unavailable) => return Attempt::Failed(DisconnectReason::NoToken),
    };
    let greeted = async {
        let mut socket = RawSocket::open(&options.server).await?;
        let hello = Hello {
            token: token.token.clone(),
            device: options.device.clone(),
            resume,
        };
        socket.send(&ClientFrame::Hello(hello), None).await?;
        loop {
            match socket.next().await? {
                Incoming::Text(text) => {
                    if let Ok(ServerMessage {
                        frame: ServerFrame::Welcome(welcome),
                        ..
                    }) = serde_json::from_str(&text)
                    {
                        return Ok(Ok((socket, *welcome)));
                    }
                }
                Incoming::Closed(close) => return Ok(Err(reason_of(close))),
                Incoming::Heartbeat | Incoming::Binary(_) => {}
            }
        }
    };
    match tokio::time::timeout(options.connect_timeout, greeted).await {
        Ok(Ok(Ok((socket, welcome)))) => Attempt::Open(Box::new((socket, welcome, token))),
        Ok(Ok(Err(DisconnectReason::Closed(CloseCode::Unauthorized)))) => {
            Attempt::Unauthorized(token)
        }
        Ok(Ok(Err(reason))) => Attempt::Failed(reason),
        Ok(Err(error)) => {
            let error: RawError = error;
            tracing::debug!(%error, "no socket");
            Attempt::Failed(DisconnectReason::Unreachable)
        }
        Err(_) => Attempt::Failed(DisconnectReason::Unreachable),
    }
}
