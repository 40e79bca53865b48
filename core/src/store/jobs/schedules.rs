//! Ticks of schedules, and what a clock that was ahead has left in the `job` table.

use std::time::Duration;

use super::{Jobs, NewJob};
use crate::store::StoreError;
use tebdil_protocol::time::{Clock, Timestamp};

/// How far the clocks of two nodes that run jobs may be apart, and more.
const TICK_SLACK: Duration = Duration::from_secs(15);
/// Longest wait of a job; none is asked to wait longer. One that would was pushed or failed by a
/// clock that was ahead.
pub(super) const LONGEST_WAIT: Duration = Duration::from_hours(2);
/// Longest lease, with some slack; one that goes further was given by a clock that was ahead.
const LONGEST_LEASE: Duration = Duration::from_mins(10);
/// The key of the database's lock that whoever looks for what is ahead of its time holds
/// ([`Jobs::pull_back`]): "tick" in ASCII.
pub const TICK_LOCK: i64 = 0x7469_636b;

/// What a tick is pushed with, unless its queue has a job that waits and is due. That is looked up
/// in the order of the index: without one, PostgreSQL may take the first best row for the cheapest,
/// and read all others where there is none.
pub(super) const PUSH: &str = "INSERT INTO job \
     (id, queue, payload, max_attempts, run_at, dedupe, created_at) \
     SELECT v.column1, v.column2, v.column3, v.column4, v.column5, v.column6, $1 \
     FROM ({rows}) AS v WHERE v.column1 IS NOT NULL \
     AND (SELECT j.id FROM job j WHERE j.queue = v.column2 AND j.state < 2 AND j.state = 0 \
     AND j.run_at <= $1 ORDER BY j.run_at LIMIT 1) IS NULL ON CONFLICT (queue, dedupe) DO NOTHING";

/// Ticks of times to come.
pub(super) const AHEAD: &str = "DELETE FROM job \
     WHERE dedupe LIKE 'cron:%' AND state <> 1 AND run_at > $1 AND queue IN ({list})";
/// Jobs that were pushed in a time to come, which then wait as long as they were asked to, and those
/// that wait for longer than any does. `$2` now, `$3` the longest wait.
pub(super) const PUT_OFF: &str = "UPDATE job SET \
     run_at = CASE WHEN created_at > $1 THEN run_at - (created_at - $2) ELSE $2 END, \
     created_at = CASE WHEN created_at > $1 THEN $2 ELSE created_at END \
     WHERE state < 2 AND state = 0 AND run_at > $1 AND (created_at > $1 OR run_at > $3) \
     AND queue IN ({list})";
/// Leases that last for longer than any does.
pub(super) const LEASED: &str = "UPDATE job SET lease_until = $2, \
     run_at = CASE WHEN run_at > $2 THEN $2 ELSE run_at END WHERE state = 1 AND lease_until > $1";

impl Jobs<'_> {
    /// Pushes these ticks, each once per key, as [`Jobs::push_job`], and not where the queue has a
    /// waiting job that is due: ticks that nobody ran do not pile up. Keys of ticks begin with
    /// `cron:`. Says how many are new.
    pub async fn push_ticks(self, ticks: &[NewJob<'_>], now: Timestamp) -> Result<u64, StoreError> {
        // It makes ids, and is one statement all the same: every few seconds on every node.
        self.ids.check()?;
        let query = self.write(PUSH).rows(ticks, |row, tick| {
            row.bind(self.ids.next::<i64>().to_string())
                .bind(tick.queue)
                .bind(tick.payload)
                .bind(tick.max_attempts)
                .bind(tick.run_at)
                .bind(tick.dedupe);
        });
        Ok(query.bind(now).execute().await?)
    }

    /// Mends what a clock that was ahead has left in these queues; how many jobs run now that
    /// would not have for long.
    ///
    /// Jobs that it pushed are taken as pushed now. Those that it put off for longer than any job
    /// waits, or leased for longer than any lease lasts, are due now. Ticks of times to come are
    /// forgotten, whether or not they ran: schedules go on by the clock as it is now.
    ///
    /// One at a time, and `clock` is read when it is this one's turn: whoever had to wait takes the
    /// ticks that the others pushed meanwhile for what they are, and not for ticks of times to
    /// come.
    pub async fn pull_back(self, queues: &[&str], clock: &Clock) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        tx.lock(TICK_LOCK).await?;
        let now = clock.now();
        let (slack, longest) = (now + TICK_SLACK, now + LONGEST_WAIT);
        let ahead = tx.query(AHEAD).list(queues.iter().copied());
        ahead.bind(slack).execute().await?;
        let put_off = tx.query(PUT_OFF).list(queues.iter().copied());
        let put_off = put_off.bind(slack).bind(now).bind(longest);
        let mut pulled = put_off.execute().await?;
        pulled += tx.execute(LEASED, (now + LONGEST_LEASE, now)).await?;
        tx.commit().await?;
        Ok(pulled)
    }
}
