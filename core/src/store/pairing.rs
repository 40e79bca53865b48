//! Making matches: the one transaction that takes two rights, uses two tickets and hands out a key
//! package.

use std::collections::{HashMap, HashSet};

use sqlx::{FromRow, QueryBuilder};

use super::{
    MatchmakerTerm, Store, StoreError, keys::KEY_PACKAGE_PERIOD, leading::TERM, to_json_list,
};
use crate::{
    backend::write_tx,
    domain::{MatchRole, MatchStatus, Mode},
    id::{KeyPackageId, LedgerId, MatchId, SessionId, TicketId, UserId},
    protocol::{Peer, Quota},
    quota::{Balances, LedgerEntry, QuotaRules},
    time::Timestamp,
};

/// Rules a new match obeys.
#[derive(Debug, Clone)]
pub struct MatchRules {
    pub quota: QuotaRules,
    /// How long a match lasts.
    pub lifetime: std::time::Duration,
    /// Most text matches a user may have at once; of video there is one.
    pub max_active_text: i64,
}

impl MatchRules {
    /// Most matches of a mode a user may have at once.
    pub const fn max_active(&self, mode: Mode) -> i64 {
        match mode {
            Mode::Text => self.max_active_text,
            Mode::Video => 1,
        }
    }
}

/// One of the two who shall be matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSide {
    pub user_id: UserId,
    pub ticket_id: TicketId,
    /// The device that searched.
    pub session_id: SessionId,
}

/// A pair the engine proposes.
#[derive(Debug, Clone)]
pub struct NewMatch {
    pub mode: Mode,
    /// The one who waited longer makes the offer.
    pub offerer: NewSide,
    pub answerer: NewSide,
    pub shared_interests: Vec<String>,
}

impl NewMatch {
    const fn sides(&self) -> [NewSide; 2] {
        [self.offerer, self.answerer]
    }
}

/// Why a ticket cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No right is left until then.
    QuotaExhausted { resets_at: Timestamp },
    /// The device has no key package left.
    KeysRequired,
    /// The user has as many matches as may be active.
    TooManyMatches,
    /// The ticket was used, or its account or session is gone.
    Invalid,
}

/// What became of a proposed pair.
#[derive(Debug, Clone)]
pub enum PairOutcome {
    Made(Box<MadeMatch>),
    /// Nothing was changed. A side without a refusal of its own may be paired with somebody else.
    Refused {
        offerer: Option<Refusal>,
        answerer: Option<Refusal>,
        /// One has blocked the other.
        blocked: bool,
    },
    /// A later term has begun: nothing was changed, and nothing of this term ever will be.
    Fenced,
}

/// A new match.
#[derive(Debug, Clone)]
pub struct MadeMatch {
    pub id: MatchId,
    pub mode: Mode,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub shared_interests: Vec<String>,
    pub offerer: MadeSide,
    pub answerer: MadeSide,
    /// The answerer's, for the offerer's device.
    pub key_package: Vec<u8>,
}

/// A side of a new match.
#[derive(Debug, Clone)]
pub struct MadeSide {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub ticket_id: TicketId,
    /// What the other side is told of this user.
    pub peer: Peer,
    /// After the match was paid.
    pub quota: Quota,
    /// One-time key packages left for the session.
    pub keys_remaining: i64,
}

#[derive(FromRow)]
struct UserRow {
    id: UserId,
    alias: String,
    tag: String,
    is_banned: bool,
    is_premium: bool,
    daily_chat_balance: i64,
    daily_video_balance: i64,
    bonus_balance: i64,
    quota_day: String,
}

#[derive(FromRow)]
struct KeyRow {
    session_id: SessionId,
    last_resort: bool,
    first: KeyPackageId,
    count: i64,
}

/// What a transaction knows of one user while it pairs.
struct Account {
    row: UserRow,
    balances: Balances,
    active: HashMap<Mode, i64>,
}

/// Key packages of one session.
#[derive(Default)]
struct Keys {
    one_time: Option<KeyPackageId>,
    remaining: i64,
    last_resort: Option<KeyPackageId>,
}

impl Keys {
    fn offered(&self) -> Option<KeyPackageId> {
        self.one_time.or(self.last_resort)
    }
}

