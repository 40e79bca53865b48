//! Making matches: the one transaction that takes two rights, uses two tickets and hands out a key
//! package.
//!
//! [`rows`] reads what the rules ask for, [`draft`] applies them, and [`rows`] writes what came of
//! it.

mod draft;
mod rows;

use self::draft::State;
use super::{Matches, leading::TERM, searches};
use crate::{
    quota::QuotaRules,
    store::{MatchmakerTerm, StoreError},
};
use tebdil_protocol::{
    Peer, Quota,
    domain::Mode,
    id::{MatchId, SessionId, TicketId, UserId},
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
    /// Whether its search goes on without a connection: then it has to be
    /// [kept](Matches::keep_search) still.
    pub background: bool,
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
pub enum TicketRefusal {
    /// No right is left until then.
    QuotaExhausted { resets_at: Timestamp },
    /// The device has no key package left.
    KeysRequired,
    /// The user has as many matches as may be active.
    TooManyMatches,
    /// The ticket became this match before.
    Used(MatchId),
    /// Its account or its background search is gone, or the user stands in another pair.
    Gone,
    /// The database does not take the match.
    Unwritable,
}

/// What became of a proposed pair.
#[derive(Debug, Clone)]
pub enum PairOutcome {
    Made(Box<MadeMatch>),
    /// Nothing was changed. A side without a refusal of its own may be paired with somebody else.
    Refused {
        offerer: Option<TicketRefusal>,
        answerer: Option<TicketRefusal>,
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

impl MadeMatch {
    pub(super) const fn sides(&self) -> [&MadeSide; 2] {
        [&self.offerer, &self.answerer]
    }
}

/// A side of a new match.
#[derive(Debug, Clone)]
pub struct MadeSide {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub ticket_id: TicketId,
    /// Its search went on without a connection; a push was ordered.
    pub background: bool,
    /// What the other side is told of this user.
    pub peer: Peer,
    /// After the match was paid.
    pub quota: Quota,
    /// One-time key packages left for the session.
    pub keys_remaining: i64,
}

impl Matches<'_> {
    /// As [`Self::create_matches`], for each pair whatever the others are: one that the database
    /// does not take is refused. `None`: the store failed and will not for long, and the match may
    /// have been made.
    pub async fn make_matches(
        self,
        term: MatchmakerTerm,
        pairs: &[NewMatch],
        rules: &MatchRules,
        now: Timestamp,
    ) -> Vec<Option<PairOutcome>> {
        let failed = |error: &StoreError| {
            metrics::counter!("tebdil_match_write_failures_total").increment(1);
            let transient = error.is_transient();
            tracing::error!(%error, pairs = pairs.len(), transient, "matches could not be written");
            transient
        };
        match self.create_matches(term, pairs, rules, now).await {
            Ok(outcomes) => return outcomes.into_iter().map(Some).collect(),
            Err(error) if failed(&error) => return vec![None; pairs.len()],
            Err(_) => {}
        }
        // One pair spoils it for the others: each alone then.
        let mut outcomes = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let alone = std::slice::from_ref(pair);
            let outcome = match self.create_matches(term, alone, rules, now).await {
                Ok(mut outcome) => outcome.pop(),
                Err(error) if failed(&error) => None,
                Err(_) => Some(PairOutcome::Refused {
                    offerer: Some(TicketRefusal::Unwritable),
                    answerer: Some(TicketRefusal::Unwritable),
                    blocked: false,
                }),
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Makes as many of the proposed matches as the rules permit, in one transaction; outcomes
    /// stand in the order of the input.
    ///
    /// Once a later term than `term` has begun it makes none, and every outcome is
    /// [`PairOutcome::Fenced`].
    ///
    /// A user may stand in one pair of the batch only; further ones are refused. Two nodes may
    /// propose the same ticket: users are locked first, so the second finds it used. For each match
    /// both sides pay one right (reset lazily before), each ticket is used up, and one key package
    /// of the answerer's session leaves the store. A background search ends with it, and a push
    /// wakes its device unless that is connected.
    pub async fn create_matches(
        self,
        term: MatchmakerTerm,
        pairs: &[NewMatch],
        rules: &MatchRules,
        now: Timestamp,
    ) -> Result<Vec<PairOutcome>, StoreError> {
        if pairs.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.begin().await?;
        // Before anything else is locked: whoever begins a term waits for this transaction and for
        // nothing it waits for.
        let leads: MatchmakerTerm = tx.value(TERM, ()).await?;
        if leads > term {
            return Ok(vec![PairOutcome::Fenced; pairs.len()]);
        }
        let mut state = State::read(&mut tx, pairs, now).await?;
        let mut made = Vec::new();
        let mut outcomes: Vec<Result<(), PairOutcome>> = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let outcome = state.draft(pair, tx.id(), rules, now);
            outcomes.push(outcome.map(|draft| made.push(draft)));
        }
        if made.is_empty() {
            return Ok(outcomes.into_iter().filter_map(Result::err).collect());
        }
        let mut packages = rows::take_packages(&mut tx, &made).await?;
        rows::write_matches(&mut tx, &made, &packages, now).await?;
        rows::write_payments(&mut tx, &made, &state, now).await?;
        searches::end_matched(&mut tx, made.iter().map(|draft| &draft.made)).await?;
        rows::order_pushes(&mut tx, &made, now).await?;
        tx.commit().await?;

        let mut made = made.into_iter().map(|draft| {
            let mut made = draft.made;
            made.key_package = packages.remove(&draft.key_id).unwrap_or_default();
            PairOutcome::Made(Box::new(made))
        });
        Ok(outcomes
            .into_iter()
            .filter_map(|outcome| outcome.map_or_else(Some, |()| made.next()))
            .collect())
    }
}
