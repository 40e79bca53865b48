//! The ban that many reports bring about.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx_macros::FromRow;

use super::{
    BanRow, Banning, NewBan, Safety,
    bans::{ACTIVE_BAN, ban, lock_phone_of},
};
use crate::{
    ids::IdGenerator,
    report::{Reliability, ReportRules},
    store::{Notified, StoreError, accounts::sessions::LOCK_USER, jobs::retention::ID_SLACK},
};
use tebdil_protocol::{
    domain::{ReportReason, UserRole},
    id::UserId,
    time::Timestamp,
};

/// The queue of [`AutoBanOrder`]s.
pub const AUTO_BAN_QUEUE: &str = "auto_ban";

/// Attempts of an [`AutoBanOrder`]: about four minutes; then the sweep.
pub const AUTO_BAN_ATTEMPTS: i64 = 10;

/// A wake-up to count the reports of a user. Pushed in the transaction that reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoBanOrder {
    pub user_id: UserId,
}

/// Somebody whom [`Safety::auto_ban`] has banned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoBanned {
    /// The account that is used now, where the reports were of one that was erased.
    pub user_id: UserId,
    pub ban: BanRow,
    /// What the user is to be told.
    pub notified: Option<Notified>,
}

/// A report that may count.
#[derive(FromRow)]
struct Reported {
    reason: ReportReason,
    /// Of the reporter: who comes back with a new account is the same.
    phone: Vec<u8>,
    #[sqlx(flatten)]
    reliability: Reliability,
}

/// The account that a phone has now: the user's own, or the one that was made after it was erased.
pub(super) const CURRENT_ACCOUNT: &str = "SELECT COALESCE( \
     (SELECT l.id FROM users l WHERE l.phone_index = COALESCE( \
     (SELECT t.phone_index FROM tombstones t WHERE t.user_id = u.id), u.phone_index)), u.id) \
     FROM users u WHERE u.id = $1";

/// Reports of all accounts of the phone `$1` after `$2` that were not dismissed, by people who are
/// not banned at `$3`. How reliable they are, all their accounts tell: nobody gets rid of a bad
/// record by erasing the account and coming back.
const COUNTED: &str = "WITH counted AS ( \
     SELECT r.reason, COALESCE(t.phone_index, u.phone_index) AS phone \
     FROM reports r JOIN users u ON u.id = r.reporter_id \
     LEFT JOIN tombstones t ON t.user_id = u.id \
     WHERE r.reported_id IN (SELECT id FROM users WHERE phone_index = $1 \
     UNION SELECT user_id FROM tombstones WHERE phone_index = $1) \
     AND r.created_at > $2 AND r.status <> 'dismissed' \
     AND NOT EXISTS (SELECT 1 FROM bans b \
     WHERE b.phone_index = COALESCE(t.phone_index, u.phone_index) \
     AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $3))), \
     phones AS (SELECT DISTINCT phone FROM counted), \
     accounts AS ( \
     SELECT p.phone, u.id, u.unreliable FROM phones p JOIN users u ON u.phone_index = p.phone \
     UNION ALL SELECT p.phone, u.id, u.unreliable \
     FROM phones p JOIN tombstones t ON t.phone_index = p.phone JOIN users u ON u.id = t.user_id) \
     SELECT c.reason, c.phone, \
     EXISTS (SELECT 1 FROM accounts a WHERE a.phone = c.phone AND a.unreliable) AS unreliable, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM accounts a JOIN reports o ON o.reporter_id = a.id \
     WHERE a.phone = c.phone AND o.status <> 'open') AS decided, \
     (SELECT CAST(COUNT(*) AS BIGINT) FROM accounts a JOIN reports o ON o.reporter_id = a.id \
     WHERE a.phone = c.phone AND o.status = 'dismissed') AS dismissed \
     FROM counted c";

/// When the last ban of a phone was over. What was reported before was dealt with.
const LAST_BAN_OVER: &str =
    "SELECT MAX(COALESCE(lifted_at, until)) FROM bans WHERE phone_index = $1";

