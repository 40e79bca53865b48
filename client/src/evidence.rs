//! What a report about a match would show: the last messages of the peer, each with the server's
//! word for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tebdil_protocol::{
    Evidence, MAX_EVIDENCE, REPORTABLE,
    id::MatchId,
    time::{Clock, Timestamp},
};

use serde::{Deserialize, Serialize};

/// The evidence of one match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MatchEvidence {
    /// When it is forgotten; absent while the match goes on.
    until: Option<Timestamp>,
    /// Oldest first.
    messages: VecDeque<Evidence>,
}

/// The evidence of every match that can still be reported.
#[derive(Debug)]
pub(crate) struct EvidenceBook {
    clock: Clock,
    matches: BTreeMap<MatchId, MatchEvidence>,
    changed: BTreeSet<MatchId>,
}

impl EvidenceBook {
    /// With what was stored.
    pub fn new(clock: Clock, matches: BTreeMap<MatchId, MatchEvidence>) -> Self {
        Self {
            clock,
            matches,
            changed: BTreeSet::new(),
        }
    }

    /// Keeps a message, and forgets the oldest beyond what a report can show of a match.
    pub fn keep(&mut self, evidence: Evidence) {
        let match_id = evidence.match_id;
        let kept = &mut self.matches.entry(match_id).or_default().messages;
        // The process may have ended after the evidence was stored and before the keys were: then
        // the message is opened again.
        kept.retain(|known| known.seq != evidence.seq);
        kept.push_back(evidence);
        if kept.len() > MAX_EVIDENCE {
            kept.pop_front();
        }
        self.changed.insert(match_id);
    }

    /// The match is over; from now on the time for a report runs.
    pub fn ended(&mut self, match_id: MatchId) {
        let until = self.clock.now() + REPORTABLE;
        if let Some(kept) = self
            .matches
            .get_mut(&match_id)
            .filter(|kept| kept.until.is_none())
        {
            kept.until = Some(until);
            self.changed.insert(match_id);
        }
    }

    /// Forgets what cannot be reported any more.
    pub fn forget_old(&mut self) {
        let now = self.clock.now();
        let old: Vec<MatchId> = self
            .matches
            .iter()
            .filter(|(_, kept)| kept.until.is_some_and(|until| until <= now))
            .map(|(id, _)| *id)
            .collect();
        for match_id in old {
            self.matches.remove(&match_id);
            self.changed.insert(match_id);
        }
    }

    /// What is kept of a match, oldest first.
    pub fn of(&self, match_id: MatchId) -> Vec<Evidence> {
        self.matches
            .get(&match_id)
            .map(|kept| kept.messages.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// What has to be stored since this was asked last; `None` for what is to be deleted.
    pub fn take_changed(&mut self) -> Vec<(MatchId, Option<MatchEvidence>)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .map(|match_id| (match_id, self.matches.get(&match_id).cloned()))
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use tebdil_protocol::Frank;

    use super::*;

    pub fn evidence(match_id: i64, seq: i64) -> Evidence {
        Evidence {
            match_id: MatchId(match_id),
            seq,
            content: b"{}".to_vec(),
            salt: vec![1; 32],
            franking_tag: vec![2; 32],
            frank: Frank {
                kid: "f1".to_owned(),
                mac: vec![3; 32],
            },
            sent_at: Timestamp::from_millis(0),
            ciphertext_sha256: vec![4; 32],
            sender_handle: Some("ada#0001".to_owned()),
        }
    }

    fn book() -> (Clock, EvidenceBook) {
        let clock = Clock::manual(Timestamp::from_millis(1_795_262_400_000));
        (clock.clone(), EvidenceBook::new(clock, BTreeMap::new()))
    }

    fn numbers(book: &EvidenceBook, match_id: i64) -> Vec<i64> {
        book.of(MatchId(match_id))
            .iter()
            .map(|evidence| evidence.seq)
            .collect()
    }

    #[test]
    fn the_last_twenty_of_each_match_are_kept_once() {
        let (_, mut book) = book();
        for seq in 1..=30 {
            book.keep(evidence(1, seq));
        }
        book.keep(evidence(2, 31));
        book.keep(evidence(1, 30));
        assert_eq!(numbers(&book, 1), (11..=30).collect::<Vec<_>>());
        assert_eq!(numbers(&book, 2), [31]);
        assert!(numbers(&book, 3).is_empty());
        let changed = book.take_changed();
        assert_eq!(
            changed
                .iter()
                .map(|(id, kept)| (id.0, kept.is_some()))
                .collect::<Vec<_>>(),
            [(1, true), (2, true)]
        );
        assert!(book.take_changed().is_empty());
    }

    #[test]
    fn a_week_after_the_end_nothing_is_left() {
        let (clock, mut book) = book();
        book.keep(evidence(1, 1));
        book.keep(evidence(2, 2));
        clock.advance(REPORTABLE * 2);
        book.forget_old();
        assert_eq!(numbers(&book, 1), [1], "the match goes on");
        book.ended(MatchId(1));
        clock.advance(REPORTABLE.saturating_sub(Duration::from_millis(1)));
        // Told again, as after a reconnect: the time does not begin anew.
        book.ended(MatchId(1));
        book.forget_old();
        assert_eq!(numbers(&book, 1), [1]);
        clock.advance(Duration::from_millis(1));
        book.take_changed();
        book.forget_old();
        assert!(numbers(&book, 1).is_empty());
        assert_eq!(numbers(&book, 2), [2]);
        assert_eq!(book.take_changed(), [(MatchId(1), None)]);
        book.ended(MatchId(9));
        assert!(
            book.take_changed().is_empty(),
            "nothing was said in that match"
        );
    }
}
