//! Every minute: people for whom messages wait, who are away, and whom nobody woke. A node that was
//! killed, or a connection that died silently, left them.

use serde::{Deserialize, Serialize};
use tebdil_core::store::SideDevice;
use tebdil_protocol::id::{MatchId, UserId};

use crate::job::{Job, JobContext, JobError};

/// Sides of matches of one statement.
const PAGE: i64 = 2_000;
/// Devices of one question who is connected, and of one transaction.
const BATCH: usize = 256;

/// Orders the wake-ups that were missed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct MissedWakeups {}

impl Job for MissedWakeups {
    const QUEUE: &'static str = "wakeups";
    // The next minute tries again anyway.
    const MAX_ATTEMPTS: i64 = 3;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let mut after = (UserId(0), MatchId(0));
        loop {
            let page = cx.store.notices().sides_to_wake(after, PAGE).await?;
            for batch in page.sides.chunks(BATCH) {
                wake(cx, batch).await?;
            }
            let Some(next) = page.next else { return Ok(()) };
            after = next;
        }
    }
}

async fn wake(cx: &JobContext, sides: &[SideDevice]) -> Result<(), JobError> {
    let devices = sides
        .iter()
        .map(|(_, user, session)| (*user, Some(*session)));
    let online = match &cx.hooks.online {
        Some(online) => online(devices.collect())
            .await
            .map_err(|error| JobError::Retry(error.to_string()))?,
        None => vec![false; sides.len()],
    };
    let away: Vec<SideDevice> = sides
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
