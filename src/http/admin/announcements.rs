//! `/v1/admin/announcements`: what the operator tells many users.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::NewAnnouncement;
use tebdil_protocol::{Announcement, AnnouncementRequest, ErrorCode, Page, TargetGroup};

use super::{Admin, ConfirmedAdmin};
use crate::http::{
    Api,
    body::StrictJson,
    paging::Params,
    problem::{Answer, Failure},
};

/// Longest text, characters.
const MAX_TEXT: usize = 500;

/// Tell users something. It goes out in the background; the list shows how far it has come.
#[utoipa::path(
    post, operation_id = "create_announcement", path = "/v1/admin/announcements", tag = "admin", security(("bearer" = ["admin", "confirmed"])), request_body = AnnouncementRequest,
    responses((status = 201, body = Announcement))
)]
pub(in crate::http) async fn create(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    StrictJson(request): StrictJson<AnnouncementRequest>,
) -> Answer<(StatusCode, Json<Announcement>)> {
    let new = NewAnnouncement {
        tr: text("tr", &request.tr)?,
        en: text("en", &request.en)?,
        target: request.target.unwrap_or(TargetGroup::ALL),
        actor: who.user_id,
    };
    let made = api.store.notices().announce(&new, api.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Announcements, newest first.
#[utoipa::path(
    get, operation_id = "list_announcements", path = "/v1/admin/announcements", tag = "admin", security(("bearer" = ["admin"])),
    params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Announcement>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Admin,
    params: Params,
) -> Answer<Json<Page<Announcement>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .notices()
        .announcements(paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row)))
}

/// A text of one or a few lines.
fn text(field: &str, text: &str) -> Answer<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MAX_TEXT;
    if !fits
        || text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n')
    {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            field,
            "must be 1 to 500 characters, without control characters",
        ));
    }
    Ok(text.to_owned())
}
