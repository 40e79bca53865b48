//! One job from lease to end, the same for the workers and for
//! [`Workers::run_due_once`](crate::Workers::run_due_once).

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tebdil_core::store::{JobFailure, JobLease, LeasedJob, StoreError};
use tebdil_protocol::time::Timestamp;
use tokio::{sync::Notify, time::Instant};

use crate::job::{JobContext, JobError, JobRef, Queue};

/// How often recording the end of a job is tried, 200 ms apart and doubling; after that its lease
/// runs out and it runs again.
const ACK_TRIES: u32 = 5;
const ACK_WAIT: Duration = Duration::from_millis(200);

/// How jobs ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JobOutcomes {
    pub done: u64,
    /// Failed, to run again.
    pub failed: u64,
    /// Became dead letters.
    pub dead: u64,
    /// Ran longer than their leases: somebody else has them, and their outcome here does not count.
    pub lost: u64,
}

impl std::ops::AddAssign for JobOutcomes {
    fn add_assign(&mut self, more: Self) {
        *self = Self {
            done: self.done + more.done,
            failed: self.failed + more.failed,
            dead: self.dead + more.dead,
            lost: self.lost + more.lost,
        };
    }
}

/// What this process has leased and not yet finished, by queue.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    held: Mutex<HashMap<JobLease, &'static str>>,
    /// Notified when more may be leased.
    room: Notify,
}

impl Leases {
    pub(crate) fn add(&self, queue: &Queue, jobs: &[LeasedJob]) {
        let leases = jobs.iter().map(|job| (job.lease.clone(), queue.name));
        self.held.lock().extend(leases);
    }

    /// Removes the lease of a job that has ended. Others may wait for its place, except after a
    /// tick: ticks do not pile up, so the next poll is soon enough.
    ///
    /// Whether the queue was full does not matter: leases that are being made count too, and are
    /// not here yet.
    fn remove(&self, queue: &Queue, lease: &JobLease) {
        self.held.lock().remove(lease);
        if queue.every.is_none() {
            self.look_again();
        }
    }

    /// How many jobs of a queue there are.
    pub(crate) fn of(&self, queue: &str) -> usize {
        self.held
            .lock()
            .values()
            .filter(|name| **name == queue)
            .count()
    }

    pub(crate) fn all(&self) -> Vec<JobLease> {
        self.held.lock().keys().cloned().collect()
    }

    /// Has the poller look whether there is more to do.
    pub(crate) fn look_again(&self) {
        self.room.notify_one();
    }

    /// Waits until more may be leased than before.
    pub(crate) async fn room(&self) {
        self.room.notified().await;
    }
}

/// Runs a leased job and records how it ended. Never panics if the job does, and never fails: a job
/// whose end could not be recorded runs again.
pub(crate) async fn execute(
    queue: &Queue,
    cx: &JobContext,
    leases: &Leases,
    mut job: LeasedJob,
) -> JobOutcomes {
    let payload = std::mem::take(&mut job.payload);
    let started = Instant::now();
    let running = JobContext {
        job: JobRef {
            id: job.lease.job_id().into(),
            pushed_at: job.created_at,
        },
        ..cx.clone()
    };
    let outcome = AssertUnwindSafe(async { (queue.run)(running, payload).await })
        .catch_unwind()
        .await;
    metrics::histogram!("tebdil_job_seconds", "queue" => queue.name)
        .record(started.elapsed().as_secs_f64());

    let outcome = outcome.unwrap_or_else(|panic| Err(JobError::Retry(panic_text(panic.as_ref()))));
    if outcome.is_err() && !cx.clock_is_right() {
        // Not the job's fault: it keeps its attempt, and runs on a node whose clock is right.
        give_back(queue, cx, leases, &job.lease).await;
        return JobOutcomes::default();
    }
    let ended = match ack(cx, &job, &outcome).await {
        Ok(Ended::Done) => JobOutcomes {
            done: 1,
            ..JobOutcomes::default()
        },
        Ok(Ended::Again) => JobOutcomes {
            failed: 1,
            ..JobOutcomes::default()
        },
        Ok(Ended::Dead) => JobOutcomes {
            dead: 1,
            ..JobOutcomes::default()
        },
        Ok(Ended::LeaseLost) => {
            tracing::warn!(
                queue = queue.name,
                job = job.lease.job_id(),
                "a job ran longer than its lease; somebody else has it"
            );
            JobOutcomes {
                lost: 1,
                ..JobOutcomes::default()
            }
        }
        Err(error) => {
            tracing::error!(queue = queue.name, job = job.lease.job_id(), %error, "the end of a job was not recorded; it runs again");
            JobOutcomes::default()
        }
    };
    leases.remove(queue, &job.lease);
    if let Err(error) = &outcome {
        let (job_id, attempt) = (job.lease.job_id(), job.attempt);
        if ended.dead > 0 {
            tracing::error!(queue = queue.name, job = job_id, attempt, %error, "a job is dead");
        } else {
            tracing::warn!(queue = queue.name, job = job_id, attempt, %error, "a job failed");
        }
    }
    count(queue.name, ended);
    ended
}

