//! `/v1/blocks`: people the user does not want to meet again.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{BlockRow, Blocking};
use tebdil_protocol::{Block, BlockRequest, ErrorCode, Page, Peer, id::BlockId};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::limits::Limit;

/// Block the peer of a match, which ends it.
#[utoipa::path(
    post, operation_id = "create_block", path = "/v1/blocks", tag = "safety", request_body = BlockRequest,
    responses((status = 201, body = Block), (status = "4XX", description = "not_found, already_blocked"))
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<BlockRequest>,
) -> Answer<(StatusCode, Json<Block>)> {
    api.limiters.check(Limit::BlockAccount, who.user_id).await?;
    let blocking = api
        .store
        .safety()
        .block(request.match_id, who.user_id, api.clock.now())
        .await?;
    let Blocking::Blocked { block, new, ended } = blocking else {
        return Err(Failure::not_found());
    };
    for ended in &ended {
        api.ends.announce(ended);
    }
    // Waiting searches, at any node, obey it too. Also if the block was there before: its maker may
    // have died at this point.
    api.matchmaker.blocked(who.user_id, block.blocked_id).await;
    if new {
        Ok((StatusCode::CREATED, Json(shown(block))))
    } else {
        Err(ErrorCode::AlreadyBlocked.into())
    }
}

/// The user's blocks, newest first.
#[utoipa::path(
    get, operation_id = "list_blocks", path = "/v1/blocks", tag = "safety", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Block>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Block>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .safety()
        .blocks_of(who.user_id, paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, shown)))
}

/// Remove a block.
#[utoipa::path(
    delete, operation_id = "delete_block", path = "/v1/blocks/{id}", tag = "safety", params(("id" = String, Path)),
    responses((status = 204))
)]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(block): IdPath<BlockId>,
) -> Answer<StatusCode> {
    match api.store.safety().unblock(who.user_id, block).await? {
        Some(_) => Ok(StatusCode::NO_CONTENT),
        None => Err(Failure::not_found()),
    }
}

fn shown(row: BlockRow) -> Block {
    Block {
        id: row.id,
        peer: Peer::new(row.alias, row.tag),
        created_at: row.created_at,
    }
}
