//! What happened day by day, and what there is now: for the overview of moderators.

use std::time::Duration;

use sqlx_macros::FromRow;

use super::{Jobs, retention::ID_SLACK};
use crate::{ids::IdGenerator, store::StoreError};
use tebdil_protocol::time::Timestamp;

/// What was counted in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromRow)]
pub struct DayCounts {
    pub registrations: i64,
    pub text_matches: i64,
    pub video_matches: i64,
    /// Content messages.
    pub messages: i64,
    /// Claims that were made.
    pub claims: i64,
    /// Claims that were approved, whenever they were made.
    pub claims_approved: i64,
    /// Reports that were made.
    pub reports: i64,
    /// Bans, those by the system too.
    pub bans: i64,
}

impl std::ops::AddAssign for DayCounts {
    fn add_assign(&mut self, more: Self) {
        self.registrations += more.registrations;
        self.text_matches += more.text_matches;
        self.video_matches += more.video_matches;
        self.messages += more.messages;
        self.claims += more.claims;
        self.claims_approved += more.claims_approved;
        self.reports += more.reports;
        self.bans += more.bans;
    }
}

/// A counted day.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct DayRow {
    /// Local day, `YYYY-MM-DD`.
    pub day: String,
    #[sqlx(flatten)]
    pub counts: DayCounts,
    /// People who used the service; 0 if it was not counted while the day lasted.
    pub active_users: i64,
    /// It was over when it was counted.
    pub complete: bool,
}

/// What there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromRow)]
pub struct Totals {
    pub users: i64,
    pub premium_users: i64,
    pub active_matches: i64,
    pub pending_claims: i64,
    pub open_reports: i64,
    pub open_appeals: i64,
    /// Bans in force that wait for a moderator.
    pub provisional_bans: i64,
    /// Background jobs that were given up.
    pub dead_jobs: i64,
}

/// The longest a match may be set to last.
const MATCH_LIFETIME: Duration = Duration::from_hours(24);

/// What was made in a time, found by the ids it can have.
const BETWEEN: &str = "SELECT (SELECT COUNT(*) FROM users \
     WHERE id >= $1 AND id < $2 AND created_at >= $3 AND created_at < $4) AS registrations, \
     (SELECT COUNT(*) FROM matches WHERE id >= $1 AND id < $2 \
     AND created_at >= $3 AND created_at < $4 AND type = 'text') AS text_matches, \
     (SELECT COUNT(*) FROM matches WHERE id >= $1 AND id < $2 \
     AND created_at >= $3 AND created_at < $4 AND type = 'video') AS video_matches, \
     (SELECT COUNT(*) FROM message_logs WHERE match_id >= $5 AND match_id < $2 \
     AND sent_at >= $3 AND sent_at < $4 AND kind = 'content') AS messages, \
     (SELECT COUNT(*) FROM claims WHERE id >= $1 AND id < $2 \
     AND claim_time >= $3 AND claim_time < $4) AS claims, \
     (SELECT COUNT(*) FROM claims \
     WHERE processed_at >= $3 AND processed_at < $4 AND status = 'approved') AS claims_approved, \
     (SELECT COUNT(*) FROM reports WHERE id >= $1 AND id < $2 \
     AND created_at >= $3 AND created_at < $4) AS reports, \
     (SELECT COUNT(*) FROM bans WHERE id >= $1 AND id < $2 \
     AND created_at >= $3 AND created_at < $4) AS bans";

