//! Subscriptions and rights that an admin gives and takes.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use tebdil_core::store::{Correction, Grant};
use tebdil_protocol::{
    ErrorCode, Quota, QuotaCorrectionRequest, SubscriptionGrant, SubscriptionGrantRequest,
    domain::LedgerReason, id::UserId,
};

use super::Admin;
use crate::http::{
    Api,
    auth::Signed,
    body::StrictJson,
    paging::IdPath,
    problem::{Answer, Failure},
};

const MAX_DAYS: u32 = 3650;
const MAX_CORRECTION: i64 = 1_000_000;

/// Give a user a subscription, from now on.
#[utoipa::path(
    post, operation_id = "grant_subscription", path = "/v1/admin/users/{id}/subscription", tag = "admin", security(("bearer" = ["admin"])),
    params(("id" = String, Path)), request_body = SubscriptionGrantRequest,
    responses((status = 201, body = SubscriptionGrant), (status = "4XX", description = "forbidden: oneself; unknown_plan"))
)]
pub(in crate::http) async fn grant(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    IdPath(user): IdPath<UserId>,
    StrictJson(request): StrictJson<SubscriptionGrantRequest>,
) -> Answer<(StatusCode, Json<SubscriptionGrant>)> {
    not_oneself(who, user)?;
    let plans = &api.config.billing.plans;
    let plan = plans.iter().find(|plan| plan.name == request.plan);
    let plan = plan.ok_or_else(|| {
        Failure::field(
            ErrorCode::UnknownPlan,
            "plan",
            ErrorCode::UnknownPlan.title(),
        )
    })?;
    let days = request.days.unwrap_or(plan.days);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Failure::field(
            ErrorCode::InvalidField,
            "days",
            "must be 1 to 3650",
        ));
    }
    let now = api.clock.now();
    let ends_at = now + Duration::from_hours(24 * u64::from(days));
    let granted = api
        .store
        .economy()
        .grant_subscription(
            user,
            &plan.name,
            ends_at,
            who.user_id,
            &api.config.quota,
            now,
        )
        .await?;
    let (row, settled) = granted.ok_or_else(Failure::not_found)?;
    api.notifier.settled(settled);
    Ok((
        StatusCode::CREATED,
        Json(SubscriptionGrant {
            id: row.id,
            plan: row.plan,
            start: row.starts_at,
            end: row.ends_at,
        }),
    ))
}

/// End a user's subscriptions now. What a billing provider says about them later counts again.
#[utoipa::path(
    delete, operation_id = "end_subscription", path = "/v1/admin/users/{id}/subscription", tag = "admin", security(("bearer" = ["admin"])), params(("id" = String, Path)),
    responses((status = 204))
)]
pub(in crate::http) async fn end(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    IdPath(user): IdPath<UserId>,
) -> Answer<StatusCode> {
    let ended = api
        .store
        .economy()
        .end_subscriptions(user, who.user_id, &api.config.quota, api.clock.now())
        .await?;
    api.notifier.settled(ended.ok_or_else(Failure::not_found)?);
    Ok(StatusCode::NO_CONTENT)
}

/// Nobody gives oneself what others pay for.
fn not_oneself(who: Signed, user: UserId) -> Answer<()> {
    if who.user_id == user {
        return Err(ErrorCode::Forbidden.into());
    }
    Ok(())
}

/// Give a user rights, or take some; once per reference.
#[utoipa::path(
    post, operation_id = "correct_quota", path = "/v1/admin/users/{id}/quota", tag = "admin", security(("bearer" = ["admin"])),
    params(("id" = String, Path)), request_body = QuotaCorrectionRequest,
    responses((status = 200, body = Quota), (status = "4XX", description = "forbidden: oneself; already_corrected"))
)]
pub(in crate::http) async fn quota(
    State(api): State<Arc<Api>>,
    Admin(who): Admin,
    IdPath(user): IdPath<UserId>,
    StrictJson(request): StrictJson<QuotaCorrectionRequest>,
) -> Answer<Json<Quota>> {
    not_oneself(who, user)?;
    let QuotaCorrectionRequest {
        bucket,
        amount,
        reference,
    } = request;
    let wrong =
        |field: &str, detail: &str| Err(Failure::field(ErrorCode::InvalidField, field, detail));
    if amount == 0 || !(-MAX_CORRECTION..=MAX_CORRECTION).contains(&amount) {
        return wrong("amount", "must not be 0, and at most 1000000 either way");
    }
    if !(1..=64).contains(&reference.len())
        || !reference.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return wrong("reference", "must be 1 to 64 visible ASCII characters");
    }
    let grant = Grant {
        bucket,
        amount,
        reason: LedgerReason::Admin,
        reference,
    };
    let now = api.clock.now();
    match api
        .store
        .accounts()
        .correct_quota(user, &grant, who.user_id, &api.config.quota, now)
        .await?
    {
        Correction::Done(quota) => {
            api.notifier.quota(user, quota.clone());
            Ok(Json(quota))
        }
        Correction::Repeated => Err(ErrorCode::AlreadyCorrected.into()),
        Correction::NotFound => Err(Failure::not_found()),
    }
}
