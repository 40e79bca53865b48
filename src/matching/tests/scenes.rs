//! What devices hear, one failure at a time. Users are numbered; device (1, 10) is the session 10
//! of user 1.

use std::time::Duration;

use tebdil_protocol::{CloseCode, domain::Mode};

use super::sim::Sim;

const NONE: [&str; 0] = [];

/// Three nodes, of which the first leads.
pub(super) fn sim() -> Sim {
    let sim = Sim::new(&[0; 3]);
    assert!(sim.leads(0));
    sim
}

/// Healed, all is well, and there are so many matches.
pub(super) fn ends_with(mut sim: Sim, matches: usize) {
    sim.heal();
    sim.check_healed();
    assert_eq!(sim.matches.len(), matches);
}

/// Users 1 and 2 search at the nodes 1 and 2, and the leader has them.
fn two_search(sim: &mut Sim) -> (usize, usize) {
    let (a, b) = (sim.connect((1, 10), 1), sim.connect((2, 20), 2));
    sim.find(a);
    sim.find(b);
    sim.deliver();
    (a, b)
}

#[test]
fn two_at_two_nodes_meet_through_the_third() {
    let mut sim = sim();
    let (a, b) = two_search(&mut sim);
    sim.work();
    for line in [a, b] {
        assert_eq!(sim.lines[line].words(), ["match.searching", "match.found"]);
    }
    ends_with(sim, 1);
}

#[test]
fn a_newer_search_replaces_the_older_at_any_node() {
    let mut sim = sim();
    let (phone, tablet) = (sim.connect((1, 10), 1), sim.connect((1, 11), 2));
    sim.find(phone);
    sim.deliver();
    sim.find(tablet);
    assert_eq!(sim.lines[tablet].words(), ["match.searching"], "at once");
    sim.deliver();
    assert_eq!(sim.lines[phone].words(), ["match.searching", "replaced"]);
    sim.find(phone);
    sim.find(phone);
    sim.deliver();
    let heard = [
        "match.searching",
        "replaced",
        "match.searching",
        "match.searching",
        "replaced",
    ];
    assert_eq!(sim.lines[phone].words(), heard);
    assert_eq!(sim.lines[tablet].words(), ["match.searching", "replaced"]);
    ends_with(sim, 0);
}

#[test]
fn the_newer_search_counts_whatever_the_clocks_say() {
    let mut sim = Sim::new(&[0, 2_000, 0]);
    let (phone, tablet) = (sim.connect((1, 10), 1), sim.connect((1, 11), 2));
    let ahead = sim.find(phone);
    sim.deliver();
    assert!(sim.find(tablet) < ahead, "an older number");
    sim.deliver();
    assert_eq!(sim.lines[phone].words(), ["match.searching", "replaced"]);
    assert_eq!(sim.lines[tablet].words(), ["match.searching"]);
    ends_with(sim, 0);
}

#[test]
fn any_device_cancels_from_any_node() {
    let mut sim = sim();
    let (phone, tablet) = (sim.connect((1, 10), 1), sim.connect((1, 11), 2));
    sim.cancel(tablet);
    sim.deliver();
    assert_eq!(
        sim.lines[tablet].words(),
        ["cancelled"],
        "nothing is to end"
    );
    sim.find(phone);
    sim.deliver();
    sim.cancel(tablet);
    sim.cancel(phone);
    sim.deliver();
    assert_eq!(sim.lines[tablet].words(), ["cancelled", "cancelled"]);
    let heard = ["match.searching", "cancelled"];
    assert_eq!(
        sim.lines[phone].words(),
        heard,
        "once, though both ended it"
    );
    ends_with(sim, 0);
}

