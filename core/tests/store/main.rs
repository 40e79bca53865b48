//! The store's promises, held on SQLite always and on PostgreSQL when `TEBDIL_TEST_POSTGRES_URL` is
//! set.
//!
//! To add a test: an `async fn name(t: TestStore)` in the aggregate's file, and its name in that
//! file's `store_conformance!`.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, and its functions are called from both databases' tests"
)]

mod ad_counts;
mod ads;
mod announcements;
mod appeals;
mod auto_bans;
mod bans;
mod billing;
mod blocks;
mod call_state;
mod calls;
mod claims;
mod codes;
mod due_subscriptions;
mod erasure;
mod id_nodes;
mod idempotency;
mod job_admin;
mod keys;
mod lasting_blocks;
mod leading;
mod ledger;
mod lists;
mod logs;
mod matches;
mod messages;
mod notifications;
mod privacy;
mod push;
mod quota;
mod referrals;
mod reports;
mod schema;
mod searches;
mod sessions;
mod sign_ins;
mod staff;
mod subscriptions;
mod totps;
mod user_admin;
mod users;
mod volume;
mod wakeups;

use std::{fmt::Debug, future::Future, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use tebdil_core::{
    store::{NewMatch, NewSide, OldRows},
    testing::{self, TestStore},
};
use tebdil_protocol::{
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};
use tokio::task::JoinSet;

/// The first line to read when the PostgreSQL half seems too fast.
#[test]
fn postgresql_is_set_or_its_absence_is_said() {
    let _ = testing::postgres_url();
}

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Lets go what had come to be old at `cutoff`, at most `limit` rows; how many there were.
pub async fn delete_old(t: &TestStore, old: &OldRows, cutoff: Timestamp, limit: i64) -> u64 {
    let gone = t.jobs().delete_old(old, Duration::ZERO, limit, cutoff);
    gone.await.unwrap()
}

/// Runs all at once and gives what they gave, in no order.
pub async fn all_at_once<T: Send + Debug + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut set = JoinSet::new();
    for task in tasks {
        set.spawn(task);
    }
    set.join_all().await
}

pub fn side(user: UserId, session: SessionId, ticket: i64) -> NewSide {
    NewSide {
        user_id: user,
        ticket_id: TicketId(ticket),
        session_id: session,
        background: false,
    }
}

pub fn pair(mode: Mode, offerer: NewSide, answerer: NewSide) -> NewMatch {
    NewMatch {
        mode,
        offerer,
        answerer,
        shared_interests: vec!["kedi".to_owned()],
    }
}
