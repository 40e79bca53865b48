//! `/v1/admin/reports`: the moderators' queue.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::{
    crypto::{CryptoError, Sealed},
    store::{NewResolution, ReportEntry, ReportFilter, Resolving, Taking},
};
use tebdil_protocol::{
    AdminReport, ErrorCode, Page, ReliabilityRequest, ReportDetails, ReportQueue, ReportedUser,
    ReportingUser, Resolution, ResolveRequest, Taken, WarningAnswer,
    domain::{ReportDecision, ReportReason, ReportStatus},
    id::{ReportId, UserId},
};

use super::{
    Staff,
    bans::{end, judged, took_effect},
};
use crate::{
    auth::neutral_alias,
    evidence::{self, Written},
    http::{
        Api,
        body::StrictJson,
        paging::{IdPath, Params},
        problem::{Answer, Failure},
        reports::note_text,
    },
};

/// How many of the queue are shown: who has decided these asks again.
const QUEUE_HEAD: i64 = 50;

/// So many neutral aliases are tried for somebody whose own is taken away.
const ALIASES_TRIED: usize = 5;

/// Reports, newest first. Those about the moderator who asks are left out.
#[utoipa::path(
    get, operation_id = "list_admin_reports", path = "/v1/admin/reports", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("status" = Option<ReportStatus>, Query), ("reason" = Option<ReportReason>, Query),
        ("reported" = Option<UserId>, Query), ("reporter" = Option<UserId>, Query),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<AdminReport>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    params: Params,
) -> Answer<Json<Page<AdminReport>>> {
    let paging = params.paging()?;
    let user = |text: &str| text.parse::<UserId>().ok();
    let filter = ReportFilter {
        status: params.get(
            "status",
            "must be open, dismissed, warned, banned or renamed",
            ReportStatus::from_text,
        )?,
        reason: params.get(
            "reason",
            "must be a reason of reports",
            ReportReason::from_text,
        )?,
        reported: params.get("reported", "must be the id of a user", user)?,
        reporter: params.get("reporter", "must be the id of a user", user)?,
        before: paging.position(),
    };
    let rules = api.config.reports;
    let rows = api
        .store
        .safety()
        .reports(who.user_id, filter, paging.rows(), &rules, api.clock.now())
        .await?;
    let shown = rows
        .into_iter()
        .map(|row| shown(&api, who.user_id, row))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Json(paging.page(shown, |row| row.report.id.0, |row| row)))
}

/// The open reports that come next: the severest first, then the oldest.
#[utoipa::path(
    get, operation_id = "get_report_queue", path = "/v1/admin/reports/queue", tag = "admin", security(("bearer" = ["moderator"])),
    params(("reason" = Option<ReportReason>, Query)),
    responses((status = 200, body = ReportQueue))
)]
pub(in crate::http) async fn queue(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    params: Params,
) -> Answer<Json<ReportQueue>> {
    let reason = params.get(
        "reason",
        "must be a reason of reports",
        ReportReason::from_text,
    )?;
    let (now, rules) = (api.clock.now(), api.config.reports);
    let queue = api
        .store
        .safety()
        .report_queue(who.user_id, reason, QUEUE_HEAD, &rules, now)
        .await?;
    let items = queue
        .entries
        .into_iter()
        .map(|row| shown(&api, who.user_id, row))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Json(ReportQueue {
        items,
        open: queue.open,
        oldest_at: queue.oldest,
    }))
}

