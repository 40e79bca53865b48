//! Runs the queues: a worker for each, one poller for all, heartbeats for leases, gauges, and a
//! bounded shutdown.

use std::{future::Future, sync::Arc, time::Duration};

use apalis::layers::WorkerBuilderExt;
use apalis_core::{error::WorkerError, worker::builder::WorkerBuilder};
use tebdil_core::{
    realtime::NodeId,
    store::{JobLease, Store, StoreError},
};
use tebdil_protocol::{JobQueue, time::Clock};
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    execute::{JobOutcomes, Leases, execute},
    job::{Hooks, Job, JobContext, JobError, JobRef, Queue, Settings},
    poller::{Lane, Poller, Source, lease_jobs},
    schedule::Ticks,
};

/// The workers ended for another reason than shutdown.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// A worker or helper task ended though nobody asked it to.
    #[error("the workers ended by themselves: {0}")]
    Ended(String),
}

/// Intervals and limits.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often queues and schedules are polled. What is pushed in this process is taken up at
    /// once.
    pub poll: Duration,
    /// How long a lease lasts without being extended. While the job runs, it is extended every
    /// third of that.
    pub lease: Duration,
    /// How often the gauges are set.
    pub gauges: Duration,
    /// How long running jobs may take to end at shutdown; after that they are dropped and given
    /// back.
    pub drain: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            lease: Duration::from_mins(1),
            gauges: Duration::from_secs(15),
            drain: Duration::from_secs(20),
        }
    }
}

/// How long giving back leases may take at the very end.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// The background jobs of a node. Any number of nodes may run them on one database.
#[derive(Debug, Clone)]
pub struct Workers {
    cx: JobContext,
    queues: Vec<Queue>,
    timing: Timing,
}

impl Workers {
    /// Workers for all jobs that `settings` permit.
    pub fn new(store: Store, clock: Clock, hooks: Hooks, settings: Settings) -> Self {
        let job = JobRef {
            id: Arc::from(""),
            pushed_at: clock.now(),
        };
        let mut queues = crate::jobs::all();
        // A process that does not know who is connected leaves this to one that does.
        queues.retain(|queue| hooks.online.is_some() || queue.name != crate::jobs::Absences::QUEUE);
        let cx = JobContext {
            store,
            clock,
            hooks,
            settings: Arc::new(settings),
            job,
        };
        Self {
            cx,
            queues,
            timing: Timing::default(),
        }
    }

    /// Workers for these queues only.
    #[must_use]
    pub fn with_queues(self, queues: Vec<Queue>) -> Self {
        Self { queues, ..self }
    }

    /// Workers with another timing.
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// Runs jobs until `shutdown`, then waits for those that run, [`Timing::drain`] at most.
    ///
    /// If it is dropped before its end, running jobs stay leased and run again when their leases
    /// are over.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkersError> {
        let leases = Arc::<Leases>::default();
        // Also cancelled when something ends by itself, so that the rest drains.
        let stop = shutdown.child_token();
        // Part of the workers' names, so that logs distinguish nodes and their restarts.
        let start = NodeId::random(&mut rand::rng());
        let (mut workers, mut lanes) = (JoinSet::new(), Vec::new());
        for queue in &self.queues {
            let name = format!("{}-{start}", queue.name);
            let (lane, source) = Lane::new(queue.clone(), stop.clone());
            lanes.push(lane);
            let worker = Worker {
                name,
                queue: queue.clone(),
                cx: self.cx.clone(),
                leases: Arc::clone(&leases),
            };
            workers.spawn(worker.run(source, stop.clone()));
        }
        let poller = Poller::new(self.cx.clone(), lanes, Arc::clone(&leases), self.timing);
        let polling = poller.run(stop.clone());
        workers.spawn(async move {
            polling.await;
            Ok(())
        });
        let mut helpers = JoinSet::new();
        helpers.spawn(heartbeat(self.cx.clone(), Arc::clone(&leases), self.timing));
        helpers.spawn(gauges(
            self.cx.clone(),
            self.queues.clone(),
            self.timing,
            stop.clone(),
        ));

