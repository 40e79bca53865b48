//! `/v1/appeals`: appeals against a ban, with the token that login gives a banned user instead of a
//! session.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{APPEAL_CONTEXT, Appealing, NewAppeal};
use tebdil_protocol::{Appeal, AppealRequest, ErrorCode, Page, id::AppealId};

use super::{
    Api,
    body::StrictJson,
    client_ip::ClientAddress,
    problem::{Answer, Failure},
};
use crate::{auth::Appellant, limits::Limit};

const MAX_TEXT: usize = 4000;

/// Appeal against the ban, once. A moderator other than the one who banned decides; `GET` tells
/// how.
#[utoipa::path(
    post, operation_id = "create_appeal", path = "/v1/appeals", tag = "appeals", security(("appeal" = [])), request_body = AppealRequest,
    responses(
        (status = 201, body = Appeal),
        (status = "4XX", description = "already_appealed; not_banned: the ban is over"),
    )
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    who: Appellant,
    from: ClientAddress,
    StrictJson(request): StrictJson<AppealRequest>,
) -> Answer<(StatusCode, Json<Appeal>)> {
    api.limiters.check(Limit::AppealAddress, from).await?;
    api.limiters.check(Limit::AppealBan, who.ban_id).await?;
    let text = request.text.trim();
    let fits = (1..=MAX_TEXT).contains(&text.chars().count())
        && !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n');
    if !fits {
        let detail = "must be 1 to 4000 characters, without control characters";
        return Err(Failure::field(ErrorCode::InvalidField, "text", detail));
    }
    let id: AppealId = api.ids.next();
    let text = api.cipher.seal(
        APPEAL_CONTEXT,
        &id.0.to_be_bytes(),
        text.as_bytes(),
        &mut rand::rng(),
    );
    match api
        .store
        .safety()
        .appeal(
            &NewAppeal {
                id,
                ban: who.ban_id,
                user: who.user_id,
                text,
            },
            api.clock.now(),
        )
        .await?
    {
        Appealing::Made(appeal) => Ok((StatusCode::CREATED, Json(appeal))),
        Appealing::Already => Err(ErrorCode::AlreadyAppealed.into()),
        Appealing::NotBanned => Err(ErrorCode::NotBanned.into()),
    }
}

/// The appeal against the ban, and its outcome; empty if there is none.
#[utoipa::path(
    get, operation_id = "list_appeals", path = "/v1/appeals", tag = "appeals", security(("appeal" = [])),
    responses((status = 200, body = Page<Appeal>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Appellant,
    from: ClientAddress,
) -> Answer<Json<Page<Appeal>>> {
    api.limiters.check(Limit::AppealAddress, from).await?;
    api.limiters.check(Limit::AppealBan, who.ban_id).await?;
    let appeal = api.store.safety().appeal_of(who.ban_id).await?;
    Ok(Json(Page {
        items: appeal.into_iter().collect(),
        next_cursor: None,
    }))
}
