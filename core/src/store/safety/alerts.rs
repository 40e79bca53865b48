//! What moderators are told of the queue without looking at it.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::Safety;
use crate::{
    report::ReportRules,
    store::{Notified, StoreError, notices::notifications::notify},
};
use tebdil_protocol::{domain::ReportReason, id::UserId, notice::Notice, time::Timestamp};

/// However many severe reports come, a moderator is told once in this time.
const PAUSE: Duration = Duration::from_mins(10);

/// A server with more staff tells the first of them.
const MOST_STAFF: i64 = 1_000;

#[derive(FromRow)]
struct Severe {
    reported_id: UserId,
    reason: ReportReason,
    created_at: Timestamp,
}

impl Safety<'_> {
    /// Tells moderators of a severe report that came within [`PAUSE`] and waits, and once a day of a
    /// queue whose oldest report waits for longer than `rules.alert_after`. Each is told once, however
    /// often this runs; those it is about, or who made it, are not told.
    pub async fn alert_staff(
        self,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Vec<Notified>, StoreError> {
        const SEVERE: &str = "SELECT reported_id, reason, created_at FROM reports \
             WHERE status = 'open' AND severity = 0 ORDER BY id DESC LIMIT 1";
        const OLDEST: &str =
            "SELECT created_at FROM reports WHERE status = 'open' ORDER BY id LIMIT 1";
        const STAFF: &str = "SELECT id FROM users WHERE role <> 'user' AND erased_at IS NULL \
             AND NOT is_banned ORDER BY id LIMIT $1";
        let severe: Option<Severe> = self.db.optional(SEVERE, ()).await?;
        let severe = severe.filter(|report| report.created_at > now - PAUSE);
        let oldest: Option<Timestamp> = self.db.optional_value(OLDEST, ()).await?;
        let waits = oldest.map(|oldest| now.since(oldest));
        let waits = waits.filter(|waits| *waits > rules.alert_after);
        if severe.is_none() && waits.is_none() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        let staff: Vec<UserId> = tx.values(STAFF, (MOST_STAFF,)).await?;
        let mut told = Vec::new();
        for user in staff {
            if let Some(report) = severe.as_ref().filter(|one| one.reported_id != user) {
                let notice = Notice::ReportWaits {
                    reason: report.reason,
                };
                told.extend(
                    notify(&mut tx, user, &notice, turn(report.created_at, PAUSE), now).await?,
                );
            }
            if let Some(waits) = waits {
                let hours = i64::try_from(waits.as_secs() / 3_600).unwrap_or(i64::MAX);
                let notice = Notice::QueueOld { hours };
                let day = Duration::from_hours(24);
                told.extend(notify(&mut tx, user, &notice, turn(now, day), now).await?);
            }
        }
        tx.commit().await?;
        Ok(told)
    }
}

/// The same for all times of one turn: nobody is told twice of it.
fn turn(at: Timestamp, length: Duration) -> String {
    (u128::try_from(at.millis()).unwrap_or_default() / length.as_millis()).to_string()
}
