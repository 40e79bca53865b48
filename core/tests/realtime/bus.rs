use bytes::Bytes;
use tebdil_core::{realtime::BusEvent, testing::TestNode};

use super::{ALICE, MANY, device, message};

tebdil_core::realtime_conformance!(
    a_message_to_oneself_arrives_in_order,
    a_node_without_others_hears_nothing_of_its_own,
    a_closed_bus_ends_after_what_was_sent,
    a_well_node_answers_a_ping
);

async fn a_message_to_oneself_arrives_in_order(mut node: TestNode) {
    for number in 0..100 {
        node.realtime
            .bus
            .to_node(node.realtime.node, Bytes::from(number.to_string()));
    }
    for number in 0..100 {
        assert_eq!(node.event().await, message(&number.to_string()));
    }
}

async fn a_node_without_others_hears_nothing_of_its_own(mut node: TestNode) {
    if let Some(presence) = &node.realtime.presence {
        let joined = presence.join(device(ALICE, 1, 1), MANY, None).await;
        joined.expect("joined");
    }
    node.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"to a user"));
    node.realtime
        .bus
        .to_others(|| Bytes::from_static(b"to others"));
    node.realtime.close(true).await;
    let event = node.events.recv().await;
    assert_eq!(event, None);
}

async fn a_closed_bus_ends_after_what_was_sent(mut node: TestNode) {
    node.realtime
        .bus
        .to_node(node.realtime.node, Bytes::from_static(b"one"));
    node.realtime.close(true).await;
    node.realtime
        .bus
        .to_node(node.realtime.node, Bytes::from_static(b"late"));
    assert_eq!(
        node.events.recv().await,
        Some(BusEvent::Message(Bytes::from_static(b"one")))
    );
    assert_eq!(node.events.recv().await, None);
}

async fn a_well_node_answers_a_ping(node: TestNode) {
    assert_eq!(node.realtime.ping().await, Ok(()));
}
