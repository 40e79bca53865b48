//! The reports that wait, in the order in which moderators are to look at them, and who looks at
//! which now.

use sqlx_macros::FromRow;

use super::{
    Safety,
    reports::{EntryRow, ReportEntry},
};
use crate::{
    db::Tx,
    report::{ReportRules, TAKEN_FOR},
    store::{StoreError, SystemLog, accounts::sessions::LOCK_USER, jobs::system_logs::log},
};
use tebdil_protocol::{
    ReasonCount,
    domain::{ReportReason, ReportStatus},
    id::{ReportId, UserId},
    time::Timestamp,
};

/// Most reports that one moderator has at a time; the ones taken first go back to the others. Some
/// are decided and can still be undone.
const MOST_TAKEN: i64 = 20;

/// The head of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The severest first, then the oldest.
    pub entries: Vec<ReportEntry>,
    /// How many wait, by reason; those without any are left out.
    pub open: Vec<ReasonCount>,
    /// When the one that has waited longest was made.
    pub oldest: Option<Timestamp>,
}

/// What became of a moderator's wish to work on a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It is the moderator's until then.
    Taken(Timestamp),
    /// Another one works on it.
    ByAnother,
    /// It was decided.
    Decided,
    /// The moderator made the report, or is reported.
    Forbidden,
    /// No such report.
    NotFound,
}

#[derive(FromRow)]
struct Held {
    reporter_id: UserId,
    reported_id: UserId,
    status: ReportStatus,
    taken_by: Option<UserId>,
    taken_until: Option<Timestamp>,
}

impl Safety<'_> {
    /// The open reports that come next for the moderator `reader`, at most `limit`; with `reason`
    /// only those. Reports by or about the reader are left out: somebody else decides them.
    pub async fn report_queue(
        self,
        reader: UserId,
        reason: Option<ReportReason>,
        limit: i64,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Queue, StoreError> {
        const COUNTS: &str = "SELECT reason, CAST(COUNT(*) AS BIGINT) AS count FROM reports \
             WHERE status = 'open' AND reported_id <> $1 AND reporter_id <> $1 \
             GROUP BY reason ORDER BY MIN(severity), reason";
        const OLDEST: &str = "SELECT created_at FROM reports \
             WHERE status = 'open' AND reported_id <> $1 AND reporter_id <> $1 \
             ORDER BY id LIMIT 1";
        let mut query = self
            .entries(rules, now)
            .push("r.status = 'open' AND r.reported_id <> ")
            .push_bind(reader)
            .push(" AND r.reporter_id <> ")
            .push_bind(reader);
        if let Some(reason) = reason {
            // The severity is in the index.
            let severity = reason.severity();
            query = query.push(" AND r.severity = ").push_bind(severity);
            query = query.push(" AND r.reason = ").push_bind(reason);
        }
        query = query
            .push(" ORDER BY r.severity, r.id LIMIT ")
            .push_bind(limit);
        let rows: Vec<EntryRow> = query.all().await?;
        let counts: Vec<(ReportReason, i64)> = self.db.all(COUNTS, (reader,)).await?;
        let count = |(reason, count)| ReasonCount { reason, count };
        Ok(Queue {
            entries: rows.into_iter().map(ReportEntry::from).collect(),
            open: counts.into_iter().map(count).collect(),
            oldest: self.db.optional_value(OLDEST, (reader,)).await?,
        })
    }

    /// Makes an open report the moderator's for [`TAKEN_FOR`]. A repeat begins the time anew.
    pub async fn take_report(
        self,
        report: ReportId,
        who: UserId,
        now: Timestamp,
    ) -> Result<Taking, StoreError> {
        const FIND: &str = "SELECT reporter_id, reported_id, status, taken_by, taken_until \
             FROM reports WHERE id = $1 FOR NO KEY UPDATE";
        const TAKE: &str = "UPDATE reports SET taken_by = $1, taken_until = $2 WHERE id = $3";
        const GIVE_BACK: &str = "UPDATE reports SET taken_by = NULL, taken_until = NULL \
             WHERE taken_by = $1 AND status = 'open' AND id NOT IN (SELECT r.id FROM reports r \
             WHERE r.taken_by = $1 ORDER BY r.taken_until DESC, r.id LIMIT $2)";
        let mut tx = self.begin().await?;
        // One after the other, or two calls would give back each other's.
        tx.execute(LOCK_USER, (who,)).await?;
        let Some(found): Option<Held> = tx.optional(FIND, (report,)).await? else {
            return Ok(Taking::NotFound);
        };
        if [found.reporter_id, found.reported_id].contains(&who) {
            return Ok(Taking::Forbidden);
        }
        if found.status != ReportStatus::Open {
            return Ok(Taking::Decided);
        }
        if by_another((found.taken_by, found.taken_until), who, now) {
            return Ok(Taking::ByAnother);
        }
        let until = now + TAKEN_FOR;
        tx.execute(TAKE, (who, until, report)).await?;
        tx.execute(GIVE_BACK, (who, MOST_TAKEN)).await?;
        let renewed = found.taken_by == Some(who) && found.taken_until > Some(now);
        if !renewed {
            record(&mut tx, "report_taken", report, found.reported_id, who, now).await?;
        }
        tx.commit().await?;
        Ok(Taking::Taken(until))
    }

    /// Gives a report back that the moderator had taken; no matter if not.
    pub async fn release_report(
        self,
        report: ReportId,
        who: UserId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE reports SET taken_by = NULL, taken_until = NULL \
             WHERE id = $1 AND taken_by = $2 AND status = 'open' RETURNING reported_id";
        let mut tx = self.begin().await?;
        let reported: Option<UserId> = tx.optional_value(SQL, (report, who)).await?;
        if let Some(reported) = reported {
            record(&mut tx, "report_released", report, reported, who, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

async fn record(
    tx: &mut Tx,
    action: &'static str,
    report: ReportId,
    reported: UserId,
    actor: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let act = SystemLog {
        action,
        user: Some(reported),
        actor: Some(actor),
        details: serde_json::json!({ "report_id": report }),
    };
    log(tx, &act, now).await
}

/// Whether a report that was taken by this one until then is another's at `now`.
pub(super) fn by_another(
    (by, until): (Option<UserId>, Option<Timestamp>),
    who: UserId,
    now: Timestamp,
) -> bool {
    by.is_some_and(|by| by != who) && until.is_some_and(|until| until > now)
}
