//! `/v1/auth`: registering, signing in and out.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use tebdil_core::crypto::PhoneIndex;
use tebdil_protocol::{
    Authenticated, ErrorCode, LoginRequest, RefreshRequest, Refreshed, RegisterRequest,
    VerificationRequired,
};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    client_ip::ClientAddress,
    problem::{Answer, Failure},
    verification,
};
use crate::{auth::AccountError, limits::Limit};

/// Make an account and sign in; where phones are verified, `verify-phone` completes it.
#[utoipa::path(
    post, operation_id = "register_user", path = "/v1/auth/register", tag = "accounts", security(()), request_body = RegisterRequest,
    responses(
        (status = 201, body = Authenticated),
        (status = 202, description = "A code was sent to the phone.", body = VerificationRequired),
        (status = "4XX", description = "banned, phone_taken, invalid_phone, weak_password, password_too_long, alias_invalid, alias_full, underage, terms_not_accepted; invalid_field: `birth_date`, an unknown `invite`; too_many_attempts"),
    )
)]
pub(super) async fn register(
    State(api): State<Arc<Api>>,
    from: ClientAddress,
    StrictJson(request): StrictJson<RegisterRequest>,
) -> Answer<Response> {
    api.limiters.check(Limit::RegisterAddress, from).await?;
    if api.config.verification.phone {
        return Ok((
            StatusCode::ACCEPTED,
            verification::begin(&api, from, request).await?,
        )
            .into_response());
    }
    Ok((
        StatusCode::CREATED,
        Json(api.accounts.register(from, request).await?),
    )
        .into_response())
}

/// Sign a device in.
#[utoipa::path(
    post, operation_id = "login_user", path = "/v1/auth/login", tag = "accounts", security(()), request_body = LoginRequest,
    responses(
        (status = 200, body = Authenticated),
        (status = "4XX", description = "invalid_credentials; totp_required, totp_invalid: after a right password; banned, too_many_attempts"),
    )
)]
pub(super) async fn login(
    State(api): State<Arc<Api>>,
    from: ClientAddress,
    StrictJson(request): StrictJson<LoginRequest>,
) -> Answer<Json<Authenticated>> {
    let phone = api.accounts.phone_index(&request.phone);
    let tries = api.limiters.login(from, phone).await?;
    let outcome = api.accounts.login(from, request).await;
    tries.settle(&outcome).await;
    if let (Err(AccountError::InvalidCredentials | AccountError::TotpInvalid), Some(phone)) =
        (&outcome, phone)
    {
        record_failure(&api, phone);
    }
    let (signed_in, made) = outcome?;
    api.hub.sign_out(signed_in.user.id, made.ended);
    if let Some(notified) = &made.notified {
        api.notifier.tell(notified);
    }
    Ok(Json(signed_in))
}

/// Records a wrong password, or a wrong code of a second factor, for a phone. Not awaited, and done
/// for every phone, so that the time of the answer does not tell whether it has an account.
fn record_failure(api: &Arc<Api>, phone: PhoneIndex) {
    let of = Arc::clone(api);
    api.tasks.spawn(async move {
        if let Err(error) = of
            .store
            .accounts()
            .sign_in_failed(&phone, of.clock.now())
            .await
        {
            tracing::warn!(%error, "a failed sign-in was not recorded");
        }
    });
}

/// Exchange a refresh token for new tokens. Each is good once.
#[utoipa::path(
    post, operation_id = "refresh_tokens", path = "/v1/auth/refresh", tag = "accounts", security(()), request_body = RefreshRequest,
    responses((status = 200, body = Refreshed), (status = "4XX", description = "refresh_invalid, refresh_reused"))
)]
pub(super) async fn refresh(
    State(api): State<Arc<Api>>,
    StrictJson(request): StrictJson<RefreshRequest>,
) -> Answer<Json<Refreshed>> {
    match api.accounts.refresh(&request.refresh_token).await {
        Ok(refreshed) => Ok(Json(refreshed)),
        Err(AccountError::RefreshReused {
            user_id,
            session_id,
        }) => {
            api.hub.sign_out(user_id, [session_id]);
            Err(Failure::from(ErrorCode::RefreshReused))
        }
        Err(error) => Err(error.into()),
    }
}

/// End this session.
#[utoipa::path(post, operation_id = "logout_session", path = "/v1/auth/logout", tag = "accounts", responses((status = 204)))]
pub(super) async fn logout(State(api): State<Arc<Api>>, who: Signed) -> Answer<StatusCode> {
    api.store
        .accounts()
        .revoke_session(who.user_id, who.session_id, api.clock.now())
        .await?;
    api.hub.sign_out(who.user_id, [who.session_id]);
    Ok(StatusCode::NO_CONTENT)
}
