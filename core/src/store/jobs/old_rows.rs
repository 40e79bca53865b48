//! What is old in which table, and goes: one statement for all of them.
//!
//! A call does one batch, small enough that nobody waits for it, and says how many rows it had; the
//! jobs call until there is nothing left. To let something go with time: a row of [`OldRows`] here,
//! its age in the job `retention`, its line in `docs/data-retention.md`.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Jobs, retention::ID_SLACK};
use crate::{
    db::{Query, Tx},
    ids::IdGenerator,
    store::StoreError,
};
use tebdil_protocol::time::Timestamp;

/// Rows of a table that go when they have an age.
///
/// In the texts, `$1` is the time before which something is old, `$2` the first id after that time,
/// `$3` the present and `$5` the day of the first. Where no index has the time, the id bounds what is looked at.
#[derive(Debug, Clone, Copy)]
pub struct OldRows {
    /// What goes.
    pub name: &'static str,
    table: &'static str,
    key: &'static str,
    /// Whether a row `t` is old.
    condition: &'static str,
    /// How an index has them, oldest first.
    order: &'static str,
    /// By how much `$2` is later, as ids do not tell a time to the millisecond.
    slack: Duration,
    /// What is set in place of a deletion.
    change: Option<&'static str>,
}

impl OldRows {
    /// Ciphertext that was not acknowledged, by the age of its match: a match lasts for a day at
    /// most, and each message is younger than its match. With an age of a day nothing is left that
    /// is older.
    pub const MESSAGES: Self = Self::of_match("messages");
    /// The log of messages, by the age of their matches.
    pub const MESSAGE_LOGS: Self = Self::of_match("message_logs");
    /// First answers of requests with an `Idempotency-Key`.
    pub const IDEMPOTENCY_KEYS: Self = Self {
        key: "scope, key",
        ..Self::by_time("idempotency_keys", "created_at <= $1", "created_at")
    };
    /// Key packages. An age well over the [`KEY_PACKAGE_PERIOD`](crate::store::KEY_PACKAGE_PERIOD):
    /// pairing then never reads a package that is just being deleted.
    pub const KEY_PACKAGES: Self = Self::by_id("key_packages", MADE);
    /// Codes; from [`CODE_MEMORY`](crate::store::CODE_MEMORY) on they count for nothing.
    pub const CODES: Self = Self::by_id("one_time_codes", MADE);
    /// Blocks by an account that was erased and whose phone has not come back.
    pub const BLOCKS_BY_ERASED: Self = Self::by_id(
        "blocks",
        "t.blocker_phone IS NOT NULL AND EXISTS (SELECT 1 FROM users u \
         WHERE u.id = t.blocker_id AND u.erased_at <= $1)",
    );
    /// Blocks of an account that was erased and whose phone has not come back.
    pub const BLOCKS_OF_ERASED: Self = Self::by_id(
        "blocks",
        "t.blocked_phone IS NOT NULL AND EXISTS (SELECT 1 FROM users u \
         WHERE u.id = t.blocked_id AND u.erased_at <= $1)",
    );
    /// Bans that ended or were lifted, with their appeals.
    pub const BANS: Self = Self::by_id("bans", "lifted_at <= $1 OR until <= $1");
    /// Invitations by which nobody came.
    pub const INVITATIONS: Self = Self::by_id(
        "referrals",
        "invited_user_id IS NULL AND id < $2 AND created_at <= $1",
    );
    /// Ads that were shown. An age of at least
    /// [`Viewer::SHOWN_FOR`](crate::ads::Viewer::SHOWN_FOR): caps count them until then.
    pub const AD_IMPRESSIONS: Self = Self::by_id("ad_impressions", "id < $2 AND served_at <= $1");
    /// What became of ads by day.
    pub const AD_DAYS: Self = Self {
        key: "ad_id, day",
        ..Self::by_time("ad_days", "day < $5", "day")
    };
    /// Searches in the background that were over before.
    pub const SEARCHES: Self = Self {
        key: "user_id",
        ..Self::by_time("searches", "expires_at <= $1", "user_id")
    };
    /// What users were told.
    pub const NOTIFICATIONS: Self = Self::by_id("notifications", MADE);
    /// Billing events. One that is signed and delivered anew after that changes nothing either: the
    /// subscription knows the newest event that it stands by.
    pub const BILLING_EVENTS: Self =
        Self::by_time("billing_events", "received_at <= $1", "received_at");
    /// Reports, from their decision on; those that nobody decided, from the day they were made.
    pub const REPORTS: Self = Self::by_id(
        "reports",
        "id < $2 AND COALESCE(resolved_at, created_at) <= $1",
    );
    /// What was written and shown in reports that were dismissed; the rest of them stays.
    pub const DISMISSED_EVIDENCE: Self = Self {
        name: "report_evidence",
        change: Some(
            "note_ciphertext = NULL, note_key_id = NULL, evidence_ciphertext = NULL, \
             evidence_key_id = NULL, resolution_ciphertext = NULL, resolution_key_id = NULL",
        ),
        ..Self::by_id(
            "reports",
            "status = 'dismissed' AND (note_ciphertext IS NOT NULL \
             OR evidence_ciphertext IS NOT NULL OR resolution_ciphertext IS NOT NULL) \
             AND id < $2 AND resolved_at <= $1",
        )
    };
    /// The record of acts.
    pub const SYSTEM_LOGS: Self = Self::by_id("system_logs", MADE);
    /// Phones of erased accounts that nothing can concern any more: no report about the account is
    /// open, and no ban of the phone in force.
    pub const TOMBSTONES: Self = Self {
        key: "user_id",
        ..Self::by_time(
            "tombstones",
            "t.erased_at <= $1 AND NOT EXISTS (SELECT 1 FROM reports r \
             WHERE r.reported_id = t.user_id AND r.status = 'open') \
             AND NOT EXISTS (SELECT 1 FROM bans b WHERE b.phone_index = t.phone_index \
             AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $3))",
            "user_id",
        )
    };
    /// Jobs that are done. Their keys are free again then: an age greater than the longest period
    /// of a schedule.
    pub const DONE_JOBS: Self = Self::by_time(
        "job",
        "state >= 2 AND state = 2 AND finished_at <= $1",
        "finished_at",
    );
    /// Dead letters.
    pub const DEAD_JOBS: Self = Self::by_time(
        "job",
        "state >= 2 AND state = 3 AND finished_at <= $1",
        "finished_at",
    );

