//! `/v1/admin/jobs`: background jobs, and what can be done about dead ones.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{JobFilter, Mended};
use tebdil_protocol::{
    AdminJob, ErrorCode, JobQueue, JobQueues, Page, domain::JobState, id::JobId,
};

use super::{Admin, ConfirmedAdmin, Staff};
use crate::http::{
    Api,
    paging::{IdPath, Params},
    problem::{Answer, Failure},
};

/// Jobs, newest first. What they work on is not shown.
#[utoipa::path(
    get, operation_id = "list_jobs", path = "/v1/admin/jobs", tag = "admin", security(("bearer" = ["moderator"])),
    params(
        ("state" = Option<JobState>, Query), ("queue" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$"),
        ("limit" = Option<i64>, Query), ("cursor" = Option<String>, Query),
    ),
    responses((status = 200, body = Page<AdminJob>))
)]
pub(in crate::http) async fn list(
    State(api): State<Arc<Api>>,
    _: Staff,
    params: Params,
) -> Answer<Json<Page<AdminJob>>> {
    let paging = params.paging()?;
    let state = params.get(
        "state",
        "must be waiting, leased, done or dead",
        JobState::from_text,
    )?;
    let name = |text: &str| {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        (plain && (1..=64).contains(&text.len())).then(|| text.to_owned())
    };
    let queue = params.get("queue", "must be the name of a queue", name)?;
    let filter = JobFilter {
        state,
        queue: queue.as_deref(),
        before: paging.position(),
    };
    let rows = api.store.jobs().list_jobs(filter, paging.rows()).await?;
    Ok(Json(paging.page(rows, |job| job.id.0, |job| job)))
}

/// How full every queue is.
#[utoipa::path(
    get, operation_id = "list_job_queues", path = "/v1/admin/jobs/queues", tag = "admin", security(("bearer" = ["moderator"])),
    responses((status = 200, body = JobQueues))
)]
pub(in crate::http) async fn queues(
    State(api): State<Arc<Api>>,
    _: Staff,
) -> Answer<Json<JobQueues>> {
    let empty = |queue: String| JobQueue {
        queue,
        waiting: 0,
        leased: 0,
        dead: 0,
        oldest_due_s: 0,
    };
    let known = tebdil_workers::jobs::all()
        .into_iter()
        .map(|queue| queue.name().to_owned());
    let mut items: BTreeMap<String, JobQueue> =
        known.map(|name| (name.clone(), empty(name))).collect();
    items.extend(
        api.store
            .jobs()
            .job_queues(api.clock.now())
            .await?
            .into_iter()
            .map(|queue| (queue.queue.clone(), queue)),
    );
    Ok(Json(JobQueues {
        items: items.into_values().collect(),
    }))
}

/// Run a dead job again, at once and with five more attempts.
#[utoipa::path(
    post, operation_id = "retry_job", path = "/v1/admin/jobs/{id}/retry", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", description = "job_not_dead"))
)]
pub(in crate::http) async fn retry(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    IdPath(id): IdPath<JobId>,
) -> Answer<StatusCode> {
    answer(
        api.store
            .jobs()
            .retry_job(who.user_id, id, api.clock.now())
            .await?,
    )
}

/// Delete a dead job.
#[utoipa::path(
    delete, operation_id = "delete_job", path = "/v1/admin/jobs/{id}", tag = "admin", security(("bearer" = ["admin", "confirmed"])), params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", description = "job_not_dead"))
)]
pub(in crate::http) async fn delete(
    State(api): State<Arc<Api>>,
    ConfirmedAdmin(who): ConfirmedAdmin,
    IdPath(id): IdPath<JobId>,
) -> Answer<StatusCode> {
    answer(
        api.store
            .jobs()
            .delete_job(who.user_id, id, api.clock.now())
            .await?,
    )
}

fn answer(mended: Mended) -> Answer<StatusCode> {
    match mended {
        Mended::Done => Ok(StatusCode::NO_CONTENT),
        Mended::NotDead => Err(ErrorCode::JobNotDead.into()),
        Mended::NotFound => Err(Failure::not_found()),
    }
}
