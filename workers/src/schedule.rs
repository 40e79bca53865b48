//! Schedules: every node pushes every tick, and the key in the table lets one through.

use std::{collections::HashMap, time::Duration};

use tebdil_core::store::{NewJob, StoreError};
use tebdil_protocol::time::Timestamp;

use crate::job::{JobContext, Queue};

/// How often a process looks for ticks left by a clock that was ahead.
const MEND: Duration = Duration::from_mins(1);

/// The latest start of a period of `period` at `now`.
fn tick(now: Timestamp, period: Duration) -> Timestamp {
    let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis(now.millis().div_euclid(period).saturating_mul(period))
}

/// What this process has already pushed, so that it asks the database only once per period.
#[derive(Debug, Default)]
pub(crate) struct Ticks {
    pushed: HashMap<&'static str, Timestamp>,
    /// The minute in which it mended last.
    mended: Option<Timestamp>,
    /// When it was last asked to.
    looked: Option<Timestamp>,
}

impl Ticks {
    /// Pushes the current tick of every schedule, once per tick and cluster.
    ///
    /// A late node pushes a key that is taken: rows of finished ticks are kept for longer than the
    /// longest period (`jobs::retention`).
    pub(crate) async fn push<'q>(
        &mut self,
        queues: impl Iterator<Item = &'q Queue>,
        cx: &JobContext,
    ) -> Result<(), StoreError> {
        if !cx.clock_is_right() {
            return Ok(());
        }
        let now = cx.clock.now();
        let mut due = Vec::new();
        for queue in queues {
            if let Some((period, payload)) = &queue.every {
                let tick = tick(now, *period);
                if self.pushed.get(queue.name) != Some(&tick) {
                    let key = format!("cron:{}:{}", queue.name, tick.millis());
                    due.push((queue, payload, tick, key));
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let ticks = due.iter().map(|(queue, payload, tick, key)| NewJob {
            queue: queue.name,
            payload,
            dedupe: Some(key),
            run_at: *tick,
            max_attempts: queue.max_attempts,
        });
        let ticks: Vec<NewJob<'_>> = ticks.collect();
        cx.store.jobs().push_ticks(&ticks, now).await?;
        let pushed = due.iter().map(|(queue, _, tick, _)| (queue.name, *tick));
        self.pushed.extend(pushed);
        Ok(())
    }

    /// Runs what a clock that was ahead had postponed: once per minute, and when this process's
    /// clock was set back.
    pub(crate) async fn mend<'q>(
        &mut self,
        queues: impl Iterator<Item = &'q Queue>,
        cx: &JobContext,
    ) -> Result<(), StoreError> {
        let now = cx.clock.now();
        if self.looked.replace(now).is_some_and(|before| now < before) {
            self.mended = None;
        }
        let minute = Some(tick(now, MEND));
        if !cx.clock_is_right() || self.mended == minute {
            return Ok(());
        }
        let names: Vec<&str> = queues.map(|queue| queue.name).collect();
        let jobs = cx.store.jobs().pull_back(&names, &cx.clock).await?;
        self.mended = minute;
        if jobs > 0 {
            tracing::warn!(
                jobs,
                "jobs that a clock which was ahead had put off run now"
            );
        }
        Ok(())
    }
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
