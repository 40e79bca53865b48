//! `/v1/notifications`: what the server told the user.

use std::sync::Arc;

use axum::{Json, extract::State};
use tebdil_protocol::{ErrorCode, Notification, NotificationsRead, Page, ReadRequest, Unread};

use super::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::Params,
    problem::{Answer, Failure},
};

/// Most ids of one request.
const MAX_IDS: usize = 100;

/// The user's notifications, newest first, in the language of the account.
#[utoipa::path(
    get, operation_id = "list_notifications", path = "/v1/notifications", tag = "notifications",
    params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Notification>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Notification>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .notices()
        .notifications_of(who.user_id, paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(
        rows,
        |row| row.id.0,
        |row| api.notifier.shown(&row),
    )))
}

/// Mark notifications as read: these, or all. The user's other devices hear of it.
#[utoipa::path(
    post, operation_id = "read_notifications", path = "/v1/notifications/read", tag = "notifications", request_body = ReadRequest,
    responses((status = 200, body = Unread))
)]
pub(super) async fn read(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<ReadRequest>,
) -> Answer<Json<Unread>> {
    let refused =
        |field: &str, detail: &str| Failure::field(ErrorCode::InvalidField, field, detail);
    let ids = match (request.ids, request.all) {
        (Some(ids), None) if (1..=MAX_IDS).contains(&ids.len()) => Some(ids),
        (Some(_), None) => return Err(refused("ids", "must be 1 to 100 ids")),
        (None, Some(true)) => None,
        (None, Some(false)) => return Err(refused("all", "must be true, or absent")),
        (None, None) | (Some(_), Some(_)) => {
            return Err(refused("ids", "either ids or all must be given"));
        }
    };
    let marked = api
        .store
        .notices()
        .read_notifications(who.user_id, ids.as_deref())
        .await?;
    if marked.changed > 0 {
        api.notifier.read(
            who.user_id,
            NotificationsRead {
                ids,
                unread: marked.unread,
            },
        );
    }
    Ok(Json(Unread {
        unread: marked.unread,
    }))
}