impl Jobs<'_> {
    /// Counts what happened from `from` until before `until`. Reads the rows of that time and of a
    /// minute on either side, and the logs of a day more, no others.
    ///
    /// Ids that ran ahead of the time by more, after the clock was set back, are not found.
    pub async fn count_between(
        self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<DayCounts, StoreError> {
        let first = IdGenerator::first_id_at(from - ID_SLACK);
        let last = IdGenerator::first_id_at(until + ID_SLACK);
        // What is said in a time is said in matches that were made a day before it at the earliest.
        let first_match = IdGenerator::first_id_at(from - MATCH_LIFETIME - ID_SLACK);
        let params = (first, last, from, until, first_match);
        self.db.one(BETWEEN, params).await
    }

    /// How many users have been active since `from`. Reads all accounts: an index would be written
    /// with every sign of life.
    pub async fn active_since(self, from: Timestamp) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT COUNT(*) FROM users WHERE last_active >= $1";
        self.db.value(SQL, (from,)).await
    }

    /// Keeps the counts of a day. What was counted never gets less: of two who count at once the
    /// later sees more, and what is deleted since has happened all the same.
    pub async fn keep_day(self, row: &DayRow) -> Result<(), StoreError> {
        // The larger of what is counted now and what is stored.
        const SQL: &str = "INSERT INTO daily_statistics (day, registrations, text_matches, \
             video_matches, messages, claims, claims_approved, reports, bans, active_users, \
             complete) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (day) DO UPDATE SET \
             registrations = CASE WHEN excluded.registrations > daily_statistics.registrations \
             THEN excluded.registrations ELSE daily_statistics.registrations END, \
             text_matches = CASE WHEN excluded.text_matches > daily_statistics.text_matches \
             THEN excluded.text_matches ELSE daily_statistics.text_matches END, \
             video_matches = CASE WHEN excluded.video_matches > daily_statistics.video_matches \
             THEN excluded.video_matches ELSE daily_statistics.video_matches END, \
             messages = CASE WHEN excluded.messages > daily_statistics.messages \
             THEN excluded.messages ELSE daily_statistics.messages END, \
             claims = CASE WHEN excluded.claims > daily_statistics.claims \
             THEN excluded.claims ELSE daily_statistics.claims END, \
             claims_approved = CASE \
             WHEN excluded.claims_approved > daily_statistics.claims_approved \
             THEN excluded.claims_approved ELSE daily_statistics.claims_approved END, \
             reports = CASE WHEN excluded.reports > daily_statistics.reports \
             THEN excluded.reports ELSE daily_statistics.reports END, \
             bans = CASE WHEN excluded.bans > daily_statistics.bans \
             THEN excluded.bans ELSE daily_statistics.bans END, \
             active_users = CASE WHEN excluded.active_users > daily_statistics.active_users \
             THEN excluded.active_users ELSE daily_statistics.active_users END, \
             complete = daily_statistics.complete OR excluded.complete";
        let counts = &row.counts;
        let params = (
            &row.day,
            counts.registrations,
            counts.text_matches,
            counts.video_matches,
            counts.messages,
            counts.claims,
            counts.claims_approved,
            counts.reports,
            counts.bans,
            row.active_users,
            row.complete,
        );
        let mut tx = self.begin().await?;
        tx.execute(SQL, params).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The last day before `day` that was counted when it was over.
    pub async fn last_complete_day(self, day: &str) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT day FROM daily_statistics WHERE day < $1 AND complete \
             ORDER BY day DESC LIMIT 1";
        self.db.optional_value(SQL, (day,)).await
    }

    /// When the oldest account was made.
    pub async fn first_registration(self) -> Result<Option<Timestamp>, StoreError> {
        const SQL: &str = "SELECT created_at FROM users ORDER BY id LIMIT 1";
        self.db.optional_value(SQL, ()).await
    }

    /// The counted days from `from` to `to`, newest first.
    pub async fn days(self, from: &str, to: &str) -> Result<Vec<DayRow>, StoreError> {
        const SQL: &str = "SELECT day, registrations, text_matches, video_matches, \
             messages, claims, claims_approved, reports, bans, active_users, complete \
             FROM daily_statistics WHERE day >= $1 AND day <= $2 ORDER BY day DESC";
        self.db.all(SQL, (from, to)).await
    }

    /// What there is at `now`. Counts all accounts: not for a hot path.
    pub async fn totals(self, now: Timestamp) -> Result<Totals, StoreError> {
        // The large tables but the first by a partial index; `state >= 2` is what that of the jobs
        // asks for.
        const SQL: &str = "SELECT (SELECT COUNT(*) FROM users WHERE erased_at IS NULL) AS users, \
             (SELECT COUNT(*) FROM users WHERE is_premium) AS premium_users, \
             (SELECT COUNT(*) FROM matches WHERE status = 'active') AS active_matches, \
             (SELECT COUNT(*) FROM claims WHERE status = 'pending') AS pending_claims, \
             (SELECT COUNT(*) FROM reports WHERE status = 'open') AS open_reports, \
             (SELECT COUNT(*) FROM appeals WHERE status = 'open') AS open_appeals, \
             (SELECT COUNT(*) FROM bans WHERE provisional = TRUE AND lifted_at IS NULL \
             AND (until IS NULL OR until > $1)) AS provisional_bans, \
             (SELECT COUNT(*) FROM job WHERE state >= 2 AND state = 3) AS dead_jobs";
        self.db.one(SQL, (now,)).await
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, Row as _, SqliteConnection};

    use super::*;
    use crate::testing::{Backend, TestStore};

    #[tokio::test]
    async fn counting_an_hour_reads_no_table_from_end_to_end() {
        let t = TestStore::create(Backend::Sqlite)
            .await
            .expect("SQLite is always there");
        let mut db = SqliteConnection::connect(t.database.url())
            .await
            .expect("a connection");
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {BETWEEN}")))
            .fetch_all(&mut db)
            .await
            .expect("a plan");
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        assert_eq!(
            steps
                .iter()
                .filter(|step| step.starts_with("SEARCH"))
                .count(),
            8,
            "{steps:?}"
        );
        assert!(
            !steps
                .iter()
                .any(|step| step.contains("SCAN") && !step.contains("CONSTANT ROW")),
            "{steps:?}"
        );
    }
}
