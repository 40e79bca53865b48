//! Where devices are woken, and which pushes a user wants.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{PushTarget, PutPushTarget};
use tebdil_protocol::{
    ErrorCode, MAX_PUSH_ADDRESS_BYTES, NotificationPreferences, NotificationPreferencesPatch,
    PushKeys, PushRequest, Secret,
    domain::{NotificationType, PushPlatform},
};
use tebdil_workers::web_push::BrowserKeys;

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    problem::{Answer, Failure},
};

/// Make this the push target of this session, replacing the one it had. If another session had it,
/// that one loses it.
#[utoipa::path(
    put, operation_id = "put_push_target", path = "/v1/me/push", tag = "notifications", request_body = PushRequest,
    responses((status = 204))
)]
pub(super) async fn put_target(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<PushRequest>,
) -> Answer<StatusCode> {
    let target = target(&api, request)?;
    let notices = api.store.notices();
    match notices
        .put_push_target(who.user_id, who.session_id, &target, api.clock.now())
        .await?
    {
        PutPushTarget::Stored => Ok(StatusCode::NO_CONTENT),
        PutPushTarget::NoSession => Err(ErrorCode::Unauthorized.into()),
    }
}

/// Delete the push target of this session, if it has one.
#[utoipa::path(
    delete, operation_id = "delete_push_target", path = "/v1/me/push", tag = "notifications",
    responses((status = 204))
)]
pub(super) async fn delete_target(State(api): State<Arc<Api>>, who: Signed) -> Answer<StatusCode> {
    let notices = api.store.notices();
    notices.delete_push_target(who.session_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the request asks for: each platform has fields of its own.
fn target(api: &Api, request: PushRequest) -> Result<PushTarget, Failure> {
    let PushRequest {
        platform,
        token,
        endpoint,
        keys,
    } = request;
    match platform {
        PushPlatform::Android | PushPlatform::Ios => {
            unwanted("endpoint", endpoint.as_ref())?;
            unwanted("keys", keys.as_ref())?;
            app(platform, wanted("token", token)?)
        }
        PushPlatform::Web => {
            unwanted("token", token.as_ref())?;
            browser(api, &wanted("endpoint", endpoint)?, wanted("keys", keys)?)
        }
    }
}

fn wanted<T>(field: &str, value: Option<T>) -> Result<T, Failure> {
    value.ok_or_else(|| refused(field, "missing"))
}

fn unwanted<T>(field: &str, value: Option<&T>) -> Result<(), Failure> {
    value.map_or(Ok(()), |_| Err(refused(field, "not for this platform")))
}

fn app(platform: PushPlatform, token: Secret) -> Result<PushTarget, Failure> {
    let text = token.expose();
    if !(1..=MAX_PUSH_ADDRESS_BYTES).contains(&text.len())
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(refused(
            "token",
            "must be 1 to 2048 visible ASCII characters",
        ));
    }
    Ok(PushTarget {
        platform,
        address: token,
        keys: None,
    })
}

fn browser(api: &Api, endpoint: &Secret, keys: PushKeys) -> Result<PushTarget, Failure> {
    let services = api.web_push.as_ref().map(|web_push| web_push.services());
    let url = services
        .and_then(|services| services.endpoint(endpoint.expose()))
        .ok_or_else(|| {
            refused(
                "endpoint",
                "must be an https address at a known push service",
            )
        })?;
    BrowserKeys::read(&keys).map_err(|key| {
        refused(
            format!("keys.{key}"),
            "must be base64url without padding: a point on P-256, and 16 bytes for auth",
        )
    })?;
    Ok(PushTarget {
        platform: PushPlatform::Web,
        // As it was understood, not as it was written.
        address: String::from(url).into(),
        keys: Some(keys),
    })
}

fn refused(field: impl Into<String>, detail: &'static str) -> Failure {
    Failure::field(ErrorCode::InvalidField, field, detail)
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
        (NotificationType::Staff, patch.staff),
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
        staff: on(NotificationType::Staff),
    }
}
