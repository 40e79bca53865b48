//! The `job` table as a backend of an apalis worker.
//!
//! Written against `Backend` and not through `apalis_core::backend::persistence`, which loses what
//! this table promises: there, any error of the database ends the worker and drops the jobs that
//! run; leases are not extended while fetched jobs wait, nor while draining; closing drops a fetch
//! half-way, so its jobs stay leased; ends of jobs wait in a channel that nothing wakes. Here a job
//! records its own end ([`crate::execute`]), leases are extended beside the worker
//! ([`crate::engine`]), and a failed fetch is an empty one.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    task::{Task, builder::TaskBuilder, task_id::TaskId},
    worker::context::WorkerContext,
};
use futures_util::future::{BoxFuture, FutureExt};
use tebdil_core::store::LeasedJob;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tower::layer::util::Identity;

use crate::{
    engine::Timing,
    execute::{Leases, Ran, count},
    job::{JobContext, Queue},
};

/// Leases jobs of one queue, never more than can run at once, until `stop`.
pub(crate) struct JobBackend {
    queue: Queue,
    cx: JobContext,
    leases: Arc<Leases>,
    timing: Timing,
    stop: CancellationToken,
    ready: VecDeque<LeasedJob>,
    state: State,
}

enum State {
    /// Fetch at the next poll.
    Idle,
    /// The queue was empty: fetch when the time is over.
    Resting(Pin<Box<Sleep>>),
    Fetching(BoxFuture<'static, Vec<LeasedJob>>),
    Releasing(BoxFuture<'static, ()>),
    Closed,
}

impl JobBackend {
    pub(crate) fn new(
        queue: Queue,
        cx: JobContext,
        leases: Arc<Leases>,
        timing: Timing,
        stop: CancellationToken,
    ) -> Self {
        Self {
            queue,
            cx,
            leases,
            timing,
            stop,
            ready: VecDeque::new(),
            state: State::Idle,
        }
    }

    fn fetch(&self, limit: usize) -> BoxFuture<'static, Vec<LeasedJob>> {
        let (cx, leases, queue, lease) = (
            self.cx.clone(),
            self.leases.clone(),
            self.queue.name,
            self.timing.lease,
        );
        async move { lease_jobs(&cx, &leases, queue, limit, lease).await }.boxed()
    }

    fn rest(&self) -> State {
        State::Resting(Box::pin(tokio::time::sleep_until(
            Instant::now() + self.timing.poll,
        )))
    }
}

/// Leases up to `limit` due jobs and notes them in `leases`; an error is logged and leases nothing,
/// and neither does a clock that is wrong.
pub(crate) async fn lease_jobs(
    cx: &JobContext,
    leases: &Leases,
    queue: &'static str,
    limit: usize,
    lease: Duration,
) -> Vec<LeasedJob> {
    if !cx.clock_is_right() {
        return Vec::new();
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match cx
        .store
        .jobs()
        .lease_jobs(queue, limit, lease, cx.clock.now())
        .await
    {
        Ok(got) => {
            count(
                queue,
                Ran {
                    dead: got.buried,
                    ..Ran::default()
                },
            );
            leases.add(&got.jobs);
            got.jobs
        }
        Err(error) => {
            tracing::warn!(queue, %error, "jobs could not be leased");
            Vec::new()
        }
    }
}

impl Backend for JobBackend {
    type Task = Task<LeasedJob>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<LeasedJob>, Infallible>>> {
        loop {
            // The worker hears of the stop a little later; from now on nothing begins.
            if self.stop.is_cancelled() {
                return Poll::Ready(None);
            }
            if let Some(job) = self.ready.pop_front() {
                let id = TaskId::from_string(job.lease.job_id());
                return Poll::Ready(Some(Ok(TaskBuilder::new(job).task_id(id).build())));
            }
            match &mut self.state {
                State::Idle => {
                    let free = self.queue.concurrency.saturating_sub(self.leases.len());
                    if free == 0 {
                        // The end of a job polls again.
                        return Poll::Pending;
                    }
                    self.state = State::Fetching(self.fetch(free));
                }
                State::Resting(timer) => {
                    std::task::ready!(timer.as_mut().poll(cx));
                    self.state = State::Idle;
                }
                State::Fetching(fetch) => {
                    let jobs = std::task::ready!(fetch.poll_unpin(cx));
                    self.state = if jobs.is_empty() {
                        self.rest()
                    } else {
                        State::Idle
                    };
                    self.ready.extend(jobs);
                }
                State::Releasing(_) | State::Closed => return Poll::Ready(None),
            }
        }
    }

    /// Waits for a fetch that is under way, and gives back what was leased and not started.
    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        loop {
            match &mut self.state {
                State::Fetching(fetch) => {
                    let jobs = std::task::ready!(fetch.poll_unpin(cx));
                    self.ready.extend(jobs);
                    self.state = State::Idle;
                }
                State::Idle | State::Resting(_) => {
                    let unstarted: Vec<_> = self.ready.drain(..).map(|job| job.lease).collect();
                    let (store, leases) = (self.cx.store.clone(), self.leases.clone());
                    let release = async move {
                        match store.jobs().release_jobs(&unstarted).await {
                            Ok(_) => unstarted.iter().for_each(|lease| leases.remove(lease)),
                            Err(error) => {
                                tracing::warn!(%error, "leased jobs were not given back; they run when their lease is over");
                            }
                        }
                    };
                    self.state = State::Releasing(release.boxed());
                }
                State::Releasing(release) => {
                    std::task::ready!(release.poll_unpin(cx));
                    self.state = State::Closed;
                }
                State::Closed => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl BackendConfig for JobBackend {
    type Args = LeasedJob;
    type Id = String;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
