//! `/v1/blocks`: people the user does not want to meet again.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::{
    domain::EndReason,
    id::BlockId,
    protocol::{Block, BlockRequest, ErrorCode, Page, Peer, Problem},
    store::{BlockRow, Blocking},
};

use super::{
    auth::Signed,
    body::Strict,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::{app::App, config::Limit};

/// Block the peer of a match, which ends it.
#[utoipa::path(
    post, path = "/v1/blocks", tag = "safety", request_body = BlockRequest,
    responses(
        (status = 201, body = Block),
        (status = 401, body = Problem),
        (status = 404, body = Problem),
        (status = 409, description = "`already_blocked`", body = Problem),
    )
)]
pub(super) async fn create(
    State(app): State<Arc<App>>,
    who: Signed,
    Strict(request): Strict<BlockRequest>,
) -> Answer<(StatusCode, Json<Block>)> {
    app.limiters.check(Limit::BlockAccount, who.user_id).await?;
    let blocking = app.store.block(request.match_id, who.user_id, app.clock.now()).await?;
    let (row, new) = match blocking {
        Blocking::Blocked(row) => (row, true),
        Blocking::Already(row) => (row, false),
        Blocking::NotFound => return Err(Failure::not_found()),
    };
    // Also after a block that was there before: the request that made it may have been cut off here.
    app.matchmaker.blocked(who.user_id, row.blocked_id).await;
    app.chat.end_all_with(who.user_id, row.blocked_id, EndReason::Blocked).await?;
    if new { Ok((StatusCode::CREATED, Json(shown(row)))) } else { Err(ErrorCode::AlreadyBlocked.into()) }
}

/// The user's blocks, newest first.
#[utoipa::path(
    get, path = "/v1/blocks", tag = "safety", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Block>), (status = 401, body = Problem))
)]
pub(super) async fn list(State(app): State<Arc<App>>, who: Signed, params: Params) -> Answer<Json<Page<Block>>> {
    let paging = params.paging()?;
    let rows = app.store.blocks_of(who.user_id, paging.position(), paging.rows()).await?;
    Ok(Json(paging.page(rows, |row| row.id.0, shown)))
}

/// Take a block back.
#[utoipa::path(
    delete, path = "/v1/blocks/{id}", tag = "safety", params(("id" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn delete(State(app): State<Arc<App>>, who: Signed, IdPath(block): IdPath<BlockId>) -> Answer<StatusCode> {
    match app.store.unblock(who.user_id, block).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Failure::not_found()),
    }
}

fn shown(row: BlockRow) -> Block {
    Block { id: row.id, peer: Peer::new(row.alias, row.tag), created_at: row.created_at }
}
