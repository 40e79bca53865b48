//! What devices hear, one failure at a time. Users are numbered; device (1, 10) is the session 10
//! of user 1.

use std::time::Duration;

use tebdil_protocol::CloseCode;

use super::net::Net;

/// Three nodes, of which the first leads.
fn net() -> Net {
    let mut net = Net::new(3);
    net.second();
    assert!(net.leads(0));
    net
}

#[test]
fn two_at_two_nodes_meet_through_the_third() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    net.deliver();
    net.commit();
    assert_eq!(net.conns[a].words(), ["match.searching", "match.found"]);
    assert_eq!(net.conns[b].words(), ["match.searching", "match.found"]);
    net.heal();
    net.check_healed();
    assert_eq!(net.matches.len(), 1);
}

#[test]
fn the_second_device_at_another_node_hears_already_searching() {
    let mut net = net();
    let (phone, tablet) = (net.connect((1, 10), 1), net.connect((1, 11), 2));
    net.find(phone);
    net.deliver();
    net.find(tablet);
    net.deliver();
    assert_eq!(net.conns[tablet].words(), ["already_searching"]);
    net.find(phone);
    assert_eq!(
        net.conns[phone].words(),
        ["match.searching", "already_searching"],
        "the desk knows by itself"
    );
}

#[test]
fn any_device_cancels_from_any_node() {
    let mut net = net();
    let (phone, tablet) = (net.connect((1, 10), 1), net.connect((1, 11), 2));
    net.cancel(tablet);
    net.deliver();
    net.find(phone);
    net.deliver();
    net.cancel(tablet);
    net.deliver();
    assert_eq!(
        net.conns[tablet].words(),
        ["not_searching", "match.cancelled"]
    );
    assert_eq!(
        net.conns[phone].words(),
        ["match.searching", "match.cancelled"]
    );
    net.heal();
    net.check_healed();
}

#[test]
fn a_cancel_while_the_match_is_written_is_too_late() {
    let mut net = net();
    let (a, b, tablet) = (
        net.connect((1, 10), 1),
        net.connect((2, 20), 2),
        net.connect((1, 11), 2),
    );
    net.find(a);
    net.find(b);
    net.deliver();
    net.propose(0);
    net.cancel(tablet);
    net.deliver();
    assert_eq!(net.conns[tablet].words(), [""; 0], "not before it is known");
    net.write(0);
    net.answer(0, false);
    net.deliver();
    assert_eq!(net.conns[tablet].words(), ["not_searching"]);
    assert_eq!(net.conns[a].words(), ["match.searching", "match.found"]);
}

#[test]
fn a_cancel_after_the_match_was_told_is_too_late() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 0));
    net.find(a);
    net.find(b);
    net.deliver();
    net.propose(0);
    net.write(0);
    net.answer(0, false);
    // The device hears of it, and its desk does not.
    let wire = (net.conns[b].node_id, net.conns[a].node_id);
    net.carry(wire, 1);
    net.lose();
    assert_eq!(net.conns[a].words(), ["match.searching", "match.found"]);
    net.cancel(a);
    net.deliver();
    assert_eq!(
        net.conns[a].words(),
        ["match.searching", "match.found", "not_searching"]
    );
    net.heal();
    net.check_healed();
}

#[test]
fn a_leader_that_dies_after_its_commit_costs_nobody_the_match() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    net.deliver();
    net.propose(0);
    net.write(0);
    net.kill(0);
    for _ in 0..4 {
        net.second();
    }
    for device in [a, b] {
        assert_eq!(
            net.conns[device].words(),
            ["match.searching", "match.found"]
        );
    }
    assert_eq!(net.matches.len(), 1);
    net.heal();
    net.check_healed();
}

#[test]
fn a_leader_that_was_replaced_while_it_committed_does_no_harm() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    net.deliver();
    net.propose(0);
    // It is suspended; somebody else takes over and makes the match first.
    net.suspend(0, Duration::from_secs(4));
    net.beat(1);
    net.deliver();
    assert!(net.leads(1));
    net.commit();
    assert_eq!(net.matches.len(), 1);
    net.heal();
    net.check_healed();
    assert_eq!(net.matches.len(), 1, "the store refused the second");
}

#[test]
fn a_former_leader_makes_no_match_of_a_cancelled_search() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    net.deliver();
    net.propose(0);
    // It is suspended with its transaction on the way; the user cancels at the next leader.
    net.suspend(0, Duration::from_secs(4));
    net.beat(1);
    net.deliver();
    assert!(net.leads(1));
    net.cancel(a);
    net.deliver();
    net.commit_at(1);
    assert_eq!(net.conns[a].words(), ["match.searching", "match.cancelled"]);
    net.write(0);
    net.answer(0, false);
    assert_eq!(net.matches.len(), 0, "what comes late is refused");
    assert!(!net.leads(0));
    net.heal();
    net.check_healed();
    assert_eq!(net.conns[b].words(), ["match.searching"], "it goes on");
}

#[test]
fn a_leader_that_was_overtaken_gives_the_lease_back() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    net.deliver();
    // Somebody who won the lease before it began its term now, and does not lead.
    net.begin_term();
    net.propose(0);
    net.write(0);
    net.answer(0, false);
    assert!(!net.leads(0));
    net.deliver();
    net.heal();
    net.check_healed();
    assert_eq!(net.matches.len(), 1, "nobody's search was lost");
}

