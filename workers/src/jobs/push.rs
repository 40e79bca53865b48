//! Wakes the devices of users who are away.
//!
//! A [`PushOrder`] finds the devices it concerns, and leaves a [`PushDevice`] for each: one that
//! cannot be reached does not keep the others waiting. A device may be woken twice, when a worker
//! dies between the push and its note of it; never for what is long over.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::{
    notice::{PUSH_ATTEMPTS, PUSH_QUEUE, PushOrder},
    store::{NewJob, PushAudience},
};
use tebdil_protocol::{id::SessionId, time::Timestamp};
use tokio::time::Instant;

use crate::{
    job::{Job, JobContext, JobError},
    push_service::{Outcome, Push},
};

/// How long a push is of use. Who has not looked by then is not waiting for that message; the rest
/// is found in the list.
const fn lifetime(order: &PushOrder) -> Duration {
    match order {
        PushOrder::Message { .. } | PushOrder::Match { .. } => Duration::from_hours(1),
        PushOrder::Notification { .. } => Duration::from_hours(24),
    }
}

impl Job for PushOrder {
    const QUEUE: &'static str = PUSH_QUEUE;
    const MAX_ATTEMPTS: i64 = PUSH_ATTEMPTS;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let outcome = hand_out(self, cx).await?;
        metrics::counter!("tebdil_push_orders_total", "outcome" => outcome).increment(1);
        Ok(())
    }
}

/// Leaves a job for every device; a word about it, for metrics.
async fn hand_out(order: PushOrder, cx: &JobContext) -> Result<&'static str, JobError> {
    if cx.settings.fcm.is_none() && cx.settings.web_push.is_none() {
        return Ok("off");
    }
    let (now, until) = (cx.now()?, cx.job.pushed_at + lifetime(&order));
    if now >= until {
        return Ok("stale");
    }
    if is_online(cx, &order).await {
        return match unsure_until(&order, cx) {
            Some(until) if now < until => {
                let why = "the device may be gone without a word".to_owned();
                Err(JobError::RetryAfter(until.since(now), why))
            }
            _ => Ok("online"),
        };
    }
    let sessions = match cx.store.notices().push_audience(&order, now).await? {
        PushAudience::Seen => return Ok("seen"),
        PushAudience::Muted => return Ok("muted"),
        PushAudience::Devices(sessions) => sessions,
    };
    if sessions.is_empty() {
        return Ok("no_device");
    }
    let devices = sessions.into_iter().map(|session_id| {
        // The same in every attempt: what was handed out before is not handed out again.
        let key = format!("{}:{session_id}", cx.job.id);
        let payload = serde_json::to_vec(&PushDevice {
            session_id,
            order: order.clone(),
            until,
        })
        .expect("a job is plain data");
        (key, payload)
    });
    let devices: Vec<(String, Vec<u8>)> = devices.collect();
    let jobs: Vec<NewJob<'_>> = devices
        .iter()
        .map(|(key, payload)| NewJob {
            queue: PushDevice::QUEUE,
            payload,
            dedupe: Some(key),
            run_at: now,
            max_attempts: PushDevice::MAX_ATTEMPTS,
        })
        .collect();
    cx.store.jobs().push_jobs(&jobs, now).await?;
    Ok("handed_out")
}

/// Wakes one device.
#[derive(Debug, Serialize, Deserialize)]
pub struct PushDevice {
    session_id: SessionId,
    order: PushOrder,
    until: Timestamp,
}

impl Job for PushDevice {
    const QUEUE: &'static str = "push_device";
    // Half an hour, when the push service asks for no longer waits.
    const MAX_ATTEMPTS: i64 = 13;
    const CONCURRENCY: usize = 8;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let skipped = |why: &'static str| {
            metrics::counter!("tebdil_push_total", "outcome" => why).increment(1);
            Ok(())
        };
        let (now, user) = (cx.now()?, self.order.user_id());
        if now >= self.until {
            return skipped("stale");
        }
        if is_online(cx, &self.order).await {
            return skipped("online");
        }
        let notices = cx.store.notices();
        let Some(target) = notices.push_target(user, self.session_id, now).await? else {
            return skipped("no_target");
        };
        let push = Push {
            order: &self.order,
            until: self.until,
        };
        let (fcm, web_push) = (&cx.settings.fcm, &cx.settings.web_push);
        let started = Instant::now();
        let (service, outcome) = match (&target.keys, fcm, web_push) {
            (None, Some(fcm), _) => ("FCM", fcm.send(&target.address, &push).await),
            (Some(keys), _, Some(web_push)) => {
                let outcome = web_push.send(&target.address, keys, &push).await;
                ("Web Push", outcome)
            }
            _ => return skipped("off"),
        };
        metrics::histogram!("tebdil_push_seconds").record(started.elapsed().as_secs_f64());
        metrics::counter!("tebdil_push_total", "outcome" => outcome.label()).increment(1);
        match outcome {
            // What is not allowed now may be again.
            Outcome::Sent | Outcome::NotAllowed => Ok(()),
            Outcome::Unregistered | Outcome::SenderMismatch | Outcome::Invalid { token: true } => {
                // Unless the device has put another one meanwhile.
                notices
                    .forget_push_target(self.session_id, &target.address)
                    .await?;
                Ok(())
            }
            Outcome::Invalid { token: false } => {
                Err(JobError::Dead(format!("{service} cannot read the message")))
            }
            Outcome::Auth => Err(JobError::Retry(format!(
                "{service} does not let this server push"
            ))),
            Outcome::Retry { after, why } => {
                let why = format!("{service}: {}", why.as_str());
                Err(match after {
                    Some(after) => JobError::RetryAfter(after, why),
                    None => JobError::Retry(why),
                })
            }
        }
    }
}

/// Whether a socket tells the user. While nobody knows, a push too many does no harm.
/// Until when a device that is online may not be there any more. A phone that searches in the
/// background is put away, and its connection seems to live on. Of other orders something waits for
/// the device, which is looked at again.
fn unsure_until(order: &PushOrder, cx: &JobContext) -> Option<Timestamp> {
    matches!(order, PushOrder::Match { .. }).then(|| cx.job.pushed_at + cx.settings.silence)
}

async fn is_online(cx: &JobContext, order: &PushOrder) -> bool {
    let Some(online) = &cx.hooks.online else {
        return false;
    };
    match online(vec![(order.user_id(), order.device())]).await {
        Ok(online) => online.first().copied().unwrap_or(false),
        Err(error) => {
            tracing::debug!(%error, "pushing without knowing who is connected");
            false
        }
    }
}
