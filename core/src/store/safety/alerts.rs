//! What moderators are told of the queue without looking at it.

use std::time::Duration;

use super::Safety;
use crate::{
    db::Tx,
    ids::IdGenerator,
    report::ReportRules,
    store::{Notified, StoreError, notices::notifications::notify},
};
use tebdil_protocol::{
    domain::ReportReason,
    id::{ReportId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// However many severe reports come, a moderator is told at most once in this time.
const PAUSE: Duration = Duration::from_mins(10);

/// A severe report that is older is no news; the queue that grows old is.
const NEWS: Duration = Duration::from_hours(6);

/// Of an old queue a moderator is told once in this time.
const DAY: Duration = Duration::from_hours(24);

/// A server with more staff tells the first of them.
const MOST_STAFF: i64 = 1_000;

impl Safety<'_> {
    /// Tells moderators of severe reports that nobody works on, and of a queue whose oldest report
    /// waits for longer than `rules.alert_after`. Nobody is told of reports by or about oneself.
    pub async fn alert_staff(
        self,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Vec<Notified>, StoreError> {
        const SEVERE: &str =
            "SELECT id FROM reports WHERE status = 'open' AND severity = 0 LIMIT 1";
        const OLDEST: &str =
            "SELECT created_at FROM reports WHERE status = 'open' ORDER BY id LIMIT 1";
        const STAFF: &str = "SELECT id FROM users WHERE role <> 'user' AND erased_at IS NULL \
             AND NOT is_banned ORDER BY id LIMIT $1";
        let old = now - rules.alert_after;
        let severe: Option<ReportId> = self.db.optional_value(SEVERE, ()).await?;
        let oldest: Option<Timestamp> = self.db.optional_value(OLDEST, ()).await?;
        if severe.is_none() && oldest.is_none_or(|oldest| oldest >= old) {
            return Ok(Vec::new());
        }
        let staff: Vec<UserId> = self.db.values(STAFF, (MOST_STAFF,)).await?;
        let mut told = Vec::new();
        let mut tx = self.begin().await?;
        for user in staff {
            told.extend(tell_of_severe(&mut tx, user, now).await?);
            told.extend(tell_of_old(&mut tx, user, old, now).await?);
        }
        tx.commit().await?;
        Ok(told)
    }
}

async fn tell_of_severe(
    tx: &mut Tx,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Notified>, StoreError> {
    const NEWEST: &str = "SELECT id, reason FROM reports WHERE status = 'open' AND severity = 0 \
         AND reported_id <> $1 AND reporter_id <> $1 AND created_at > $2 \
         AND (taken_until IS NULL OR taken_until <= $3) ORDER BY id DESC LIMIT 1";
    let newest: Option<(ReportId, ReportReason)> =
        tx.optional(NEWEST, (user, now - NEWS, now)).await?;
    let Some((id, reason)) = newest else {
        return Ok(None);
    };
    let notice = Notice::ReportWaits { reason };
    if was_told(tx, user, &notice, now - PAUSE).await? {
        return Ok(None);
    }
    notify(tx, user, &notice, id.to_string(), now).await
}

async fn tell_of_old(
    tx: &mut Tx,
    user: UserId,
    old: Timestamp,
    now: Timestamp,
) -> Result<Option<Notified>, StoreError> {
    const OLDEST: &str = "SELECT created_at FROM reports WHERE status = 'open' \
         AND reported_id <> $1 AND reporter_id <> $1 ORDER BY id LIMIT 1";
    let oldest: Option<Timestamp> = tx.optional_value(OLDEST, (user,)).await?;
    let Some(oldest) = oldest.filter(|oldest| *oldest < old) else {
        return Ok(None);
    };
    let hours = i64::try_from(now.since(oldest).as_secs() / 3_600).unwrap_or(i64::MAX);
    let notice = Notice::QueueOld { hours };
    if was_told(tx, user, &notice, now - DAY).await? {
        return Ok(None);
    }
    notify(tx, user, &notice, now.millis().to_string(), now).await
}

/// Whether the user was told something of the kind after `since`.
async fn was_told(
    tx: &mut Tx,
    user: UserId,
    notice: &Notice,
    since: Timestamp,
) -> Result<bool, StoreError> {
    const TOLD: &str = "SELECT created_at FROM notifications \
         WHERE user_id = $1 AND id >= $2 AND code = $3 AND created_at > $4 LIMIT 1";
    let params = (user, IdGenerator::first_id_at(since), notice.code(), since);
    let found: Option<Timestamp> = tx.optional_value(TOLD, params).await?;
    Ok(found.is_some())
}
