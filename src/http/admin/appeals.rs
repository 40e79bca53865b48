//! `/v1/admin/appeals`: appeals of banned users, and decisions about them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{APPEAL_CONTEXT, AppealRow};
use tebdil_protocol::{
    AdminAppeal, Appeal, AppealDecisionRequest, AppealedBan, ErrorCode, Page,
    domain::AppealStatus,
    id::{AppealId, UserId},
};

use super::{
    Staff,
    bans::{judged, text},
};
use crate::http::{
    Api,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};

/// Appeals, newest first.
#[utoipa::path(
    get, operation_id = "list_admin_appeals", path = "/v1/admin/appeals", tag = "admin", security(("bearer" = ["moderator"])),
    params(("status" = Option<AppealStatus>, Query), ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AdminAppeal>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    params: Params,
) -> Answer<Json<Page<AdminAppeal>>> {
    let paging = params.paging()?;
    let status = params.get(
        "status",
        "must be open, upheld or lifted",
        AppealStatus::from_text,
    )?;
    let rows = api
        .store
        .safety()
        .appeals(status, paging.position(), paging.rows())
        .await?;
    let Page { items, next_cursor } =
        paging.page(rows, |row| row.id.0, |row| shown(&api, who.user_id, row));
    Ok(Json(Page {
        items: items.into_iter().collect::<Answer<_>>()?,
        next_cursor,
    }))
}

/// Decide an appeal. `lift` ends the ban, `uphold` leaves it, and confirms one that is provisional.
#[utoipa::path(
    post, operation_id = "decide_appeal", path = "/v1/admin/appeals/{id}/decide", tag = "admin", security(("bearer" = ["moderator"])), params(("id" = String, Path)), request_body = AppealDecisionRequest,
    responses(
        (status = 204),
        (status = "4XX", description = "forbidden: the own ban, one that was made or confirmed by oneself, that of somebody one has reported, or for moderators that of one of the staff; already_decided"),
    )
)]
pub(in crate::http) async fn decide(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(appeal): IdPath<AppealId>,
    StrictJson(request): StrictJson<AppealDecisionRequest>,
) -> Answer<StatusCode> {
    let note = text("note", &request.note)?;
    let decided = judged(
        api.store
            .safety()
            .decide_appeal(appeal, request.decision, who.into(), &note, api.clock.now())
            .await?,
    )?;
    if let Some(notified) = decided.notified {
        api.notifier.tell(&notified);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn shown(api: &Api, reader: UserId, row: AppealRow) -> Answer<AdminAppeal> {
    let plain = api.cipher.open(
        APPEAL_CONTEXT,
        &row.id.0.to_be_bytes(),
        &row.text_key_id,
        &row.text_ciphertext,
    );
    let text = plain.map_err(|error| {
        tracing::error!(%error, "an appeal could not be read");
        Failure::from(ErrorCode::Internal)
    })?;
    Ok(AdminAppeal {
        appeal: Appeal {
            id: row.id,
            status: row.status,
            created_at: row.created_at,
            decided_at: row.decided_at,
        },
        text: String::from_utf8_lossy(&text).into_owned(),
        user_id: row.user_id,
        handle: row.handle,
        ban: AppealedBan {
            id: row.ban_id,
            reason: row.reason,
            automatic: row.automatic,
            provisional: row.provisional,
            created_at: row.ban_created_at,
            until: row.until,
            banned_by_me: [row.created_by, row.confirmed_by].contains(&Some(reader)),
        },
        decided_by: row.decided_by,
        note: row.decision_note,
    })
}
