//! Everything that is kept, in SQLite or PostgreSQL.
//!
//! One file per aggregate, one method per operation, one SQL text for both databases. To add an
//! operation: write the method in the aggregate's file with its SQL as a `const` beside it, run it
//! through `read!` or `write_tx!`, and call it in `core/tests/store/`, which runs on both
//! databases. A column goes into a new migration of the same number and name in both folders.
//!
//! Every method takes the time as `now`; ids come from the store's [`IdGenerator`]. Not found is
//! `Ok(None)`.

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
mod forget;
mod history;
mod id_nodes;
mod idempotency;
mod impressions;
mod job_admin;
pub(crate) mod jobs;
mod keys;
mod leading;
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
mod sign_ins;
mod staff;
mod statistics;
mod subscriptions;
mod system_logs;
mod totps;
mod user_admin;
mod users;
mod wakeups;

use std::sync::Arc;

pub use absences::CallDevice;
pub use ads::{AdChange, AdRow};
pub use announcements::{AdNotifying, NewAnnouncement};
pub use appeals::{APPEAL_CONTEXT, AppealRow, Appealing, DecidedAppeal, NewAppeal};
pub use auto_ban::{AUTO_BAN_ATTEMPTS, AUTO_BAN_QUEUE, AutoBanOrder, AutoBanned};
pub use ban_admin::{Actor, BanFilter, Judged, StaffBan};
pub use bans::{BAN_ATTEMPTS, BAN_QUEUE, BanOrder, BanRow, Banning, Confirmation, NewBan};
pub use billing::{Billed, BillingFact, BillingTerms};
pub use blocks::{BlockRow, Blocking};
pub use call_state::CallConnected;
pub use calls::CallSide;
pub use claims::{ClaimBatch, ClaimRow, Claiming, DecidedClaim};
pub use codes::{CODE_LIFETIME, CODE_TRIES, Guess, NewCode, PasswordReset, ProvenCode, TriedCode};
pub use decisions::{NewResolution, Resolving};
pub use erasure::{ERASE_ATTEMPTS, ERASE_QUEUE, ERASED_ALIAS, EraseOrder, Erased, ErasedBy};
pub use export::{Export, ExportError, ExportPage};
pub use history::MessageRow;
pub use id_nodes::RENEW_IDS;
pub use idempotency::{FirstAnswer, IDEMPOTENCY_PENDING, IDEMPOTENCY_WINDOW, Idempotent};
pub use impressions::AdSlot;
pub use job_admin::{JobFilter, Mended};
pub use jobs::{JobCounts, JobFailure, JobLease, Leased, LeasedJob, NewJob, TICK_LOCK};
pub use keys::{KEY_PACKAGE_PERIOD, MAX_ACCOUNT_KEY_PACKAGES, MAX_KEY_PACKAGES, PutKeys};
pub use leading::MatchmakerTerm;
pub use match_admin::{StaffMatchFilter, StaffMatchRow};
pub use matches::{CallOutcome, End, EndedMatch, MatchFilter, MatchRow, Parties};
pub use messages::{Append, Appended, ChatRules, NewMessage, NewReceipt, Receipt};
pub use notifications::{MarkedRead, Notified};
pub use pairing::{MadeMatch, MadeSide, MatchRules, NewMatch, NewSide, PairOutcome, Refusal};
pub use push::{PushAudience, PutPushToken};
pub use quota::Grant;
pub use referrals::{
    Invitation, REWARD_ATTEMPTS, REWARD_QUEUE, ReferralRewards, ReferralRow, RewardOrder, Rewarded,
};
pub use reports::{NewReport, ReportEntry, ReportFilter, ReportSubject, Reporting};
pub use retention::SessionBatch;
pub use sessions::{AliveSession, DeadSession, NewSession, Rotation, SessionRow};
pub use sign_ins::SignedIn;
pub use staff::{Correction, RoleChange};
pub use statistics::{DayCounts, DayRow, Totals};
pub use subscriptions::{Settled, SubscriptionRow};
pub use system_logs::{LogFilter, SystemLog};
pub use totps::{TOTP_CONTEXT, TotpBegun, TotpOf, TotpRemover, TotpRow};
pub use user_admin::{AccountFilter, AccountRow, AccountSearch};
pub use users::{Alias, NewUser, ProfileChange, ProfileUpdate, Registration, UserRow};
pub use wakeups::{SideId, SidesToWake};

