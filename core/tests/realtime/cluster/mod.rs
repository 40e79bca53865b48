//! What several nodes show.

use std::time::Duration;

use bytes::Bytes;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tebdil_core::{
    realtime::{BusEvent, Presence, Stamp, Word},
    testing::{RedisPrefix, TestNode},
};
use tebdil_protocol::time::Clock;

use super::{ALICE, BOB, MANY, cluster, device, events, message, replaced, word_to};

mod ends;

#[tokio::test]
async fn messages_reach_the_other_nodes_of_a_user_in_order() {
    let Some(([mut a, mut b, mut c], _prefix)) = cluster().await else {
        return;
    };
    // At two nodes; the third has nobody.
    a.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    b.presence()
        .join(device(ALICE, 2, 1), MANY, None)
        .await
        .expect("joined");
    b.presence()
        .join(device(ALICE, 3, 2), MANY, None)
        .await
        .expect("joined");
    for number in 0..1_000 {
        match number % 3 {
            0 => a
                .realtime
                .bus
                .to_user(ALICE, || Bytes::from(number.to_string())),
            1 => a
                .realtime
                .bus
                .to_node(b.realtime.node, Bytes::from(number.to_string())),
            _ => a.realtime.bus.to_others(|| Bytes::from(number.to_string())),
        }
    }
    let expected: Vec<_> = (0..1_000)
        .map(|number| message(&number.to_string()))
        .collect();
    assert_eq!(
        events(&mut b, &a.realtime).await,
        expected,
        "every message once, though two devices are there"
    );
    let to_others: Vec<_> = (0..1_000)
        .filter(|number| number % 3 == 2)
        .map(|number| message(&number.to_string()))
        .collect();
    assert_eq!(events(&mut c, &a.realtime).await, to_others);
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [BusEvent::Elsewhere(ALICE), BusEvent::Elsewhere(ALICE)],
        "nothing of its own"
    );
}

#[tokio::test]
async fn a_message_may_be_large_and_any_bytes() {
    let Some(([a, mut b], _prefix)) = cluster().await else {
        return;
    };
    let large: Bytes = (0..3 * 1024 * 1024_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    a.realtime.bus.to_node(b.realtime.node, large.clone());
    a.realtime.bus.to_node(b.realtime.node, Bytes::new());
    assert_eq!(b.event().await, BusEvent::Message(large));
    assert_eq!(b.event().await, BusEvent::Message(Bytes::new()));
}

#[tokio::test]
async fn nodes_learn_of_a_users_devices_elsewhere() {
    let Some(([mut a, mut b], _prefix)) = cluster().await else {
        return;
    };
    let first = a
        .presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    assert!(!first.elsewhere);
    let second = b
        .presence()
        .join(device(ALICE, 2, 1), MANY, None)
        .await
        .expect("joined");
    assert!(second.elsewhere && !second.returned && second.stamp > first.stamp);
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [BusEvent::Elsewhere(ALICE)]
    );
    // The same session moves over: it is at one node only then.
    let third = b
        .presence()
        .join(device(ALICE, 1, 2), MANY, None)
        .await
        .expect("joined");
    assert!(!third.elsewhere && !third.returned);
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [replaced(device(ALICE, 1, 1)), BusEvent::Elsewhere(ALICE)]
    );
    assert_eq!(events(&mut b, &a.realtime).await, []);
    a.presence()
        .leave(device(ALICE, 1, 1))
        .await
        .expect("it is not there");
    assert_eq!(a.presence().online(&[(ALICE, None)]).await, Ok(vec![true]));
}

#[tokio::test]
async fn a_device_that_comes_back_at_another_node_returned() {
    let Some(([mut a, b], prefix)) = cluster().await else {
        return;
    };
    a.presence()
        .join(device(ALICE, 1, 7), MANY, None)
        .await
        .expect("joined");
    // The numbers of connections are each node's own.
    let joined = b
        .presence()
        .join(device(ALICE, 1, 7), MANY, None)
        .await
        .expect("joined");
    assert!(joined.returned && !joined.elsewhere);
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [replaced(device(ALICE, 1, 7)), BusEvent::Elsewhere(ALICE)]
    );
    a.presence()
        .leave(device(ALICE, 1, 7))
        .await
        .expect("it is the other's");
    assert_eq!(a.presence().online(&[(ALICE, None)]).await, Ok(vec![true]));
    b.presence().leave(device(ALICE, 1, 7)).await.expect("left");
    assert_eq!(
        prefix.keys(),
        [format!("{}nodes", prefix.prefix())],
        "nothing of a user stays who was never announced"
    );
}

#[tokio::test]
async fn the_oldest_device_goes_at_whichever_node_it_is() {
    let Some(([mut a, mut b], _prefix)) = cluster().await else {
        return;
    };
    a.presence()
        .join(device(ALICE, 1, 1), 2, None)
        .await
        .expect("joined");
    b.presence()
        .join(device(ALICE, 2, 1), 2, None)
        .await
        .expect("joined");
    let third = b
        .presence()
        .join(device(ALICE, 3, 2), 2, None)
        .await
        .expect("joined");
    assert!(!third.elsewhere);
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [
            BusEvent::Elsewhere(ALICE),
            replaced(device(ALICE, 1, 1)),
            BusEvent::Elsewhere(ALICE)
        ]
    );
    assert_eq!(events(&mut b, &a.realtime).await, []);
}