/// Gives back a job that was leased and did not finish here.
pub(crate) async fn give_back(queue: &Queue, cx: &JobContext, leases: &Leases, lease: &JobLease) {
    // Before it is given back: it keeps its attempt, so its next lease has the same name.
    leases.remove(queue, lease);
    let released = cx.store.jobs().release_jobs(std::slice::from_ref(lease));
    if let Err(error) = released.await {
        tracing::warn!(queue = queue.name, job = lease.job_id(), %error, "a job was not given back; it runs when its lease is over");
    }
}

/// Adds to the counters of a queue.
pub(crate) fn count(queue: &'static str, ran: JobOutcomes) {
    for (outcome, by) in [
        ("done", ran.done),
        ("failed", ran.failed),
        ("dead", ran.dead),
        ("lost", ran.lost),
    ] {
        if by > 0 {
            metrics::counter!("tebdil_jobs_total", "queue" => queue, "outcome" => outcome)
                .increment(by);
        }
    }
}

enum Ended {
    Done,
    Again,
    Dead,
    LeaseLost,
}

async fn ack(
    cx: &JobContext,
    job: &LeasedJob,
    outcome: &Result<(), JobError>,
) -> Result<Ended, StoreError> {
    let mut wait = ACK_WAIT;
    let mut tries = 1;
    loop {
        let now = cx.clock.now();
        let ended = match outcome {
            Ok(()) => cx
                .store
                .jobs()
                .finish_job(job, now)
                .await
                .map(|held| if held { Ended::Done } else { Ended::LeaseLost }),
            Err(JobError::Dead(error)) => cx
                .store
                .jobs()
                .bury_job(job, error, now)
                .await
                .map(|held| if held { Ended::Dead } else { Ended::LeaseLost }),
            Err(JobError::Retry(error)) => again(cx, job, error, now, now).await,
            Err(JobError::RetryAfter(wait, error)) => again(cx, job, error, now + *wait, now).await,
        };
        match ended {
            Err(error) if error.is_transient() && tries < ACK_TRIES => {
                tokio::time::sleep(wait).await;
                wait *= 2;
                tries += 1;
            }
            ended => return ended,
        }
    }
}

async fn again(
    cx: &JobContext,
    job: &LeasedJob,
    error: &str,
    earliest: Timestamp,
    now: Timestamp,
) -> Result<Ended, StoreError> {
    cx.store
        .jobs()
        .fail_job(job, error, earliest, now)
        .await
        .map(|failure| match failure {
            JobFailure::Again(_) => Ended::Again,
            JobFailure::Dead => Ended::Dead,
            JobFailure::LeaseLost => Ended::LeaseLost,
        })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("no text"))
}
