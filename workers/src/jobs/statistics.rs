//! Every hour: what happened today so far, and on the days that are over and not counted yet.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::store::{DayCounts, DayRow};
use tebdil_protocol::time::Timestamp;

use crate::job::{Job, JobContext, JobError};

/// Counted at once: a day of a busy server takes longer than a statement may.
const SLICE: Duration = Duration::from_hours(6);

/// Counts the days for the overview.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Statistics {}

impl Job for Statistics {
    const QUEUE: &'static str = "statistics";
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let zone = &cx.settings.quota.zone;
        let now = cx.now()?;
        let today = now.midnight(zone);
        let yesterday = (today - Duration::from_millis(1)).midnight(zone);
        // Yesterday and today whatever was kept of them: a clock that was ahead for a while may
        // have counted them before they were.
        let mut day = first_open(cx, yesterday).await?.min(yesterday);
        // Oldest first: should this end in the middle, the next run goes on from there.
        while day <= today {
            let end = day.next_midnight(zone);
            let mut counts = DayCounts::default();
            let mut from = day;
            while from < end && from <= now {
                let until = (from + SLICE).min(end);
                counts += cx.store.jobs().count_between(from, until).await?;
                from = until;
            }
            let complete = end <= now;
            // Afterwards nobody knows who of those of today was there, too.
            let active_users = if complete {
                0
            } else {
                cx.store.jobs().active_since(day).await?
            };
            cx.store
                .jobs()
                .keep_day(&DayRow {
                    day: day.local_day(zone),
                    counts,
                    active_users,
                    complete,
                })
                .await?;
            day = end;
        }
        Ok(())
    }
}

/// The start of the first day that may not be counted to its end.
async fn first_open(cx: &JobContext, yesterday: Timestamp) -> Result<Timestamp, JobError> {
    let zone = &cx.settings.quota.zone;
    let last = cx
        .store
        .jobs()
        .last_complete_day(&yesterday.local_day(zone))
        .await?;
    if let Some(last) = last.and_then(|last| Timestamp::start_of_day(&last, zone)) {
        return Ok(last.next_midnight(zone));
    }
    let first = cx.store.jobs().first_registration().await?;
    Ok(first.map_or(yesterday, |first| first.midnight(zone)))
}
