mod flow;
mod histories;
mod properties;
mod rules;
mod scale;
mod time;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use tebdil_protocol::{
    domain::Mode,
    id::{SessionId, TicketId, UserId},
    time::Timestamp,
};

use super::{Cancelled, Coordinates, Engine, InsertError, Outcome, Pair, Ticket, Widening, index};

/// A moment some milliseconds into the test.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

/// Ticket `n` of user `n`, without wishes, enqueued at the test's start.
fn ticket(n: i64) -> Ticket {
    Ticket {
        id: TicketId(n),
        user: UserId(n),
        session: SessionId(n),
        background: false,
        away: false,
        mode: Mode::Text,
        interests: Vec::new(),
        languages: Vec::new(),
        place: None,
        max_distance_km: None,
        enqueued_at: at(0),
        blocked: HashSet::new(),
        recent: HashSet::new(),
    }
}

fn with_interests(n: i64, interests: &[&str]) -> Ticket {
    Ticket {
        interests: interests.iter().map(ToString::to_string).collect(),
        ..ticket(n)
    }
}

fn with_languages(n: i64, languages: &[&str]) -> Ticket {
    Ticket {
        languages: languages.iter().map(ToString::to_string).collect(),
        ..ticket(n)
    }
}

fn located(n: i64, lat: f64, lon: f64, max_distance_km: Option<u32>) -> Ticket {
    Ticket {
        place: Some(Coordinates { lat, lon }),
        max_distance_km,
        ..ticket(n)
    }
}

/// An engine with the default widening: 0, 5, 15 and 30 s.
fn engine() -> Engine {
    Engine::new(Widening::default())
}

impl Engine {
    /// The ticket of a user, waiting or reserved.
    pub(in crate::matching) fn ticket_of(&self, user: UserId) -> Option<TicketId> {
        self.users.get(&user).copied()
    }

    /// Takes the user's ticket out.
    fn cancel(&mut self, user: UserId) -> Cancelled {
        self.ticket_of(user)
            .map_or(Cancelled::Unknown, |ticket| self.remove(ticket))
    }

    /// Neither a waiting nor a reserved ticket is left.
    fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// Inserts at the ticket's own time and checks the indexes.
    fn put(&mut self, ticket: Ticket) -> Option<Pair> {
        let now = ticket.enqueued_at;
        let pair = self.insert(ticket, now).expect("a new ticket");
        self.check_invariants();
        pair
    }

    /// Runs everything that is due.
    fn run_due(&mut self, now: Timestamp) -> Vec<Pair> {
        let mut pairs = self.tick(now);
        while self.next_due().is_some_and(|due| due <= now) {
            pairs.extend(self.tick(now));
        }
        self.check_invariants();
        pairs
    }

    fn refuse(
        &mut self,
        pair: &Pair,
        drop: &[TicketId],
        forbid: bool,
        now: Timestamp,
    ) -> Vec<Pair> {
        let pairs = self.settle(
            pair.id,
            &Outcome::Refused {
                drop: drop.to_vec(),
                forbid,
            },
            now,
        );
        self.check_invariants();
        pairs
    }

    /// Every index says exactly what the tickets say, and nothing else is left in any of them.
    fn check_invariants(&self) {
        let mut entries = BTreeSet::new();
        let mut due = BTreeSet::new();
        let mut open: BTreeMap<Mode, usize> = BTreeMap::new();
        let mut reserved = BTreeMap::new();
        let mut terms = 0;
        for (id, waiting) in &self.tickets {
            assert_eq!(waiting.ticket.id, *id);
            assert_eq!(
                self.users.get(&waiting.ticket.user),
                Some(id),
                "a user owns the ticket"
            );
            terms += waiting.ticket.interests.len() + waiting.ticket.languages.len();
            if let Some(pair) = waiting.reserved {
                reserved
                    .entry(pair)
                    .or_insert_with(Vec::new)
                    .push(waiting.age());
                continue;
            }
            assert!(!waiting.cancelled, "a cancelled ticket is never queued");
            let is_last = waiting.step == self.widening.last();
            for key in index::stored_keys(waiting, self.widening.step(waiting.step), is_last) {
                assert!(
                    entries.insert((key, waiting.age())),
                    "a key names a ticket once"
                );
            }
            due.extend(self.due_at(waiting));
            *open.entry(waiting.ticket.mode).or_default() += 1;
        }
        assert_eq!(*self.index.entries(), entries);
        assert_eq!(self.due, due);
        assert_eq!(self.users.len(), self.tickets.len());
        assert_eq!(self.terms.uses(), terms);
        for mode in Mode::ALL {
            assert_eq!(self.len(*mode), open.get(mode).copied().unwrap_or(0));
        }
        assert_eq!(self.pairs.len(), reserved.len());
        for (pair, mut ages) in reserved {
            ages.sort_unstable();
            let ids: Vec<_> = ages.into_iter().map(|(_, id)| id).collect();
            assert_eq!(
                self.pairs.get(&pair).map(|ids| ids.to_vec()),
                Some(ids),
                "both tickets of a pair, the older first"
            );
        }
    }

    fn assert_nothing_is_left(&self) {
        self.check_invariants();
        assert!(
            self.is_empty()
                && self.users.is_empty()
                && self.pairs.is_empty()
                && self.due.is_empty()
        );
        assert!(self.index.entries().is_empty(), "no key without a ticket");
        assert_eq!(self.terms.uses(), 0);
        assert_eq!(self.next_due(), None);
    }
}

fn sides(pair: &Pair) -> (i64, i64) {
    (pair.older.ticket.0, pair.newer.ticket.0)
}

fn all_sides(pairs: &[Pair]) -> Vec<(i64, i64)> {
    pairs.iter().map(sides).collect()
}

/// What one insertion pairs.
#[expect(clippy::needless_pass_by_value, reason = "reads better around a call")]
fn paired(pair: Option<Pair>) -> Option<(i64, i64)> {
    pair.as_ref().map(sides)
}

fn already(error: Result<Option<Pair>, InsertError>) -> Option<InsertError> {
    error.err()
}
