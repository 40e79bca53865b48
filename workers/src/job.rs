//! What a job is.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tebdil_core::{
    billing::BillingRules,
    quota::QuotaRules,
    realtime::{RealtimeError, Whom},
    report::ReportRules,
    settings::{Checks, days},
    skew::ClockGuard,
    store::{EndedMatch, NewJob, Notified, ReferralRules, Store, StoreError},
};
use tebdil_protocol::{
    CloseCode, Quota,
    id::UserId,
    time::{Clock, Timestamp},
};

use crate::{fcm::Fcm, verifier::Verifier, web_push::WebPush};

/// Why a job did not succeed. The text is kept with the job and logged: it must name no person and
/// no secret.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It may work later: the job runs again after its backoff, while it has attempts left.
    #[error("{0}")]
    Retry(String),
    /// The same, but not before this time has passed, as a service asked.
    #[error("{1}")]
    RetryAfter(Duration, String),
    /// It never will: the job becomes a dead letter at once.
    #[error("{0}")]
    Dead(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Retry(error.to_string())
    }
}

/// Whether each of these has a connection, at whichever node.
pub type Online =
    Arc<dyn Fn(Vec<Whom>) -> BoxFuture<'static, Result<Vec<bool>, RealtimeError>> + Send + Sync>;

/// What the server does when a job has changed something that others watch, and what it knows of
/// them.
///
/// A hook is called after the commit. If the process dies in between it is not called; watchers
/// must see the right state when they next look, as sockets do with `hello`.
#[derive(Clone)]
pub struct Hooks {
    /// A match has ended; called once per match. Tells both sockets `match.ended`.
    pub on_match_ended: Arc<dyn Fn(EndedMatch) + Send + Sync>,
    /// A user has a new notification. Tells its sockets.
    pub on_notified: Arc<dyn Fn(Notified) + Send + Sync>,
    /// A user has other rights than before. Tells its sockets `quota`.
    pub on_quota: Arc<dyn Fn(UserId, Quota) + Send + Sync>,
    /// A user is banned or erased; may be called again. Closes its sockets on all nodes with this
    /// code.
    pub on_shut_out: Arc<dyn Fn(UserId, CloseCode) + Send + Sync>,
    /// Says who is connected; without it, nobody is, and no call ends for it.
    pub online: Option<Online>,
}

