//! `/v1/me/totp`: the second factor of a member of staff.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_protocol::{RecoveryCodes, TotpConfirmation, TotpRemoval, TotpRequest, TotpSetup};

use super::{Api, auth::Signed, body::StrictJson, problem::Answer};
use crate::{address::ClientAddress, limits::Limit};

/// Begin to set up a second factor, as a member of staff. It is not asked for until its first code
/// is confirmed; an earlier unconfirmed one is discarded.
#[utoipa::path(
    post, operation_id = "begin_totp", path = "/v1/me/totp", tag = "accounts", request_body = TotpRequest,
    responses(
        (status = 200, body = TotpSetup),
        (status = "4XX", description = "invalid_credentials: the password is wrong; forbidden: for staff only; totp_enrolled: take it away first; too_many_attempts"),
    )
)]
pub(super) async fn begin_totp(
    State(api): State<Arc<Api>>,
    who: Signed,
    from: ClientAddress,
    StrictJson(request): StrictJson<TotpRequest>,
) -> Answer<Json<TotpSetup>> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    let tries = api.limiters.password(who.user_id).await?;
    let begun = api
        .accounts
        .begin_totp(who.user_id, from, request.password)
        .await;
    tries.settle(&begun).await;
    Ok(Json(begun?))
}

/// Confirm a second factor with the first code of the app. From now on every login needs one, and
/// every other session ends. The recovery codes are shown only this once.
#[utoipa::path(
    post, operation_id = "confirm_totp", path = "/v1/me/totp/confirm", tag = "accounts", request_body = TotpConfirmation,
    responses(
        (status = 200, body = RecoveryCodes),
        (status = "4XX", description = "totp_invalid; not_found: none waits to be confirmed; totp_enrolled, too_many_attempts"),
    )
)]
pub(super) async fn confirm_totp(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<TotpConfirmation>,
) -> Answer<Json<RecoveryCodes>> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    let tries = api.limiters.password(who.user_id).await?;
    let confirmed = api
        .accounts
        .confirm_totp(who.user_id, who.session_id, &request.code)
        .await;
    tries.settle(&confirmed).await;
    let (codes, ended) = confirmed?;
    api.hub.sign_out(who.user_id, ended);
    Ok(Json(codes))
}

/// Remove the second factor, with the password and a code. An unconfirmed one needs no code; any
/// text will do.
#[utoipa::path(
    delete, operation_id = "remove_totp", path = "/v1/me/totp", tag = "accounts", request_body = TotpRemoval,
    responses(
        (status = 204),
        (status = "4XX", description = "totp_invalid; invalid_credentials: the password is wrong; not_found: there is none; too_many_attempts"),
    )
)]
pub(super) async fn remove_totp(
    State(api): State<Arc<Api>>,
    who: Signed,
    from: ClientAddress,
    StrictJson(request): StrictJson<TotpRemoval>,
) -> Answer<StatusCode> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    let tries = api.limiters.password(who.user_id).await?;
    let removed = api.accounts.remove_totp(who.user_id, from, request).await;
    tries.settle(&removed).await;
    removed?;
    Ok(StatusCode::NO_CONTENT)
}
