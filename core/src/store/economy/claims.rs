//! Claims: the wish to have a right back, and its decision with the refund. What is judged is
//! [`crate::claim`]'s.

use jiff::tz::TimeZone;
use sqlx_macros::FromRow;

use super::{
    Economy,
    quota::{Grant, grant},
};
use crate::{
    claim::{ClaimEvidence, ClaimRules, NotEligible},
    db::Tx,
    quota::QuotaRules,
    store::{
        EndOutcome, EndedMatch, Notified, StoreError, matches::lifecycle::end_match,
        notices::notifications::notify,
    },
};
use tebdil_protocol::{
    Claim, Quota,
    domain::{ClaimRefusal, ClaimStatus, EndReason, LedgerReason, Mode, QuotaBucket},
    id::{ClaimId, MatchId, UserId},
    notice::Notice,
    time::Timestamp,
};

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromRow)]
pub struct ClaimRow {
    pub id: ClaimId,
    pub user_id: UserId,
    pub match_id: MatchId,
    pub claim_time: Timestamp,
    pub status: ClaimStatus,
    pub reason: Option<ClaimRefusal>,
    pub processed_at: Option<Timestamp>,
}

impl ClaimRow {
    /// The claim in the form of the contract.
    pub const fn view(&self) -> Claim {
        Claim {
            id: self.id,
            match_id: self.match_id,
            status: self.status,
            reason: self.reason,
            created_at: self.claim_time,
            decided_at: self.processed_at,
        }
    }
}

/// What became of a wish to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claiming {
    /// It waits for its decision, and ended the match, if that was for a call and went on.
    Made(ClaimRow, Option<EndedMatch>),
    /// The user had claimed the match before, whatever became of it.
    Already,
    /// Nothing was stored.
    Refused(NotEligible),
    /// The user has no such match.
    NotFound,
}

/// A claim that a call of [`Economy::decide_claims`] has decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedClaim {
    pub claim: ClaimRow,
    /// What the user is to be told.
    pub notified: Option<Notified>,
    /// What the user has since, where a right was given back.
    pub quota: Option<Quota>,
}

/// A batch of [`Economy::decide_claims`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimBatch {
    pub decided: Vec<DecidedClaim>,
    /// Whether the batch was full, so that more may wait.
    pub more: bool,
}

#[derive(FromRow)]
struct EvidenceRow {
    mode: Mode,
    created_at: Timestamp,
    expired_at: Timestamp,
    ended_at: Option<Timestamp>,
    ended_by: Option<UserId>,
    connected: bool,
    answered: bool,
}

impl EvidenceRow {
    fn at(&self, now: Timestamp) -> ClaimEvidence {
        let ran_out = (now >= self.expired_at).then_some((self.expired_at, None));
        ClaimEvidence {
            mode: self.mode,
            created_at: self.created_at,
            ended: self.ended_at.map(|at| (at, self.ended_by)).or(ran_out),
            answered: self.answered,
            connected: self.connected,
        }
    }
}

#[derive(FromRow)]
struct PendingRow {
    #[sqlx(flatten)]
    claim: ClaimRow,
    #[sqlx(flatten)]
    evidence: EvidenceRow,
    /// From where the match was paid, and when.
    bucket: Option<QuotaBucket>,
    paid_at: Option<Timestamp>,
}

impl PendingRow {
    /// Where the right goes back to; else why it does not.
    fn decide(&self, rules: &QuotaRules, now: Timestamp) -> Result<QuotaBucket, ClaimRefusal> {
        // Whether it was the time for a claim was judged when it was made. What is asked again is
        // the evidence of that time: a message that was just being stored may have been missed
        // then.
        if let Some(reason) = self.evidence.at(self.claim.claim_time).fulfilled() {
            return Err(reason);
        }
        let (Some(bucket), Some(paid_at)) = (self.bucket, self.paid_at) else {
            return Err(ClaimRefusal::NotPaid);
        };
        // A right of a day that is over would be lost with the next reset, or count on top of a day
        // that has its own.
        Ok(if rules.day(paid_at) == rules.day(now) {
            bucket
        } else {
            QuotaBucket::Bonus
        })
    }
}

const SELECT: &str =
    "SELECT id, user_id, match_id, claim_time, status, reason, processed_at FROM claims";