/// Work on an open report: for five minutes nobody else can take or decide it. A repeat begins them
/// anew.
#[utoipa::path(
    post, operation_id = "take_report", path = "/v1/admin/reports/{id}/take", tag = "admin", security(("bearer" = ["moderator"])),
    params(("id" = String, Path)),
    responses(
        (status = 200, body = AdminReport),
        (status = "4XX", description = "forbidden: the own report, or one about oneself; taken: another moderator works on it; already_decided"),
    )
)]
pub(in crate::http) async fn take(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(id): IdPath<ReportId>,
) -> Answer<Json<AdminReport>> {
    let now = api.clock.now();
    match api.store.safety().take_report(id, who.user_id, now).await? {
        Taking::Taken(_) => Ok(Json(one(&api, who.user_id, id).await?)),
        Taking::ByAnother => Err(ErrorCode::Taken.into()),
        Taking::Decided => Err(ErrorCode::AlreadyDecided.into()),
        Taking::Forbidden => Err(ErrorCode::Forbidden.into()),
        Taking::NotFound => Err(Failure::not_found()),
    }
}

/// Leave a report to the others that was taken; no matter if it was not.
#[utoipa::path(
    delete, operation_id = "release_report", path = "/v1/admin/reports/{id}/take", tag = "admin", security(("bearer" = ["moderator"])),
    params(("id" = String, Path)), responses((status = 204))
)]
pub(in crate::http) async fn release(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(id): IdPath<ReportId>,
) -> Answer<StatusCode> {
    api.store
        .safety()
        .release_report(id, who.user_id, api.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A report with its evidence. Reading it is recorded.
#[utoipa::path(
    get, operation_id = "get_admin_report", path = "/v1/admin/reports/{id}", tag = "admin", security(("bearer" = ["moderator"])),
    params(("id" = String, Path)),
    responses(
        (status = 200, body = ReportDetails),
        (status = "4XX", description = "forbidden: also for the one it is about"),
    )
)]
pub(in crate::http) async fn get(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(id): IdPath<ReportId>,
) -> Answer<Json<ReportDetails>> {
    let (now, rules) = (api.clock.now(), api.config.reports);
    let entry = api
        .store
        .safety()
        .report_entry(id, &rules, now)
        .await?
        .ok_or_else(Failure::not_found)?;
    if entry.reported_id == who.user_id {
        return Err(ErrorCode::Forbidden.into());
    }
    let sealed = api
        .store
        .safety()
        .read_evidence(id, who.user_id, now)
        .await?;
    let evidence = sealed
        .map(|sealed| evidence::open_evidence(&api.cipher, id, &sealed))
        .transpose()
        .map_err(unreadable)?;
    // It is for moderators who judge, and not for the other side of the quarrel.
    let answer = if entry.reporter_id == who.user_id {
        None
    } else {
        api.store.safety().warning_answer(id).await?
    };
    let answer = answer
        .map(|(warning, sealed, at)| {
            evidence::open_answer(&api.cipher, warning, &sealed)
                .map(|text| WarningAnswer { text, at })
        })
        .transpose()
        .map_err(unreadable)?;
    Ok(Json(ReportDetails {
        report: shown(&api, who.user_id, entry)?,
        evidence: evidence.unwrap_or_default(),
        answer,
    }))
}

