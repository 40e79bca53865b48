//! Who makes a request.
//!
//! Futures are boxed here, so that they are compiled once and not with each handler.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, MatchedPath},
    http::{HeaderMap, header, request::Parts},
};
use futures_util::future::BoxFuture;
use tebdil_core::store::AliveSession;
use tebdil_protocol::{
    ErrorCode,
    domain::UserRole,
    id::{SessionId, UserId},
};

use super::{Api, problem::Failure};
use crate::{
    auth::{Access, Appellant, TokenError, settings::StaffTotp},
    limits::Limit,
};

/// What users may do who have not accepted the current terms: see their account and what is stored
/// about it, accept, and leave.
pub(super) const BEFORE_CONSENT: [(&str, &str); 5] = [
    ("GET", "/v1/me"),
    ("DELETE", "/v1/me"),
    ("GET", "/v1/me/export"),
    ("POST", "/v1/me/consent"),
    ("POST", "/v1/auth/logout"),
];

/// A session's last activity is written at most this often.
const TOUCH_AFTER: Duration = Duration::from_mins(5);

/// How far the clocks of two nodes may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(30);

/// The signed-in user of a request: the token is good, the session lives, the account is not
/// banned, and its user has accepted the terms, except for [`BEFORE_CONSENT`].
#[derive(Debug, Clone, Copy)]
pub struct Signed {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub role: UserRole,
}

/// The role that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RequiredRole {
    User,
    Staff,
    Admin,
    /// An admin who has lately shown password and second factor.
    ConfirmedAdmin,
}

impl RequiredRole {
    const fn are_met(self, role: UserRole) -> bool {
        match self {
            Self::User => true,
            Self::Staff => matches!(role, UserRole::Moderator | UserRole::Admin),
            Self::Admin | Self::ConfirmedAdmin => matches!(role, UserRole::Admin),
        }
    }
}

/// Whom a request was admitted as, and for what. It stays with the request: once the body is there,
/// which can be a while later, its reader asks again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    access: Access,
    needs: RequiredRole,
    /// Whether the current terms must have been accepted.
    asks_consent: bool,
}

impl Admitted {
    /// Whether the session still lives and its user is not banned, has accepted the terms, and has
    /// the role, with a second factor if the settings require one of staff. One look-up says all of
    /// it but the factor.
    ///
    /// # Errors
    /// 401, 403 `banned`, 403 `consent_required`, 403 `forbidden`, 403 `totp_enrolment_required`,
    /// 403 `confirmation_required`, in this order.
    pub fn check(self, api: &Api) -> BoxFuture<'_, Result<AliveSession, Failure>> {
        Box::pin(async move {
            let alive = api
                .store
                .accounts()
                .session_alive(self.access.session_id, api.clock.now())
                .await?;
            let alive = alive
                .filter(|alive| alive.user_id == self.access.user_id)
                .ok_or(ErrorCode::Unauthorized)?;
            if alive.is_banned {
                return Err(ErrorCode::Banned.into());
            }
            if self.asks_consent && alive.terms_version < api.config.legal.terms_version {
                return Err(ErrorCode::ConsentRequired.into());
            }
            if !self.needs.are_met(alive.role) {
                return Err(ErrorCode::Forbidden.into());
            }
            let asks_totp = self.needs != RequiredRole::User
                && api.config.auth.staff_totp == StaffTotp::Required;
            if asks_totp && !api.store.accounts().has_totp(alive.user_id).await? {
                return Err(ErrorCode::TotpEnrolmentRequired.into());
            }
            // Another node's clock may be a little ahead. What was confirmed later than that, before a
            // clock was set back, is not taken for fresh.
            let now = api.clock.now();
            let fresh = alive.confirmed_at <= now + CLOCKS_APART
                && now.since(alive.confirmed_at) < api.config.auth.confirm_for;
            if self.needs == RequiredRole::ConfirmedAdmin && !fresh {
                return Err(ErrorCode::ConfirmationRequired.into());
            }
            Ok(alive)
        })
    }

    /// For a request of which only the token was checked.
    pub fn new(access: Access, needs: RequiredRole, parts: &Parts) -> Self {
        let path = parts
            .extensions
            .get::<MatchedPath>()
            .map(MatchedPath::as_str);
        let asks_consent =
            path.is_none_or(|path| !BEFORE_CONSENT.contains(&(parts.method.as_str(), path)));
        Self {
            access,
            needs,
            asks_consent,
        }
    }

    /// For a session that is only asked whether it lives.
    pub const fn alive(access: Access) -> Self {
        Self {
            access,
            needs: RequiredRole::User,
            asks_consent: false,
        }
    }
}

impl Signed {
    /// Lets a request in, or refuses it.
    pub(super) fn admit<'a>(
        parts: &'a mut Parts,
        api: &'a Arc<Api>,
        needs: RequiredRole,
    ) -> BoxFuture<'a, Result<Self, Failure>> {
        Box::pin(async move {
            let access = bearer(&parts.headers, api)?;
            api.limiters
                .check(Limit::RestAccount, access.user_id)
                .await?;
            let admitted = Admitted::new(access, needs, parts);
            let alive = admitted.check(api).await?;
            let now = api.clock.now();
            if now.since(alive.last_active) >= TOUCH_AFTER
                && let Err(error) = api
                    .store
                    .accounts()
                    .touch(access.user_id, access.session_id, now)
                    .await
            {
                tracing::warn!(%error, "a session's activity was not noted");
            }
            parts.extensions.insert(admitted);
            Ok(Self {
                user_id: access.user_id,
                session_id: access.session_id,
                role: alive.role,
            })
        })
    }
}

impl FromRequestParts<Arc<Api>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        Self::admit(parts, api, RequiredRole::User).await
    }
}

/// Who appeals against a ban. An access token does not prove that, and an appeal token proves
/// nothing else.
impl FromRequestParts<Arc<Api>> for Appellant {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        appellant(&parts.headers, api)
    }
}

/// What the access token of a request says, without asking whether its session still lives.
pub(super) fn bearer(headers: &HeaderMap, api: &Api) -> Result<Access, Failure> {
    api.tokens.verify_access(token(headers)?).map_err(refused)
}

/// What the appeal token of a request says.
pub(super) fn appellant(headers: &HeaderMap, api: &Api) -> Result<Appellant, Failure> {
    api.tokens.verify_appeal(token(headers)?).map_err(refused)
}

fn refused(error: TokenError) -> Failure {
    Failure::new(ErrorCode::Unauthorized, error.to_string())
}

fn token(headers: &HeaderMap) -> Result<&str, Failure> {
    let unauthorized = || Failure::from(ErrorCode::Unauthorized);
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(unauthorized)?;
    let (scheme, token) = value.split_once(' ').ok_or_else(unauthorized)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unauthorized());
    }
    Ok(token.trim())
}