        let early = tokio::select! {
            () = stop.cancelled() => None,
            Some(ended) = workers.join_next() => Some(format!("worker: {ended:?}")),
            Some(ended) = helpers.join_next() => Some(format!("helper: {ended:?}")),
        };
        // The shutdown may have reached a worker before it reached the select.
        let early = early.filter(|_| !shutdown.is_cancelled());
        stop.cancel();
        let drained = tokio::time::timeout(self.timing.drain, async {
            while workers.join_next().await.is_some() {}
        })
        .await;
        if drained.is_err() {
            tracing::warn!("jobs were still running at the end of the drain; they are given back");
            workers.shutdown().await;
        }
        helpers.shutdown().await;
        self.give_back(&leases.all()).await;
        early.map_or(Ok(()), |what| Err(WorkersError::Ended(what)))
    }

    async fn give_back(&self, left: &[JobLease]) {
        match tokio::time::timeout(RELEASE_LIMIT, self.cx.store.jobs().release_jobs(left)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "leased jobs were not given back; they run when their leases are over");
            }
            Err(_) => tracing::warn!(
                "leased jobs were not given back in time; they run when their leases are over"
            ),
        }
    }

    /// Pushes the schedules' ticks that are due now, runs every job that is due, one after the
    /// other, and those that become due by it.
    ///
    /// For tests and operators: needs no timers. A schedule runs once per period, so move the clock
    /// to run it again.
    pub async fn run_due_once(&self) -> Result<JobOutcomes, StoreError> {
        let mut ticks = Ticks::default();
        ticks.push(self.queues.iter(), &self.cx).await?;
        ticks.mend(self.queues.iter(), &self.cx).await?;
        let names: Vec<&str> = self.queues.iter().map(|queue| queue.name).collect();
        let mut ran = JobOutcomes::default();
        loop {
            let before = ran;
            let due = self.cx.store.jobs();
            let due = due.due_queues(&names, self.cx.clock.now()).await?;
            let is_due = |queue: &&Queue| due.iter().any(|name| name == queue.name);
            for queue in self.queues.iter().filter(is_due) {
                let leases = Leases::default();
                loop {
                    let taken = lease_jobs(&self.cx, &leases, queue, 1, self.timing.lease).await;
                    if taken.jobs.is_empty() && taken.buried == 0 {
                        break;
                    }
                    ran.dead += taken.buried;
                    for job in taken.jobs {
                        let one = keep_alive(
                            &self.cx,
                            &leases,
                            self.timing,
                            execute(queue, &self.cx, &leases, job),
                        )
                        .await;
                        ran += one;
                    }
                }
            }
            if ran == before {
                return Ok(ran);
            }
        }
    }

    /// Runs the job of an order that was just committed, here and now. If it fails, or this process
    /// dies, its queue runs it again.
    pub async fn at_once<J: Job>(&self, order: J) {
        if let Err(error) = self.run_now(order).await {
            tracing::warn!(queue = J::QUEUE, %error, "not done at once; it is queued");
        }
    }

    /// Runs a job here and now, without its queue.
    pub async fn run_now<J: Job>(&self, job: J) -> Result<(), JobError> {
        let here = JobRef {
            pushed_at: self.cx.clock.now(),
            ..self.cx.job.clone()
        };
        job.run(&JobContext {
            job: here,
            ..self.cx.clone()
        })
        .await
    }
}

/// Runs the jobs of a queue.
struct Worker {
    name: String,
    queue: Queue,
    cx: JobContext,
    leases: Arc<Leases>,
}

impl Worker {
    /// Runs the jobs from `source` until `stop`, and lets running ones finish.
    async fn run(self, source: Source, stop: CancellationToken) -> Result<(), WorkerError> {
        let Self {
            name,
            queue,
            cx,
            leases,
        } = self;
        // For logs only: a lease names an attempt and no worker, so an earlier start cannot be
        // mistaken for this one.
        let span = tracing::info_span!("worker", name);
        WorkerBuilder::new(name)
            .backend(source)
            .concurrency(queue.concurrency)
            .build(move |job| {
                let (queue, cx, leases) = (queue.clone(), cx.clone(), leases.clone());
                let work = async move {
                    execute(&queue, &cx, &leases, job).await;
                };
                work.instrument(span.clone())
            })
            .run_until(async move {
                stop.cancelled().await;
                Ok::<(), WorkerError>(())
            })
            .await
    }
}

/// Drives `work` and extends its leases meanwhile.
async fn keep_alive<T>(
    cx: &JobContext,
    leases: &Leases,
    timing: Timing,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            out = &mut work => return out,
            () = tokio::time::sleep(timing.lease / 3) => extend(cx, &leases.all(), timing).await,
        }
    }
}

async fn extend(cx: &JobContext, leases: &[JobLease], timing: Timing) {
    // There is no telling how long that would be.
    if !cx.clock_is_right() {
        return;
    }
    if let Err(error) = cx
        .store
        .jobs()
        .extend_leases(leases, cx.clock.now() + timing.lease)
        .await
    {
        tracing::warn!(%error, "leases could not be extended");
    }
}

/// Extends all leases of this process every third of a lease. Goes on while draining.
async fn heartbeat(cx: JobContext, leases: Arc<Leases>, timing: Timing) {
    let mut every = interval(timing.lease / 3);
    loop {
        every.tick().await;
        extend(&cx, &leases.all(), timing).await;
    }
}

/// Sets the gauges until `stop`. Every node shows the same: they describe the table, not the node.
async fn gauges(cx: JobContext, queues: Vec<Queue>, timing: Timing, stop: CancellationToken) {
    let mut every = interval(timing.gauges);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        match cx.store.jobs().job_queues(cx.clock.now()).await {
            Ok(full) => {
                for queue in &queues {
                    let is_it = |row: &&JobQueue| row.queue == queue.name;
                    show(queue.name, full.iter().find(is_it));
                }
            }
            Err(error) => tracing::debug!(%error, "jobs could not be counted"),
        }
    }
}

/// Sets the gauges of a queue, which has no jobs when there is no `row`.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float, and queues are shorter than 2^52"
)]
fn show(queue: &'static str, row: Option<&JobQueue>) {
    let count = |of: fn(&JobQueue) -> i64| row.map_or(0.0, |row| of(row) as f64);
    for (state, count) in [
        ("waiting", count(|row| row.waiting)),
        ("leased", count(|row| row.leased)),
        ("dead", count(|row| row.dead)),
    ] {
        metrics::gauge!("tebdil_jobs", "queue" => queue, "state" => state).set(count);
    }
    let oldest = row.map_or(0.0, |row| row.oldest_due_s as f64);
    metrics::gauge!("tebdil_jobs_oldest_due_seconds", "queue" => queue).set(oldest);
}

/// Ticks at once, and then once per `period`.
pub(crate) fn interval(period: Duration) -> tokio::time::Interval {
    let mut every = tokio::time::interval(period.max(Duration::from_millis(1)));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}