/// Decide a report, once. Others about the same user stay open.
#[utoipa::path(
    post, operation_id = "resolve_report", path = "/v1/admin/reports/{id}/resolve", tag = "admin", security(("bearer" = ["moderator"])),
    params(("id" = String, Path)), request_body = ResolveRequest,
    responses(
        (status = 200, body = AdminReport),
        (status = "4XX", description = "forbidden: the own report, one about oneself, a ban of somebody one has reported, or of staff beyond the own role; taken: another moderator works on it; already_decided; alias_full: with `rename`, try again"),
    )
)]
pub(in crate::http) async fn resolve(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(id): IdPath<ReportId>,
    StrictJson(request): StrictJson<ResolveRequest>,
) -> Answer<Json<AdminReport>> {
    let note = note_text("note", &request.note)?;
    let now = api.clock.now();
    if request.until.is_some() && request.decision != ReportDecision::Ban {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "until",
            "only with ban",
        ));
    }
    let until = end(request.until, now)?;
    let mut new = NewResolution {
        decision: request.decision,
        note: Written::Resolution.seal(&api.cipher, id, note.as_bytes()),
        until,
        alias: None,
        actor: who.user_id,
        actor_role: who.role,
    };
    let mut done = Resolving::AliasFull;
    for _ in 0..ALIASES_TRIED {
        new.alias =
            (request.decision == ReportDecision::Rename).then(|| neutral_alias(&mut rand::rng()));
        done = api.store.safety().resolve_report(id, &new, now).await?;
        if done != Resolving::AliasFull {
            break;
        }
    }
    match done {
        Resolving::Done { notified, banned } => {
            for notified in &notified {
                api.notifier.tell(notified);
            }
            if let Some((user, notified)) = banned {
                took_effect(&api, user, notified).await;
            }
        }
        Resolving::Decided => return Err(ErrorCode::AlreadyDecided.into()),
        Resolving::Taken => return Err(ErrorCode::Taken.into()),
        Resolving::AliasFull => return Err(ErrorCode::AliasFull.into()),
        Resolving::Forbidden => return Err(ErrorCode::Forbidden.into()),
        Resolving::NotFound => return Err(Failure::not_found()),
    }
    Ok(Json(one(&api, who.user_id, id).await?))
}

/// Say whether a user's reports are unreliable, and count towards no automatic ban.
#[utoipa::path(
    post, operation_id = "set_user_reliability", path = "/v1/admin/users/{id}/reliability", tag = "admin", security(("bearer" = ["moderator"])),
    params(("id" = String, Path)), request_body = ReliabilityRequest,
    responses((status = 204), (status = "4XX", description = "forbidden: oneself, or for moderators one of the staff"))
)]
pub(in crate::http) async fn reliability(
    State(api): State<Arc<Api>>,
    Staff(who): Staff,
    IdPath(user): IdPath<UserId>,
    StrictJson(request): StrictJson<ReliabilityRequest>,
) -> Answer<StatusCode> {
    judged(
        api.store
            .safety()
            .set_unreliable(user, request.unreliable, who.into(), api.clock.now())
            .await?,
    )?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(api: &Api, reader: UserId, id: ReportId) -> Answer<AdminReport> {
    let (now, rules) = (api.clock.now(), api.config.reports);
    let entry = api.store.safety().report_entry(id, &rules, now).await?;
    shown(api, reader, entry.ok_or_else(Failure::not_found)?)
}

fn shown(api: &Api, reader: UserId, entry: ReportEntry) -> Answer<AdminReport> {
    let (id, rules) = (entry.report.id, &api.config.reports);
    let read = |what: Written, sealed: Option<Sealed>| {
        sealed
            .map(|sealed| what.open(&api.cipher, id, &sealed))
            .transpose()
            .map_err(unreadable)
    };
    let note = read(Written::Note, entry.note)?;
    let resolution_note = read(Written::Resolution, entry.resolution)?;
    Ok(AdminReport {
        report: entry.report,
        reported: ReportedUser {
            user_id: entry.reported_id,
            handle: entry.reported.handle,
            is_banned: entry.is_banned,
        },
        reporter: ReportingUser {
            user_id: entry.reporter_id,
            handle: entry.reporter.handle,
            decided: entry.reliability.decided,
            dismissed: entry.reliability.dismissed,
            unreliable: entry.reliability.unreliable,
            counts: !entry.reporter_is_banned && entry.reliability.counts(rules),
        },
        note,
        evidence_count: entry.evidence_count,
        reporters: entry.reporters,
        provisional_ban: entry.provisional_ban,
        resolution: entry.resolved.map(|(by, at)| Resolution {
            by,
            at,
            note: resolution_note,
        }),
        taken: entry.taken.map(|holder| Taken {
            by: holder.handle,
            mine: holder.user_id == reader,
            until: holder.until,
        }),
    })
}

fn unreadable(error: CryptoError) -> Failure {
    tracing::error!(%error, "a stored value could not be read");
    ErrorCode::Internal.into()
}
