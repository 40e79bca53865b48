//! Who asks.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use tebdil_core::{
    domain::UserRole,
    id::{SessionId, UserId},
    protocol::ErrorCode,
};

use super::problem::Failure;
use crate::{
    app::App,
    auth::{Access, Appellant, TokenError},
    config::Limit,
};

/// A session's last activity is written at most this often.
const TOUCH_AFTER: Duration = Duration::from_mins(5);

/// The signed-in user of a request: the token is good, the session lives, the account is not banned.
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub role: UserRole,
}

impl FromRequestParts<Arc<App>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let access = bearer(&parts.headers, app)?;
        app.limiters.check(Limit::RestAccount, access.user_id).await?;
        let now = app.clock.now();
        let alive = app.store.session_alive(access.session_id, now).await?;
        let alive = alive.filter(|alive| alive.user_id == access.user_id).ok_or(ErrorCode::Unauthorized)?;
        if alive.is_banned {
            return Err(ErrorCode::Banned.into());
        }
        if now.since(alive.last_active) >= TOUCH_AFTER
            && let Err(error) = app.store.touch(access.user_id, access.session_id, now).await
        {
            tracing::warn!(%error, "a session's activity was not noted");
        }
        Ok(Self { user_id: access.user_id, session_id: access.session_id, role: alive.role })
    }
}

/// Who appeals against a ban. An access token does not show it, nor does its token show anything else.
impl FromRequestParts<Arc<App>> for Appellant {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        appellant(&parts.headers, app)
    }
}

/// What the access token of a request says. Whether its session still lives is not asked.
pub(super) fn bearer(headers: &HeaderMap, app: &App) -> Result<Access, Failure> {
    app.tokens.verify_access(token(headers)?).map_err(refused)
}

/// What the appeal token of a request says.
pub(super) fn appellant(headers: &HeaderMap, app: &App) -> Result<Appellant, Failure> {
    app.tokens.verify_appeal(token(headers)?).map_err(refused)
}

fn refused(error: TokenError) -> Failure {
    Failure::new(ErrorCode::Unauthorized, error.to_string())
}

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let unauthorized = || Failure::from(ErrorCode::Unauthorized);
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(unauthorized)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthorized());
    }
    Ok(token.trim())
}