#[test]
fn a_cancel_while_the_match_is_written_is_too_late() {
    let mut sim = sim();
    let (a, _) = two_search(&mut sim);
    let tablet = sim.connect((1, 11), 2);
    sim.propose(0);
    sim.cancel(tablet);
    sim.deliver();
    assert_eq!(sim.lines[tablet].words(), NONE, "not before it is known");
    sim.write(0);
    sim.answer(0, false);
    sim.deliver();
    assert_eq!(sim.lines[tablet].words(), ["not_searching"]);
    assert_eq!(sim.lines[a].words(), ["match.searching", "match.found"]);
    ends_with(sim, 1);
}

#[test]
fn a_cancel_after_the_match_was_told_is_too_late() {
    let mut sim = sim();
    let (a, b) = (sim.connect((1, 10), 1), sim.connect((2, 20), 0));
    sim.find(a);
    sim.find(b);
    sim.deliver();
    sim.propose(0);
    sim.write(0);
    sim.answer(0, false);
    // The device hears of it, and its node does not.
    sim.carry(0, 1);
    sim.lose();
    assert_eq!(sim.lines[a].words(), ["match.searching", "match.found"]);
    sim.cancel(a);
    sim.seconds(2);
    let heard = ["match.searching", "match.found", "not_searching"];
    assert_eq!(sim.lines[a].words(), heard);
    ends_with(sim, 1);
}

#[test]
fn a_search_that_waited_for_a_match_ends_with_it() {
    let mut sim = sim();
    let (_, b) = two_search(&mut sim);
    let tablet = sim.connect((1, 11), 2);
    sim.propose(0);
    sim.find(tablet);
    sim.deliver();
    sim.write(0);
    sim.answer(0, false);
    sim.deliver();
    assert_eq!(sim.lines[tablet].words(), ["match.searching", "matched"]);
    assert_eq!(sim.lines[b].words(), ["match.searching", "match.found"]);
    ends_with(sim, 1);
}

#[test]
fn a_cancel_that_overtakes_its_search_ends_it() {
    let mut sim = sim();
    let (a, b) = (sim.connect((1, 10), 1), sim.connect((2, 20), 2));
    sim.find(a);
    sim.lose();
    sim.cancel(a);
    sim.deliver();
    assert_eq!(
        sim.lines[a].words(),
        ["match.searching"],
        "not before it has ended"
    );
    sim.work();
    assert_eq!(sim.lines[a].words(), ["match.searching", "cancelled"]);
    sim.find(b);
    ends_with(sim, 0);
}

#[test]
fn a_leader_that_dies_after_its_commit_costs_nobody_the_match() {
    let mut sim = sim();
    let (a, b) = two_search(&mut sim);
    sim.propose(0);
    sim.write(0);
    sim.kill(0);
    sim.seconds(4);
    for line in [a, b] {
        assert_eq!(sim.lines[line].words(), ["match.searching", "match.found"]);
    }
    ends_with(sim, 1);
}

#[test]
fn a_leader_that_was_replaced_while_it_committed_does_no_harm() {
    let mut sim = sim();
    two_search(&mut sim);
    sim.propose(0);
    // It is suspended; somebody else takes over and makes the match first.
    sim.advance_but(Duration::from_secs(3), Some(0));
    sim.beat(1);
    sim.hear(1);
    sim.deliver();
    assert!(sim.leads(1));
    sim.work();
    assert_eq!(sim.matches.len(), 1);
    ends_with(sim, 1);
}

#[test]
fn a_former_leader_makes_no_match_of_a_cancelled_search() {
    let mut sim = sim();
    let (a, b) = two_search(&mut sim);
    sim.propose(0);
    // It is suspended with its transaction on the way; the user cancels at the next leader.
    sim.advance_but(Duration::from_secs(3), Some(0));
    sim.beat(1);
    sim.hear(1);
    sim.deliver();
    sim.cancel(a);
    sim.check_used(1);
    assert_eq!(sim.lines[a].words(), ["match.searching", "cancelled"]);
    sim.write(0);
    sim.answer(0, false);
    assert_eq!(sim.matches.len(), 0, "what comes late is refused");
    assert_eq!(sim.lines[b].words(), ["match.searching"], "it goes on");
    ends_with(sim, 0);
}

