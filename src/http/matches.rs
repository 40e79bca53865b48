//! `/v1/matches`: conversations, present and past.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_core::store::{EndOutcome, MatchFilter};
use tebdil_protocol::{
    ErrorCode, MAX_SEQ, Match, MessageNew, Page,
    domain::{EndReason, MatchStatus, Mode},
    id::MatchId,
};

use super::{
    Api,
    auth::Signed,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::chat::from_peer;

/// The user's matches, newest first.
#[utoipa::path(
    get, operation_id = "list_matches", path = "/v1/matches", tag = "matches",
    params(
        ("status" = Option<MatchStatus>, Query), ("mode" = Option<Mode>, Query),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<Match>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Match>>> {
    let paging = params.paging()?;
    let filter = MatchFilter {
        status: params.get(
            "status",
            "must be active, expired, cancelled or completed",
            MatchStatus::from_text,
        )?,
        mode: params.get("mode", "must be text or video", Mode::from_text)?,
        before: paging.position(),
    };
    let now = api.clock.now();
    let rows = api
        .store
        .matches()
        .matches_of(who.user_id, filter, paging.rows(), now)
        .await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.0,
        |row| row.view(who.session_id, now),
    )))
}

/// One match.
#[utoipa::path(
    get, operation_id = "get_match", path = "/v1/matches/{id}", tag = "matches", params(("id" = String, Path)),
    responses((status = 200, body = Match))
)]
pub(super) async fn get(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
) -> Answer<Json<Match>> {
    let row = api
        .store
        .matches()
        .match_of(id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(Json(row.view(who.session_id, api.clock.now())))
}

/// Messages of the peer that this device has not acknowledged, oldest first: those after the number
/// `after`, or the next page of `cursor`. Only for the device that the match belongs to.
#[utoipa::path(
    get, operation_id = "list_messages", path = "/v1/matches/{id}/messages", tag = "matches",
    params(
        ("id" = String, Path),
        ("after" = Option<i64>, Query, minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<MessageNew>))
)]
pub(super) async fn messages(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
    params: Params,
) -> Answer<Json<Page<MessageNew>>> {
    let paging = params.paging()?;
    let after: Option<i64> =
        params.get("after", "must be 0 or the number of a message", |text| {
            text.parse().ok().filter(|seq| (0..=MAX_SEQ).contains(seq))
        })?;
    let row = api
        .store
        .matches()
        .match_of(id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    if row.session_id != who.session_id {
        return Err(ErrorCode::WrongDevice.into());
    }
    let rows = if row.is_active(api.clock.now()) {
        let after = paging.position().max(after).unwrap_or(0);
        let messages = api.store.messages();
        messages.settle_user(who.user_id).await?;
        messages
            .messages_from_peer(id, who.user_id, after, paging.rows())
            .await?
    } else {
        // The messages ended with the match; rows that wait for their job are not shown.
        Vec::new()
    };
    Ok(Json(paging.page(
        rows,
        |row| row.seq,
        |row| from_peer(&api.franking, row),
    )))
}

/// End a match. The second to do so gets the match as it ended.
#[utoipa::path(
    post, operation_id = "leave_match", path = "/v1/matches/{id}/leave", tag = "matches", params(("id" = String, Path)),
    responses((status = 200, body = Match))
)]
pub(super) async fn leave(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
) -> Answer<Json<Match>> {
    match api.ends.end(id, who.user_id, EndReason::Left).await? {
        EndOutcome::NotFound => Err(Failure::not_found()),
        EndOutcome::Now(_) | EndOutcome::Before(_) => get(State(api), who, IdPath(id)).await,
    }
}
