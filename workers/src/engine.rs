//! Runs the queues: a worker each, the clockwork of the schedules, heartbeats of the leases,
//! gauges, and a bounded end.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use apalis::layers::WorkerBuilderExt;
use apalis_core::{error::WorkerError, worker::builder::WorkerBuilder};
use tebdil_core::{
    realtime::NodeId,
    store::{Store, StoreError},
};
use tebdil_protocol::time::Clock;
use tokio::{task::JoinSet, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    backend::{JobBackend, lease_jobs},
    execute::{Leases, Ran, execute},
    job::{Hooks, Job, JobContext, JobError, JobRef, Queue, Settings},
    schedule::{Pushed, push_ticks},
};

/// The end of the workers, other than by shutdown.
#[derive(Debug, thiserror::Error)]
pub enum WorkersError {
    /// A worker or helper task ended though nobody asked it to.
    #[error("the workers ended by themselves: {0}")]
    Ended(String),
}

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often an empty queue is looked at.
    pub poll: Duration,
    /// How long a job stays with a worker that has gone silent. Extended every third of it while
    /// the job runs.
    pub lease: Duration,
    /// How often the schedules look at the clock.
    pub schedule: Duration,
    /// How often the gauges are set.
    pub gauges: Duration,
    /// How long running jobs may take to end at shutdown; after that they are dropped and given
    /// back.
    pub drain: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_millis(500),
            lease: Duration::from_mins(1),
            schedule: Duration::from_secs(1),
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

type Held = Arc<BTreeMap<&'static str, Arc<Leases>>>;

impl Workers {
    /// Workers for every job there is, as far as `settings` permit.
    pub fn new(store: Store, clock: Clock, hooks: Hooks, settings: Settings) -> Self {
        let job = JobRef {
            id: Arc::from(""),
            pushed_at: clock.now(),
        };
        let mut queues = crate::jobs::all();
        // Who does not know who is connected leaves this to a process that does.
        queues.retain(|queue| {
            settings.presence.is_some() || queue.name != crate::jobs::Absences::QUEUE
        });
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
    /// Dropped before its end, the jobs that ran stay leased and run again when their leases are
    /// over.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), WorkersError> {
        let held: Held = Arc::new(
            self.queues
                .iter()
                .map(|queue| (queue.name, Arc::new(Leases::default())))
                .collect(),
        );
        // Cancelled as well when something ends by itself, so that the rest drains.
        let stop = shutdown.child_token();
        // In the names of the workers, so that a log tells the nodes and their starts apart.
        let start = NodeId::random(&mut rand::rng());
        let mut workers = JoinSet::new();
        for queue in &self.queues {
            let leases = held.get(queue.name).cloned().unwrap_or_default();
            let name = format!("{}-{start}", queue.name);
            workers.spawn(self.clone().work(name, queue.clone(), leases, stop.clone()));
        }
        let mut helpers = JoinSet::new();
        helpers.spawn(heartbeat(self.cx.clone(), held.clone(), self.timing));
        helpers.spawn(clockwork(
            self.cx.clone(),
            self.queues.clone(),
            self.timing,
            stop.clone(),
        ));
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
        self.give_back(&held).await;
        early.map_or(Ok(()), |what| Err(WorkersError::Ended(what)))
    }

    async fn work(
        self,
        name: String,
        queue: Queue,
        leases: Arc<Leases>,
        stop: CancellationToken,
    ) -> Result<(), WorkerError> {
        let backend = JobBackend::new(
            queue.clone(),
            self.cx.clone(),
            leases.clone(),
            self.timing,
            stop.clone(),
        );
        let cx = self.cx;
        // For logs only: a lease names an attempt and no worker, so nothing of an earlier start can
        // be taken for this one.
        let span = tracing::info_span!("worker", name);
        WorkerBuilder::new(name)
            .backend(backend)
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

    async fn give_back(&self, held: &Held) {
        let left: Vec<_> = held.values().flat_map(|leases| leases.all()).collect();
        match tokio::time::timeout(RELEASE_LIMIT, self.cx.store.jobs().release_jobs(&left)).await {
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
    /// For tests and for operators: needs no timers. A schedule runs once per period, so to see it
    /// again, move the clock.
    pub async fn run_due_once(&self) -> Result<Ran, StoreError> {
        push_ticks(&self.queues, &self.cx, &mut Pushed::default()).await?;
        let mut ran = Ran::default();
        loop {
            let before = ran;
            for queue in &self.queues {
                let leases = Leases::default();
                loop {
                    let jobs =
                        lease_jobs(&self.cx, &leases, queue.name, 1, self.timing.lease).await;
                    if jobs.is_empty() {
                        break;
                    }
                    for job in jobs {
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

    /// Runs the job of an order that was just committed, here and now. What fails, or dies with
    /// this process, its queue runs again.
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

async fn extend(cx: &JobContext, leases: &[tebdil_core::store::JobLease], timing: Timing) {
    // Who knows until when that would be.
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
async fn heartbeat(cx: JobContext, held: Held, timing: Timing) {
    let mut interval = interval(timing.lease / 3);
    loop {
        interval.tick().await;
        let leases: Vec<_> = held.values().flat_map(|leases| leases.all()).collect();
        extend(&cx, &leases, timing).await;
    }
}

/// Pushes ticks until `stop`.
async fn clockwork(cx: JobContext, queues: Vec<Queue>, timing: Timing, stop: CancellationToken) {
    let mut interval = interval(timing.schedule);
    let mut pushed = Pushed::default();
    while wait(&mut interval, &stop).await {
        if let Err(error) = push_ticks(&queues, &cx, &mut pushed).await {
            tracing::warn!(%error, "schedules could not be pushed");
        }
    }
    stop.cancelled().await;
}

/// Sets the gauges until `stop`. Every node shows the same: they are of the table, not of the node.
async fn gauges(cx: JobContext, queues: Vec<Queue>, timing: Timing, stop: CancellationToken) {
    let mut interval = interval(timing.gauges);
    while wait(&mut interval, &stop).await {
        for queue in &queues {
            match cx.store.jobs().job_counts(queue.name, cx.clock.now()).await {
                Ok(counts) => {
                    for (state, count) in [
                        ("waiting", counts.waiting),
                        ("leased", counts.leased),
                        ("dead", counts.dead),
                    ] {
                        #[expect(
                            clippy::cast_precision_loss,
                            reason = "a gauge is a float, and queues are shorter than 2^52"
                        )]
                        metrics::gauge!("tebdil_jobs", "queue" => queue.name, "state" => state)
                            .set(count as f64);
                    }
                    metrics::gauge!("tebdil_jobs_oldest_due_seconds", "queue" => queue.name)
                        .set(counts.oldest_due_age.as_secs_f64());
                }
                Err(error) => {
                    tracing::debug!(queue = queue.name, %error, "jobs could not be counted");
                }
            }
        }
    }
    stop.cancelled().await;
}

fn interval(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Waits for the next tick; `false` at `stop`.
async fn wait(interval: &mut tokio::time::Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => false,
        _ = interval.tick() => true,
    }
}