#[test]
fn a_leader_that_was_overtaken_gives_the_lease_back() {
    let mut sim = sim();
    two_search(&mut sim);
    // Somebody who won the lease before it began its term now, and does not lead.
    sim.begun += 1;
    sim.propose(0);
    sim.write(0);
    sim.answer(0, false);
    assert!(!sim.leads(0) && sim.lease.is_none());
    ends_with(sim, 1);
}

#[test]
fn a_lease_that_is_renewed_too_late_is_led_in_a_new_term() {
    let mut sim = sim();
    two_search(&mut sim);
    sim.propose(0);
    sim.advance(Duration::from_millis(2_400));
    sim.ask(0);
    sim.advance(Duration::from_millis(200));
    assert!(!sim.leads(0), "it has to think that its lease has run out");
    sim.hear(0);
    assert!(!sim.leads(0) && sim.lease.is_none(), "it gives it back");
    sim.ask(0);
    sim.hear(0);
    assert_eq!((sim.leads(0), sim.begun), (true, 2));
    // What the term before proposed is settled in no other.
    sim.write(0);
    sim.answer(0, false);
    assert_eq!(sim.matches.len(), 0);
    ends_with(sim, 1);
}

#[test]
fn a_search_waits_for_the_next_leader_and_finds() {
    let mut sim = sim();
    sim.kill(0);
    let (a, _) = two_search(&mut sim);
    assert_eq!(sim.lines[a].words(), ["match.searching"], "at once");
    sim.seconds(4);
    assert_eq!(sim.lines[a].words(), ["match.searching", "match.found"]);
    ends_with(sim, 1);
}

#[test]
fn without_redis_requests_are_refused_and_searches_wait() {
    let mut sim = sim();
    let (waits, late) = (sim.connect((1, 10), 1), sim.connect((2, 20), 1));
    sim.find(waits);
    sim.deliver();
    sim.redis = false;
    sim.second();
    sim.find(late);
    sim.cancel(late);
    assert_eq!(sim.lines[late].words(), ["unavailable", "unavailable"]);
    sim.seconds(5);
    assert!(
        (0..3).all(|node| !sim.leads(node)),
        "nobody leads without a lease"
    );
    assert_eq!(sim.lines[waits].words(), ["match.searching"]);
    sim.redis = true;
    sim.seconds(2);
    sim.find(late);
    sim.seconds(2);
    let heard = ["match.searching", "match.found"];
    assert_eq!(sim.lines[late].words()[2..], heard);
    assert_eq!(sim.lines[waits].words(), heard);
    ends_with(sim, 1);
}

#[test]
fn a_cancel_that_nobody_answers_is_unavailable() {
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    sim.find(a);
    sim.deliver();
    sim.nodes[0].cut = true;
    sim.cancel(a);
    for _ in 0..6 {
        sim.advance(Duration::from_secs(1));
        sim.lose();
        sim.beat(1);
    }
    assert_eq!(sim.lines[a].words(), ["match.searching", "unavailable"]);
    ends_with(sim, 0);
}