impl Store {
    /// Makes as many of the proposed matches as the rules permit, in one transaction; outcomes
    /// stand in the order of the input.
    ///
    /// Once a later term than `term` has begun it makes none, and every outcome is
    /// [`PairOutcome::Fenced`].
    ///
    /// A user may stand in one pair of the batch only; further ones are refused. Two nodes may
    /// propose the same ticket: users are locked first, so the second finds it used. For each match
    /// both sides pay one right (reset lazily before), each ticket is used up, and one key package
    /// of the answerer's session leaves the store.
    pub async fn create_matches(
        &self,
        term: MatchmakerTerm,
        pairs: &[NewMatch],
        rules: &MatchRules,
        now: Timestamp,
    ) -> Result<Vec<PairOutcome>, StoreError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let sides: Vec<NewSide> = pairs.iter().flat_map(NewMatch::sides).collect();
        let outcomes = write_tx!(self, |tx| {
            // Before anything else is locked: whoever begins a term waits for this transaction and
            // for nothing it waits for.
            let leads: MatchmakerTerm = sqlx::query_scalar(self.locking(TERM))
                .fetch_one(&mut *tx)
                .await?;
            if leads > term {
                return Ok(vec![PairOutcome::Fenced; pairs.len()]);
            }
            let mut query = QueryBuilder::new(
                "SELECT id, alias, tag, is_banned, is_premium, daily_chat_balance, daily_video_balance, bonus_balance, quota_day \
                 FROM users WHERE erased_at IS NULL AND id IN (",
            );
            let mut list = query.separated(", ");
            for side in &sides {
                list.push_bind(side.user_id);
            }
            query.push(") ORDER BY id").push(self.db.for_update());
            let rows: Vec<UserRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            let mut accounts: HashMap<UserId, Account> = rows
                .into_iter()
                .map(|row| (row.id, Account::new(row)))
                .collect();

            // A join, not `IN (VALUES …)`: that scans the whole table on SQLite.
            let mut query = QueryBuilder::new("SELECT b.blocker_id, b.blocked_id FROM (");
            let directions = pairs.iter().flat_map(|p| {
                [
                    (p.offerer.user_id, p.answerer.user_id),
                    (p.answerer.user_id, p.offerer.user_id),
                ]
            });
            query.push_values(directions, |mut row, (from, to)| {
                row.push_bind(from).push_bind(to);
            });
            query.push(
                ") AS v JOIN blocks b ON b.blocker_id = v.column1 AND b.blocked_id = v.column2",
            );
            let blocks: Vec<(UserId, UserId)> = query.build_query_as().fetch_all(&mut *tx).await?;
            let blocks: HashSet<(UserId, UserId)> = blocks.into_iter().collect();

            let mut query =
                QueryBuilder::new("SELECT ticket_id FROM match_sides WHERE ticket_id IN (");
            let mut list = query.separated(", ");
            for side in &sides {
                list.push_bind(side.ticket_id);
            }
            query.push(")");
            let used: Vec<(TicketId,)> = query.build_query_as().fetch_all(&mut *tx).await?;
            let used: HashSet<TicketId> = used.into_iter().map(|(id,)| id).collect();

            let mut query = QueryBuilder::new(
                "SELECT s.user_id, m.type, CAST(COUNT(*) AS BIGINT) FROM match_sides s JOIN matches m ON m.id = s.match_id \
                 WHERE s.open AND m.expired_at > ",
            );
            query.push_bind(now).push(" AND s.user_id IN (");
            let mut list = query.separated(", ");
            for side in &sides {
                list.push_bind(side.user_id);
            }
            query.push(") GROUP BY s.user_id, m.type");
            let active: Vec<(UserId, Mode, i64)> =
                query.build_query_as().fetch_all(&mut *tx).await?;
            for (user, mode, count) in active {
                if let Some(account) = accounts.get_mut(&user) {
                    account.active.insert(mode, count);
                }
            }

            let mut query = QueryBuilder::new(
                "SELECT k.session_id, k.last_resort, MIN(k.id) AS first, CAST(COUNT(*) AS BIGINT) AS count \
                 FROM key_packages k JOIN sessions s ON s.id = k.session_id WHERE s.revoked_at IS NULL AND k.created_at > ",
            );
            query
                .push_bind(now - KEY_PACKAGE_PERIOD)
                .push(" AND k.session_id IN (");
            let mut list = query.separated(", ");
            for side in &sides {
                list.push_bind(side.session_id);
            }
            query.push(") GROUP BY k.session_id, k.last_resort");
            let rows: Vec<KeyRow> = query.build_query_as().fetch_all(&mut *tx).await?;
            let keys = keys_by_session(rows);

            let mut made: Vec<Draft> = Vec::new();
            let mut outcomes: Vec<Result<(), PairOutcome>> = Vec::with_capacity(pairs.len());
            let mut taken: HashSet<UserId> = HashSet::new();
            for pair in pairs {
                let outcome = self.draft(
                    pair,
                    rules,
                    now,
                    &mut accounts,
                    &keys,
                    &blocks,
                    &used,
                    &mut taken,
                );
                outcomes.push(outcome.map(|draft| made.push(draft)));
            }
            if made.is_empty() {
                return Ok(outcomes.into_iter().filter_map(Result::err).collect());
            }

            let mut query = QueryBuilder::new("SELECT id, package FROM key_packages WHERE id IN (");
            let mut list = query.separated(", ");
            for draft in &made {
                list.push_bind(draft.key_id);
            }
            query.push(")");
            let packages: Vec<(KeyPackageId, Vec<u8>)> =
                query.build_query_as().fetch_all(&mut *tx).await?;
            let mut packages: HashMap<KeyPackageId, Vec<u8>> = packages.into_iter().collect();

            let mut query =
                QueryBuilder::new("DELETE FROM key_packages WHERE NOT last_resort AND id IN (");
            let mut list = query.separated(", ");
            for draft in &made {
                list.push_bind(draft.key_id);
            }
            query.push(")");
            query.build().execute(&mut *tx).await?;

            let mut query = QueryBuilder::new(
                "INSERT INTO matches (id, user1_id, user2_id, type, status, created_at, expired_at, shared_interests) ",
            );
            query.push_values(&made, |mut row, draft| {
                row.push_bind(draft.made.id)
                    .push_bind(draft.made.offerer.user_id)
                    .push_bind(draft.made.answerer.user_id)
                    .push_bind(draft.made.mode)
                    .push_bind(MatchStatus::Active)
                    .push_bind(now)
                    .push_bind(draft.made.expires_at)
                    .push_bind(to_json_list(&draft.made.shared_interests));
            });
            query.build().execute(&mut *tx).await?;

            let mut query = QueryBuilder::new(
                "INSERT INTO match_sides (match_id, user_id, peer_id, ticket_id, role, session_id, open, created_at, peer_key_package) ",
            );
            query.push_values(
                made.iter().flat_map(Draft::rows),
                |mut row, (draft, role, side, other)| {
                    let key_package = packages
                        .get(&draft.key_id)
                        .filter(|_| role == MatchRole::Offerer);
                    row.push_bind(draft.made.id)
                        .push_bind(side.user_id)
                        .push_bind(other.user_id)
                        .push_bind(side.ticket_id)
                        .push_bind(role)
                        .push_bind(side.session_id)
                        .push_bind(true)
                        .push_bind(now)
                        .push_bind(key_package.map(Vec::as_slice));
                },
            );
            query.build().execute(&mut *tx).await?;

            let mut query = QueryBuilder::new(
                "INSERT INTO quota_ledger (id, user_id, bucket, delta, balance_after, reason, reference, created_at) ",
            );
            let entries = made.iter().flat_map(|draft| draft.ledger.iter());
            query.push_values(entries, |mut row, (user, entry)| {
                row.push_bind(self.ids.next::<LedgerId>())
                    .push_bind(*user)
                    .push_bind(entry.bucket)
                    .push_bind(entry.delta)
                    .push_bind(entry.balance_after)
                    .push_bind(entry.reason)
                    .push_bind(entry.reference.as_str())
                    .push_bind(now);
            });
            query.build().execute(&mut *tx).await?;

            let mut query = QueryBuilder::new(
                "UPDATE users SET daily_chat_balance = v.column2, daily_video_balance = v.column3, bonus_balance = v.column4, \
                 quota_day = v.column5 FROM (",
            );
            let paid = made
                .iter()
                .flat_map(|draft| [draft.made.offerer.user_id, draft.made.answerer.user_id]);
            query.push_values(
                paid.filter_map(|user| accounts.get(&user)),
                |mut row, account| {
                    row.push_bind(account.row.id)
                        .push_bind(account.balances.text)
                        .push_bind(account.balances.video)
                        .push_bind(account.balances.bonus)
                        .push_bind(account.balances.day.as_str());
                },
            );
            query.push(") AS v WHERE users.id = v.column1");
            query.build().execute(&mut *tx).await?;

            let mut made = made.into_iter().map(|draft| {
                let mut made = draft.made;
                made.key_package = packages.remove(&draft.key_id).unwrap_or_default();
                PairOutcome::Made(Box::new(made))
            });
            outcomes
                .into_iter()
                .filter_map(|outcome| outcome.map_or_else(Some, |()| made.next()))
                .collect()
        });
        Ok(outcomes)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "everything the transaction has read, for one pair"
    )]
    fn draft(
        &self,
        pair: &NewMatch,
        rules: &MatchRules,
        now: Timestamp,
        accounts: &mut HashMap<UserId, Account>,
        keys: &HashMap<SessionId, Keys>,
        blocks: &HashSet<(UserId, UserId)>,
        used: &HashSet<TicketId>,
        taken: &mut HashSet<UserId>,
    ) -> Result<Draft, PairOutcome> {
        let [a, b] = pair.sides();
        let blocked =
            blocks.contains(&(a.user_id, b.user_id)) || blocks.contains(&(b.user_id, a.user_id));
        let refusal = |side: NewSide| {
            let account = accounts
                .get(&side.user_id)
                .filter(|account| !account.row.is_banned)?;
            if used.contains(&side.ticket_id)
                || taken.contains(&side.user_id)
                || a.user_id == b.user_id
            {
                return None;
            }
            if keys.get(&side.session_id).and_then(Keys::offered).is_none() {
                return Some(Err(Refusal::KeysRequired));
            }
            if account.active.get(&pair.mode).copied().unwrap_or(0) >= rules.max_active(pair.mode) {
                return Some(Err(Refusal::TooManyMatches));
            }
            let mut balances = account.balances.clone();
            balances.reset(
                &rules.quota.day(now),
                rules.quota.allowance(account.row.is_premium),
            );
            if !balances.can_pay(pair.mode) {
                return Some(Err(Refusal::QuotaExhausted {
                    resets_at: now.next_midnight(&rules.quota.zone),
                }));
            }
            Some(Ok(()))
        };
        let [offerer, answerer] =
            [a, b].map(|side| refusal(side).unwrap_or(Err(Refusal::Invalid)).err());
        if blocked || offerer.is_some() || answerer.is_some() {
            return Err(PairOutcome::Refused {
                offerer,
                answerer,
                blocked,
            });
        }
        let Some(key_id) = keys.get(&b.session_id).and_then(Keys::offered) else {
            return Err(PairOutcome::Refused {
                offerer: None,
                answerer: Some(Refusal::KeysRequired),
                blocked: false,
            });
        };

        let id: MatchId = self.ids.next();
        let mut ledger = Vec::new();
        let mut pay = |side: NewSide, key_used: bool| {
            let account = accounts.get_mut(&side.user_id)?;
            let premium = account.row.is_premium;
            let mut entries = account
                .balances
                .reset(&rules.quota.day(now), rules.quota.allowance(premium));
            entries.extend(account.balances.debit(pair.mode, &id.to_string()));
            ledger.extend(entries.into_iter().map(|entry| (side.user_id, entry)));
            *account.active.entry(pair.mode).or_default() += 1;
            taken.insert(side.user_id);
            let session_keys = keys.get(&side.session_id)?;
            Some(MadeSide {
                user_id: side.user_id,
                session_id: side.session_id,
                ticket_id: side.ticket_id,
                peer: Peer::new(account.row.alias.clone(), account.row.tag.clone()),
                quota: account.balances.quota(&rules.quota, premium, now),
                keys_remaining: session_keys.remaining
                    - i64::from(key_used && session_keys.one_time.is_some()),
            })
        };
        let (Some(offerer), Some(answerer)) = (pay(a, false), pay(b, true)) else {
            return Err(PairOutcome::Refused {
                offerer: Some(Refusal::Invalid),
                answerer: Some(Refusal::Invalid),
                blocked: false,
            });
        };
        let made = MadeMatch {
            id,
            mode: pair.mode,
            created_at: now,
            expires_at: now + rules.lifetime,
            shared_interests: pair.shared_interests.clone(),
            offerer,
            answerer,
            key_package: Vec::new(),
        };
        Ok(Draft {
            made,
            key_id,
            ledger,
        })
    }
}

