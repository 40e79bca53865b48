//! Any history of searches, cancels, moves, deaths and losses ends well once nothing fails any
//! more. That mistakes are found is shown with mistakes.

use std::time::Duration;

use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};
use tebdil_protocol::CloseCode;

use super::sim::{Bug, Device, Sim};

const NODES: usize = 3;

/// Histories, unless `PROPTEST_CASES` says how many.
const HISTORIES: u32 = 384;

#[derive(Debug, Clone)]
enum Op {
    Connect(Device, usize),
    Find(Device, bool),
    Cancel(Device),
    Close(Device, bool),
    Part,
    Kill(usize),
    Cut(usize, bool),
    Redis(bool),
    Beat(usize),
    Hear(usize),
    Advance(u16),
    /// One of the things under way, and how often it arrives.
    Carry(u16, usize),
    /// One that arrived before arrives again.
    Repeat(u16),
    /// A second in which only the store is slow.
    Second,
    Deliver,
    Check(usize),
    List(usize),
    End(usize),
    Propose(usize),
    Write(usize),
    Answer(usize, bool),
}

fn device() -> impl Strategy<Value = Device> {
    // Two devices a user.
    (1..=4i64, 0..=1i64).prop_map(|(user, second)| (user, user * 10 + second))
}

fn op() -> impl Strategy<Value = Op> {
    let node = 0..NODES;
    let times = prop_oneof![5 => Just(1usize), 2 => Just(0), 3 => Just(2)];
    let requests = prop_oneof![
        6 => (device(), node.clone()).prop_map(|(device, node)| Op::Connect(device, node)),
        12 => (device(), prop::bool::weighted(0.3)).prop_map(|(device, background)| Op::Find(device, background)),
        6 => device().prop_map(Op::Cancel),
        3 => (device(), any::<bool>()).prop_map(|(device, draining)| Op::Close(device, draining)),
        4 => Just(Op::Part),
    ];
    let network = prop_oneof![
        14 => (any::<u16>(), times).prop_map(|(which, times)| Op::Carry(which, times)),
        4 => any::<u16>().prop_map(Op::Repeat),
        4 => Just(Op::Deliver),
        3 => Just(Op::Second),
        8 => node.clone().prop_map(Op::Beat),
        8 => node.clone().prop_map(Op::Hear),
        6 => (0..2_000u16).prop_map(Op::Advance),
        1 => node.clone().prop_map(Op::Kill),
        1 => (node.clone(), any::<bool>()).prop_map(|(node, cut)| Op::Cut(node, cut)),
        1 => any::<bool>().prop_map(Op::Redis),
    ];
    let store = prop_oneof![
        4 => node.clone().prop_map(Op::Check),
        2 => node.clone().prop_map(Op::List),
        4 => node.clone().prop_map(Op::End),
        6 => node.clone().prop_map(Op::Propose),
        6 => node.clone().prop_map(Op::Write),
        6 => (node, prop::bool::weighted(0.2)).prop_map(|(node, lost)| Op::Answer(node, lost)),
    ];
    prop_oneof![3 => requests, 4 => network, 2 => store]
}

/// How far the clocks of the nodes are ahead, milliseconds, and what happens.
fn history() -> impl Strategy<Value = (Vec<i64>, Vec<Op>)> {
    let skews = prop::collection::vec(-2_500..2_500i64, NODES);
    (skews, prop::collection::vec(op(), 1..150))
}