impl Safety<'_> {
    /// Bans a user, provisionally and without end, when enough people have reported it; staff
    /// never. `None` when there was nothing to do.
    ///
    /// Counting and banning are one, under the lock of the user: of many calls at once, on any
    /// nodes, one bans.
    pub async fn auto_ban(
        self,
        user: UserId,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Option<AutoBanned>, StoreError> {
        const ROLE: &str = "SELECT role FROM users WHERE id = $1";
        let mut tx = self.begin().await?;
        let Some(phone) = lock_phone_of(&mut tx, user).await? else {
            return Ok(None);
        };
        tx.execute(LOCK_USER, (user,)).await?;
        let target: UserId = tx.value(CURRENT_ACCOUNT, (user,)).await?;
        if target != user {
            // A later account of the same phone has a larger id, so users are still locked by id.
            tx.execute(LOCK_USER, (target,)).await?;
        }
        let role: UserRole = tx.value(ROLE, (target,)).await?;
        let banned: Option<BanRow> = tx.optional(ACTIVE_BAN, (&phone, now)).await?;
        if role != UserRole::User || banned.is_some() {
            return Ok(None);
        }
        let over: Option<Timestamp> = tx.value(LAST_BAN_OVER, (&phone,)).await?;
        let window = now - rules.window;
        let since = over.map_or(window, |over| over.max(window));
        let reports: Vec<Reported> = tx.all(COUNTED, (&phone, since, now)).await?;
        let Some(reason) = enough(&reports, rules) else {
            return Ok(None);
        };
        let new = NewBan {
            reason: reason.to_string(),
            automatic: true,
            provisional: true,
            until: None,
            created_by: None,
        };
        let banned = match ban(&mut tx, target, &new, now).await? {
            Banning::Banned { ban, notified } => Some(AutoBanned {
                user_id: target,
                ban,
                notified,
            }),
            Banning::Already(_) | Banning::NotFound => None,
        };
        tx.commit().await?;
        Ok(banned)
    }

    /// Users with ids above `after` who may have to be banned for the reports about them, as
    /// [`Self::auto_ban`] will tell, by id; `limit` at most.
    pub async fn much_reported(
        self,
        after: UserId,
        limit: i64,
        rules: &ReportRules,
        now: Timestamp,
    ) -> Result<Vec<UserId>, StoreError> {
        const SQL: &str = "SELECT MAX(r.reported_id) AS newest FROM reports r \
             JOIN users u ON u.id = r.reported_id LEFT JOIN tombstones t ON t.user_id = u.id \
             WHERE r.id >= $1 AND r.created_at > $2 AND r.status <> 'dismissed' \
             AND NOT u.is_banned GROUP BY COALESCE(t.phone_index, u.phone_index) \
             HAVING COUNT(DISTINCT r.reporter_id) >= $3 AND MAX(r.reported_id) > $4 \
             ORDER BY newest LIMIT $5";
        let since = now - rules.window;
        let first = IdGenerator::first_id_at(since - ID_SLACK);
        let reporters = i64::from(rules.auto_ban_reporters);
        let params = (first, since, reporters, after, limit);
        self.db.values(SQL, params).await
    }
}

/// What the reports that count mostly say, when they are of enough people.
fn enough(reports: &[Reported], rules: &ReportRules) -> Option<ReportReason> {
    let counted = || {
        reports
            .iter()
            .filter(|report| report.reliability.counts(rules))
    };
    let reporters: HashSet<&[u8]> = counted().map(|report| report.phone.as_slice()).collect();
    if u32::try_from(reporters.len()).is_ok_and(|count| count < rules.auto_ban_reporters) {
        return None;
    }
    let mut reasons: BTreeMap<ReportReason, usize> = BTreeMap::new();
    for report in counted() {
        *reasons.entry(report.reason).or_default() += 1;
    }
    reasons
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(reason, _)| reason)
}