impl Default for Hooks {
    /// Hooks that do nothing, where nobody is connected.
    fn default() -> Self {
        Self {
            on_match_ended: Arc::new(|_| {}),
            on_notified: Arc::new(|_| {}),
            on_quota: Arc::new(|_, _| {}),
            on_shut_out: Arc::new(|_, _| {}),
            online: None,
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// What every job gets.
#[derive(Debug, Clone)]
pub struct JobContext {
    pub store: Store,
    pub clock: Clock,
    pub hooks: Hooks,
    pub settings: Arc<Settings>,
    /// The job that runs.
    pub job: JobRef,
}

impl JobContext {
    /// Whether this machine's clock may decide what is old.
    pub fn clock_is_right(&self) -> bool {
        self.settings
            .guard
            .as_ref()
            .is_none_or(ClockGuard::is_right)
    }

    /// The time. Ask again for each batch of a long job.
    ///
    /// # Errors
    /// [`JobError::Retry`] if the clock is wrong: another node goes on, or this one when it is
    /// right again.
    pub fn now(&self) -> Result<Timestamp, JobError> {
        if self.clock_is_right() {
            Ok(self.clock.now())
        } else {
            Err(JobError::Retry(
                "the clock of this machine is wrong".to_owned(),
            ))
        }
    }
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRef {
    /// The same in every attempt. Empty for one that was never stored
    /// ([`Workers::run_now`](crate::Workers::run_now)).
    pub id: Arc<str>,
    pub pushed_at: Timestamp,
}

/// The server's settings that jobs need.
#[derive(Debug, Clone)]
pub struct Settings {
    pub periods: Periods,
    pub quota: QuotaRules,
    /// The rewards for an invitation.
    pub referrals: ReferralRules,
    pub billing: BillingRules,
    /// Whose reports count, and how many lead to a ban.
    pub reports: ReportRules,
    /// Who is asked whether a subscription goes on; without it, nobody is.
    pub verifier: Option<Verifier>,
    /// How long a device of a call may be without a connection.
    pub call_absence: Duration,
    /// By when a connection that is dead is known to be, counted from its last sign of life.
    pub silence: Duration,
    /// Says whether the clock is right; without it, it is.
    pub guard: Option<ClockGuard>,
    /// Where pushes to apps go; without it, they are dropped.
    pub fcm: Option<Arc<Fcm>>,
    /// Where pushes to browsers go; without it, they are dropped.
    pub web_push: Option<Arc<WebPush>>,
}

impl Settings {
    /// The default periods and rewards, and no plans; nothing is pushed.
    pub fn new(quota: QuotaRules) -> Self {
        Self {
            periods: Periods::default(),
            quota,
            referrals: ReferralRules::default(),
            billing: BillingRules::default(),
            reports: ReportRules::default(),
            verifier: None,
            call_absence: Duration::from_secs(30),
            silence: Duration::from_secs(40),
            guard: None,
            fcm: None,
            web_push: None,
        }
    }
}

/// How long data is kept: the section `[retention]`. What the contract fixes (messages, idempotency
/// keys) is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    /// `message_logs`.
    #[serde(rename = "message_logs_days", deserialize_with = "days")]
    pub message_logs: Duration,
    /// Bans, with their appeals, after their end.
    #[serde(rename = "bans_days", deserialize_with = "days")]
    pub bans: Duration,
    /// Sessions, after they expired or were revoked.
    #[serde(rename = "sessions_days", deserialize_with = "days")]
    pub sessions: Duration,
    /// Invitations that nobody followed.
    #[serde(rename = "invitations_days", deserialize_with = "days")]
    pub invitations: Duration,
    /// What users were told.
    #[serde(rename = "notifications_days", deserialize_with = "days")]
    pub notifications: Duration,
    /// `billing_events`.
    #[serde(rename = "billing_events_days", deserialize_with = "days")]
    pub billing_events: Duration,
    /// Reports, after they were decided.
    #[serde(rename = "reports_days", deserialize_with = "days")]
    pub reports: Duration,
    /// `system_logs`.
    #[serde(rename = "system_logs_days", deserialize_with = "days")]
    pub system_logs: Duration,
    /// `tombstones`, at the least.
    #[serde(rename = "tombstones_days", deserialize_with = "days")]
    pub tombstones: Duration,
}

impl Periods {
    /// Checks each value by itself: at least a day.
    pub fn check(&self, check: &mut Checks) {
        for (field, period) in [
            ("retention.message_logs_days", self.message_logs),
            ("retention.bans_days", self.bans),
            ("retention.sessions_days", self.sessions),
            ("retention.invitations_days", self.invitations),
            ("retention.notifications_days", self.notifications),
            ("retention.billing_events_days", self.billing_events),
            ("retention.system_logs_days", self.system_logs),
        ] {
            check.that(!period.is_zero(), field, "must be at least 1");
        }
    }
}

impl Default for Periods {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(24 * days);
        Self {
            message_logs: days(180),
            bans: days(365),
            sessions: days(30),
            invitations: days(180),
            notifications: days(90),
            billing_events: days(400),
            reports: days(180),
            system_logs: days(730),
            tombstones: days(40),
        }
    }
}

/// Work that is done in the background. The fields are its payload, stored as JSON.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Unique, and never changed once jobs of it are stored.
    const QUEUE: &'static str;
    /// At least 1. The waits in between start at 500 ms and double: ten attempts take about four
    /// minutes, eighteen about five hours.
    const MAX_ATTEMPTS: i64 = 10;
    /// How many run at once on a node; at least 1.
    const CONCURRENCY: usize = 4;

    /// Does the work. May be dropped at any await, and run again.
    fn run(self, cx: &JobContext) -> impl Future<Output = Result<(), JobError>> + Send;
}

type Run =
    Arc<dyn Fn(JobContext, Vec<u8>) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

/// A kind of [`Job`], as the workers know it.
#[derive(Clone)]
pub struct Queue {
    pub(crate) name: &'static str,
    pub(crate) concurrency: usize,
    pub(crate) max_attempts: i64,
    /// Period and payload of a schedule.
    pub(crate) every: Option<(Duration, Vec<u8>)>,
    pub(crate) run: Run,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// Its name, by which its jobs are stored.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The queue of jobs that are pushed.
    pub fn of<J: Job>() -> Self {
        let run: Run = Arc::new(|cx, payload| {
            async move {
                let job: J = serde_json::from_slice(&payload)
                    .map_err(|error| JobError::Dead(format!("payload: {error}")))?;
                job.run(&cx).await
            }
            .boxed()
        });
        Self {
            name: J::QUEUE,
            concurrency: J::CONCURRENCY.max(1),
            max_attempts: J::MAX_ATTEMPTS,
            every: None,
            run,
        }
    }

    /// The queue of a job that runs once per `period` in the whole cluster, at multiples of
    /// `period` since the epoch.
    ///
    /// Periods that passed while no node was up are not made up for: one run is enough.
    pub fn scheduled<J: Job + Default>(period: Duration) -> Self {
        let payload = serde_json::to_vec(&J::default()).expect("a job is plain data");
        Self {
            every: Some((period.max(Duration::from_millis(1)), payload)),
            ..Self::of::<J>()
        }
    }
}

/// Pushes a job that runs at `run_at` or after: `true` when it is new, `false` when the queue has
/// one with the key `dedupe`.
pub async fn push<J: Job>(
    store: &Store,
    job: &J,
    dedupe: Option<&str>,
    run_at: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let payload = serde_json::to_vec(job).expect("a job is plain data");
    store
        .jobs()
        .push_job(
            NewJob {
                queue: J::QUEUE,
                payload: &payload,
                dedupe,
                run_at,
                max_attempts: J::MAX_ATTEMPTS,
            },
            now,
        )
        .await
}
