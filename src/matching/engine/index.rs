//! Where waiting tickets are found: one ordered set of (key, since, ticket).
//!
//! Two tickets agree on interests and languages at their current steps **exactly when** a key that
//! one searches is a key that the other is stored under; the search therefore needs no scan,
//! whatever the steps of the two are. For one list (interests, say) a ticket is stored under each
//! of its terms, under [`Want::ALL`], under [`Want::OPEN`] when it does not insist (any more) and
//! [`Want::EMPTY`] when it lists nothing. A seeker looks under each of its terms and, when it
//! insists, under EMPTY; when it does not, under OPEN; when it lists nothing, under ALL. Both lists
//! together make the key [`Key::Wish`]. Tickets with and without a limit of distance are kept apart
//! there and a seeker looks at both, so that the few that are too far cannot hide the many that do
//! not care.
//!
//! One set for everything, so a key without tickets occupies nothing.

use std::collections::{BTreeSet, HashMap};

use tebdil_protocol::{domain::Mode, id::TicketId};

use super::{
    WaitingTicket,
    grid::{self, Cell},
    rules::limit_km,
    widening::Step,
};

/// A term's number, or one of three classes of tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Want(u32);

impl Want {
    /// Every ticket.
    const ALL: Self = Self(0);
    /// Tickets that accept anybody in this respect: they list nothing, or do not insist at their
    /// step.
    const OPEN: Self = Self(1);
    /// Tickets that list nothing.
    const EMPTY: Self = Self(2);
    const FIRST_TERM: u32 = 3;

    fn stored(terms: &[Self], insists: bool) -> Vec<Self> {
        let classes: &[Self] = match (terms.is_empty(), insists) {
            (true, _) => &[Self::ALL, Self::OPEN, Self::EMPTY],
            (false, true) => &[Self::ALL],
            (false, false) => &[Self::ALL, Self::OPEN],
        };
        [terms, classes].concat()
    }

    fn sought(terms: &[Self], insists: bool) -> Vec<Self> {
        let class = match (terms.is_empty(), insists) {
            (true, _) => Self::ALL,
            (false, true) => Self::EMPTY,
            (false, false) => Self::OPEN,
        };
        [terms, &[class]].concat()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// Every waiting ticket, by age.
    Queue(Mode),
    /// Tickets at the last step.
    Last(Mode),
    /// By whether distance is limited, interest and language.
    Wish(Mode, bool, Want, Want),
    /// By place.
    Near(Mode, Cell),
}

/// Since when a ticket waits (engine time), and which one: the order of age.
pub(super) type Age = (i64, TicketId);

#[derive(Debug, Default)]
pub(super) struct Index(BTreeSet<(Key, Age)>);

impl Index {
    pub(super) fn add(&mut self, keys: Vec<Key>, age: Age) {
        self.0.extend(keys.into_iter().map(|key| (key, age)));
    }

    pub(super) fn remove(&mut self, keys: Vec<Key>, age: Age) {
        for key in keys {
            self.0.remove(&(key, age));
        }
    }

    /// The tickets under `key`, oldest first.
    pub(super) fn under(&self, key: Key) -> impl Iterator<Item = Age> {
        let first = (key, (i64::MIN, TicketId(i64::MIN)));
        self.0
            .range(first..)
            .take_while(move |(found, _)| *found == key)
            .map(|(_, age)| *age)
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> &BTreeSet<(Key, Age)> {
        &self.0
    }
}

/// The keys a waiting ticket is found under at its step.
pub(super) fn stored_keys(waiting: &WaitingTicket, step: &Step, is_last: bool) -> Vec<Key> {
    let limited = limit_km(waiting, step).is_some();
    let mode = waiting.ticket.mode;
    let languages = Want::stored(&waiting.languages, step.same_language);
    let mut keys = vec![Key::Queue(mode)];
    if is_last {
        keys.push(Key::Last(mode));
    }
    for interest in Want::stored(&waiting.interests, step.same_interest) {
        keys.extend(
            languages
                .iter()
                .map(|language| Key::Wish(mode, limited, interest, *language)),
        );
    }
    if let Some(place) = waiting.ticket.place {
        keys.extend(grid::cells(place).map(|cell| Key::Near(mode, cell)));
    }
    keys
}

/// The keys a ticket looks under at its step. Their number depends on the ticket alone: 2 ×
/// (interests + 1) × (languages + 1) + 37 at most.
pub(super) fn sought_keys(waiting: &WaitingTicket, step: &Step, is_last: bool) -> Vec<Key> {
    let mode = waiting.ticket.mode;
    let languages = Want::sought(&waiting.languages, step.same_language);
    let mut keys = Vec::new();
    if is_last {
        keys.push(Key::Last(mode));
    }
    for interest in Want::sought(&waiting.interests, step.same_interest) {
        for limited in [false, true] {
            keys.extend(
                languages
                    .iter()
                    .map(|language| Key::Wish(mode, limited, interest, *language)),
            );
        }
    }
    if let Some(place) = waiting.ticket.place {
        // Without a limit of its own it still looks near: those who wait there may have one.
        let coarsest = limit_km(waiting, step)
            .map_or(usize::MAX, grid::level_of)
            .min(grid::LEVELS_KM.len() - 1);
        for level in 0..=coarsest {
            keys.extend(
                grid::around(place, level)
                    .into_iter()
                    .map(|cell| Key::Near(mode, cell)),
            );
        }
    }
    keys
}

/// Numbers for the interests and languages of the tickets that exist. A number is free again with
/// its last ticket.
#[derive(Debug, Default)]
pub(super) struct Terms {
    known: HashMap<String, (Want, usize)>,
    free: Vec<Want>,
}

impl Terms {
    /// The numbers of `texts`, in ascending order. Each must be released once.
    pub(super) fn take(&mut self, texts: &[String]) -> Vec<Want> {
        let mut wants: Vec<_> = texts.iter().map(|text| self.take_one(text)).collect();
        wants.sort_unstable();
        wants
    }

    fn take_one(&mut self, text: &str) -> Want {
        if let Some((want, uses)) = self.known.get_mut(text) {
            *uses += 1;
            return *want;
        }
        let unused = || {
            Want(
                Want::FIRST_TERM
                    + u32::try_from(self.known.len()).expect("fewer terms than fit into memory"),
            )
        };
        let want = self.free.pop().unwrap_or_else(unused);
        self.known.insert(text.to_owned(), (want, 1));
        want
    }

    pub(super) fn release(&mut self, texts: &[String]) {
        for text in texts {
            let Some((want, uses)) = self.known.get_mut(text) else {
                continue;
            };
            *uses -= 1;
            if *uses == 0 {
                self.free.push(*want);
                self.known.remove(text);
            }
        }
        if self.known.is_empty() {
            self.free = Vec::new();
        }
    }

    #[cfg(test)]
    pub(super) fn uses(&self) -> usize {
        self.known.values().map(|(_, uses)| uses).sum()
    }
}