    /// All there are.
    pub const ALL: [Self; 20] = [
        Self::MESSAGES,
        Self::MESSAGE_LOGS,
        Self::IDEMPOTENCY_KEYS,
        Self::KEY_PACKAGES,
        Self::CODES,
        Self::BLOCKS_BY_ERASED,
        Self::BLOCKS_OF_ERASED,
        Self::BANS,
        Self::INVITATIONS,
        Self::AD_IMPRESSIONS,
        Self::AD_DAYS,
        Self::SEARCHES,
        Self::NOTIFICATIONS,
        Self::BILLING_EVENTS,
        Self::REPORTS,
        Self::DISMISSED_EVIDENCE,
        Self::SYSTEM_LOGS,
        Self::TOMBSTONES,
        Self::DONE_JOBS,
        Self::DEAD_JOBS,
    ];

    const fn by_id(table: &'static str, condition: &'static str) -> Self {
        Self {
            slack: ID_SLACK,
            ..Self::by_time(table, condition, "id")
        }
    }

    const fn by_time(table: &'static str, condition: &'static str, order: &'static str) -> Self {
        Self {
            name: table,
            table,
            key: "id",
            condition,
            order,
            slack: Duration::ZERO,
            change: None,
        }
    }

    const fn of_match(table: &'static str) -> Self {
        const KEY: &str = "match_id, sender_id, seq";
        Self {
            key: KEY,
            ..Self::by_time(table, "match_id < $2", KEY)
        }
    }

    /// One batch. A table has one text, so that its prepared statement serves again.
    pub(super) fn batch<'t>(
        &self,
        tx: &'t mut Tx,
        age: Duration,
        limit: i64,
        now: Timestamp,
    ) -> Query<'t> {
        let query = match self.change {
            None => tx.query("DELETE FROM ").push(self.table),
            Some(change) => tx
                .query("UPDATE ")
                .push(self.table)
                .push(" SET ")
                .push(change),
        };
        let query = query.push(" WHERE (").push(self.key);
        let query = query.push(") IN (SELECT ").push(self.key);
        let query = query.push(" FROM ").push(self.table).push(" AS t WHERE ");
        let query = query
            .push(self.condition)
            .push(" ORDER BY ")
            .push(self.order);
        // Deleters that skip each other's rows never wait, so they cannot deadlock.
        let query = query.push(" LIMIT $4 FOR UPDATE SKIP LOCKED)");
        let cutoff = now - age;
        let first_id = IdGenerator::first_id_at(cutoff + self.slack);
        // Neither database minds a parameter that the text does not name. A day is at most one off
        // in other zones.
        let query = query.bind(cutoff).bind(first_id).bind(now).bind(limit);
        query.bind(cutoff.local_day(&TimeZone::UTC))
    }
}

/// Tables whose ids are made with their rows.
const MADE: &str = "id < $2 AND created_at <= $1";

impl Jobs<'_> {
    /// Deletes, or changes, up to `limit` rows that have this age at `now`, oldest first; how many
    /// there were. Rows that somebody else holds are left for the next time.
    pub async fn delete_old(
        self,
        old: &OldRows,
        age: Duration,
        limit: i64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        tx.plan_anew().await?;
        let gone = old.batch(&mut tx, age, limit, now).execute().await?;
        tx.commit().await?;
        Ok(gone)
    }
}