#[test]
fn a_search_waits_for_the_next_leader_and_finds() {
    let mut net = net();
    net.kill(0);
    net.bury();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.find(b);
    assert_eq!(net.conns[a].words(), [""; 0]);
    for _ in 0..4 {
        net.second();
    }
    assert_eq!(net.conns[a].words(), ["match.searching", "match.found"]);
}

#[test]
fn without_redis_requests_are_answered_at_once_and_searches_wait() {
    let mut net = net();
    let (waiting, late) = (net.connect((1, 10), 1), net.connect((2, 20), 1));
    net.find(waiting);
    net.deliver();
    net.redis = false;
    net.second();
    net.find(late);
    net.cancel(late);
    assert_eq!(net.conns[late].words(), ["unavailable", "unavailable"]);
    for _ in 0..5 {
        net.second();
    }
    assert!(
        (0..3).all(|node| !net.leads(node)),
        "nobody leads without a lease"
    );
    assert_eq!(net.conns[waiting].words(), ["match.searching"]);
    net.redis = true;
    for _ in 0..2 {
        net.second();
    }
    net.find(late);
    net.deliver();
    net.commit();
    assert_eq!(
        net.conns[late].words()[2..],
        ["match.searching", "match.found"]
    );
    assert_eq!(
        net.conns[waiting].words(),
        ["match.searching", "match.found"]
    );
}

#[test]
fn a_device_that_comes_back_elsewhere_keeps_its_place() {
    for (code, dies) in [
        (Some(CloseCode::Draining), false),
        (Some(CloseCode::Replaced), false),
        (None, true),
    ] {
        let mut net = net();
        // Nobody fits user 1 but user 3, who comes last; user 2 would be older.
        let first = net.connect((1, 10), 1);
        net.find(first);
        net.deliver();
        net.block(0, 1, 2);
        net.deliver();
        net.advance(Duration::from_millis(400));
        let second = net.connect((2, 20), 2);
        net.find(second);
        net.block(0, 1, 2);
        net.deliver();
        net.advance(Duration::from_millis(400));
        if dies {
            net.kill(1);
            net.bury();
        } else if code == Some(CloseCode::Draining) {
            net.close(first, CloseCode::Draining);
            net.part();
            net.deliver();
        }
        let again = net.connect((1, 10), 2);
        net.find(again);
        net.block(0, 1, 2);
        net.deliver();
        net.part();
        net.deliver();
        net.commit();
        assert_eq!(net.matches.len(), 0, "{code:?}: they are blocked");
        let third = net.connect((3, 30), 0);
        net.find(third);
        net.commit();
        let users: Vec<i64> = net.matches[0].iter().map(|side| side.user_id.0).collect();
        assert_eq!(users, [1, 3], "{code:?}: 1 has waited longest");
    }
}

#[test]
fn a_ticket_dies_with_its_connection() {
    let mut net = net();
    let (a, b) = (net.connect((1, 10), 1), net.connect((2, 20), 2));
    net.find(a);
    net.deliver();
    net.close(a, CloseCode::GoingAway);
    net.part();
    net.find(b);
    net.deliver();
    net.commit();
    assert_eq!(net.conns[b].words(), ["match.searching"]);
    assert_eq!(net.matches.len(), 0);
}

#[test]
fn a_node_that_ends_hands_its_lead_and_its_searches_over() {
    let mut net = net();
    let (here, there) = (net.connect((1, 10), 0), net.connect((2, 20), 1));
    net.find(here);
    net.retire(0);
    net.deliver();
    net.beat(1);
    net.deliver();
    assert!(net.leads(1), "at once, not when the lease runs out");
    let late = net.connect((3, 30), 0);
    net.find(late);
    assert_eq!(net.conns[late].words(), ["draining"]);
    net.find(there);
    net.commit();
    net.commit();
    assert_eq!(
        net.conns[here].words(),
        ["match.searching", "match.found"],
        "its search goes on at the next leader"
    );
    for _ in 0..5 {
        net.second();
    }
    assert!(!net.leads(0), "never again");
}

#[test]
fn a_node_that_is_alone_makes_no_matches_once_it_ends() {
    let mut net = Net::new(1);
    net.second();
    let (a, b) = (net.connect((1, 10), 0), net.connect((2, 20), 0));
    net.find(a);
    net.retire(0);
    net.find(b);
    net.cancel(a);
    for _ in 0..3 {
        net.second();
    }
    assert_eq!(net.conns[a].words(), ["match.searching", "draining"]);
    assert_eq!(net.conns[b].words(), ["draining"]);
    assert_eq!(net.matches.len(), 0);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let mut net = net();
    let a = net.connect((1, 10), 1);
    net.find(a);
    net.lose();
    assert_eq!(net.conns[a].words(), [""; 0]);
    net.second();
    assert_eq!(net.conns[a].words(), ["match.searching"]);
    net.cancel(a);
    let request = net.busy()[0];
    net.carry(request, 1);
    net.lose();
    net.second();
    assert_eq!(
        net.conns[a].words(),
        ["match.searching", "match.cancelled"],
        "the leader remembers what it said"
    );
    net.heal();
    net.check_healed();
}
