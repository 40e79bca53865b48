//! Erasing an account for somebody who cannot sign in, such as a banned user.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use rand::rngs::StdRng;
use tebdil_core::store::{EraseOrder, Erased, ErasedBy};
use tebdil_protocol::{AccountErasureRequest, ErrorCode, id::UserId};

use super::ConfirmedAdmin;
use crate::http::{
    Api,
    body::StrictJson,
    paging::IdPath,
    problem::{Answer, Failure},
};

const MAX_NOTE: usize = 500;

/// Erase a user's account permanently. A ban of its phone stays. Only its user can erase an admin's
/// account.
#[utoipa::path(
    post, operation_id = "erase_user", path = "/v1/admin/users/{id}/erase", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)), request_body = AccountErasureRequest,
    responses((status = 204))
)]
pub(in crate::http) async fn erase(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(user): IdPath<UserId>,
    StrictJson(AccountErasureRequest { note }): StrictJson<AccountErasureRequest>,
) -> Answer<StatusCode> {
    if note.trim().is_empty()
        || note.chars().count() > MAX_NOTE
        || note.chars().any(char::is_control)
    {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "note",
            "must be 1 to 500 characters without control characters",
        ));
    }
    let mut rng: StdRng = rand::make_rng();
    match api
        .store
        .accounts()
        .erase_user(
            user,
            ErasedBy::Admin {
                id: who.user_id,
                note: &note,
            },
            &mut rng,
            api.clock.now(),
        )
        .await?
    {
        Erased::Now => {
            api.workers.at_once(EraseOrder { user_id: user }).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Erased::NotFound => Err(Failure::not_found()),
        Erased::Forbidden => Err(ErrorCode::Forbidden.into()),
    }
}
