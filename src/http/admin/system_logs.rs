//! `/v1/admin/system-logs`: who did what, and what was before and after.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_core::store::LogFilter;
use tebdil_protocol::{Page, SystemLogEntry, id::UserId, time::Timestamp};

use super::Staff;
use crate::http::{Api, paging::Params, problem::Answer};

/// Recorded acts, newest first; those since `from` (inclusive) and before `until`. All staff see
/// all of them, except those on reports about themselves: whoever can act is seen acting.
#[utoipa::path(
    get, operation_id = "list_system_logs", path = "/v1/admin/system-logs", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("action" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$"), ("user" = Option<UserId>, Query), ("actor" = Option<UserId>, Query),
        ("from" = Option<Timestamp>, Query), ("until" = Option<Timestamp>, Query), ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<SystemLogEntry>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    params: Params,
) -> Answer<Json<Page<SystemLogEntry>>> {
    let paging = params.paging()?;
    let name = |text: &str| {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        (plain && (1..=64).contains(&text.len())).then(|| text.to_owned())
    };
    let action = params.get("action", "must be the name of an action", name)?;
    let of_user = |name: &str| {
        params.get(name, "must be the id of a user", |text| {
            text.parse::<UserId>().ok()
        })
    };
    let time = |name: &str| {
        params.get(name, "must be a time as in RFC 3339", |text| {
            text.parse::<Timestamp>().ok()
        })
    };
    let filter = LogFilter {
        action: action.as_deref(),
        user: of_user("user")?,
        actor: of_user("actor")?,
        from: time("from")?,
        until: time("until")?,
        reader: Some(who.user_id),
        before: paging.position(),
    };
    let rows = api.store.jobs().system_logs(filter, paging.rows()).await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row)))
}
