//! Every minute: people for whom messages wait, who are away, and whom nobody woke. A node that was
//! killed, or a connection that died silently, left them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::{ids::IdGenerator, store::SideId};
use tebdil_protocol::id::{MessageId, UserId};

use crate::job::{Job, JobContext, JobError};

/// Messages of the last hour are looked at, once.
const REACH: Duration = Duration::from_hours(1);
/// Those of the last ten minutes every time: who was connected without taking them may have gone
/// since.
const AGAIN: Duration = Duration::from_mins(10);
/// Messages of one statement.
const PAGE: i64 = 2_000;
/// People of one question to presence, and of one transaction.
const BATCH: usize = 256;
const POSITION: &str = "wakeups";

/// Orders the wake-ups that were missed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Wakeups {}

impl Job for Wakeups {
    const QUEUE: &'static str = "wakeups";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let now = cx.now()?;
        let [earliest, again] = [REACH, AGAIN].map(|ago| IdGenerator::first_id_at(now - ago));
        let mut after = MessageId(
            cx.store
                .notices()
                .position(POSITION)
                .await?
                .clamp(earliest, again),
        );
        loop {
            let page = cx.store.notices().sides_to_wake(after, PAGE).await?;
            for batch in page.sides.chunks(BATCH) {
                wake(cx, batch).await?;
            }
            let Some(next) = page.next else { break };
            after = next;
        }
        Ok(cx.store.notices().set_position(POSITION, after.0).await?)
    }
}

async fn wake(cx: &JobContext, sides: &[SideId]) -> Result<(), JobError> {
    let users: Vec<UserId> = sides.iter().map(|(_, user)| *user).collect();
    let online = match &cx.settings.presence {
        Some(presence) => presence
            .online(&users)
            .await
            .map_err(|error| JobError::Retry(error.to_string()))?,
        None => vec![false; users.len()],
    };
    let away: Vec<SideId> = sides
        .iter()
        .zip(online)
        .filter(|(_, online)| !online)
        .map(|(side, _)| *side)
        .collect();
    let ordered = cx.store.notices().order_wakeups(&away, cx.now()?).await?;
    if ordered > 0 {
        metrics::counter!("tebdil_wakeups_total", "by" => "job").increment(ordered);
    }
    Ok(())
}
