//! Any history of finds, cancels, moves, deaths and losses ends well once nothing fails any more.

use std::time::Duration;

use proptest::prelude::*;
use tebdil_protocol::CloseCode;

use super::net::{Device, Net};

const NODES: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Connect(Device, usize),
    Find(Device),
    Cancel(Device),
    Close(Device, bool),
    Part,
    Kill(usize),
    Bury,
    Beat(usize),
    Advance(u16),
    /// One of the wires, and how often its next message arrives.
    Carry(u8, usize),
    Deliver,
    Propose(usize),
    Write(usize),
    Answer(usize, bool),
    Redis(bool),
    Resync(usize),
}

fn device() -> impl Strategy<Value = Device> {
    // Two devices a user.
    (1..=4i64, 0..=1i64).prop_map(|(user, second)| (user, user * 10 + second))
}

fn op() -> impl Strategy<Value = Op> {
    let node = 0..NODES;
    prop_oneof![
        6 => (device(), node.clone()).prop_map(|(device, node)| Op::Connect(device, node)),
        12 => device().prop_map(Op::Find),
        5 => device().prop_map(Op::Cancel),
        2 => (device(), any::<bool>()).prop_map(|(device, draining)| Op::Close(device, draining)),
        4 => Just(Op::Part),
        1 => node.clone().prop_map(Op::Kill),
        2 => Just(Op::Bury),
        8 => node.clone().prop_map(Op::Beat),
        5 => (0..2_500u16).prop_map(Op::Advance),
        10 => (any::<u8>(), prop_oneof![6 => Just(1usize), 2 => Just(0), 1 => Just(2)]).prop_map(|(wire, times)| Op::Carry(wire, times)),
        4 => Just(Op::Deliver),
        6 => node.clone().prop_map(Op::Propose),
        6 => node.clone().prop_map(Op::Write),
        6 => (node.clone(), prop::bool::weighted(0.2)).prop_map(|(node, lost)| Op::Answer(node, lost)),
        1 => any::<bool>().prop_map(Op::Redis),
        1 => node.prop_map(Op::Resync),
    ]
}

fn apply(net: &mut Net, op: &Op) {
    match *op {
        Op::Connect(device, node) => drop(net.connect(device, node)),
        Op::Find(device) => {
            let line = net.line_of(device).unwrap_or_else(|| {
                net.connect(device, usize::try_from(device.1).expect("small") % NODES)
            });
            net.find(line);
        }
        Op::Cancel(device) => {
            if let Some(line) = net.line_of(device) {
                net.cancel(line);
            }
        }
        Op::Close(device, draining) => {
            if let Some(line) = net.line_of(device) {
                net.close(
                    line,
                    if draining {
                        CloseCode::Draining
                    } else {
                        CloseCode::GoingAway
                    },
                );
            }
        }
        Op::Part => net.part(),
        Op::Kill(node) => net.kill(node),
        Op::Bury => net.bury(),
        Op::Beat(node) => net.beat(node),
        Op::Advance(by) => net.advance(Duration::from_millis(by.into())),
        Op::Carry(wire, times) => {
            let busy = net.busy();
            if let Some(wire) = busy.get(usize::from(wire) % busy.len().max(1)) {
                net.carry(*wire, times);
            }
        }
        Op::Deliver => net.deliver(),
        Op::Propose(node) => net.propose(node),
        Op::Write(node) => net.write(node),
        Op::Answer(node, lost) => net.answer(node, lost),
        Op::Redis(up) => net.redis = up,
        Op::Resync(node) => net.resync(node),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(384) })]

    /// Each request has one answer, no ticket is lost or used twice, nobody is in two pairs, and
    /// who is told to be searching is.
    #[test]
    fn every_history_ends_well(ops in prop::collection::vec(op(), 1..150)) {
        let mut net = Net::new(NODES);
        net.second();
        for op in &ops {
            apply(&mut net, op);
        }
        net.heal();
        net.check_healed();
    }
}
