//! `/v1/claims`: getting a right back for a match that came to nothing.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::Claiming;
use tebdil_protocol::{Claim, ClaimRequest, ErrorCode, Page};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::Params,
    problem::{Answer, Failure},
};

/// Claim back the right that a match cost. It is decided within a minute; a `notification` tells
/// how. An open video match ends with it.
#[utoipa::path(
    post, operation_id = "create_claim", path = "/v1/claims", tag = "claims", request_body = ClaimRequest,
    responses(
        (status = 201, body = Claim),
        (status = "4XX", description = "not_found, already_claimed; not_eligible: with `reason` and, where waiting helps, `eligible_at`"),
    )
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<ClaimRequest>,
) -> Answer<(StatusCode, Json<Claim>)> {
    let rules = api.config.claims;
    match api
        .store
        .economy()
        .claim(
            request.match_id,
            who.user_id,
            &rules,
            &api.config.quota.zone,
            api.clock.now(),
        )
        .await?
    {
        Claiming::Made(claim, ended) => {
            if let Some(ended) = ended {
                api.ends.announce(&ended);
            }
            Ok((StatusCode::CREATED, Json(claim.view())))
        }
        Claiming::Already => Err(ErrorCode::AlreadyClaimed.into()),
        Claiming::Refused(why) => Err(Failure::not_eligible(why)),
        Claiming::NotFound => Err(Failure::not_found()),
    }
}

/// The user's claims, newest first.
#[utoipa::path(
    get, operation_id = "list_claims", path = "/v1/claims", tag = "claims", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Claim>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Claim>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .economy()
        .claims_of(who.user_id, paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row.view())))
}
