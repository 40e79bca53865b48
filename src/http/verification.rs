//! `/v1/auth`: calls that need a code sent to the phone.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_protocol::{
    Authenticated, PasswordResetConfirmation, PasswordResetRequest, RegisterRequest,
    VerificationRequired, VerifyPhoneRequest, domain::CodePurpose,
};

use super::{Api, body::StrictJson, client_ip::ClientAddress, me, problem::Answer};
use crate::auth::AccountError;

/// Sends a code that completes a registration.
pub(super) async fn begin(
    api: &Api,
    from: ClientAddress,
    request: RegisterRequest,
) -> Answer<Json<VerificationRequired>> {
    let (phone, draft, password) = api.accounts.check_registration(request).await?;
    api.limiters.code_from(from).await?;
    api.limiters
        .code_to(CodePurpose::Registration, phone.index)
        .await?;
    let index = phone.index;
    api.accounts
        .send_registration_code(from, phone, draft, password)
        .await?;
    api.limiters
        .code_ordered(CodePurpose::Registration, index)
        .await;
    Ok(Json(VerificationRequired {
        verification_required: true,
    }))
}

/// Complete a registration with the code that was sent to its phone.
#[utoipa::path(
    post, operation_id = "verify_phone", path = "/v1/auth/verify-phone", tag = "accounts", security(()), request_body = VerifyPhoneRequest,
    responses(
        (status = 201, body = Authenticated),
        (status = "4XX", description = "banned, phone_taken, code_invalid, alias_full, too_many_attempts"),
    )
)]
pub(super) async fn verify_phone(
    State(api): State<Arc<Api>>,
    from: ClientAddress,
    StrictJson(request): StrictJson<VerifyPhoneRequest>,
) -> Answer<(StatusCode, Json<Authenticated>)> {
    let phone = api.accounts.phone_index(&request.phone);
    api.limiters
        .guess(from, CodePurpose::Registration, phone)
        .await?;
    Ok((
        StatusCode::CREATED,
        Json(api.accounts.verify_phone(request).await?),
    ))
}

/// Ask for a code to set a new password. The answer is the same whether or not anybody has the
/// phone.
#[utoipa::path(
    post, operation_id = "request_password_reset", path = "/v1/auth/password-reset", tag = "accounts", security(()), request_body = PasswordResetRequest,
    responses(
        (status = 202),
        (status = "4XX", description = "not_found: this server sends no codes; too_many_attempts"),
    )
)]
pub(super) async fn password_reset(
    State(api): State<Arc<Api>>,
    from: ClientAddress,
    StrictJson(request): StrictJson<PasswordResetRequest>,
) -> Answer<StatusCode> {
    if !api.accounts.sends_codes() {
        return Err(AccountError::NoCodes.into());
    }
    api.limiters.code_from(from).await?;
    if let Some(phone) = api.accounts.code_phone(&request.phone) {
        api.limiters
            .code_to(CodePurpose::PasswordReset, phone.index)
            .await?;
        let index = phone.index;
        api.accounts.order_password_reset(phone)?;
        api.limiters
            .code_ordered(CodePurpose::PasswordReset, index)
            .await;
    }
    Ok(StatusCode::ACCEPTED)
}

/// Set a new password with the code that was sent to the phone; every session ends.
#[utoipa::path(
    post, operation_id = "confirm_password_reset", path = "/v1/auth/password-reset/confirm", tag = "accounts", security(()), request_body = PasswordResetConfirmation,
    responses(
        (status = 204),
        (status = "4XX", description = "code_invalid, weak_password, password_too_long, too_many_attempts"),
    )
)]
pub(super) async fn confirm_password_reset(
    State(api): State<Arc<Api>>,
    from: ClientAddress,
    StrictJson(request): StrictJson<PasswordResetConfirmation>,
) -> Answer<StatusCode> {
    let phone = api.accounts.phone_index(&request.phone);
    api.limiters
        .guess(from, CodePurpose::PasswordReset, phone)
        .await?;
    let (user, reset) = api
        .accounts
        .reset_password(from, request)
        .await
        .map_err(me::with_new_password)?;
    api.hub.sign_out(user, reset.ended);
    if let Some(notified) = &reset.notified {
        api.notifier.tell(notified);
    }
    Ok(StatusCode::NO_CONTENT)
}
