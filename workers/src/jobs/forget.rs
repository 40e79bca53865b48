//! Every five seconds: the messages of matches that are over go, a few at a time, so that nobody
//! who writes waits for it.
//!
//! An end of a match leaves its mark in the transaction that makes it, so whatever dies, a later
//! run finds what is left.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::store::{Store, StoreError};
use tebdil_protocol::id::MatchId;
use tokio::time::Instant;

use crate::job::{Job, JobContext, JobError};

/// How often it looks.
pub const PERIOD: Duration = Duration::from_secs(5);
/// Matches that are looked up at once.
const MATCHES: i64 = 50;
/// Messages of one transaction: at most 400 KiB, a millisecond or two of the one writer that SQLite
/// has.
const MESSAGES: u32 = 25;

/// Deletes what was said in matches that are over.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Forget {}

impl Job for Forget {
    const QUEUE: &'static str = "forget";
    // The next run tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let mut after = MatchId(0);
        loop {
            let matches = cx
                .store
                .messages()
                .matches_to_forget(after, MATCHES)
                .await?;
            let Some(last) = matches.last() else {
                return Ok(());
            };
            after = *last;
            forget(&cx.store, &matches).await?;
        }
    }
}

/// Deletes all messages of these matches. Between two batches it rests for as long as one took:
/// half of the time the database is there for others alone.
pub(super) async fn forget(store: &Store, matches: &[MatchId]) -> Result<(), StoreError> {
    for id in matches {
        loop {
            let begun = Instant::now();
            let deleted = store.messages().forget_messages(*id, MESSAGES).await?;
            super::retention::count("messages", deleted);
            if deleted < MESSAGES.into() {
                break;
            }
            tokio::time::sleep(begun.elapsed()).await;
        }
    }
    Ok(())
}
