//! Every minute: claims are decided.

use serde::{Deserialize, Serialize};
use tebdil_core::store::DecidedClaim;

use crate::job::{Job, JobContext, JobError};

/// Small: on SQLite nothing else is written meanwhile.
const BATCH: i64 = 25;

/// Decides the claims that wait.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct DecideClaims {}

impl Job for DecideClaims {
    const QUEUE: &'static str = "claims";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        loop {
            let batch = cx
                .store
                .economy()
                .decide_claims(BATCH, &cx.settings.quota, cx.now()?)
                .await?;
            for DecidedClaim {
                claim,
                notified,
                quota,
            } in batch.decided
            {
                let outcome = claim
                    .reason
                    .map_or(claim.status.as_str(), |reason| reason.as_str());
                metrics::counter!("tebdil_claims_decided_total", "outcome" => outcome).increment(1);
                if let Some(quota) = quota {
                    (cx.hooks.on_quota)(claim.user_id, quota);
                }
                if let Some(notified) = notified {
                    (cx.hooks.on_notified)(notified);
                }
            }
            if !batch.more {
                return Ok(());
            }
        }
    }
}
