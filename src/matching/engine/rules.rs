//! Who may be paired with whom, and who is preferred.

use std::cmp::Reverse;

use super::{
    WaitingTicket,
    grid::{distance_km, level_of},
    index::{Age, Want},
    widening::{Step, Widening},
};

/// What a seeker makes of a candidate.
pub(super) enum Verdict {
    /// In the seeker's own sets: costs no place in the window, so a long block list cannot use the
    /// window up.
    Passed,
    /// A wish of either side, or the candidate's sets, stand against it.
    Refused,
    Permitted(Rank),
}

/// The least is the best. The age makes it a total order, so the order of look-ups does not matter.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// Partners of the last 24 hours come after everybody else.
    pub(super) recent: bool,
    /// A match with somebody who is there can begin at once.
    away: bool,
    shared_interests: Reverse<usize>,
    shares_language: Reverse<bool>,
    /// In bands of the grid, so that a few kilometres do not outweigh waiting time; unknown places
    /// come last.
    band: usize,
    pub(super) age: Age,
}

/// Applies every rule, in both directions, each side at its own step.
pub(super) fn judge(
    seeker: &WaitingTicket,
    candidate: &WaitingTicket,
    widening: &Widening,
) -> Verdict {
    let (me, peer) = (&seeker.ticket, &candidate.ticket);
    if me.blocked.contains(&peer.user) {
        return Verdict::Passed;
    }
    if me.user == peer.user || me.mode != peer.mode || peer.blocked.contains(&me.user) {
        return Verdict::Refused;
    }
    let both_last = seeker.step.min(candidate.step) == widening.last();
    let mine = me.recent.contains(&peer.user);
    let recent = mine || peer.recent.contains(&me.user);
    if recent && !both_last {
        return if mine {
            Verdict::Passed
        } else {
            Verdict::Refused
        };
    }

    let steps = [widening.step(seeker.step), widening.step(candidate.step)];
    let shared_interests = shared(&seeker.interests, &candidate.interests);
    if steps.iter().any(|step| step.same_interest)
        && disagree(&seeker.interests, &candidate.interests, shared_interests)
    {
        return Verdict::Refused;
    }
    let shared_languages = shared(&seeker.languages, &candidate.languages);
    if steps.iter().any(|step| step.same_language)
        && disagree(&seeker.languages, &candidate.languages, shared_languages)
    {
        return Verdict::Refused;
    }
    let apart = me
        .place
        .zip(peer.place)
        .map(|(here, there)| distance_km(here, there));
    let within = |waiting: &WaitingTicket, step: &Step| {
        apart
            .zip(limit_km(waiting, step))
            .is_none_or(|(apart, limit)| apart <= limit)
    };
    if !within(seeker, steps[0]) || !within(candidate, steps[1]) {
        return Verdict::Refused;
    }

    Verdict::Permitted(Rank {
        recent,
        away: peer.away,
        shared_interests: Reverse(shared_interests),
        shares_language: Reverse(shared_languages > 0),
        band: apart.map_or(usize::MAX, level_of),
        age: candidate.age(),
    })
}

/// How far a ticket's peer may be at a step; `None`: anywhere, as for a ticket without a place.
pub(super) fn limit_km(waiting: &WaitingTicket, step: &Step) -> Option<f64> {
    waiting.ticket.place?;
    waiting
        .ticket
        .max_distance_km
        .zip(step.distance_factor)
        .map(|(km, factor)| f64::from(km) * factor)
}

fn disagree(a: &[Want], b: &[Want], shared: usize) -> bool {
    shared == 0 && !a.is_empty() && !b.is_empty()
}

/// How many terms two ascending lists have in common.
fn shared(a: &[Want], b: &[Want]) -> usize {
    a.iter()
        .filter(|term| b.binary_search(term).is_ok())
        .count()
}
