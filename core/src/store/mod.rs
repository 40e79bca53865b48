//! Everything that is kept, in SQLite or PostgreSQL.
//!
//! One folder for each area, one file for each aggregate, one method for each operation, one SQL
//! text for both databases. To add an operation: write the method in the aggregate's file with its
//! SQL as a `const` beside it, and call it in `core/tests/store/`, which runs on both databases. A
//! read is `self.read`, a single write `self.write`; what has to happen together is a transaction,
//! from `self.begin` to `commit`. What several operations share is a function that takes the
//! transaction. A column goes into its table's file in `migrations/`, in PostgreSQL's types; once
//! that was released, into a new file there, listed in `db/schema.rs`.
//!
//! Every operation takes the time as `now`; ids come from the store's [`IdGenerator`]. Not found is
//! `Ok(None)`.

pub(crate) mod accounts;
pub(crate) mod economy;
pub(crate) mod jobs;
#[cfg(test)]
mod long_lists;
pub(crate) mod matches;
pub(crate) mod messages;
pub(crate) mod notices;
pub(crate) mod safety;

use std::sync::Arc;

pub use accounts::*;
pub use economy::*;
pub use jobs::*;
pub use matches::*;
pub(crate) use messages::KnownSides;
pub use messages::*;
pub use notices::*;
pub use safety::*;

use futures_util::future::BoxFuture;
use rand::Rng as _;
use tokio::sync::Notify;

use crate::{
    db::{Db, Query, Tx},
    ids::{IdGenerator, NoNodePart},
};
use tebdil_protocol::{
    stored_as,
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
                // 25P03 is a transaction that was idle for too long, 55P03 a lock that was not
                // granted; 5 and 6 are SQLite's busy and locked.
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
    /// The random name under which it has its node part.
    holder: i64,
    /// Notified when there is a job to do.
    wake: Arc<Notify>,
    /// What the chat writer knows.
    known: Arc<KnownSides>,
}

impl Store {
    /// Connects to `url` (`sqlite:PATH` or `postgres://…`) and brings the schema up to date.
    ///
    /// `max_connections` (at least 1) bounds the readers on SQLite, which always has one writer,
    /// and all connections on PostgreSQL. Ids use the time of `clock`. A process that writes for
    /// longer than some minutes must call [`Jobs::renew_ids`].
    pub async fn open(url: &str, max_connections: u32, clock: Clock) -> Result<Self, StoreError> {
        let db = Db::connect(url, max_connections).await?;
        db.migrate().await?;
        let holder = i64::from(rand::rng().next_u32());
        let store = Self {
            db,
            ids: Arc::new(IdGenerator::new(clock)),
            holder,
            wake: Arc::default(),
            known: Arc::default(),
        };
        store.jobs().renew_ids().await?;
        Ok(store)
    }

    /// Gives back this process's node part, waits for running statements and closes the
    /// connections.
    pub async fn close(&self) {
        // If the database is away, the loan ends by itself.
        if let Err(error) = self.jobs().give_ids_back().await {
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
        Ok(Timestamp::from_millis(self.db.now_millis().await?))
    }

    /// Asks the database for an answer, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read("SELECT 1").execute().await?;
        Ok(())
    }

    /// A statement that reads.
    pub(crate) fn read(&self, sql: &'static str) -> Query<'_> {
        self.db.read(sql)
    }

    /// A statement that writes, alone. It makes no ids.
    pub(crate) fn write(&self, sql: &'static str) -> Query<'_> {
        self.db.write(sql)
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin(&self) -> BoxFuture<'_, Result<Tx, StoreError>> {
        self.db.begin(&self.ids, &self.wake, &self.known)
    }
}

/// Words of a user, such as interests; stored as the text of a JSON array.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextList(pub Vec<String>);

/// How they are stored.
pub(crate) fn to_json_list(words: &[String]) -> String {
    serde_json::to_string(words).expect("strings serialize")
}

impl TryFrom<String> for TextList {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        let what = "words";
        serde_json::from_str(&text)
            .map(Self)
            .map_err(|_| StoreError::Corrupt { what })
    }
}

stored_as!(TextList, String);
