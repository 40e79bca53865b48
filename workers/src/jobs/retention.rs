//! Every hour: what may not be kept longer goes.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};
use tebdil_core::store::{IDEMPOTENCY_WINDOW, Store, StoreError};
use tebdil_protocol::{id::SessionId, time::Timestamp};

use crate::job::{Job, JobContext, JobError};

/// A day after they are last handed out.
const KEY_PACKAGES: Duration = Duration::from_hours(28 * 24);
/// Caps and clicks need a day; the rest is for questions about the counts.
const AD_IMPRESSIONS: Duration = Duration::from_hours(7 * 24);
/// What turned out to be nothing is not kept as long as the rest of a report.
const DISMISSED_EVIDENCE: Duration = Duration::from_hours(30 * 24);
/// Twice the longest period of a schedule: the row of a tick keeps a late node from running it
/// again.
const DONE_JOBS: Duration = Duration::from_hours(2);
const DEAD_JOBS: Duration = Duration::from_hours(30 * 24);

const BATCH: i64 = 1000;

/// Deletes what has outlived its period.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Retention {}

impl Job for Retention {
    const QUEUE: &'static str = "retention";
    const MAX_ATTEMPTS: i64 = 5;
    const CONCURRENCY: usize = 1;

    async fn run(self, cx: &JobContext) -> Result<(), JobError> {
        let (store, now, periods) = (&cx.store, cx.now()?, &cx.settings.periods);
        let (accounts, economy, safety) = (store.accounts(), store.economy(), store.safety());
        let (jobs, notices) = (store.jobs(), store.notices());
        // Each for itself: one that fails does not keep the others from theirs.
        let deleted = [
            all("message_logs", || {
                jobs.delete_old_message_logs(now - periods.message_logs, BATCH)
            })
            .await,
            all("idempotency_keys", || {
                jobs.delete_old_idempotency_keys(now - IDEMPOTENCY_WINDOW, BATCH)
            })
            .await,
            all("key_packages", || {
                jobs.delete_old_key_packages(now - KEY_PACKAGES, BATCH)
            })
            .await,
            all("one_time_codes", || accounts.delete_old_codes(now, BATCH)).await,
            // As long as a ban: they keep a phone in the same way.
            all("blocks", || {
                safety.delete_old_blocks(now - periods.bans, BATCH)
            })
            .await,
            all("bans", || safety.delete_old_bans(now - periods.bans, BATCH)).await,
            dead_sessions(store, now - periods.sessions).await,
            all("referrals", || {
                economy.delete_old_invitations(now - periods.invitations, BATCH)
            })
            .await,
            all("ad_impressions", || {
                economy.delete_old_ad_impressions(now - AD_IMPRESSIONS, BATCH)
            })
            .await,
            all("searches", || {
                store.matches().delete_old_searches(now, BATCH)
            })
            .await,
            all("notifications", || {
                notices.delete_old_notifications(now - periods.notifications, BATCH)
            })
            .await,
            all("billing_events", || {
                economy.delete_old_billing_events(now - periods.billing_events, BATCH)
            })
            .await,
            all("reports", || {
                safety.delete_old_reports(now - periods.reports, BATCH)
            })
            .await,
            all("report_evidence", || {
                safety.erase_dismissed_evidence(now - DISMISSED_EVIDENCE, BATCH)
            })
            .await,
            all("system_logs", || {
                jobs.delete_old_system_logs(now - periods.system_logs, BATCH)
            })
            .await,
            all("tombstones", || {
                accounts.delete_old_tombstones(now - periods.tombstones, now, BATCH)
            })
            .await,
            all("job", || {
                jobs.purge_finished(now - DONE_JOBS, now - DEAD_JOBS, BATCH)
            })
            .await,
        ];
        Ok(deleted.into_iter().collect::<Result<_, _>>()?)
    }
}

/// Repeats a batch until it finds less than it may take.
async fn all<F: Future<Output = Result<u64, StoreError>>>(
    table: &'static str,
    batch: impl Fn() -> F,
) -> Result<(), StoreError> {
    loop {
        let deleted = batch().await?;
        count(table, deleted);
        if deleted < BATCH.unsigned_abs() {
            return Ok(());
        }
    }
}

async fn dead_sessions(store: &Store, cutoff: Timestamp) -> Result<(), StoreError> {
    let mut after = Some(SessionId(0));
    while let Some(from) = after {
        let batch = store
            .jobs()
            .delete_dead_sessions(cutoff, from, BATCH)
            .await?;
        count("sessions", batch.deleted);
        after = batch.next;
    }
    Ok(())
}

pub(super) fn count(table: &'static str, deleted: u64) {
    if deleted > 0 {
        metrics::counter!("tebdil_retention_deleted_total", "table" => table).increment(deleted);
    }
}
