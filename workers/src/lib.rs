//! Background jobs and schedules.
//!
//! State lives in rows. A job is a wake-up: it says that something may have to be done, looks up
//! what, and does it. It may run twice, after a crash or when a lease runs out, and two of a kind
//! may run at once on two nodes; every job must be right then too. What a lost wake-up left behind,
//! a scheduled sweep finds.
//!
//! # How to add a job
//!
//! 1. Write a module in `jobs/` with a type that implements [`Job`]. Its fields are the payload:
//!    ids, never personal data.
//! 2. Add it to [`jobs::all`], with [`Queue::of`], or [`Queue::scheduled`] when it runs by itself.
//! 3. Push it: [`push`], or `push_job` of the store in the transaction that needs it. A dedupe
//!    key makes it once per key.
//! 4. Return [`JobError::Retry`] for temporary errors (a
//!    [`StoreError`](tebdil_core::store::StoreError) converts), [`JobError::RetryAfter`] where
//!    somebody asked to wait, and [`JobError::Dead`] for what never will.
//! 5. If somebody waits for it, [`Workers::at_once`] also runs it right after the commit: the queue
//!    is for runs that failed or died. There is one function for each effect.
//! 6. Write a test that moves the clock and calls [`Workers::run_due_once`].
//!
//! # What carries it
//!
//! One [apalis](apalis_core) worker per queue runs its jobs; one task of the process asks our own
//! `job` table for all of them (`poller`). Leases, heartbeats, backoff and dead letters are ours
//! (`tebdil_core::store`), so that a job can be pushed in the transaction that needs it. The worker
//! brings concurrency and draining.

mod engine;
mod execute;
pub mod fcm;
mod http;
mod job;
pub mod jobs;
mod poller;
pub mod push_service;
mod schedule;
mod verifier;
pub mod web_push;

pub use engine::{Timing, Workers, WorkersError};
pub use execute::JobOutcomes;
pub use http::http_client;
pub use job::{Hooks, Job, JobContext, JobError, JobRef, Online, Periods, Queue, Settings, push};
pub use verifier::{Standing, Verifier, VerifierError};
