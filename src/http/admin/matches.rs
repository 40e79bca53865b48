//! `/v1/admin/matches`: who was matched with whom, when, and how much they said.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_core::store::StaffMatchFilter;
use tebdil_protocol::{
    AdminMatch, Page,
    domain::{MatchStatus, Mode},
    id::UserId,
};

use super::Staff;
use crate::http::{Api, paging::Params, problem::Answer};

/// Everybody's matches, newest first, without what was said.
#[utoipa::path(
    get, operation_id = "list_admin_matches", path = "/v1/admin/matches", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("user" = Option<UserId>, Query), ("status" = Option<MatchStatus>, Query), ("mode" = Option<Mode>, Query),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<AdminMatch>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Staff,
    params: Params,
) -> Answer<Json<Page<AdminMatch>>> {
    let paging = params.paging()?;
    let filter = StaffMatchFilter {
        user: params.get("user", "must be the id of a user", |text| {
            text.parse::<UserId>().ok()
        })?,
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
        .matches_for_staff(filter, paging.rows(), now)
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row.view(now))))
}