#[tokio::test]
async fn nodes_that_join_again_agree_on_the_later_one() {
    let Some(([mut a, mut b], _prefix)) = cluster().await else {
        return;
    };
    let (old, new) = (device(ALICE, 1, 1), device(ALICE, 1, 2));
    let first = a
        .presence()
        .join(old, MANY, None)
        .await
        .expect("joined")
        .stamp;
    let second = b
        .presence()
        .join(new, MANY, None)
        .await
        .expect("joined")
        .stamp;
    assert_eq!(
        events(&mut a, &b.realtime).await,
        [replaced(old), BusEvent::Elsewhere(ALICE)]
    );
    for presence in [a.presence(), b.presence()] {
        presence.reset().await.expect("taken out");
    }
    b.presence()
        .join(new, MANY, Some(second))
        .await
        .expect("joined");
    a.presence()
        .join(old, MANY, Some(first))
        .await
        .expect("replaced at once");
    assert_eq!(events(&mut a, &b.realtime).await, [replaced(old)]);
    assert_eq!(events(&mut b, &a.realtime).await, []);
    b.presence().leave(new).await.expect("left");
    assert_eq!(a.presence().online(&[(ALICE, None)]).await, Ok(vec![false]));
}

#[tokio::test]
async fn a_connection_that_could_not_join_does_not_oust_the_next() {
    let Some(([mut a, mut b], _prefix)) = cluster().await else {
        return;
    };
    let (old, new) = (device(ALICE, 1, 1), device(ALICE, 1, 1));
    // It came while Redis was away; meanwhile its device has gone to another node.
    let then = Stamp::at(Clock::system(0).now() - Duration::from_secs(1));
    b.presence().join(new, MANY, None).await.expect("joined");
    a.presence()
        .join(old, MANY, Some(then))
        .await
        .expect("replaced at once");
    assert_eq!(events(&mut a, &b.realtime).await, [replaced(old)]);
    assert_eq!(events(&mut b, &a.realtime).await, []);
}

#[tokio::test]
async fn who_joined_again_is_announced_to_those_who_looked_meanwhile() {
    let Some(([a, mut b], _prefix)) = cluster().await else {
        return;
    };
    b.presence()
        .join(device(BOB, 2, 1), MANY, None)
        .await
        .expect("joined");
    let stamp = a
        .presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined")
        .stamp;
    a.presence()
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("told");
    assert_eq!(events(&mut b, &a.realtime).await, [message("online")]);
    assert_eq!(a.presence().reset().await, Ok(vec![ALICE]));
    assert_eq!(
        b.presence().online(&[(ALICE, None)]).await,
        Ok(vec![false]),
        "Bob is told so"
    );
    a.presence()
        .join(device(ALICE, 1, 1), MANY, Some(stamp))
        .await
        .expect("joined");
    a.presence()
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("no news");
    assert_eq!(events(&mut b, &a.realtime).await, []);
    a.presence()
        .announce(ALICE, Word::Again, &word_to(BOB))
        .await
        .expect("told");
    assert_eq!(events(&mut b, &a.realtime).await, [message("online")]);
}

/// One step of a connection: it joins and announces, or leaves and announces.
async fn step(presence: &Presence, number: i64, joins: bool) {
    let device = device(ALICE, number, number.unsigned_abs());
    if joins {
        presence.join(device, 100, None).await.expect("joined");
    } else {
        presence.leave(device).await.expect("left");
    }
    presence
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("told");
}

#[test]
fn the_last_word_is_true_whichever_nodes_speak_at_once() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let steps = prop::collection::vec((0..3_i64, any::<bool>()), 1..12);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(steps.clone(), steps), |(left, right)| {
        runtime.block_on(async {
            let Some(([a, b, mut bob], _prefix)) = cluster().await else {
                return;
            };
            bob.presence()
                .join(device(BOB, 9, 9), MANY, None)
                .await
                .expect("joined");
            // Each node does its steps in order; the nodes do theirs at once.
            let of = async |node: &TestNode, offset: i64, steps: &[(i64, bool)]| {
                for (number, joins) in steps {
                    step(node.presence(), offset + number, *joins).await;
                }
            };
            tokio::join!(of(&a, 10, &left), of(&b, 20, &right));
            let online = a
                .presence()
                .online(&[(ALICE, None)])
                .await
                .expect("an answer")[0];
            let heard = events(&mut bob, &a.realtime).await;
            let said = heard.last().map(|word| *word == message("online"));
            assert_eq!(said.unwrap_or(false), online, "{heard:?}");
            assert!(
                heard.windows(2).all(|pair| pair[0] != pair[1]),
                "told twice: {heard:?}"
            );
        });
        Ok(())
    });
    outcome.expect("true");
}

#[tokio::test]
async fn clusters_with_other_prefixes_are_apart() {
    let Some(([a], _prefix)) = cluster().await else {
        return;
    };
    let Some(other) = RedisPrefix::create() else {
        return;
    };
    let mut b = TestNode::connect(&other.settings()).await;
    b.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    assert_eq!(a.presence().online(&[(ALICE, None)]).await, Ok(vec![false]));
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"not for you"));
    a.realtime.bus.to_others(|| Bytes::from_static(b"nor this"));
    a.realtime.close(true).await;
    let from = b.realtime.clone();
    assert_eq!(events(&mut b, &from).await, []);
}