#[test]
fn a_device_that_comes_back_elsewhere_keeps_its_place() {
    for (code, dies) in [
        (Some(CloseCode::Draining), false),
        (Some(CloseCode::Replaced), false),
        (None, true),
    ] {
        let mut sim = sim();
        // Nobody fits user 1 but user 3, who comes last; user 2 would be older.
        let (first, second) = (sim.connect((1, 10), 1), sim.connect((2, 20), 2));
        sim.find(first);
        sim.deliver();
        sim.block(1, 2);
        sim.wait(Duration::from_millis(400));
        sim.find(second);
        sim.deliver();
        sim.block(1, 2);
        sim.wait(Duration::from_millis(400));
        if dies {
            sim.kill(1);
        } else if code == Some(CloseCode::Draining) {
            sim.close(first, CloseCode::Draining);
            sim.part();
            sim.deliver();
        }
        let again = sim.connect((1, 10), 2);
        sim.find(again);
        sim.deliver();
        sim.part();
        sim.work();
        assert_eq!(sim.matches.len(), 0, "{code:?}: they are blocked");
        let third = sim.connect((3, 30), 0);
        sim.find(third);
        sim.work();
        let users = sim.matches[0].map(|side| side.user_id.0);
        assert_eq!(users, [1, 3], "{code:?}: 1 has waited longest");
    }
}

#[test]
fn the_place_of_a_device_outlives_the_leader_that_ends() {
    let mut sim = sim();
    let first = sim.connect((1, 10), 0);
    sim.find(first);
    sim.retire(0);
    sim.close(first, CloseCode::Draining);
    sim.part();
    assert!(!sim.nodes[0].node.is_done(true), "nobody has its place yet");
    sim.seconds(2);
    assert!(sim.nodes[0].node.is_done(true));
    let again = sim.connect((1, 10), 2);
    sim.find(again);
    sim.deliver();
    let leader = sim.nodes[1].node.leader.as_ref().expect("it leads");
    let waits = leader.engine.oldest_age(Mode::Text, sim.now(1).clock);
    assert_eq!(waits, Some(Duration::from_secs(2)));
}

#[test]
fn a_ticket_dies_with_its_connection() {
    let mut sim = sim();
    let (a, b) = (sim.connect((1, 10), 1), sim.connect((2, 20), 2));
    sim.find(a);
    sim.deliver();
    sim.close(a, CloseCode::GoingAway);
    sim.part();
    sim.find(b);
    sim.deliver();
    sim.work();
    assert_eq!(sim.lines[b].words(), ["match.searching"]);
    ends_with(sim, 0);
}

#[test]
fn a_node_that_ends_hands_its_lead_and_its_searches_over() {
    let mut sim = sim();
    let (here, there) = (sim.connect((1, 10), 0), sim.connect((2, 20), 1));
    sim.find(here);
    sim.retire(0);
    sim.beat(1);
    sim.hear(1);
    sim.deliver();
    assert!(
        sim.leads(1),
        "at its next beat, not when the lease runs out"
    );
    let late = sim.connect((3, 30), 0);
    sim.find(late);
    assert_eq!(sim.lines[late].words(), ["draining"]);
    sim.find(there);
    sim.seconds(2);
    let heard = ["match.searching", "match.found"];
    assert_eq!(sim.lines[here].words(), heard, "its search goes on");
    sim.seconds(5);
    assert!(!sim.leads(0), "never again");
}

#[test]
fn a_node_that_is_alone_makes_no_matches_once_it_ends() {
    let mut sim = Sim::new(&[0]);
    let (a, b) = (sim.connect((1, 10), 0), sim.connect((2, 20), 0));
    sim.find(a);
    sim.retire(0);
    sim.find(b);
    sim.cancel(a);
    sim.seconds(3);
    assert_eq!(sim.lines[a].words(), ["match.searching", "draining"]);
    assert_eq!(sim.lines[b].words(), ["draining"]);
    assert_eq!(sim.matches.len(), 0);
}

#[test]
fn what_is_lost_is_made_up_for_within_a_second() {
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    let ticket = sim.find(a);
    sim.lose();
    assert!(!sim.open().contains_key(&ticket));
    sim.second();
    assert!(sim.open().contains_key(&ticket));
    sim.cancel(a);
    sim.carry(0, 1);
    sim.lose();
    assert_eq!(sim.lines[a].words(), ["match.searching"]);
    sim.second();
    assert_eq!(sim.lines[a].words(), ["match.searching", "cancelled"]);
    ends_with(sim, 0);
}
