//! Push tokens of devices, and which pushes a user wants.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
};
use tebdil_core::store::PutPushToken;
use tebdil_protocol::{
    ErrorCode, MAX_PUSH_TOKEN_BYTES, NotificationPreferences, NotificationPreferencesPatch,
    PushTokenRequest, Secret, domain::NotificationType,
};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    problem::{Answer, Failure},
};

/// The push token in the URL.
#[derive(Debug)]
pub(super) struct PushToken(Secret);

impl<S: Send + Sync> FromRequestParts<S> for PushToken {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let token = Path::<String>::from_request_parts(parts, state)
            .await
            .map(|Path(token)| token)
            .unwrap_or_default();
        let allowed = (1..=MAX_PUSH_TOKEN_BYTES).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_graphic());
        let token = Secret::from(token);
        if allowed {
            Ok(Self(token))
        } else {
            Err(Failure::field(
                ErrorCode::InvalidField,
                "token",
                "must be 1 to 4096 visible ASCII characters",
            ))
        }
    }
}

/// Make this the push token of this session, replacing the one it had. If another session had the
/// token, it loses it.
#[utoipa::path(
    put, operation_id = "put_push_token", path = "/v1/me/push-tokens/{token}", tag = "notifications", params(("token" = String, Path, pattern = "^[!-~]{1,4096}$")), request_body = PushTokenRequest,
    responses((status = 204))
)]
pub(super) async fn put_token(
    State(api): State<Arc<Api>>,
    who: Signed,
    PushToken(token): PushToken,
    StrictJson(request): StrictJson<PushTokenRequest>,
) -> Answer<StatusCode> {
    match api
        .store
        .notices()
        .put_push_token(
            who.user_id,
            who.session_id,
            &token,
            request.platform,
            api.clock.now(),
        )
        .await?
    {
        PutPushToken::Stored => Ok(StatusCode::NO_CONTENT),
        PutPushToken::NoSession => Err(ErrorCode::Unauthorized.into()),
    }
}

/// Delete the push token of this session.
#[utoipa::path(
    delete, operation_id = "delete_push_token", path = "/v1/me/push-tokens/{token}", tag = "notifications", params(("token" = String, Path, pattern = "^[!-~]{1,4096}$")),
    responses((status = 204), (status = "4XX", description = "not_found"))
)]
pub(super) async fn delete_token(
    State(api): State<Arc<Api>>,
    who: Signed,
    PushToken(token): PushToken,
) -> Answer<StatusCode> {
    let known = api
        .store
        .notices()
        .delete_push_token(who.session_id, &token)
        .await?;
    if known {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Failure::not_found())
    }
}

/// Which notifications wake a device that is away.
#[utoipa::path(
    get, operation_id = "get_notification_preferences", path = "/v1/me/notification-preferences", tag = "notifications",
    responses((status = 200, body = NotificationPreferences))
)]
pub(super) async fn preferences(
    State(api): State<Arc<Api>>,
    who: Signed,
) -> Answer<Json<NotificationPreferences>> {
    Ok(Json(shown(
        &api.store.notices().muted_pushes(who.user_id).await?,
    )))
}

/// Change some of them.
#[utoipa::path(
    patch, operation_id = "update_notification_preferences", path = "/v1/me/notification-preferences", tag = "notifications", request_body = NotificationPreferencesPatch,
    responses((status = 200, body = NotificationPreferences))
)]
pub(super) async fn set_preferences(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(patch): StrictJson<NotificationPreferencesPatch>,
) -> Answer<Json<NotificationPreferences>> {
    let changes = [
        (NotificationType::System, patch.system),
        (NotificationType::Match, patch.matches),
        (NotificationType::Claim, patch.claim),
        (NotificationType::Ad, patch.ad),
    ];
    let changes: Vec<_> = changes
        .into_iter()
        .filter_map(|(kind, on)| Some((kind, on?)))
        .collect();
    let muted = api
        .store
        .notices()
        .set_pushes(who.user_id, &changes)
        .await?;
    Ok(Json(shown(&muted.ok_or(ErrorCode::Unauthorized)?)))
}

fn shown(muted: &[NotificationType]) -> NotificationPreferences {
    let on = |kind| !muted.contains(&kind);
    NotificationPreferences {
        system: on(NotificationType::System),
        matches: on(NotificationType::Match),
        claim: on(NotificationType::Claim),
        ad: on(NotificationType::Ad),
    }
}