use rand::Rng as _;

use crate::{
    backend::{Db, read},
    id::{IdGenerator, NoNodePart},
    time::{Clock, Timestamp},
};

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
    /// Nothing is written until ids can be made again.
    #[error(transparent)]
    NoNodePart(#[from] NoNodePart),
}

impl StoreError {
    /// Whether the same call may succeed shortly: the database is away, restarting, busy or asked
    /// for a retry.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => match error {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                // Classes: 08 connection, 40 rollback, 53 resources, 57 operator intervention;
                // 25P03 is a transaction that said nothing for too long, 55P03 a lock that did not
                // come; 5 and 6 are SQLite's busy and locked.
                sqlx::Error::Database(refused) => refused.code().is_some_and(|code| {
                    ["08", "40", "53", "57", "25P03", "55P03"]
                        .iter()
                        .any(|class| code.starts_with(class))
                        || code == "5"
                        || code == "6"
                }),
                _ => false,
            },
            Self::NoNodePart(_) => true,
            Self::Migration(_) | Self::Corrupt { .. } => false,
        }
    }

    /// Whether the database answered and refused some of the rows: the same call without them may
    /// succeed.
    pub fn is_of_rows(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(refused)) => {
                refused.code().is_some_and(|code| match code.len() {
                    // PostgreSQL's classes: 22 data, 23 constraint, 40 rollback, 55 a lock that did
                    // not come.
                    5 => ["22", "23", "40", "55"]
                        .iter()
                        .any(|class| code.starts_with(class)),
                    // SQLite's, in the lowest byte: 18 too large, 19 constraint, 20 mismatch.
                    _ => code
                        .parse::<u16>()
                        .is_ok_and(|code| matches!(code & 0xff, 18..=20)),
                })
            }
            Self::Database(sqlx::Error::ColumnDecode { .. }) | Self::Corrupt { .. } => true,
            Self::Database(_) | Self::Migration(_) | Self::NoNodePart(_) => false,
        }
    }
}

/// The store. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) ids: Arc<IdGenerator>,
    /// The name under which it has its node part, drawn at random.
    holder: i64,
}

impl Store {
    /// Connects to `url` (`sqlite:PATH` or `postgres://…`) and brings the schema up to date.
    ///
    /// `max_connections` (at least 1) bounds the readers on SQLite, which always has one writer,
    /// and all connections on PostgreSQL. Ids have the time of `clock`. Whoever writes for longer
    /// than some minutes calls [`Store::renew_ids`].
    pub async fn open(url: &str, max_connections: u32, clock: Clock) -> Result<Self, StoreError> {
        let db = Db::connect(url, max_connections).await?;
        db.migrate().await?;
        let holder = i64::from(rand::rng().next_u32());
        let store = Self {
            db,
            ids: Arc::new(IdGenerator::new(clock)),
            holder,
        };
        store.renew_ids().await?;
        Ok(store)
    }

    /// Gives back what was lent to this process, waits for running statements and closes the
    /// connections.
    pub async fn close(&self) {
        // A database that is away takes it back by itself.
        if let Err(error) = self.give_ids_back().await {
            tracing::debug!(%error, "the node part of the ids was not given back");
        }
        self.db.close().await;
    }

    /// Makes the ids of this process.
    pub const fn ids(&self) -> &Arc<IdGenerator> {
        &self.ids
    }

    /// The time by the database's own clock.
    pub async fn database_time(&self) -> Result<Timestamp, StoreError> {
        let sql = sqlx::AssertSqlSafe(format!("SELECT {}", self.db.now_millis()));
        let millis: i64 = read!(self, |db| sqlx::query_scalar(sql).fetch_one(db).await?);
        Ok(Timestamp::from_millis(millis))
    }

    /// `select` with its rows locked until the end of the write; it selects in primary key order,
    /// or two writers deadlock.
    pub(crate) fn locking(&self, select: &'static str) -> sqlx::AssertSqlSafe<String> {
        sqlx::AssertSqlSafe(format!("{select}{}", self.db.for_update()))
    }

    /// Asks the database for an answer, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, |db| sqlx::query("SELECT 1")
            .execute(db)
            .await
            .map(drop)?);
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