fn apply(sim: &mut Sim, op: &Op) {
    match *op {
        Op::Connect(device, node) => {
            sim.connect(device, node);
        }
        Op::Find(device, background) => {
            let elsewhere = || usize::try_from(device.1).expect("small") % NODES;
            let line = sim.line_of(device);
            let line = line.unwrap_or_else(|| sim.connect(device, elsewhere()));
            sim.find_in(line, background);
        }
        Op::Cancel(device) => {
            if let Some(line) = sim.line_of(device) {
                sim.cancel(line);
            }
        }
        Op::Close(device, draining) => {
            let code = [CloseCode::GoingAway, CloseCode::Draining][usize::from(draining)];
            if let Some(line) = sim.line_of(device) {
                sim.close(line, code);
            }
        }
        Op::Part => sim.part(),
        Op::Kill(node) => sim.kill(node),
        Op::Cut(node, cut) => sim.nodes[node].cut = cut,
        Op::Redis(up) => sim.redis = up,
        Op::Beat(node) => sim.beat(node),
        Op::Hear(node) => sim.hear(node),
        Op::Advance(by) => sim.advance(Duration::from_millis(by.into())),
        Op::Carry(which, times) => {
            if !sim.wires.is_empty() {
                sim.carry(usize::from(which) % sim.wires.len(), times);
            }
        }
        Op::Repeat(which) => sim.repeat(which.into()),
        Op::Deliver => sim.deliver(),
        Op::Second => sim.second_without_store(),
        Op::Check(node) => sim.check_used(node),
        Op::List(node) => sim.list(node),
        Op::End(node) => sim.end_searches(node),
        Op::Propose(node) => sim.propose(node),
        Op::Write(node) => sim.write(node),
        Op::Answer(node, lost) => sim.answer(node, lost),
    }
}

fn ends_well(skews: &[i64], ops: &[Op], bug: Option<Bug>) {
    let mut sim = Sim::new(skews);
    sim.bug = bug;
    for op in ops {
        apply(&mut sim, op);
    }
    sim.heal();
    sim.check_healed();
}

fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        failure_persistence: None,
        cases: asked.and_then(|cases| cases.parse().ok()).unwrap_or(cases),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(HISTORIES))]

    /// No ticket is lost or used twice, nobody is in two pairs, no match follows a word that a
    /// search is over, and each request has one answer.
    #[test]
    fn every_history_ends_well((skews, ops) in history()) {
        ends_well(&skews, &ops, None);
    }
}

/// Whether one of so many histories does not end well, the same ones in every run.
fn is_found(bug: Bug) -> bool {
    let config = ProptestConfig {
        cases: 20_000,
        max_shrink_iters: 0,
        ..config(0)
    };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let ended = TestRunner::new_with_rng(config, rng).run(&history(), |(skews, ops)| {
        ends_well(&skews, &ops, Some(bug));
        Ok(())
    });
    matches!(ended, Err(TestError::Fail(..)))
}

#[test]
fn a_store_without_a_fence_is_found() {
    assert!(is_found(Bug::NoFence));
}

#[test]
fn a_store_that_forgets_used_tickets_is_found() {
    assert!(is_found(Bug::NoUsedTickets));
}

#[test]
fn a_store_that_forgets_ended_searches_is_found() {
    assert!(is_found(Bug::NoRows));
}

#[test]
fn messages_taken_for_new_ones_are_found() {
    assert!(is_found(Bug::NoNumbers));
}

#[test]
fn nodes_that_say_not_what_they_have_are_found() {
    assert!(is_found(Bug::NoHave));
}

#[test]
fn a_term_that_is_led_twice_is_found() {
    assert!(is_found(Bug::SameTerm));
}

#[test]
fn a_search_over_at_its_node_may_be_matched_by_the_next_leader() {
    let ops = [
        Op::Advance(2_500),
        Op::Beat(1),
        Op::Hear(1),
        Op::Connect((1, 11), 2),
        Op::Cancel((1, 11)),
        Op::Find((1, 10), true),
        Op::Advance(1_500),
        Op::Deliver,
        Op::Kill(2),
        Op::Connect((2, 20), 0),
        Op::Find((2, 20), false),
    ];
    ends_well(&[0, 0, 0], &ops, None);
}

#[test]
fn a_background_search_that_lost_to_another_leaves_no_row() {
    let ops = [
        Op::Connect((2, 20), 2),
        Op::Find((2, 20), false),
        Op::Find((2, 21), true),
        Op::Kill(0),
    ];
    ends_well(&[-504, 0, 0], &ops, None);
}
