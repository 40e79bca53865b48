//! Random histories against a reference that knows no index: it compares everybody with everybody.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    histories::{Op, TOWNS, USERS, WORDS, Wish, op, user_id, users, words},
    *,
};
use crate::matching::engine::{Cancelled, PairId, Step, grid::distance_km};

/// A ticket as the reference sees it.
#[derive(Debug, Clone)]
struct Known {
    ticket: Ticket,
    /// In milliseconds of passed time, which a clock set back does not touch.
    since: i64,
    pair: Option<PairId>,
    cancelled: bool,
}

/// The engine, the reference and the whole history of one run.
struct Run {
    engine: Engine,
    widening: Widening,
    /// The clock, and the time that really passed.
    clock: i64,
    passed: i64,
    known: BTreeMap<TicketId, Known>,
    /// Unsettled pairs, in the order in which they were made.
    pairs: Vec<Pair>,
    last_ticket: i64,
    log: Vec<Pair>,
}

impl Run {
    fn new() -> Self {
        let widening = Widening::default();
        let engine = Engine::new(widening.clone());
        Self {
            engine,
            widening,
            clock: 0,
            passed: 0,
            known: BTreeMap::new(),
            pairs: Vec::new(),
            last_ticket: 0,
            log: Vec::new(),
        }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Find(wish) => self.find(wish),
            Op::Cancel(user) => {
                let answer = self.engine.cancel(user_id(*user));
                self.cancelled(user_id(*user), answer);
            }
            Op::Disconnect(user) => {
                let ticket = self.ticket_of(user_id(*user)).unwrap_or(TicketId(i64::MAX));
                let answer = self.engine.remove(ticket);
                self.cancelled(user_id(*user), answer);
            }
            Op::Block(a, b) => {
                self.engine.block(user_id(*a), user_id(*b));
                self.forbid(user_id(*a), user_id(*b));
            }
            Op::Advance(by) => self.advance(i64::from(*by)),
            Op::SetBack(by) => {
                self.clock -= i64::from(*by);
                let pairs = self.engine.run_due(at(self.clock));
                assert_eq!(pairs, [], "no time passed");
            }
            Op::Made(which) => self.settle(*which, &|_| Outcome::Made),
            Op::Refused {
                pair,
                drop_older,
                drop_newer,
                forbid,
            } => self.settle(*pair, &|pair| {
                let drop = [(drop_older, pair.older), (drop_newer, pair.newer)]
                    .into_iter()
                    .filter(|(drop, _)| **drop);
                Outcome::Refused {
                    drop: drop.map(|(_, side)| side.ticket).collect(),
                    forbid: *forbid,
                }
            }),
        }
        self.check();
    }

    fn find(&mut self, wish: &Wish) {
        self.last_ticket += 1;
        let user = user_id(wish.user);
        let ticket = Ticket {
            id: TicketId(self.last_ticket),
            user,
            session: SessionId(self.last_ticket),
            background: wish.away,
            away: wish.away,
            mode: if wish.video { Mode::Video } else { Mode::Text },
            interests: words(wish.interests),
            languages: words(wish.languages),
            place: wish.town.map(|town| TOWNS[usize::from(town)]),
            max_distance_km: wish.max_distance_km,
            enqueued_at: at(self.clock - i64::from(wish.waited_ms)),
            blocked: users(wish.blocked & !(1 << wish.user)),
            recent: users(wish.recent & !(1 << wish.user)),
        };
        let result = self.engine.insert(ticket.clone(), at(self.clock));
        if let Some(existing) = self.ticket_of(user) {
            assert_eq!(result, Err(InsertError::AlreadySearching(existing)));
            return;
        }
        let id = ticket.id;
        self.known.insert(
            id,
            Known {
                ticket,
                since: self.passed - i64::from(wish.waited_ms),
                pair: None,
                cancelled: false,
            },
        );
        let Some(pair) = result.expect("the user had no ticket") else {
            return;
        };
        let (seeker, peer) = if pair.older.ticket == id {
            (id, pair.newer.ticket)
        } else {
            (id, pair.older.ticket)
        };
        if self.is_recent(seeker, peer) {
            let others = self
                .open()
                .filter(|other| *other != seeker && *other != peer);
            let better: Vec<_> = others
                .filter(|other| self.permitted(seeker, *other) && !self.is_recent(seeker, *other))
                .collect();
            assert!(
                better.is_empty(),
                "a recent partner was taken while {better:?} waited"
            );
        }
        self.paired(vec![pair]);
    }

    fn advance(&mut self, by: i64) {
        self.clock += by;
        self.passed += by;
        let pairs = self.engine.run_due(at(self.clock));
        self.paired(pairs);
    }

    fn cancelled(&mut self, user: UserId, answer: Cancelled) {
        let Some(ticket) = self.ticket_of(user) else {
            assert_eq!(answer, Cancelled::Unknown);
            return;
        };
        let known = self.known.get_mut(&ticket).expect("just found");
        if let Some(pair) = known.pair {
            known.cancelled = true;
            assert_eq!(answer, Cancelled::Reserved { ticket, pair });
        } else {
            self.known.remove(&ticket);
            assert_eq!(answer, Cancelled::Removed(ticket));
        }
    }

    fn settle(&mut self, which: u8, outcome: &dyn Fn(&Pair) -> Outcome) {
        if self.pairs.is_empty() {
            return;
        }
        let pair = self.pairs.remove(usize::from(which) % self.pairs.len());
        let outcome = outcome(&pair);
        let again = self.engine.settle(pair.id, &outcome, at(self.clock));
        let dropped = match &outcome {
            Outcome::Made => vec![pair.older.ticket, pair.newer.ticket],
            Outcome::Refused { drop, forbid } => {
                if *forbid {
                    self.forbid(pair.older.user, pair.newer.user);
                }
                drop.clone()
            }
        };
        for side in [pair.older, pair.newer] {
            let known = self
                .known
                .get_mut(&side.ticket)
                .expect("reserved tickets exist");
            if known.cancelled || dropped.contains(&side.ticket) {
                self.known.remove(&side.ticket);
            } else {
                known.pair = None;
            }
        }
        self.paired(again);
    }

    /// Each pair is of two open tickets that the reference permits, and says the truth about them.
    fn paired(&mut self, pairs: Vec<Pair>) {
        for pair in pairs {
            let (a, b) = (pair.older.ticket, pair.newer.ticket);
            assert!(
                self.permitted(a, b),
                "forbidden: {:?} {:?}",
                self.known[&a],
                self.known[&b]
            );
            let (older, newer) = (&self.known[&a], &self.known[&b]);
            assert!((older.since, a) < (newer.since, b));
            assert_eq!(
                (pair.older.user, pair.newer.user),
                (older.ticket.user, newer.ticket.user)
            );
            let shared: Vec<_> = WORDS
                .iter()
                .filter(|word| {
                    [older, newer]
                        .iter()
                        .all(|one| lists(&one.ticket.interests, word))
                })
                .collect();
            assert_eq!(pair.shared_interests.iter().collect::<Vec<_>>(), shared);
            for id in [a, b] {
                let known = self.known.get_mut(&id).expect("just read");
                assert_eq!(
                    (known.pair, known.cancelled),
                    (None, false),
                    "one pair at a time, and none after a cancellation"
                );
                known.pair = Some(pair.id);
            }
            self.log.push(pair.clone());
            self.pairs.push(pair);
        }
    }

    /// What holds between any two calls.
    fn check(&self) {
        self.engine.check_invariants();
        let open: Vec<_> = self.open().collect();
        for (at, a) in open.iter().enumerate() {
            for b in &open[at + 1..] {
                assert!(
                    !self.permitted(*a, *b),
                    "both wait, though permitted: {:?} {:?}",
                    self.known[a],
                    self.known[b]
                );
            }
        }
        for (id, known) in &self.known {
            assert_eq!(self.engine.ticket_of(known.ticket.user), Some(*id));
        }
        assert_eq!(self.engine.tickets.len(), self.known.len());
        assert_eq!(self.engine.reserved(), self.pairs.len());
        assert!(
            self.engine
                .next_due()
                .is_none_or(|due| due > at(self.clock)),
            "due tickets have run"
        );
    }

    fn open(&self) -> impl Iterator<Item = TicketId> {
        self.known
            .values()
            .filter(|known| known.pair.is_none())
            .map(|known| known.ticket.id)
    }

    fn ticket_of(&self, user: UserId) -> Option<TicketId> {
        self.known
            .values()
            .find(|known| known.ticket.user == user)
            .map(|known| known.ticket.id)
    }

    fn forbid(&mut self, a: UserId, b: UserId) {
        for known in self.known.values_mut() {
            if known.ticket.user == a {
                known.ticket.blocked.insert(b);
            }
            if known.ticket.user == b {
                known.ticket.blocked.insert(a);
            }
        }
    }

    fn step(&self, known: &Known) -> (&Step, bool) {
        let waited = u64::try_from(self.passed - known.since).expect("not from the future");
        let steps = self.widening.steps();
        let step = steps
            .iter()
            .rev()
            .find(|step| step.after_ms <= waited)
            .expect("the first begins at 0");
        (step, steps.last() == Some(step))
    }

    fn is_recent(&self, a: TicketId, b: TicketId) -> bool {
        let (a, b) = (&self.known[&a].ticket, &self.known[&b].ticket);
        a.recent.contains(&b.user) || b.recent.contains(&a.user)
    }

    /// The rules, written down a second time.
    fn permitted(&self, a: TicketId, b: TicketId) -> bool {
        let (a, b) = (&self.known[&a], &self.known[&b]);
        let one_way = |a: &Known, b: &Known| {
            let (step, is_last) = self.step(a);
            let (mine, theirs) = (&a.ticket, &b.ticket);
            let agree = |a: &[String], b: &[String]| {
                a.is_empty() || b.is_empty() || a.iter().any(|word| lists(b, word))
            };
            let near = match (
                mine.place,
                theirs.place,
                mine.max_distance_km,
                step.distance_factor,
            ) {
                (Some(here), Some(there), Some(km), Some(factor)) => {
                    distance_km(here, there) <= f64::from(km) * factor
                }
                _ => true,
            };
            mine.user != theirs.user
                && mine.mode == theirs.mode
                && !mine.blocked.contains(&theirs.user)
                && (!step.same_interest || agree(&mine.interests, &theirs.interests))
                && (!step.same_language || agree(&mine.languages, &theirs.languages))
                && near
                && (is_last
                    || !(mine.recent.contains(&theirs.user) || theirs.recent.contains(&mine.user)))
        };
        one_way(a, b) && one_way(b, a)
    }

    /// Lets all steps pass, then ends everything.
    fn finish(mut self) -> Vec<Pair> {
        self.advance(30_000);
        self.check();
        let open: Vec<_> = self.open().collect();
        for a in &open {
            for b in open.iter().filter(|b| *b != a) {
                let (a, b) = (&self.known[a].ticket, &self.known[b].ticket);
                let blocked = a.blocked.contains(&b.user) || b.blocked.contains(&a.user);
                assert!(blocked || a.mode != b.mode, "{a:?} and {b:?} starve");
            }
        }
        while !self.pairs.is_empty() {
            self.settle(0, &|_| Outcome::Made);
            self.check();
        }
        for user in 0..USERS {
            self.apply(&Op::Cancel(user));
        }
        self.engine.assert_nothing_is_left();
        assert_eq!(
            self.engine.oldest_age(Mode::Text, at(self.clock)),
            None::<Duration>
        );
        self.log
    }
}

fn lists(words: &[String], word: &str) -> bool {
    words.iter().any(|own| own == word)
}

fn replay(ops: &[Op]) -> Vec<Pair> {
    let mut run = Run::new();
    for op in ops {
        run.apply(op);
    }
    run.finish()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(768) })]

    /// No user in two pairs, no forbidden pair, nobody starves, nothing leaks; and the same history
    /// gives the same pairs.
    #[test]
    fn every_history_obeys_the_rules(ops in prop::collection::vec(op(), 1..120)) {
        prop_assert_eq!(replay(&ops), replay(&ops));
    }
}
