//! Bans by moderators, and the list of bans that wait for one.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{BanFilter, BanOrder, Judged, Notified, StaffBan, StaffMember};
use tebdil_protocol::{
    AdminBan, BanConfirmation, BanRequest, ErrorCode, Page, UnbanRequest,
    id::{BanId, UserId},
    time::Timestamp,
};

use super::Staff;
use crate::http::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};

const MAX_TEXT: usize = 500;
const LONGEST: Duration = Duration::from_hours(24 * 3653);

impl From<Signed> for StaffMember {
    fn from(who: Signed) -> Self {
        Self {
            id: who.user_id,
            role: who.role,
        }
    }
}

/// Ban a user, by the phone. Sockets close and matches end at once. A provisional ban in force is
/// confirmed with this reason and end.
#[utoipa::path(
    post, operation_id = "ban_user", path = "/v1/admin/users/{id}/ban", tag = "admin", security(("bearer" = ["moderator"])), params(("id" = String, Path)), request_body = BanRequest,
    responses(
        (status = 201, body = AdminBan),
        (status = "4XX", description = "forbidden: oneself, an admin, somebody one has reported, or for moderators a moderator; already_banned"),
    )
)]
pub(in crate::http) async fn ban(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(user): IdPath<UserId>,
    StrictJson(request): StrictJson<BanRequest>,
) -> Answer<(StatusCode, Json<AdminBan>)> {
    let reason = text("reason", &request.reason)?;
    let now = api.clock.now();
    let until = end(request.until, now)?;
    let ban = match api
        .store
        .safety()
        .ban_by_staff(user, who.into(), &reason, until, now)
        .await?
    {
        StaffBan::Banned { ban, notified } => {
            took_effect(&api, user, notified).await;
            ban
        }
        StaffBan::Confirmed(ban) => ban,
        StaffBan::Already => return Err(ErrorCode::AlreadyBanned.into()),
        StaffBan::Forbidden => return Err(ErrorCode::Forbidden.into()),
        StaffBan::NotFound => return Err(Failure::not_found()),
    };
    let record = api
        .store
        .safety()
        .ban_record(ban.id, now)
        .await?
        .ok_or_else(Failure::not_found)?;
    Ok((StatusCode::CREATED, Json(record)))
}

/// Lift the ban of a user.
#[utoipa::path(
    post, operation_id = "unban_user", path = "/v1/admin/users/{id}/unban", tag = "admin", security(("bearer" = ["moderator"])), params(("id" = String, Path)), request_body = UnbanRequest,
    responses(
        (status = 204),
        (status = "4XX", description = "forbidden: oneself, or for moderators one of the staff; not_banned"),
    )
)]
pub(in crate::http) async fn unban(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(user): IdPath<UserId>,
    StrictJson(request): StrictJson<UnbanRequest>,
) -> Answer<StatusCode> {
    let note = text("note", &request.note)?;
    let lifted = judged(
        api.store
            .safety()
            .unban(user, who.into(), &note, api.clock.now())
            .await?,
    )?;
    if let Some(notified) = lifted {
        api.notifier.tell(&notified);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Bans, newest first. `provisional=true&active=true` lists those that wait for a moderator.
/// With `user`, those of the user's phone, also from an account that was erased before.
#[utoipa::path(
    get, operation_id = "list_bans", path = "/v1/admin/bans", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("active" = Option<bool>, Query), ("provisional" = Option<bool>, Query), ("automatic" = Option<bool>, Query),
        ("user" = Option<UserId>, Query), ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = Page<AdminBan>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Staff,
    params: Params,
) -> Answer<Json<Page<AdminBan>>> {
    let paging = params.paging()?;
    let flag = |name| {
        params.get(name, "must be true or false", |text| {
            text.parse::<bool>().ok()
        })
    };
    let filter = BanFilter {
        active: flag("active")?,
        provisional: flag("provisional")?,
        automatic: flag("automatic")?,
        user: params.get("user", "must be the id of a user", |text| text.parse().ok())?,
        before: paging.position(),
    };
    let rows = api
        .store
        .safety()
        .bans(filter, api.clock.now(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row)))
}

/// Make a provisional ban a decided one.
#[utoipa::path(
    post, operation_id = "confirm_ban", path = "/v1/admin/bans/{id}/confirm", tag = "admin", security(("bearer" = ["moderator"])), params(("id" = String, Path)), request_body = BanConfirmation,
    responses(
        (status = 200, body = AdminBan),
        (status = "4XX", description = "forbidden: oneself, somebody one has reported, or for moderators one of the staff; already_decided; not_banned: it is over"),
    )
)]
pub(in crate::http) async fn confirm(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(ban): IdPath<BanId>,
    StrictJson(request): StrictJson<BanConfirmation>,
) -> Answer<Json<AdminBan>> {
    let note = text("note", &request.note)?;
    let now = api.clock.now();
    let until = end(request.until, now)?;
    judged(
        api.store
            .safety()
            .confirm_ban(ban, who.into(), until, &note, now)
            .await?,
    )?;
    Ok(Json(
        api.store
            .safety()
            .ban_record(ban, now)
            .await?
            .ok_or_else(Failure::not_found)?,
    ))
}

/// The ban is committed: tells the user, and then shuts it out.
pub(super) async fn took_effect(api: &Api, user_id: UserId, notified: Option<Notified>) {
    if let Some(notified) = notified {
        api.notifier.tell(&notified);
    }
    api.workers.at_once(BanOrder { user_id }).await;
}

/// What was done, or why not.
pub(super) fn judged<T>(judged: Judged<T>) -> Answer<T> {
    match judged {
        Judged::Done(done) => Ok(done),
        Judged::NotBanned => Err(ErrorCode::NotBanned.into()),
        Judged::Already => Err(ErrorCode::AlreadyDecided.into()),
        Judged::Forbidden => Err(ErrorCode::Forbidden.into()),
        Judged::NotFound => Err(Failure::not_found()),
    }
}

/// A reason or note that can be stored and shown.
pub(super) fn text(field: &str, text: &str) -> Answer<String> {
    let text = text.trim();
    let fits = (1..=MAX_TEXT).contains(&text.chars().count())
        && !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n');
    if !fits {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            field,
            "must be 1 to 500 characters, without control characters",
        ));
    }
    Ok(text.to_owned())
}

/// The end of a ban that is asked for.
pub(super) fn end(until: Option<Timestamp>, now: Timestamp) -> Answer<Option<Timestamp>> {
    if until.is_some_and(|until| until <= now || until > now + LONGEST) {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "until",
            "must be in the future, within ten years",
        ));
    }
    Ok(until)
}
