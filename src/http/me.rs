//! `/v1/me`: the signed-in user's own account.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_protocol::{
    ConsentRequest, ErrorCode, Page, PasswordChangeRequest, ProfilePatch, Quota, Session, User,
    id::SessionId,
};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::{
    address::ClientAddress,
    auth::{AccountError, PasswordError},
    limits::Limit,
};

/// The profile.
#[utoipa::path(get, operation_id = "get_me", path = "/v1/me", tag = "accounts", responses((status = 200, body = User)))]
pub(super) async fn profile(State(api): State<Arc<Api>>, who: Signed) -> Answer<Json<User>> {
    let user = api.accounts.user(who.user_id).await?;
    Ok(Json(user.ok_or(ErrorCode::Unauthorized)?))
}

/// Change parts of the profile: all of them or, if one is refused, none.
#[utoipa::path(
    patch, operation_id = "update_me", path = "/v1/me", tag = "accounts", request_body = ProfilePatch,
    responses((status = 200, body = User), (status = "4XX", description = "alias_invalid, alias_full"))
)]
pub(super) async fn update(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(patch): StrictJson<ProfilePatch>,
) -> Answer<Json<User>> {
    api.limiters
        .check(Limit::ProfileAccount, who.user_id)
        .await?;
    Ok(Json(api.accounts.update_profile(who.user_id, patch).await?))
}

/// Change the password; every other session ends.
#[utoipa::path(
    post, operation_id = "change_password", path = "/v1/me/password", tag = "accounts", request_body = PasswordChangeRequest,
    responses(
        (status = 204),
        (status = "4XX", description = "invalid_credentials: the current password is wrong; weak_password, password_too_long, too_many_attempts"),
    )
)]
pub(super) async fn password(
    State(api): State<Arc<Api>>,
    who: Signed,
    from: ClientAddress,
    StrictJson(request): StrictJson<PasswordChangeRequest>,
) -> Answer<StatusCode> {
    api.limiters
        .check(Limit::PasswordAccount, who.user_id)
        .await?;
    // Whoever holds a stolen access token must not try passwords faster than somebody who signs in.
    let tries = api.limiters.password(who.user_id).await?;
    let changed = api
        .accounts
        .change_password(who.user_id, who.session_id, from, request)
        .await;
    tries.settle(&changed).await;
    let ended = changed.map_err(with_new_password)?;
    api.hub.sign_out(who.user_id, ended);
    Ok(StatusCode::NO_CONTENT)
}

/// The refusal of a new password, with its name in the request.
pub(super) fn with_new_password(error: AccountError) -> Failure {
    let refused = |code: ErrorCode| Failure::field(code, "new_password", code.title());
    match error {
        AccountError::Password(PasswordError::Weak) => refused(ErrorCode::WeakPassword),
        AccountError::Password(PasswordError::TooLong) => refused(ErrorCode::PasswordTooLong),
        error => error.into(),
    }
}

/// Accept the current terms. A repeat changes nothing.
#[utoipa::path(
    post, operation_id = "accept_terms", path = "/v1/me/consent", tag = "accounts", request_body = ConsentRequest,
    responses((status = 204), (status = "4XX", description = "invalid_field: `terms_version` is not the current one"))
)]
pub(super) async fn consent(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<ConsentRequest>,
) -> Answer<StatusCode> {
    let current = api.config.legal.terms_version;
    // Nobody can have read any other here.
    if request.terms_version != current {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "terms_version",
            "must be the current version",
        ));
    }
    api.store
        .accounts()
        .accept_terms(who.user_id, current, api.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The signed-in devices, newest first.
#[utoipa::path(
    get, operation_id = "list_sessions", path = "/v1/me/sessions", tag = "accounts", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Session>))
)]
pub(super) async fn sessions(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Session>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .accounts()
        .sessions_of(
            who.user_id,
            paging.position(),
            paging.rows(),
            api.clock.now(),
        )
        .await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.0,
        |row| Session {
            id: row.id,
            device: row.device,
            created_at: row.created_at,
            last_active: row.last_active,
            current: row.id == who.session_id,
        },
    )))
}

/// Sign a device out.
#[utoipa::path(
    delete, operation_id = "end_session", path = "/v1/me/sessions/{id}", tag = "accounts", params(("id" = String, Path)),
    responses((status = 204))
)]
pub(super) async fn end_session(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(session): IdPath<SessionId>,
) -> Answer<StatusCode> {
    if !api
        .store
        .accounts()
        .revoke_session(who.user_id, session, api.clock.now())
        .await?
    {
        return Err(Failure::not_found());
    }
    api.hub.sign_out(who.user_id, [session]);
    Ok(StatusCode::NO_CONTENT)
}

/// The remaining allowance.
#[utoipa::path(get, operation_id = "get_quota", path = "/v1/me/quota", tag = "accounts", responses((status = 200, body = Quota)))]
pub(super) async fn quota(State(api): State<Arc<Api>>, who: Signed) -> Answer<Json<Quota>> {
    let quota = api
        .store
        .economy()
        .quota(who.user_id, &api.config.quota, api.clock.now())
        .await?;
    Ok(Json(quota.ok_or(ErrorCode::Unauthorized)?))
}
