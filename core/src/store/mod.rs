//! Everything that is kept, in SQLite or PostgreSQL.
//!
//! One file per aggregate, one method per operation, one SQL text for both databases. To add an operation: write the method in the
//! aggregate's file with its SQL as a `const` beside it, run it through `read!` or `write_tx!`, and call it in `core/tests/store/`, which
//! runs on both databases. A column goes into a new migration of the same number and name in both folders.
//!
//! Every method takes the time as `now`; ids come from the store's [`IdGenerator`]. Not found is `Ok(None)`.

mod absences;
mod ads;
mod announcements;
mod appeals;
mod auto_ban;
mod ban_admin;
mod bans;
mod billing;
mod blocks;
mod call_state;
mod calls;
mod claims;
mod codes;
mod decisions;
mod erasure;
mod export;
mod idempotency;
mod impressions;
mod job_admin;
pub(crate) mod jobs;
mod keys;
mod match_admin;
mod matches;
mod messages;
mod notifications;
mod pairing;
mod push;
mod quota;
mod referrals;
mod reports;
mod retention;
mod sessions;
mod staff;
mod statistics;
mod subscriptions;
mod system_logs;
mod user_admin;
mod users;
mod wakeups;

use std::sync::Arc;

pub use absences::CallDevice;
pub use ads::{AdChange, AdRow};
pub use announcements::NewAnnouncement;
pub use appeals::{APPEAL_CONTEXT, AppealRow, Appealing, DecidedAppeal, NewAppeal};
pub use auto_ban::{AUTO_BAN_ATTEMPTS, AUTO_BAN_QUEUE, AutoBanOrder, AutoBanned};
pub use ban_admin::{Actor, BanFilter, Judged, StaffBan};
pub use bans::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, BanRow, Banning, Confirmation, NewBan};
pub use billing::{Billed, BillingFact, BillingTerms};
pub use blocks::{BlockRow, Blocking};
pub use call_state::CallConnected;
pub use calls::CallSide;
pub use claims::{ClaimBatch, ClaimRow, Claiming, DecidedClaim};
pub use codes::{CODE_LIFETIME, CODE_TRIES, LIVE_CODES, NewCode, PasswordReset, ProvenCode, TriedCode};
pub use decisions::{NewResolution, Resolving};
pub use erasure::{ERASE_ATTEMPTS, ERASE_QUEUE, ERASED_ALIAS, EraseOrder, Erased, ErasedBy};
pub use export::{Export, ExportError, ExportPage};
pub use idempotency::{FirstAnswer, IDEMPOTENCY_PENDING, IDEMPOTENCY_WINDOW, Idempotent};
pub use impressions::AdSlot;
pub use job_admin::{JobFilter, Mended};
pub use jobs::{JobCounts, JobFailure, JobLease, Leased, LeasedJob, NewJob};
pub use keys::{KEY_PACKAGE_PERIOD, MAX_KEY_PACKAGES, PutKeys};
pub use match_admin::{StaffMatchFilter, StaffMatchRow};
pub use matches::{CallOutcome, End, EndedMatch, MatchFilter, MatchRow, Parties};
pub use messages::{Append, Appended, MessageRow, NewMessage, NewReceipt, Receipt};
pub use notifications::{MarkedRead, Notified};
pub use pairing::{MadeMatch, MadeSide, MatchRules, NewMatch, NewSide, PairOutcome, Refusal};
pub use push::{PushAudience, PutPushToken};
pub use quota::Grant;
pub use referrals::{Invitation, REWARD_ATTEMPTS, REWARD_QUEUE, ReferralRewards, ReferralRow, RewardOrder, Rewarded};
pub use reports::{NewReport, ReportEntry, ReportFilter, ReportSubject, Reporting};
pub use retention::SessionBatch;
pub use sessions::{AliveSession, DeadSession, NewSession, Rotation, SessionRow};
pub use staff::{Correction, RoleChange};
pub use statistics::{DayCounts, DayRow, Totals};
pub use subscriptions::{Settled, SubscriptionRow};
pub use system_logs::{LogFilter, SystemLog};
pub use user_admin::{AccountFilter, AccountRow, AccountSearch};
pub use users::{NewUser, ProfileChange, ProfileUpdate, Registration, UserRow};
pub use wakeups::{SideId, SidesToWake};

use crate::{backend::Db, id::IdGenerator};

/// A statement failed. Its text is for the log; clients see only `unavailable` or `internal`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or could not be reached.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A stored value is not what this build can read.
    #[error("stored {what} cannot be read")]
    Corrupt {
        /// Which value.
        what: &'static str,
    },
}

impl StoreError {
    /// Whether the same call may succeed shortly: the database is away, restarting, busy or asked for a retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
                // Classes: 08 connection, 40 rollback, 53 resources, 57 operator intervention; 5 and 6 are SQLite's busy and locked.
                sqlx::Error::Database(refused) => refused
                    .code()
                    .is_some_and(|code| ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "5" || code == "6"),
                _ => false,
            },
            Self::Migration(_) | Self::Corrupt { .. } => false,
        }
    }
}

/// The store. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) ids: Arc<IdGenerator>,
}

impl Store {
    /// Connects to `url` (`sqlite:PATH` or `postgres://…`) and brings the schema up to date.
    ///
    /// `max_connections` (at least 1) bounds the readers on SQLite, which always has one writer, and all connections on PostgreSQL.
    pub async fn open(url: &str, max_connections: u32, ids: Arc<IdGenerator>) -> Result<Self, StoreError> {
        let db = Db::connect(url, max_connections).await?;
        db.migrate().await?;
        Ok(Self { db, ids })
    }

    /// Waits for running statements and closes the connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// `select` with its rows locked until the end of the write; it selects in primary key order, or two writers deadlock.
    pub(crate) fn locking(&self, select: &'static str) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(format!("{select}{}", self.db.for_update()))
    }

    /// Asks the database for an answer, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        crate::backend::read!(self, |db| sqlx::query("SELECT 1").execute(db).await.map(drop)?);
        Ok(())
    }
}

/// Text of a JSON array of strings, as stored in `interests` and the like.
pub(crate) fn to_json_list(items: &[String]) -> String {
    serde_json::to_string(items).expect("strings serialize")
}

/// Reads what [`to_json_list`] wrote.
pub(crate) fn from_json_list(text: &str, what: &'static str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what })
}
