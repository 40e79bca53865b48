//! Every minute: what happened to ads is added to their counts.

use serde::{Deserialize, Serialize};

use crate::job::{Job, JobContext, JobError};

const BATCH: i64 = 1000;

/// Rolls up what was served, viewed and clicked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AdCounts {}

impl Job for AdCounts {
    const QUEUE: &'static str = "ad_counts";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        while cx.store.economy().roll_up_ads(BATCH).await? >= BATCH.unsigned_abs() {}
        Ok(())
    }
}
