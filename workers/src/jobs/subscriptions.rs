//! Every minute: subscriptions that ran out end, unless their provider says that they go on;
//! billing events that waited for a plan are applied.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tebdil_core::store::{BillingTerms, Settled, StoreError, SubscriptionRow};
use tebdil_protocol::time::Timestamp;
use tokio::time::Instant;

use crate::{
    job::{Job, JobContext, JobError},
    verifier::{Standing, Verifier},
};

const BATCH: i64 = 100;
/// Questions to the verifier at the same time.
const ASKING: usize = 8;
/// How long a run goes on asking; the next minute does the rest.
const ASKING_TIME: Duration = Duration::from_secs(40);
/// Waits after a question without an answer: a minute, doubling.
const FIRST_WAIT: Duration = Duration::from_mins(1);
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Ends or extends subscriptions that ran out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Subscriptions {}

impl Job for Subscriptions {
    const QUEUE: &'static str = "subscriptions";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        // Whatever hinders one of them does not keep the others from theirs.
        let waiting = apply_waiting(cx).await;
        let ended = end_final(cx).await;
        let renewed = look_after_renewing(cx).await;
        Ok(waiting.and(ended).and(renewed)?)
    }
}

/// Events whose plan is in the settings by now.
async fn apply_waiting(cx: &JobContext) -> Result<(), StoreError> {
    let (billing, quota) = (&cx.settings.billing, &cx.settings.quota);
    loop {
        let batch = cx
            .store
            .economy()
            .waiting_billing_events(&billing.names(), BATCH)
            .await?;
        for (user, fact) in &batch {
            let plan = billing.plan(&fact.plan).map(|plan| plan.name.as_str());
            let terms = BillingTerms {
                plan,
                grace: billing.grace,
                quota,
            };
            if let Some((outcome, settled)) = cx
                .store
                .economy()
                .apply_waiting_billing_event(*user, fact, terms, cx.clock.now())
                .await?
            {
                metrics::counter!("tebdil_billing_events_total", "outcome" => outcome.as_str())
                    .increment(1);
                tell(cx, settled);
            }
        }
        if is_last(&batch) {
            return Ok(());
        }
    }
}

/// Those that nobody renews end when their time has come.
async fn end_final(cx: &JobContext) -> Result<(), StoreError> {
    loop {
        let now = cx.clock.now();
        let batch = cx
            .store
            .economy()
            .due_subscriptions(false, now, BATCH)
            .await?;
        for row in &batch {
            end(cx, row, now).await?;
        }
        if is_last(&batch) {
            return Ok(());
        }
    }
}

/// Those that may have been renewed without our knowing.
async fn look_after_renewing(cx: &JobContext) -> Result<(), StoreError> {
    let started = Instant::now();
    loop {
        let batch = cx
            .store
            .economy()
            .due_subscriptions(true, cx.clock.now(), BATCH)
            .await?;
        let last = is_last(&batch);
        let mut looked_after = stream::iter(batch)
            .map(|row| async move {
                match &cx.settings.verifier {
                    Some(verifier) => ask(cx, verifier, row).await,
                    None => wait(cx, row).await,
                }
            })
            .buffer_unordered(ASKING);
        while let Some(done) = looked_after.next().await {
            done?;
        }
        if last || started.elapsed() > ASKING_TIME {
            return Ok(());
        }
    }
}

/// Nobody can be asked: it ends when the grace is over.
async fn wait(cx: &JobContext, row: SubscriptionRow) -> Result<(), StoreError> {
    let (now, last) = (cx.clock.now(), row.ends_at + cx.settings.billing.grace);
    if now >= last {
        return end(cx, &row, now).await;
    }
    cx.store
        .economy()
        .defer_subscription(&row, last)
        .await
        .map(drop)
}

async fn ask(cx: &JobContext, verifier: &Verifier, row: SubscriptionRow) -> Result<(), StoreError> {
    let external_id = row.external_id.as_deref().unwrap_or_default();
    let answer = verifier.ask(external_id, cx.clock.now()).await;
    let count =
        |result| metrics::counter!("tebdil_billing_checks_total", "result" => result).increment(1);
    // What was asked may have taken long.
    let now = cx.clock.now();
    match answer {
        Ok(Standing::Until(until)) => {
            count("active");
            cx.store
                .economy()
                .extend_subscription(&row, until)
                .await
                .map(drop)
        }
        Ok(Standing::Ended) => {
            count("ended");
            end(cx, &row, now).await
        }
        Err(trouble) => {
            count("trouble");
            let last = row.ends_at + cx.settings.billing.grace;
            if now >= last {
                tracing::warn!(subscription = %row.id, %trouble, "a subscription ends because its provider could not be asked for long");
                return end(cx, &row, now).await;
            }
            tracing::info!(subscription = %row.id, %trouble, "it is not known whether a subscription goes on; it is active meanwhile");
            cx.store
                .economy()
                .defer_subscription(&row, next_try(row.checks, now).min(last))
                .await
                .map(drop)
        }
    }
}

fn next_try(checks: i64, now: Timestamp) -> Timestamp {
    let doublings = u32::try_from(checks).unwrap_or(u32::MAX).min(16);
    now + FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT)
}

async fn end(cx: &JobContext, row: &SubscriptionRow, now: Timestamp) -> Result<(), StoreError> {
    if !cx.clock_is_right() {
        return Ok(());
    }
    if let Some(settled) = cx
        .store
        .economy()
        .expire_subscription(row, &cx.settings.quota, now)
        .await?
    {
        metrics::counter!("tebdil_subscriptions_ended_total").increment(1);
        tell(cx, settled);
    }
    Ok(())
}

fn tell(cx: &JobContext, settled: Settled) {
    if let Some((user, quota)) = settled.quota {
        (cx.hooks.on_quota)(user, quota);
    }
    if let Some(notified) = settled.notified {
        (cx.hooks.on_notified)(notified);
    }
}

fn is_last<T>(batch: &[T]) -> bool {
    i64::try_from(batch.len()).is_ok_and(|count| count < BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_become_rarer_up_to_once_an_hour() {
        let now = Timestamp::from_millis(0);
        let waits: Vec<u64> = (0..8)
            .map(|checks| next_try(checks, now).since(now).as_secs() / 60)
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
