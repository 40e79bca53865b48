//! Schedules: every node pushes every tick, the key in the table lets one through.

use std::{collections::HashMap, time::Duration};

use tebdil_core::store::{NewJob, StoreError};
use tebdil_protocol::time::Timestamp;

use crate::job::{JobContext, Queue};

/// The latest start of a period of `period` at `now`.
fn tick(now: Timestamp, period: Duration) -> Timestamp {
    let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(now.millis().div_euclid(period).saturating_mul(period))
}

/// The ticks that this process has pushed, so that it asks the database once per period and not
/// more often.
#[derive(Debug, Default)]
pub(crate) struct Pushed(HashMap<&'static str, Timestamp>);

/// Pushes the current tick of every schedule, once per tick and cluster. With each it has what a
/// clock that was ahead put off run at last.
///
/// A node that comes late pushes a key that is taken: rows of ticks that are done are kept for
/// longer than the longest period (`jobs::retention`).
pub(crate) async fn push_ticks(
    queues: &[Queue],
    cx: &JobContext,
    pushed: &mut Pushed,
) -> Result<(), StoreError> {
    if !cx.clock_is_right() {
        return Ok(());
    }
    let now = cx.clock.now();
    let mut news = false;
    for queue in queues {
        let Some((period, payload)) = &queue.every else {
            continue;
        };
        let tick = tick(now, *period);
        if pushed.0.get(queue.name) == Some(&tick) {
            continue;
        }
        let key = format!("cron:{}:{}", queue.name, tick.millis());
        let job = NewJob {
            queue: queue.name,
            payload,
            dedupe: Some(&key),
            run_at: tick,
            max_attempts: queue.max_attempts,
        };
        cx.store.jobs().push_tick(job, &cx.clock).await?;
        pushed.0.insert(queue.name, tick);
        news = true;
    }
    if news {
        for queue in queues {
            let pulled = cx.store.jobs().pull_jobs_back(queue.name, now).await?;
            if pulled > 0 {
                tracing::warn!(
                    queue = queue.name,
                    jobs = pulled,
                    "jobs that a clock which was ahead had put off run now"
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_multiples_of_the_period() {
        let minute = Duration::from_mins(1);
        assert_eq!(
            tick(Timestamp::from_millis(120_000), minute).millis(),
            120_000
        );
        assert_eq!(
            tick(Timestamp::from_millis(179_999), minute).millis(),
            120_000
        );
        assert_eq!(tick(Timestamp::from_millis(-1), minute).millis(), -60_000);
    }
}
