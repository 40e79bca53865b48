//! `/v1/reports`: what users report about each other.

use std::sync::Arc;
use tebdil_protocol::{
    AnswerRequest, ErrorCode, Evidence, MAX_EVIDENCE, MAX_NOTE, MAX_SEQ, Page, Report,
    ReportRequest,
    id::{NotificationId, ReportId},
};

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{Answering, AutoBanOrder, NewAnswer, NewReport, Reporting};

use super::{
    Api,
    auth::Signed,
    body::{MAX_REPORT_BODY, StrictJson},
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};
use crate::{
    evidence::{NoProof, Verified, Written, seal_answer},
    limits::Limit,
};

/// Report the peer of a match that is open or ended at most 7 days ago, even if the peer left, was
/// blocked or banned, or erased its account.
#[utoipa::path(
    post, operation_id = "create_report", path = "/v1/reports", tag = "safety", request_body = ReportRequest,
    responses(
        (status = 201, body = Report),
        (status = "4XX", description = "not_found; already_reported: this user, within the last 30 days; not_reportable; evidence_invalid: `errors` names the item and why. Nothing is stored; rate_limited: no more today"),
    )
)]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    who: Signed,
    StrictJson(request): StrictJson<ReportRequest, MAX_REPORT_BODY>,
) -> Answer<(StatusCode, Json<Report>)> {
    api.limiters
        .check(Limit::ReportAccount, who.user_id)
        .await?;
    let note = request
        .note
        .as_deref()
        .map(|note| note_text("note", note))
        .transpose()?;
    within_bounds(&request.evidence)?;
    let (now, zone) = (api.clock.now(), &api.config.quota.zone);
    let subject = api
        .store
        .safety()
        .report_subject(request.match_id, who.user_id)
        .await?
        .ok_or_else(Failure::not_found)?;
    if !subject.is_reportable(now) {
        return Err(ErrorCode::NotReportable.into());
    }
    let evidence = Verified::check(
        &api.franking,
        &request.evidence,
        request.match_id,
        &subject,
        who.user_id,
    )
    .map_err(|NoProof { field, detail }| {
        Failure::field(ErrorCode::EvidenceInvalid, field, detail)
    })?;
    let id: ReportId = api.ids.next();
    let new = NewReport {
        id,
        match_id: request.match_id,
        reporter: who.user_id,
        reason: request.reason,
        note: note.map(|note| Written::Note.seal(&api.cipher, id, note.as_bytes())),
        evidence: evidence.seal(&api.cipher, id),
        evidence_count: evidence.count(),
    };
    match api
        .store
        .safety()
        .report(&new, &api.config.reports, now.midnight(zone), now)
        .await?
    {
        Reporting::Made(report) => {
            metrics::counter!("tebdil_reports_total", "reason" => report.reason.as_str())
                .increment(1);
            let user_id = subject.user_id;
            api.workers.at_once(AutoBanOrder { user_id }).await;
            Ok((StatusCode::CREATED, Json(report)))
        }
        Reporting::Already => Err(ErrorCode::AlreadyReported.into()),
        Reporting::TooLate => Err(ErrorCode::NotReportable.into()),
        Reporting::TooMany => Err(Failure::retry_after(
            ErrorCode::RateLimited,
            now.next_midnight(zone).since(now),
        )),
        Reporting::NotFound => Err(Failure::not_found()),
    }
}

/// The user's reports, newest first.
#[utoipa::path(
    get, operation_id = "list_reports", path = "/v1/reports", tag = "safety", params(("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<Report>))
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    who: Signed,
    params: Params,
) -> Answer<Json<Page<Report>>> {
    let paging = params.paging()?;
    let rows = api
        .store
        .safety()
        .reports_of(who.user_id, paging.position(), paging.rows())
        .await?;
    Ok(Json(paging.page(rows, |row| row.id.0, |row| row)))
}

/// Say something to a warning, once. Moderators see it beside the report. The id is that of the
/// notification.
#[utoipa::path(
    post, operation_id = "answer_warning", path = "/v1/notifications/{id}/answer", tag = "safety",
    params(("id" = String, Path)), request_body = AnswerRequest,
    responses((status = 204), (status = "4XX", description = "not_found: the user was not warned by it, or the report is gone; already_answered"))
)]
pub(super) async fn answer(
    State(api): State<Arc<Api>>,
    who: Signed,
    IdPath(id): IdPath<NotificationId>,
    StrictJson(request): StrictJson<AnswerRequest>,
) -> Answer<StatusCode> {
    api.limiters
        .check(Limit::ReportAccount, who.user_id)
        .await?;
    let text = note_text("text", &request.text)?;
    let new = NewAnswer {
        id,
        user: who.user_id,
        text: seal_answer(&api.cipher, id, text),
    };
    match api
        .store
        .safety()
        .answer_warning(&new, api.clock.now())
        .await?
    {
        Answering::Answered => Ok(StatusCode::NO_CONTENT),
        Answering::Already => Err(ErrorCode::AlreadyAnswered.into()),
        Answering::NotFound => Err(Failure::not_found()),
    }
}

/// Checks the number of messages, and that each has a valid `seq`.
fn within_bounds(evidence: &[Evidence]) -> Answer<()> {
    let refused = |field, detail| Err(Failure::field(ErrorCode::InvalidField, field, detail));
    if evidence.len() > MAX_EVIDENCE {
        return refused("evidence".to_owned(), "at most 20 messages".to_owned());
    }
    let unnumbered = |item: &Evidence| !(1..=MAX_SEQ).contains(&item.seq);
    evidence.iter().position(unnumbered).map_or(Ok(()), |at| {
        refused(format!("evidence[{at}].seq"), format!("1 to {MAX_SEQ}"))
    })
}

/// A note of a few lines.
pub(super) fn note_text<'a>(field: &str, text: &'a str) -> Answer<&'a str> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= MAX_NOTE;
    if !fits
        || text
            .chars()
            .any(|letter| letter.is_control() && letter != '\n')
    {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            field,
            "must be 1 to 1000 characters, without control characters",
        ));
    }
    Ok(text)
}
