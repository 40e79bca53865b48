//! Searches that go on without their connection.

use tebdil_protocol::CloseCode;

use super::{
    scenes::{ends_with, sim},
    sim::{KEPT, Sim},
};

/// User 1 searches in the background at node 1, and its connection is gone.
fn one_is_away(sim: &mut Sim) -> usize {
    let a = sim.connect((1, 10), 1);
    sim.find_in(a, true);
    sim.deliver();
    sim.close(a, CloseCode::GoingAway);
    sim.part();
    sim.deliver();
    a
}

/// User 2 searches at node 2; whether it is matched.
fn another_finds(sim: &mut Sim) -> bool {
    let b = sim.connect((2, 20), 2);
    sim.find(b);
    sim.deliver();
    sim.seconds(2);
    sim.lines[b].words().contains(&"match.found")
}

#[test]
fn a_background_search_outlives_connection_node_and_leader() {
    for dead in [None, Some(0), Some(1)] {
        let mut sim = sim();
        one_is_away(&mut sim);
        if let Some(dead) = dead {
            sim.kill(dead);
            sim.seconds(6);
        }
        assert!(another_finds(&mut sim), "{dead:?}");
        assert!(sim.kept.is_empty(), "a match ends it");
        ends_with(sim, 1);
    }
    // Its node dies while it is connected.
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    sim.find_in(a, true);
    sim.deliver();
    sim.kill(1);
    sim.seconds(7);
    assert!(another_finds(&mut sim));
    ends_with(sim, 1);
}

#[test]
fn a_device_that_is_back_elsewhere_has_its_search_there() {
    let mut sim = sim();
    one_is_away(&mut sim);
    let back = sim.connect((1, 10), 2);
    sim.deliver();
    assert_eq!(
        sim.open().values().copied().next(),
        Some(Some(sim.nodes[2].id))
    );
    assert!(another_finds(&mut sim));
    assert_eq!(sim.lines[back].words(), ["match.found"]);
    ends_with(sim, 1);
}

#[test]
fn a_background_search_that_is_cancelled_matches_nobody() {
    for device in [(1, 10), (1, 11)] {
        let mut sim = sim();
        one_is_away(&mut sim);
        let line = sim.connect(device, 0);
        sim.cancel(line);
        sim.seconds(1);
        assert_eq!(sim.lines[line].words(), ["cancelled"]);
        assert!(!another_finds(&mut sim));
        ends_with(sim, 0);
    }
}

#[test]
fn a_background_search_that_is_replaced_matches_nobody() {
    let mut sim = sim();
    one_is_away(&mut sim);
    let tablet = sim.connect((1, 11), 0);
    sim.find(tablet);
    sim.close(tablet, CloseCode::GoingAway);
    sim.part();
    assert!(!another_finds(&mut sim));
    ends_with(sim, 0);
}

#[test]
fn a_background_search_that_is_over_matches_nobody() {
    let mut sim = sim();
    one_is_away(&mut sim);
    sim.advance(KEPT);
    assert!(!another_finds(&mut sim));
    ends_with(sim, 0);
}

#[test]
fn a_background_search_lasts_while_its_device_is_there() {
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    sim.find_in(a, true);
    sim.seconds(40);
    assert!(another_finds(&mut sim));
    ends_with(sim, 1);
}

#[test]
fn a_connected_background_search_without_a_row_is_ended() {
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    sim.find_in(a, true);
    sim.deliver();
    sim.kept.clear();
    sim.seconds(2);
    assert_eq!(sim.lines[a].words(), ["match.searching", "ended"]);
    assert!(!another_finds(&mut sim));
    ends_with(sim, 0);
}

#[test]
fn a_background_search_whose_end_nobody_heard_leaves_no_row() {
    let mut sim = sim();
    let a = sim.connect((1, 10), 1);
    sim.find(a);
    let b = sim.connect((2, 20), 2);
    sim.find(b);
    sim.deliver();
    sim.propose(0);
    sim.write(0);
    // Another device of the same account, which waits for the match of the first.
    let tablet = sim.connect((1, 11), 1);
    sim.find_in(tablet, true);
    sim.deliver();
    sim.answer(0, false);
    sim.close(tablet, CloseCode::GoingAway);
    sim.part();
    sim.deliver();
    sim.seconds(2);
    assert!(sim.kept.is_empty());
    let c = sim.connect((3, 30), 2);
    sim.find(c);
    sim.seconds(2);
    assert!(!sim.lines[c].words().contains(&"match.found"));
    ends_with(sim, 1);
}
