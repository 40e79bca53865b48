//! `/v1/matches`: conversations, present and past.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_core::store::{End, MatchFilter, StoreError};
use tebdil_protocol::{
    Match, Message, MessageOrigin, Page,
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, MessageId},
};

use super::{
    auth::Signed,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::app::App;

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
    State(app): State<Arc<App>>,
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
    let now = app.clock.now();
    let rows = app
        .store
        .matches()
        .matches_of(who.user_id, filter, paging.rows(), now)
        .await?;
    let Page { items, next_cursor } = paging.page(rows, |row| row.id.0, |row| row.view(now));
    let items = items.into_iter().collect::<Result<_, StoreError>>()?;
    Ok(Json(Page { items, next_cursor }))
}

/// One match.
#[utoipa::path(
    get, operation_id = "get_match", path = "/v1/matches/{id}", tag = "matches", params(("id" = String, Path)),
    responses((status = 200, body = Match))
)]
pub(super) async fn get(
    State(app): State<Arc<App>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
) -> Answer<Json<Match>> {
    let row = app
        .store
        .matches()
        .match_of(id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok(Json(row.view(app.clock.now())?))
}

/// Messages of both sides that are still held, oldest first: those after the message `after`, or
/// the next page of `cursor`.
#[utoipa::path(
    get, operation_id = "list_messages", path = "/v1/matches/{id}/messages", tag = "matches",
    params(
        ("id" = String, Path), ("after" = Option<MessageId>, Query),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<Message>))
)]
pub(super) async fn messages(
    State(app): State<Arc<App>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
    params: Params,
) -> Answer<Json<Page<Message>>> {
    let paging = params.paging()?;
    let after: Option<MessageId> =
        params.get("after", "must be a message id", |text| text.parse().ok())?;
    let row = app
        .store
        .matches()
        .match_of(id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    if !row.is_active(app.clock.now()) {
        // The messages went with the match; a row that waits for its job is not shown.
        return Ok(Json(Page {
            items: Vec::new(),
            next_cursor: None,
        }));
    }
    let rows = app
        .store
        .messages()
        .message_history(id, who.user_id, paging.position().max(after), paging.rows())
        .await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.0,
        |row| Message {
            frank: row.franked().map(|message| app.franking.frank(&message)),
            message_id: row.id,
            match_id: row.match_id,
            from: if row.sender_id == who.user_id {
                MessageOrigin::Me
            } else {
                MessageOrigin::Peer
            },
            seq: row.seq,
            kind: row.kind,
            ciphertext: row.content,
            franking_tag: row.franking_tag,
            sent_at: row.created_at,
        },
    )))
}

/// End a match. Who comes second gets the match as it ended.
#[utoipa::path(
    post, operation_id = "leave_match", path = "/v1/matches/{id}/leave", tag = "matches", params(("id" = String, Path)),
    responses((status = 200, body = Match))
)]
pub(super) async fn leave(
    State(app): State<Arc<App>>,
    who: Signed,
    IdPath(id): IdPath<MatchId>,
) -> Answer<Json<Match>> {
    match app.chat.end(id, Some(who.user_id), EndReason::Left).await? {
        End::NotFound => Err(Failure::not_found()),
        End::Now(_) | End::Before(_) => get(State(app), who, IdPath(id)).await,
    }
}