impl Economy<'_> {
    /// Stores the wish of `user` to have the right back that a match cost. One claim per user and
    /// match; `rules.daily_cap` of them a day in `zone`.
    ///
    /// Calls of one user wait for each other, so neither bound is passed by many at once. A video
    /// match that goes on ends with it, as if the user had hung up: else one could claim first and
    /// connect then, and have calls for nothing.
    pub async fn claim(
        self,
        match_id: MatchId,
        user: UserId,
        rules: &ClaimRules,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<Claiming, StoreError> {
        const LOCK: &str = "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE";
        const BEFORE: &str = "SELECT id FROM claims WHERE user_id = $1 AND match_id = $2";
        const SINCE: &str =
            "SELECT CAST(COUNT(*) AS BIGINT) FROM claims WHERE user_id = $1 AND claim_time >= $2";
        // What is stored by now came before the claim, whatever time it bears: that of another
        // node, or of a clock that was set back since.
        const EVIDENCE: &str = "SELECT m.type AS mode, m.created_at, m.expired_at, m.ended_at, \
             m.ended_by, m.connected_at IS NOT NULL AS connected, \
             EXISTS (SELECT 1 FROM message_logs l WHERE l.match_id = s.match_id \
             AND l.sender_id = s.peer_id AND l.kind = 'content') AS answered \
             FROM match_sides s JOIN matches m ON m.id = s.match_id \
             WHERE s.match_id = $1 AND s.user_id = $2";
        let mut tx = self.begin().await?;
        tx.execute(LOCK, (user,)).await?;
        let evidence: Option<EvidenceRow> = tx.optional(EVIDENCE, (match_id, user)).await?;
        let Some(evidence) = evidence else {
            return Ok(Claiming::NotFound);
        };
        let before: Option<ClaimId> = tx.optional_value(BEFORE, (user, match_id)).await?;
        if before.is_some() {
            return Ok(Claiming::Already);
        }
        if let Err(refused) = evidence.at(now).judge(user, rules, now) {
            return Ok(Claiming::Refused(refused));
        }
        let today: i64 = tx.value(SINCE, (user, now.midnight(zone))).await?;
        if today >= i64::from(rules.daily_cap) {
            // By then the match may have been over for too long.
            let tomorrow = now.next_midnight(zone);
            let judged = evidence.at(tomorrow).judge(user, rules, tomorrow);
            let eligible_at = judged.is_ok().then_some(tomorrow);
            return Ok(Claiming::Refused(NotEligible {
                reason: ClaimRefusal::DailyCap,
                eligible_at,
            }));
        }
        let row = insert(&mut tx, user, match_id, now).await?;
        let ended = match evidence.mode {
            Mode::Text => None,
            Mode::Video => {
                match end_match(&mut tx, match_id, Some(user), EndReason::HungUp, now).await? {
                    EndOutcome::Now(ended) => Some(ended),
                    EndOutcome::Before(_) | EndOutcome::NotFound => None,
                }
            }
        };
        tx.commit().await?;
        Ok(Claiming::Made(row, ended))
    }

    /// Claims the user has made, newest first; with `before`, only those with smaller ids.
    pub async fn claims_of(
        self,
        user: UserId,
        before: Option<ClaimId>,
        limit: i64,
    ) -> Result<Vec<ClaimRow>, StoreError> {
        const OF_USER: &str = " WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        let before = before.unwrap_or(ClaimId(i64::MAX));
        let query = self.read(SELECT).push(OF_USER);
        Ok(query.bind(user).bind(before).bind(limit).all().await?)
    }

    /// Everybody's claims, newest first, for moderators; with `before`, only those with smaller
    /// ids.
    pub async fn claims(
        self,
        status: Option<ClaimStatus>,
        before: Option<ClaimId>,
        limit: i64,
    ) -> Result<Vec<ClaimRow>, StoreError> {
        let before = before.unwrap_or(ClaimId(i64::MAX));
        let mut query = self.read(SELECT).push(" WHERE id < ").push_bind(before);
        if let Some(status) = status {
            query = query.push(" AND status = ").push_bind(status);
        }
        let query = query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
        Ok(query.all().await?)
    }

    /// Decides up to `limit` claims that wait, oldest first, in one transaction: status, refund,
    /// notification and its push are there together or not at all.
    ///
    /// Each claim is decided once, by whichever call is first, on whichever node. The right goes
    /// back to where it was taken from on the same day, and to the bonus later.
    pub async fn decide_claims(
        self,
        limit: i64,
        rules: &QuotaRules,
        now: Timestamp,
    ) -> Result<ClaimBatch, StoreError> {
        const PENDING: &str = "SELECT c.id, c.user_id, c.match_id, c.claim_time, c.status, \
             c.reason, c.processed_at, m.type AS mode, m.created_at, m.expired_at, m.ended_at, \
             m.ended_by, COALESCE(m.connected_at <= c.claim_time, FALSE) AS connected, \
             EXISTS (SELECT 1 FROM message_logs l WHERE l.match_id = c.match_id \
             AND l.sender_id = s.peer_id AND l.kind = 'content' \
             AND l.sent_at <= c.claim_time) AS answered, q.bucket, q.created_at AS paid_at \
             FROM claims c JOIN matches m ON m.id = c.match_id \
             JOIN match_sides s ON s.match_id = c.match_id AND s.user_id = c.user_id \
             LEFT JOIN quota_ledger q ON q.user_id = c.user_id \
             AND q.bucket IN ('text', 'video', 'bonus') AND q.reason = 'match' \
             AND q.reference = CAST(c.match_id AS TEXT) \
             WHERE c.status = 'pending' ORDER BY c.id LIMIT $1";
        const LOCK: &str =
            "SELECT id FROM users WHERE id IN ({list}) ORDER BY id FOR NO KEY UPDATE";
        let pending: Vec<PendingRow> = self.db.all(PENDING, (limit,)).await?;
        let more = i64::try_from(pending.len()).is_ok_and(|count| count >= limit);
        let mut decided = Vec::with_capacity(pending.len());
        if pending.is_empty() {
            return Ok(ClaimBatch { decided, more });
        }
        let mut tx = self.begin().await?;
        // Balances are locked by user before anything else, as everywhere.
        let users = pending.iter().map(|row| row.claim.user_id);
        tx.query(LOCK).list(users).execute().await?;
        for row in &pending {
            decided.extend(decide(&mut tx, row, rules, now).await?);
        }
        tx.commit().await?;
        Ok(ClaimBatch { decided, more })
    }
}

