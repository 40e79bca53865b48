//! Reports of one user by another, and what moderators see of them. Deciding them is
//! [`super::decisions`]'.

use sqlx_macros::FromRow;
use tebdil_protocol::{
    Peer, REPORTABLE, Report,
    domain::{ReportReason, ReportStatus},
    id::{BanId, MatchId, ReportId, UserId},
    time::Timestamp,
};

use super::{AUTO_BAN_ATTEMPTS, AUTO_BAN_QUEUE, AutoBanOrder, Safety};
use crate::{
    crypto::Sealed,
    db::{Query, Tx},
    report::{Reliability, ReportRules},
    store::{
        StoreError, SystemLog,
        accounts::sessions::LOCK_USER,
        jobs::{queue::push_order, system_logs::log},
    },
};

/// A report to be made. What is written in it is sealed for its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    pub id: ReportId,
    pub match_id: MatchId,
    pub reporter: UserId,
    pub reason: ReportReason,
    pub note: Option<Sealed>,
    pub evidence: Option<Sealed>,
    /// How many messages `evidence` holds.
    pub evidence_count: i64,
}

/// Whom a report of a match is about.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct ReportSubject {
    pub user_id: UserId,
    alias: String,
    tag: String,
    ended_at: Option<Timestamp>,
    expired_at: Timestamp,
}

impl ReportSubject {
    /// The handle now.
    pub fn handle(&self) -> String {
        Peer::new(self.alias.clone(), self.tag.clone()).handle
    }

    /// Whether the match can be reported at `now`: it goes on, or has not been over for
    /// [`REPORTABLE`].
    pub fn is_reportable(&self, now: Timestamp) -> bool {
        now < self.ended_at.unwrap_or(self.expired_at) + REPORTABLE
    }
}

/// What became of a wish to report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reporting {
    /// It waits for a moderator, and the automatic ban was ordered to count.
    Made(Report),
    /// The user had reported the same one before, in this match or within the window.
    Already,
    /// The match has been over for too long.
    TooLate,
    /// The user's reports of the day are used up.
    TooMany,
    /// The user has no such match.
    NotFound,
}

#[derive(FromRow)]
struct ReportRow {
    id: ReportId,
    match_id: MatchId,
    reason: ReportReason,
    status: ReportStatus,
    created_at: Timestamp,
}

impl From<ReportRow> for Report {
    fn from(row: ReportRow) -> Self {
        Self {
            id: row.id,
            match_id: row.match_id,
            reason: row.reason,
            status: row.status,
            created_at: row.created_at,
        }
    }
}

/// A report with everything a moderator sees in the list. What was written is still sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportEntry {
    pub report: Report,
    pub reported_id: UserId,
    pub reported: Peer,
    pub is_banned: bool,
    pub reporter_id: UserId,
    pub reporter: Peer,
    pub reporter_is_banned: bool,
    pub reliability: Reliability,
    pub note: Option<Sealed>,
    pub evidence_count: i64,
    /// Different reporters in the window, without dismissed reports.
    pub reporters: i64,
    pub provisional_ban: Option<BanId>,
    /// Who decided it and when.
    pub resolved: Option<(UserId, Timestamp)>,
    pub resolution: Option<Sealed>,
    /// Who works on it.
    pub taken: Option<Holder>,
}

/// A moderator who works on a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub user_id: UserId,
    pub handle: String,
    pub until: Timestamp,
}

#[derive(FromRow)]
pub(super) struct EntryRow {
    #[sqlx(flatten)]
    report: ReportRow,
    #[sqlx(flatten)]
    reliability: Reliability,
    reported_id: UserId,
    reported_alias: String,
    reported_tag: String,
    is_banned: bool,
    reporter_id: UserId,
    reporter_alias: String,
    reporter_tag: String,
    reporter_is_banned: bool,
    note_ciphertext: Option<Vec<u8>>,
    note_key_id: Option<String>,
    evidence_count: i64,
    reporters: i64,
    provisional_ban: Option<BanId>,
    resolved_by: Option<UserId>,
    resolved_at: Option<Timestamp>,
    resolution_ciphertext: Option<Vec<u8>>,
    resolution_key_id: Option<String>,
    taken_by: Option<UserId>,
    taken_until: Option<Timestamp>,
    taker_alias: Option<String>,
    taker_tag: Option<String>,
}

impl EntryRow {
    fn holder(&self) -> Option<Holder> {
        let handle = Peer::new(self.taker_alias.clone()?, self.taker_tag.clone()?).handle;
        Some(Holder {
            user_id: self.taken_by?,
            handle,
            until: self.taken_until?,
        })
    }
}

