//! The one task of a process that asks the `job` table for work.
//!
//! It pushes the ticks of schedules, asks once which queues have something due, leases from those
//! no more than can run at once, and hands each job to the apalis worker of its queue. It looks
//! once per [`Timing::poll`], at once when a job was pushed in this process, and when one has ended
//! for whose place another may wait.
//!
//! This does not use `apalis_core::backend::persistence`, which polls for each queue separately and
//! does not keep what this table promises: there, any database error ends the worker and drops
//! running jobs; leases are not extended while fetched jobs wait, nor while draining; closing drops
//! a fetch half-way, so its jobs stay leased; finished jobs wait in a channel that nothing wakes.
//! Here a job records its own end ([`crate::execute`]), leases are extended beside the workers
//! ([`crate::engine`]), and a failed fetch is an empty one.

use std::{convert::Infallible, sync::Arc, task::Poll, time::Duration};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use tebdil_core::store::{Leased, LeasedJob};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::{Timing, interval},
    execute::{JobOutcomes, Leases, count, give_back},
    job::{JobContext, Queue},
    schedule::Ticks,
};

/// A queue, and the channel to its worker.
pub(crate) struct Lane {
    queue: Queue,
    jobs: mpsc::Sender<LeasedJob>,
}

/// What an apalis worker takes its jobs from.
pub(crate) type Source = BoxStream<'static, Result<LeasedJob, Infallible>>;

impl Lane {
    /// The lane of a queue, and the source for its worker, until `stop`: the worker learns of that
    /// a little later, but nothing begins after it.
    pub(crate) fn new(queue: Queue, stop: CancellationToken) -> (Self, Source) {
        // Room for as many as run at once: no more are ever leased.
        let (jobs, mut handed) = mpsc::channel(queue.concurrency);
        let source = stream::poll_fn(move |cx| {
            if stop.is_cancelled() {
                return Poll::Ready(None);
            }
            handed.poll_recv(cx).map(|job| job.map(Ok::<_, Infallible>))
        });
        (Self { queue, jobs }, source.boxed())
    }
}

/// Leases jobs for every queue.
pub(crate) struct Poller {
    cx: JobContext,
    lanes: Vec<Lane>,
    leases: Arc<Leases>,
    timing: Timing,
    ticks: Ticks,
}

impl Poller {
    pub(crate) fn new(
        cx: JobContext,
        lanes: Vec<Lane>,
        leases: Arc<Leases>,
        timing: Timing,
    ) -> Self {
        Self {
            cx,
            lanes,
            leases,
            timing,
            ticks: Ticks::default(),
        }
    }

    /// Polls until `stop`; a poll under way is finished.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut every = interval(self.timing.poll);
        loop {
            let jobs = self.cx.store.jobs();
            let is_time = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = every.tick() => true,
                () = jobs.pushed() => false,
                () = self.leases.room() => false,
            };
            if is_time {
                let queues = self.lanes.iter().map(|lane| &lane.queue);
                if let Err(error) = self.ticks.push(queues, &self.cx).await {
                    tracing::warn!(%error, "schedules could not be pushed");
                }
            }
            self.look(&stop).await;
            // Not before the poll: it may wait for other nodes that are doing the same.
            if is_time {
                let queues = self.lanes.iter().map(|lane| &lane.queue);
                if let Err(error) = self.ticks.mend(queues, &self.cx).await {
                    tracing::warn!(%error, "what a clock that was ahead put off was not looked for");
                }
            }
        }
    }

    /// Leases what is due, as far as there is room.
    async fn look(&self, stop: &CancellationToken) {
        if !self.cx.clock_is_right() {
            return;
        }
        let room = |queue: &Queue| {
            let taken = self.leases.of(queue.name);
            queue.concurrency.saturating_sub(taken)
        };
        let open: Vec<&str> = self
            .lanes
            .iter()
            .filter(|lane| room(&lane.queue) > 0)
            .map(|lane| lane.queue.name)
            .collect();
        let now = self.cx.clock.now();
        let due = match self.cx.store.jobs().due_queues(&open, now).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "jobs could not be looked for");
                return;
            }
        };
        for Lane { queue, jobs } in &self.lanes {
            if due.iter().any(|name| name == queue.name) && !stop.is_cancelled() {
                let limit = room(queue);
                let leased =
                    lease_jobs(&self.cx, &self.leases, queue, limit, self.timing.lease).await;
                for job in leased.jobs {
                    // Its worker has ended, or is about to.
                    if let Err(refused) = jobs.try_send(job) {
                        let lease = &refused.into_inner().lease;
                        give_back(queue, &self.cx, &self.leases, lease).await;
                    }
                }
            }
        }
    }
}

/// Leases up to `limit` due jobs and notes them in `leases`; on an error, which is logged, or with
/// a wrong clock, nothing is leased.
pub(crate) async fn lease_jobs(
    cx: &JobContext,
    leases: &Leases,
    queue: &Queue,
    limit: usize,
    lease: Duration,
) -> Leased {
    if !cx.clock_is_right() {
        return Leased::default();
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let now = cx.clock.now();
    let taken = cx.store.jobs().lease_jobs(queue.name, limit, lease, now);
    match taken.await {
        Ok(got) => {
            let buried = JobOutcomes {
                dead: got.buried,
                ..JobOutcomes::default()
            };
            count(queue.name, buried);
            leases.add(queue, &got.jobs);
            if got.buried > 0 {
                // They took places of others.
                leases.look_again();
            }
            got
        }
        Err(error) => {
            tracing::warn!(queue = queue.name, %error, "jobs could not be leased");
            Leased::default()
        }
    }
}
