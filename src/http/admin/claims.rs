//! `/v1/admin/claims`: claims and their outcomes.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_protocol::{AdminClaim, Page, domain::ClaimStatus};

use super::Staff;
use crate::http::{Api, paging::Params, problem::Answer};

/// Everybody's claims, newest first.
#[utoipa::path(
    get, operation_id = "list_admin_claims", path = "/v1/admin/claims", tag = "admin", security(("bearer" = ["moderator"])),
    params(("status" = Option<ClaimStatus>, Query), ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AdminClaim>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Staff,
    params: Params,
) -> Answer<Json<Page<AdminClaim>>> {
    let paging = params.paging()?;
    let status = params.get(
        "status",
        "must be pending, approved or rejected",
        ClaimStatus::from_text,
    )?;
    let rows = api
        .store
        .economy()
        .claims(status, paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.0,
        |row| AdminClaim {
            claim: row.view(),
            user_id: row.user_id,
        },
    )))
}
