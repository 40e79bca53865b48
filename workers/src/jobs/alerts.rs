//! Every minute: moderators are told of severe reports and of a queue that grows old.

use serde::{Deserialize, Serialize};

use crate::job::{Job, JobContext, JobError};

/// Tells moderators what waits.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Alerts {}

impl Job for Alerts {
    const QUEUE: &'static str = "alerts";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let safety = cx.store.safety();
        for notified in safety.alert_staff(&cx.settings.reports, cx.now()?).await? {
            (cx.hooks.on_notified)(notified);
        }
        Ok(())
    }
}
