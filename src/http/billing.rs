//! `/v1/subscription`, and the events of the billing provider.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
};
use tebdil_core::store::{Billed, BillingTerms};
use tebdil_protocol::{
    BillingEvent, BillingReceipt, ErrorCode, Secret, SubscriptionStatus, domain::BillingOutcome,
    strict_json,
};

use super::{
    Api,
    auth::Signed,
    body::{self, MAX_BODY},
    problem::{Answer, Failure},
};
use crate::billing::{self, signature};

/// The user's subscription, and the token that goes with a purchase.
#[utoipa::path(
    get, operation_id = "get_subscription", path = "/v1/subscription", tag = "subscriptions",
    responses((status = 200, body = SubscriptionStatus))
)]
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    who: Signed,
) -> Answer<Json<SubscriptionStatus>> {
    let now = api.clock.now();
    let fresh = uuid::Uuid::new_v4().to_string();
    let token = api
        .store
        .economy()
        .billing_token(who.user_id, &fresh, now)
        .await?
        .ok_or(ErrorCode::Unauthorized)?;
    let user = api
        .store
        .accounts()
        .user(who.user_id)
        .await?
        .ok_or(ErrorCode::Unauthorized)?;
    let row = api.store.economy().subscription(who.user_id).await?;
    Ok(Json(SubscriptionStatus {
        start: row.as_ref().map(|row| row.starts_at),
        end: row.as_ref().map(|row| row.ends_at),
        active: row.as_ref().is_some_and(|row| row.is_active),
        in_grace: row
            .as_ref()
            .is_some_and(|row| row.is_active && row.renews && row.ends_at <= now),
        renews: row.as_ref().is_some_and(|row| row.is_active && row.renews),
        plan: row.map(|row| row.plan),
        is_premium: user.is_premium,
        account_token: Secret::from(token),
    }))
}

/// An event from the billing provider. Signed: `Tebdil-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256
/// over `SECONDS.BODY`.
#[utoipa::path(
    post, operation_id = "record_billing_event", path = "/v1/billing/events", tag = "subscriptions", request_body = BillingEvent, security(()),
    params(("Tebdil-Signature" = String, Header, description = "`t=SECONDS,v1=HEX`")),
    responses(
        (status = 200, body = BillingReceipt),
        (status = "4XX", description = "signature_invalid; not_found: this server takes no events; event_conflict, unknown_plan, unknown_account"),
    )
)]
pub(super) async fn event(
    State(api): State<Arc<Api>>,
    request: Request,
) -> Answer<Json<BillingReceipt>> {
    let settings = &api.config.billing;
    if settings.secrets().next().is_none() {
        return Err(Failure::not_found());
    }
    let (parts, body) = request.into_parts();
    let mut values = parts.headers.get_all(signature::HEADER).iter();
    let (Some(header), None) = (values.next(), values.next()) else {
        return Err(refused(signature::SignatureError::Malformed));
    };
    let header = header
        .to_str()
        .map_err(|_| refused(signature::SignatureError::Malformed))?;
    let body = body::read(body, MAX_BODY).await?;
    let now = api.clock.now();
    signature::verify(header, &body, settings.secrets(), now, settings.tolerance)
        .map_err(refused)?;

    let outcome = take(&api, &body).await;
    let counted = outcome.as_ref().map_or_else(
        |failure| failure.code().as_str(),
        |receipt| receipt.outcome.as_str(),
    );
    metrics::counter!("tebdil_billing_events_total", "outcome" => counted).increment(1);
    outcome.map(Json)
}

/// Takes an event whose signature is good.
async fn take(api: &Api, body: &[u8]) -> Answer<BillingReceipt> {
    let now = api.clock.now();
    let event: BillingEvent = read(body)?;
    let fact = billing::fact(&event, now, api.config.billing.tolerance).map_err(|impossible| {
        Failure::field(impossible.code, impossible.field, impossible.detail)
    })?;
    let rules = api.config.billing.rules();
    let plan = rules.plan(&fact.plan).map(|plan| plan.name.as_str());
    let terms = BillingTerms {
        plan,
        grace: rules.grace,
        quota: &api.config.quota,
    };
    let (outcome, repeated) = match api
        .store
        .economy()
        .take_billing_event(&fact, event.subscription.account_token.expose(), terms, now)
        .await?
    {
        Billed::Done(outcome, settled) => {
            api.notifier.settled(settled);
            (outcome, false)
        }
        Billed::Before(outcome) => (outcome, true),
        Billed::Conflict => return Err(ErrorCode::EventConflict.into()),
    };
    match outcome {
        BillingOutcome::Applied | BillingOutcome::Stale => Ok(BillingReceipt { outcome, repeated }),
        BillingOutcome::UnknownPlan => Err(ErrorCode::UnknownPlan.into()),
        BillingOutcome::UnknownAccount => Err(ErrorCode::UnknownAccount.into()),
    }
}

/// Reads an event. Anything wrong with it is 422: it came intact from the holder of the secret, and
/// would be the same again.
fn read(body: &[u8]) -> Answer<BillingEvent> {
    let invalid = |detail: &str| Failure::new(ErrorCode::InvalidField, detail);
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body must be UTF-8"))?;
    // serde would also accept a struct's fields in an array, by their order.
    if text.trim_start().starts_with('[') {
        return Err(invalid("the body must be a JSON object"));
    }
    strict_json::from_str(text, &[]).map_err(|refused| match refused.code {
        ErrorCode::BadRequest => invalid(refused.detail),
        _ => refused.into(),
    })
}

fn refused(error: signature::SignatureError) -> Failure {
    metrics::counter!("tebdil_billing_events_total", "outcome" => ErrorCode::SignatureInvalid.as_str()).increment(1);
    Failure::new(ErrorCode::SignatureInvalid, error.to_string())
}
