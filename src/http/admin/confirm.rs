//! `/v1/admin/confirm`: showing again who one is.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use tebdil_protocol::ConfirmRequest;

use super::Staff;
use crate::{
    address::ClientAddress,
    http::{Api, body::StrictJson, problem::Answer},
    limits::Limit,
};

/// Show password and second factor again. For the next minutes (`auth.confirm_for_s`) this session
/// may do what answers `confirmation_required` without it. A sign-in counts as one.
#[utoipa::path(
    post, operation_id = "confirm_identity", path = "/v1/admin/confirm", tag = "admin", security(("bearer" = ["moderator"])), request_body = ConfirmRequest,
    responses(
        (status = 204),
        (status = "4XX", description = "invalid_credentials: the password is wrong; totp_required, totp_invalid, too_many_attempts"),
    )
)]
pub(in crate::http) async fn confirm(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    from: ClientAddress,
    StrictJson(request): StrictJson<ConfirmRequest>,
) -> Answer<StatusCode> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    let tries = api.limiters.password(who.user_id).await?;
    let confirmed = api
        .accounts
        .confirm((who.user_id, who.session_id), from, request)
        .await;
    tries.settle(&confirmed).await;
    confirmed?;
    Ok(StatusCode::NO_CONTENT)
}
