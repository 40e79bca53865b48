//! Every minute: matches that have run out end, and messages older than 24 hours go.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::store::OldRows;

use super::retention;
use crate::job::{Job, JobContext, JobError};

/// No message is kept longer, whatever became of its match.
const MESSAGE_LIFETIME: Duration = Duration::from_hours(24);
const MATCHES_PER_BATCH: i64 = 50;

/// Ends matches that ran out and deletes old messages.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Expire {}

impl Job for Expire {
    const QUEUE: &'static str = "expire";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let matches = expire_matches(cx).await;
        // Whatever hinders the first does not keep the second from its promise.
        let messages = delete_messages(cx).await;
        matches.and(messages)
    }
}

async fn expire_matches(cx: &JobContext) -> Result<(), JobError> {
    loop {
        let ended = cx
            .store
            .jobs()
            .expire_matches(cx.now()?, MATCHES_PER_BATCH)
            .await?;
        let more = i64::try_from(ended.len()).is_ok_and(|count| count >= MATCHES_PER_BATCH);
        metrics::counter!("tebdil_matches_expired_total").increment(ended.len() as u64);
        for ended in ended {
            (cx.hooks.on_match_ended)(ended);
        }
        if !more {
            return Ok(());
        }
    }
}

async fn delete_messages(cx: &JobContext) -> Result<(), JobError> {
    let now = cx.now()?;
    Ok(retention::delete(&cx.store, &OldRows::MESSAGES, MESSAGE_LIFETIME, now).await?)
}
