//! Every five seconds: calls whose device has no connection for too long end, as if it had hung up.
//!
//! What was seen is noted in the store, so it does not matter which node looks, or that one was
//! killed. A device that comes back takes the note off by itself. While presence is not known
//! nothing ends, and what was noted before counts no more.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tebdil_core::store::SideId;
use tebdil_protocol::{id::MatchId, time::Timestamp};

use crate::job::{Job, JobContext, JobError};

/// How often it looks.
pub const PERIOD: Duration = Duration::from_secs(5);
/// With a longer gap between two looks, a device may have been there in between.
const GAP: Duration = Duration::from_secs(15);
/// Matches of one statement.
const PAGE: i64 = 256;

/// Ends calls that were left.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Absences {}

impl Job for Absences {
    const QUEUE: &'static str = "absences";
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let Some(online) = &cx.hooks.online else {
            return Ok(());
        };
        let mut after = MatchId(0);
        loop {
            let devices = cx
                .store
                .matches()
                .call_devices(after, PAGE, cx.now()?)
                .await?;
            let Some(last) = devices.last() else {
                return Ok(());
            };
            after = last.match_id;
            let asked = devices
                .iter()
                .map(|device| (device.user_id, Some(device.session_id)));
            let online = match online(asked.collect()).await {
                Ok(online) => online,
                // Nothing is wrong with the job, and the next look comes soon: an outage shall not
                // leave a dead letter every five seconds.
                Err(error) => {
                    tracing::debug!(%error, "who is connected is not known; no call ends");
                    return Ok(());
                }
            };
            let (here, away): (Vec<_>, Vec<_>) =
                devices.iter().zip(online).partition(|(_, online)| *online);
            let back: Vec<SideId> = here
                .iter()
                .filter(|(device, _)| device.absent_since.is_some())
                .map(|(device, _)| device.side())
                .collect();
            cx.store.matches().note_present(&back).await?;
            let away: Vec<SideId> = away.iter().map(|(device, _)| device.side()).collect();
            end(
                cx,
                cx.store
                    .matches()
                    .note_absent(&away, GAP, cx.now()?)
                    .await?,
            )
            .await?;
        }
    }
}

/// Ends the matches of those that are away for too long. Of two sides the one that went first has
/// left the other.
async fn end(cx: &JobContext, mut away: Vec<(SideId, Timestamp)>) -> Result<(), JobError> {
    let now = cx.now()?;
    let cutoff = now - cx.settings.call_absence;
    away.retain(|(_, since)| *since <= cutoff);
    away.sort_by_key(|(side, since)| (*since, *side));
    for (side, _) in away {
        if let Some(ended) = cx.store.matches().end_abandoned(side, cutoff, now).await? {
            metrics::counter!("tebdil_calls_abandoned_total").increment(1);
            (cx.hooks.on_match_ended)(ended);
        }
    }
    Ok(())
}
