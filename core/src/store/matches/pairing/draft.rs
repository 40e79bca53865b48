//! Which of the proposed matches the rules permit, and what each of them costs.

use std::collections::{HashMap, HashSet};

use super::{MadeMatch, MadeSide, MatchRules, NewMatch, NewSide, PairOutcome, TicketRefusal};
use crate::quota::{Balances, LedgerEntry};
use tebdil_protocol::{
    Peer,
    domain::{MatchRole, Mode},
    id::{KeyPackageId, MatchId, SessionId, TicketId, UserId},
    time::Timestamp,
};

/// What a transaction knows while it pairs.
pub(super) struct State {
    pub(super) accounts: HashMap<UserId, Account>,
    pub(super) keys: HashMap<SessionId, Keys>,
    /// Who has blocked whom.
    pub(super) blocks: HashSet<(UserId, UserId)>,
    /// Tickets that became matches before.
    pub(super) used: HashMap<TicketId, MatchId>,
    /// Background tickets whose searches go on.
    pub(super) kept: HashSet<TicketId>,
    /// Who stands in a pair of this batch.
    pub(super) taken: HashSet<UserId>,
}

/// One user.
pub(super) struct Account {
    pub(super) alias: String,
    pub(super) tag: String,
    pub(super) is_banned: bool,
    pub(super) is_premium: bool,
    pub(super) balances: Balances,
    /// How many matches go on.
    pub(super) active: HashMap<Mode, i64>,
}

/// Key packages of one session.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) one_time: Option<KeyPackageId>,
    pub(super) remaining: i64,
    pub(super) last_resort: Option<KeyPackageId>,
}

impl Keys {
    fn offered(&self) -> Option<KeyPackageId> {
        self.one_time.or(self.last_resort)
    }
}

/// A match that the transaction is about to write.
pub(super) struct MatchDraft {
    pub(super) made: MadeMatch,
    /// The package that the answerer's session gives.
    pub(super) key_id: KeyPackageId,
    pub(super) ledger: Vec<(UserId, LedgerEntry)>,
}

impl MatchDraft {
    /// Both sides: role, itself, the other.
    pub(super) fn sides(&self) -> [(&Self, MatchRole, &MadeSide, &MadeSide); 2] {
        let (offerer, answerer) = (&self.made.offerer, &self.made.answerer);
        [
            (self, MatchRole::Offerer, offerer, answerer),
            (self, MatchRole::Answerer, answerer, offerer),
        ]
    }
}

impl State {
    /// The match `id` of a pair, paid in the balances here; else why not.
    pub(super) fn draft(
        &mut self,
        pair: &NewMatch,
        id: MatchId,
        rules: &MatchRules,
        now: Timestamp,
    ) -> Result<MatchDraft, PairOutcome> {
        let [a, b] = pair.sides();
        let blocked = self.blocks.contains(&(a.user_id, b.user_id))
            || self.blocks.contains(&(b.user_id, a.user_id));
        let [offerer, answerer] = [a, b].map(|side| self.refusal(side, pair, rules, now));
        if blocked || offerer.is_some() || answerer.is_some() {
            return Err(PairOutcome::Refused {
                offerer,
                answerer,
                blocked,
            });
        }
        let Some(key_id) = self.keys.get(&b.session_id).and_then(Keys::offered) else {
            return Err(refused(None, Some(TicketRefusal::KeysRequired)));
        };
        let mut ledger = Vec::new();
        let offerer = self.pay(a, false, pair.mode, id, rules, now, &mut ledger);
        let answerer = self.pay(b, true, pair.mode, id, rules, now, &mut ledger);
        let (Some(offerer), Some(answerer)) = (offerer, answerer) else {
            return Err(refused(
                Some(TicketRefusal::Gone),
                Some(TicketRefusal::Gone),
            ));
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
        Ok(MatchDraft {
            made,
            key_id,
            ledger,
        })
    }

    fn refusal(
        &self,
        side: NewSide,
        pair: &NewMatch,
        rules: &MatchRules,
        now: Timestamp,
    ) -> Option<TicketRefusal> {
        if let Some(match_id) = self.used.get(&side.ticket_id) {
            return Some(TicketRefusal::Used(*match_id));
        }
        let account = self.accounts.get(&side.user_id).filter(|account| {
            !account.is_banned
                && (!side.background || self.kept.contains(&side.ticket_id))
                && !self.taken.contains(&side.user_id)
                && pair.offerer.user_id != pair.answerer.user_id
        });
        let Some(account) = account else {
            return Some(TicketRefusal::Gone);
        };
        let keys = self.keys.get(&side.session_id);
        if keys.and_then(Keys::offered).is_none() {
            return Some(TicketRefusal::KeysRequired);
        }
        if account.active.get(&pair.mode).copied().unwrap_or(0) >= rules.max_active(pair.mode) {
            return Some(TicketRefusal::TooManyMatches);
        }
        let mut balances = account.balances.clone();
        balances.reset(
            &rules.quota.day(now),
            rules.quota.allowance(account.is_premium),
        );
        (!balances.can_pay(pair.mode)).then(|| TicketRefusal::QuotaExhausted {
            resets_at: now.next_midnight(&rules.quota.zone),
        })
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one side of one match, and its rules"
    )]
    fn pay(
        &mut self,
        side: NewSide,
        key_used: bool,
        mode: Mode,
        id: MatchId,
        rules: &MatchRules,
        now: Timestamp,
        ledger: &mut Vec<(UserId, LedgerEntry)>,
    ) -> Option<MadeSide> {
        let account = self.accounts.get_mut(&side.user_id)?;
        let premium = account.is_premium;
        let mut entries = account
            .balances
            .reset(&rules.quota.day(now), rules.quota.allowance(premium));
        entries.extend(account.balances.debit(mode, &id.to_string()));
        ledger.extend(entries.into_iter().map(|entry| (side.user_id, entry)));
        *account.active.entry(mode).or_default() += 1;
        self.taken.insert(side.user_id);
        let keys = self.keys.get(&side.session_id)?;
        Some(MadeSide {
            user_id: side.user_id,
            session_id: side.session_id,
            ticket_id: side.ticket_id,
            background: side.background,
            peer: Peer::new(account.alias.clone(), account.tag.clone()),
            quota: account.balances.quota(&rules.quota, premium, now),
            keys_remaining: keys.remaining - i64::from(key_used && keys.one_time.is_some()),
        })
    }
}

const fn refused(offerer: Option<TicketRefusal>, answerer: Option<TicketRefusal>) -> PairOutcome {
    PairOutcome::Refused {
        offerer,
        answerer,
        blocked: false,
    }
}
