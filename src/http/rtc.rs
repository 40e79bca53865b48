//! `/v1/rtc`: what a call needs besides signals.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_protocol::{ErrorCode, IceServers, IceServersRequest, domain::Mode};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    problem::{Answer, Failure},
};
use crate::limits::Limit;

/// Get the relays for the call of an open video match, on the device that searched. A credential is
/// good for the first allocation within `ttl_s`; what was allocated goes on until the match ends.
/// Each request gives a new credential, even with the same `Idempotency-Key`.
#[utoipa::path(
    post, operation_id = "create_ice_servers", path = "/v1/rtc/ice-servers", tag = "calls", request_body = IceServersRequest,
    responses(
        (status = 200, body = IceServers),
        (status = "4XX", description = "not_found, not_a_video_match, match_ended, wrong_device; mode_unavailable: the server has no relay"),
    )
)]
pub(super) async fn ice_servers(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<IceServersRequest>,
) -> Answer<Json<IceServers>> {
    api.limiters.check(Limit::IceAccount, who.user_id).await?;
    let side = api
        .store
        .matches()
        .call_side(request.match_id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    if side.mode != Mode::Video {
        return Err(ErrorCode::NotAVideoMatch.into());
    }
    if !side.is_active(api.clock.now()) {
        return Err(ErrorCode::MatchEnded.into());
    }
    if side.session_id != who.session_id {
        return Err(ErrorCode::WrongDevice.into());
    }
    if !api.relays.any() {
        return Err(ErrorCode::ModeUnavailable.into());
    }
    Ok(Json(api.relays.ice_servers(request.match_id, side.role)))
}