/// A match that the transaction is about to write.
struct Draft {
    made: MadeMatch,
    key_id: KeyPackageId,
    ledger: Vec<(UserId, LedgerEntry)>,
}

impl Draft {
    fn rows(&self) -> [(&Self, MatchRole, &MadeSide, &MadeSide); 2] {
        let (offerer, answerer) = (&self.made.offerer, &self.made.answerer);
        [
            (self, MatchRole::Offerer, offerer, answerer),
            (self, MatchRole::Answerer, answerer, offerer),
        ]
    }
}

impl Account {
    fn new(row: UserRow) -> Self {
        let balances = Balances {
            text: row.daily_chat_balance,
            video: row.daily_video_balance,
            bonus: row.bonus_balance,
            day: row.quota_day.clone(),
        };
        Self {
            row,
            balances,
            active: HashMap::new(),
        }
    }
}

fn keys_by_session(rows: Vec<KeyRow>) -> HashMap<SessionId, Keys> {
    let mut keys: HashMap<SessionId, Keys> = HashMap::new();
    for row in rows {
        let session = keys.entry(row.session_id).or_default();
        if row.last_resort {
            session.last_resort = Some(row.first);
        } else {
            session.one_time = Some(row.first);
            session.remaining = row.count;
        }
    }
    keys
}