impl From<EntryRow> for ReportEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            taken: row.holder(),
            report: row.report.into(),
            reported_id: row.reported_id,
            reported: Peer::new(row.reported_alias, row.reported_tag),
            is_banned: row.is_banned,
            reporter_id: row.reporter_id,
            reporter: Peer::new(row.reporter_alias, row.reporter_tag),
            reporter_is_banned: row.reporter_is_banned,
            reliability: row.reliability,
            note: sealed(row.note_ciphertext, row.note_key_id),
            evidence_count: row.evidence_count,
            reporters: row.reporters,
            provisional_ban: row.provisional_ban,
            resolved: row.resolved_by.zip(row.resolved_at),
            resolution: sealed(row.resolution_ciphertext, row.resolution_key_id),
        }
    }
}

fn sealed(ciphertext: Option<Vec<u8>>, key_id: Option<String>) -> Option<Sealed> {
    Some(Sealed {
        ciphertext: ciphertext?,
        key_id: key_id?,
    })
}

/// Which reports moderators ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportFilter {
    pub status: Option<ReportStatus>,
    pub reason: Option<ReportReason>,
    pub reported: Option<UserId>,
    pub reporter: Option<UserId>,
    /// Only those with smaller ids.
    pub before: Option<ReportId>,
}

const SUBJECT: &str = "SELECT s.peer_id AS user_id, u.alias, u.tag, m.ended_at, m.expired_at \
     FROM match_sides s JOIN matches m ON m.id = s.match_id JOIN users u ON u.id = s.peer_id \
     WHERE s.match_id = $1 AND s.user_id = $2";

/// `$1` begins the window, `$2` is now; the conditions follow.
const ENTRY: &str = "SELECT r.id, r.match_id, r.reason, r.status, r.created_at, \
     r.note_ciphertext, r.note_key_id, r.evidence_count, r.resolved_by, r.resolved_at, \
     r.resolution_ciphertext, r.resolution_key_id, \
     h.id AS taken_by, r.taken_until, h.alias AS taker_alias, h.tag AS taker_tag, \
     r.reported_id, d.alias AS reported_alias, d.tag AS reported_tag, d.is_banned, \
     r.reporter_id, p.alias AS reporter_alias, p.tag AS reporter_tag, \
     p.is_banned AS reporter_is_banned, p.unreliable, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM reports o \
     WHERE o.reporter_id = p.id AND o.status <> 'open') AS decided, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM reports o \
     WHERE o.reporter_id = p.id AND o.status = 'dismissed') AS dismissed, \
     (SELECT CAST(COUNT(DISTINCT o.reporter_id) AS BIGINT) FROM reports o \
     WHERE o.reported_id = r.reported_id AND o.status <> 'dismissed' \
     AND o.created_at > $1) AS reporters, \
     (SELECT MIN(b.id) FROM bans b WHERE b.phone_index = COALESCE( \
     (SELECT t.phone_index FROM tombstones t WHERE t.user_id = d.id), d.phone_index) \
     AND b.provisional AND b.lifted_at IS NULL \
     AND (b.until IS NULL OR b.until > $2)) AS provisional_ban \
     FROM reports r JOIN users d ON d.id = r.reported_id JOIN users p ON p.id = r.reporter_id \
     LEFT JOIN users h ON h.id = r.taken_by AND r.taken_until > $2 \
     WHERE ";

