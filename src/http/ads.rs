//! `/v1/ads`: ads that a client asks for, and views and clicks of those that were shown.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use rand::rngs::StdRng;
use tebdil_protocol::{Ad, AdEvent, Page, Placement, id::AdId};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};

/// The next ad for the user at a placement (default `match_end`): none or one. Getting one counts
/// as being shown it.
#[utoipa::path(
    get, operation_id = "get_next_ad", path = "/v1/ads", tag = "ads", params(("placement" = Option<String>, Query, pattern = "^[a-z0-9_]{1,32}$")),
    responses((status = 200, body = Page<Ad>))
)]
pub(super) async fn next(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Ad>>> {
    let read = |text: &str| Placement::try_from(text.to_owned()).ok();
    let placement = params.get("placement", "must be 1 to 32 of a-z, 0-9 and _", read)?;
    let mut rng: StdRng = rand::make_rng();
    let ad = api
        .ads
        .next(
            who.user_id,
            placement.unwrap_or_else(Placement::match_end),
            None,
            &mut rng,
        )
        .await?;
    Ok(Json(Page {
        items: ad.into_iter().collect(),
        next_cursor: None,
    }))
}

/// Report that the user viewed or clicked an ad. It counts once for every time the ad was shown to
/// the user in the last 24 hours; the answer is always the same.
#[utoipa::path(
    post, operation_id = "record_ad_event", path = "/v1/ads/{id}/events", tag = "ads", params(("id" = String, Path)), request_body = AdEvent,
    responses((status = 204))
)]
pub(super) async fn event(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(ad): IdPath<AdId>,
    StrictJson(event): StrictJson<AdEvent>,
) -> Answer<StatusCode> {
    match api
        .store
        .economy()
        .ad_event(who.user_id, ad, event.kind, api.clock.now())
        .await?
    {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Failure::not_found()),
    }
}