/// Stores a claim that waits for its decision.
async fn insert(
    tx: &mut Tx,
    user: UserId,
    match_id: MatchId,
    now: Timestamp,
) -> Result<ClaimRow, StoreError> {
    const SQL: &str = "INSERT INTO claims (id, user_id, match_id, claim_time, status) \
         VALUES ($1, $2, $3, $4, $5) \
         RETURNING id, user_id, match_id, claim_time, status, reason, processed_at";
    let id: ClaimId = tx.id();
    let params = (id, user, match_id, now, ClaimStatus::Pending);
    tx.one(SQL, params).await
}

/// Decides a claim whose user is locked. `None` when another node was faster.
async fn decide(
    tx: &mut Tx,
    row: &PendingRow,
    rules: &QuotaRules,
    now: Timestamp,
) -> Result<Option<DecidedClaim>, StoreError> {
    const SQL: &str = "UPDATE claims SET status = $1, reason = $2, processed_at = $3 \
         WHERE id = $4 AND status = 'pending' \
         RETURNING id, user_id, match_id, claim_time, status, reason, processed_at";
    let outcome = row.decide(rules, now);
    let status = if outcome.is_ok() {
        ClaimStatus::Approved
    } else {
        ClaimStatus::Rejected
    };
    let params = (status, outcome.err(), now, row.claim.id);
    let Some(claim) = tx.optional::<ClaimRow>(SQL, params).await? else {
        return Ok(None);
    };
    let match_id = claim.match_id;
    let reference = match_id.to_string();
    let (quota, notice) = match outcome {
        Ok(bucket) => {
            let rights = Grant {
                bucket,
                amount: 1,
                reason: LedgerReason::Claim,
                reference: reference.clone(),
            };
            let quota = grant(tx, claim.user_id, &rights, rules, now).await?;
            (quota, Notice::ClaimApproved { match_id })
        }
        Err(reason) => {
            let reason = reason.to_string();
            (None, Notice::ClaimRejected { match_id, reason })
        }
    };
    let notified = notify(tx, claim.user_id, &notice, reference, now).await?;
    Ok(Some(DecidedClaim {
        claim,
        notified,
        quota,
    }))
}