impl Safety<'_> {
    /// Whom `user` would report with a match. `None` when the user has no such match.
    pub async fn report_subject(
        self,
        match_id: MatchId,
        user: UserId,
    ) -> Result<Option<ReportSubject>, StoreError> {
        self.db.optional(SUBJECT, (match_id, user)).await
    }

    /// Stores a report of the peer of a match, with the [`AutoBanOrder`] that counts it. `midnight`
    /// begins the day of `rules.per_day`.
    ///
    /// Calls of one reporter wait for each other, so neither bound is passed by many at once.
    pub async fn report(
        self,
        new: &NewReport,
        rules: &ReportRules,
        midnight: Timestamp,
        now: Timestamp,
    ) -> Result<Reporting, StoreError> {
        const BEFORE: &str = "SELECT id FROM reports WHERE reporter_id = $1 \
             AND (match_id = $2 OR (reported_id = $3 AND created_at > $4)) LIMIT 1";
        const TODAY: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM reports \
             WHERE reporter_id = $1 AND created_at >= $2";
        let mut tx = self.begin().await?;
        tx.execute(LOCK_USER, (new.reporter,)).await?;
        let subject: Option<ReportSubject> =
            tx.optional(SUBJECT, (new.match_id, new.reporter)).await?;
        let Some(subject) = subject else {
            return Ok(Reporting::NotFound);
        };
        let (reported, since) = (subject.user_id, now - rules.window);
        let params = (new.reporter, new.match_id, reported, since);
        let before: Option<ReportId> = tx.optional_value(BEFORE, params).await?;
        if before.is_some() {
            return Ok(Reporting::Already);
        }
        if !subject.is_reportable(now) {
            return Ok(Reporting::TooLate);
        }
        let today: i64 = tx.value(TODAY, (new.reporter, midnight)).await?;
        if today >= i64::from(rules.per_day) {
            return Ok(Reporting::TooMany);
        }
        let row = insert(&mut tx, new, reported, now).await?;
        let order = AutoBanOrder { user_id: reported };
        push_order(&mut tx, AUTO_BAN_QUEUE, &order, AUTO_BAN_ATTEMPTS, now).await?;
        tx.commit().await?;
        Ok(Reporting::Made(row.into()))
    }

    /// Reports the user has made, newest first; with `before`, only those with smaller ids.
    pub async fn reports_of(
        self,
        user: UserId,
        before: Option<ReportId>,
        limit: i64,
    ) -> Result<Vec<Report>, StoreError> {
        const SQL: &str = "SELECT id, match_id, reason, status, created_at FROM reports \
             WHERE reporter_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(ReportId(i64::MAX));
        let rows: Vec<ReportRow> = self.db.all(SQL, (user, before, limit)).await?;
        Ok(rows.into_iter().map(Report::from).collect())
    }

    /// Reports for the moderator `reader`, newest first: all but those about the reader, who shall
    /// not learn by whom.
    pub async fn reports(
        self,
        reader: UserId,
        filter: ReportFilter,
        limit: i64,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Vec<ReportEntry>, StoreError> {
        let before = filter.before.unwrap_or(ReportId(i64::MAX));
        let mut query = self.entries(rules, now).push("r.reported_id <> ");
        query = query
            .push_bind(reader)
            .push(" AND r.id < ")
            .push_bind(before);
        if let Some(status) = filter.status {
            query = query.push(" AND r.status = ").push_bind(status);
        }
        if let Some(reason) = filter.reason {
            query = query.push(" AND r.reason = ").push_bind(reason);
        }
        if let Some(reported) = filter.reported {
            query = query.push(" AND r.reported_id = ").push_bind(reported);
        }
        if let Some(reporter) = filter.reporter {
            query = query.push(" AND r.reporter_id = ").push_bind(reporter);
        }
        query = query.push(" ORDER BY r.id DESC LIMIT ").push_bind(limit);
        let rows: Vec<EntryRow> = query.all().await?;
        Ok(rows.into_iter().map(ReportEntry::from).collect())
    }

    /// One report, whoever reads it.
    pub async fn report_entry(
        self,
        report: ReportId,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Option<ReportEntry>, StoreError> {
        let query = self.entries(rules, now).push("r.id = ").push_bind(report);
        let row: Option<EntryRow> = query.optional().await?;
        Ok(row.map(ReportEntry::from))
    }

    /// The sealed evidence of a report for the moderator `reader`, and the record that it was read.
    /// `None` where there is none, or none any more.
    pub async fn read_evidence(
        self,
        report: ReportId,
        reader: UserId,
        now: Timestamp,
    ) -> Result<Option<Sealed>, StoreError> {
        const SQL: &str =
            "SELECT evidence_ciphertext, evidence_key_id, reported_id FROM reports WHERE id = $1";
        type Row = (Option<Vec<u8>>, Option<String>, UserId);
        let mut tx = self.begin().await?;
        let row: Option<Row> = tx.optional(SQL, (report,)).await?;
        let Some((ciphertext, key_id, reported)) = row else {
            return Ok(None);
        };
        let evidence = sealed(ciphertext, key_id);
        let act = SystemLog {
            action: "report_read",
            user: Some(reported),
            actor: Some(reader),
            details: serde_json::json!({ "report_id": report, "evidence": evidence.is_some() }),
        };
        log(&mut tx, &act, now).await?;
        tx.commit().await?;
        Ok(evidence)
    }
}

impl<'s> Safety<'s> {
    /// Reports for moderators, where what is added holds.
    pub(super) fn entries(self, rules: &ReportRules, now: Timestamp) -> Query<'s> {
        self.0.read(ENTRY).bind(now - rules.window).bind(now)
    }
}

/// Stores a report of `reported`.
async fn insert(
    tx: &mut Tx,
    new: &NewReport,
    reported: UserId,
    now: Timestamp,
) -> Result<ReportRow, StoreError> {
    const SQL: &str = "INSERT INTO reports (id, reporter_id, reported_id, match_id, reason, severity, \
         note_ciphertext, note_key_id, evidence_ciphertext, evidence_key_id, evidence_count, \
         status, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         RETURNING id, match_id, reason, status, created_at";
    let (note, evidence) = (new.note.as_ref(), new.evidence.as_ref());
    let row = (
        new.id,
        new.reporter,
        reported,
        new.match_id,
        new.reason,
        new.reason.severity(),
        note.map(|sealed| &sealed.ciphertext),
        note.map(|sealed| &sealed.key_id),
        evidence.map(|sealed| &sealed.ciphertext),
        evidence.map(|sealed| &sealed.key_id),
        new.evidence_count,
        ReportStatus::Open,
        now,
    );
    tx.one(SQL, row).await
}
