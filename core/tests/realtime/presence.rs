//! What one node sees of who is connected where.

use tebdil_core::{
    realtime::{BusEvent, Device, Whom, Word},
    testing::TestNode,
};

use super::{ALICE, BOB, MANY, device, events, message, replaced, word_to};

macro_rules! over_redis {
    ($($test:ident),* $(,)?) => {
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(node) = tebdil_core::testing::TestNode::redis().await {
                    super::$test(node).await;
                }
            })*
        }
    };
}

over_redis!(
    who_joined_is_online_until_the_last_device_left,
    a_device_is_present_while_it_is_connected,
    a_session_has_one_connection_in_any_order,
    the_oldest_device_goes_when_there_are_too_many,
    a_device_that_joins_again_keeps_its_place,
    peers_are_told_once_and_only_what_is_true,
    a_user_that_returned_was_gone,
    a_word_that_is_repeated_is_true,
    a_reset_names_the_users_and_tells_nobody,
    stamps_grow,
    nobody_is_asked_for
);

async fn online(node: &TestNode) -> Vec<bool> {
    node.presence()
        .online(&[(ALICE, None), (BOB, None)])
        .await
        .expect("an answer")
}

async fn own_events(node: &mut TestNode) -> Vec<BusEvent> {
    // What Redis brings is on its way until a later message came the same way.
    let witness = device(tebdil_protocol::id::UserId(99), 99, 99);
    let presence = node.presence().clone();
    let last = [tebdil_core::realtime::PresenceUpdate {
        peer: witness.user,
        online: "in".into(),
        offline: "the end".into(),
    }];
    presence.join(witness, MANY, None).await.expect("joined");
    presence
        .announce(witness.user, Word::News, &[])
        .await
        .expect("nobody to tell");
    presence
        .announce(witness.user, Word::Returned, &last)
        .await
        .expect("told");
    let mut events = node.until(&message("in")).await;
    presence.leave(witness).await.expect("left");
    presence
        .announce(witness.user, Word::News, &[])
        .await
        .expect("nobody to tell");
    assert_eq!(events.pop(), Some(message("the end")));
    events
}

async fn join(node: &TestNode, device: Device) {
    node.presence()
        .join(device, MANY, None)
        .await
        .expect("joined");
}

async fn who_joined_is_online_until_the_last_device_left(mut node: TestNode) {
    let (phone, laptop) = (device(ALICE, 1, 1), device(ALICE, 2, 2));
    assert_eq!(online(&node).await, [false, false]);
    let joined = node
        .presence()
        .join(phone, MANY, None)
        .await
        .expect("joined");
    assert!(!joined.elsewhere && !joined.returned);
    let joined = node
        .presence()
        .join(laptop, MANY, None)
        .await
        .expect("joined");
    assert!(!joined.elsewhere && !joined.returned);
    node.presence().leave(phone).await.expect("left");
    assert_eq!(online(&node).await, [true, false]);
    node.presence().leave(phone).await.expect("nothing to do");
    node.presence()
        .leave(device(ALICE, 2, 3))
        .await
        .expect("another connection");
    assert_eq!(online(&node).await, [true, false]);
    node.presence().leave(laptop).await.expect("left");
    assert_eq!(online(&node).await, [false, false]);
    assert_eq!(own_events(&mut node).await, []);
}

async fn a_device_is_present_while_it_is_connected(node: TestNode) {
    let presence = node.presence().clone();
    let (phone, laptop) = (device(ALICE, 1, 1), device(ALICE, 2, 2));
    let asked: [Whom; 3] = [
        (ALICE, Some(phone.session)),
        (ALICE, Some(laptop.session)),
        (BOB, Some(phone.session)),
    ];
    let present = async || presence.online(&asked).await.expect("an answer");
    assert_eq!(present().await, [false, false, false]);
    join(&node, phone).await;
    assert_eq!(present().await, [true, false, false]);
    join(&node, laptop).await;
    join(&node, device(ALICE, 1, 3)).await;
    assert_eq!(
        present().await,
        [true, true, false],
        "another connection of the same device"
    );
    presence.leave(phone).await.expect("it was replaced");
    assert_eq!(present().await, [true, true, false]);
    presence.leave(device(ALICE, 1, 3)).await.expect("left");
    assert_eq!(present().await, [false, true, false]);
    presence.leave(laptop).await.expect("left");
}

async fn a_session_has_one_connection_in_any_order(mut node: TestNode) {
    let (old, new) = (device(ALICE, 1, 1), device(ALICE, 1, 2));
    join(&node, old).await;
    let joined = node.presence().join(new, MANY, None).await.expect("joined");
    assert!(joined.returned && !joined.elsewhere);
    node.presence().leave(old).await.expect("it is not there");
    assert_eq!(online(&node).await, [true, false]);
    // With another device, the user was never gone.
    join(&node, device(ALICE, 2, 3)).await;
    let joined = node
        .presence()
        .join(device(ALICE, 1, 4), MANY, None)
        .await
        .expect("joined");
    assert!(!joined.returned);
    // The older one of two, which comes later.
    join(&node, device(ALICE, 1, 3)).await;
    node.presence()
        .leave(device(ALICE, 1, 3))
        .await
        .expect("it is not there");
    assert_eq!(online(&node).await, [true, false]);
    let events = own_events(&mut node).await;
    assert_eq!(events, [], "the node has closed the older ones by itself");
}

async fn the_oldest_device_goes_when_there_are_too_many(mut node: TestNode) {
    for number in 1..=3 {
        node.presence()
            .join(device(ALICE, number, number.unsigned_abs()), 2, None)
            .await
            .expect("joined");
    }
    assert_eq!(own_events(&mut node).await, [replaced(device(ALICE, 1, 1))]);
    // At least one may be there.
    node.presence()
        .join(device(ALICE, 4, 4), 0, None)
        .await
        .expect("joined");
    assert_eq!(
        own_events(&mut node).await,
        [replaced(device(ALICE, 2, 2)), replaced(device(ALICE, 3, 3))]
    );
    node.presence()
        .leave(device(ALICE, 4, 4))
        .await
        .expect("left");
    assert_eq!(online(&node).await, [false, false]);
}

async fn a_device_that_joins_again_keeps_its_place(mut node: TestNode) {
    let (first, second, third) = (
        device(ALICE, 1, 1),
        device(ALICE, 2, 2),
        device(ALICE, 3, 3),
    );
    let presence = node.presence().clone();
    let old = presence.join(first, 2, None).await.expect("joined").stamp;
    let middle = presence.join(second, 2, None).await.expect("joined").stamp;
    presence.reset().await.expect("taken out");
    // The order of joining again does not matter.
    let again = presence
        .join(second, 2, Some(middle))
        .await
        .expect("joined");
    assert!(again.stamp == middle && !again.returned);
    assert_eq!(
        presence
            .join(first, 2, Some(old))
            .await
            .expect("joined")
            .stamp,
        old
    );
    assert_eq!(
        presence
            .join(first, 2, Some(old))
            .await
            .expect("nothing changes")
            .stamp,
        old
    );
    presence.join(third, 2, None).await.expect("joined");
    assert_eq!(own_events(&mut node).await, [replaced(first)]);

    // One of the same session that came later stays.
    let newer = device(ALICE, 2, 9);
    presence.reset().await.expect("taken out");
    presence.join(newer, 2, None).await.expect("joined");
    presence
        .join(second, 2, Some(middle))
        .await
        .expect("nothing changes");
    presence.leave(second).await.expect("it is not there");
    assert_eq!(online(&node).await, [true, false]);
    presence.leave(newer).await.expect("left");
    assert_eq!(online(&node).await, [false, false]);
}

async fn peers_are_told_once_and_only_what_is_true(mut node: TestNode) {
    let presence = node.presence().clone();
    let alice = device(ALICE, 1, 1);
    join(&node, device(BOB, 9, 9)).await;
    presence
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("nothing to tell");
    join(&node, alice).await;
    for _ in 0..2 {
        presence
            .announce(ALICE, Word::News, &word_to(BOB))
            .await
            .expect("told");
    }
    assert_eq!(own_events(&mut node).await, [message("online")]);
    presence.leave(alice).await.expect("left");
    for _ in 0..2 {
        presence
            .announce(ALICE, Word::Returned, &word_to(BOB))
            .await
            .expect("told");
    }
    assert_eq!(own_events(&mut node).await, [message("offline")]);
    join(&node, alice).await;
    presence
        .announce(ALICE, Word::Returned, &word_to(BOB))
        .await
        .expect("told");
    assert_eq!(own_events(&mut node).await, [message("online")]);
}

async fn a_user_that_returned_was_gone(mut node: TestNode) {
    let presence = node.presence().clone();
    join(&node, device(BOB, 9, 9)).await;
    join(&node, device(ALICE, 1, 1)).await;
    presence
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("told");
    presence
        .announce(ALICE, Word::Returned, &word_to(BOB))
        .await
        .expect("told");
    assert_eq!(
        own_events(&mut node).await,
        [message("online"), message("offline"), message("online")]
    );
}

async fn a_word_that_is_repeated_is_true(mut node: TestNode) {
    join(&node, device(BOB, 9, 9)).await;
    let again = async |node: &mut TestNode| {
        node.presence()
            .announce(ALICE, Word::Again, &word_to(BOB))
            .await
            .expect("told");
        own_events(node).await
    };
    assert_eq!(again(&mut node).await, [message("offline")], "never seen");
    join(&node, device(ALICE, 1, 1)).await;
    for _ in 0..2 {
        assert_eq!(again(&mut node).await, [message("online")]);
    }
    node.presence()
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("no news");
    node.presence()
        .leave(device(ALICE, 1, 1))
        .await
        .expect("left");
    for _ in 0..2 {
        assert_eq!(again(&mut node).await, [message("offline")]);
    }
    node.presence()
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("no news");
    assert_eq!(own_events(&mut node).await, []);
}

async fn a_reset_names_the_users_and_tells_nobody(mut node: TestNode) {
    let presence = node.presence().clone();
    join(&node, device(ALICE, 1, 1)).await;
    join(&node, device(ALICE, 2, 2)).await;
    join(&node, device(BOB, 9, 9)).await;
    presence
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("told");
    let mut users = presence.reset().await.expect("taken out");
    users.sort_unstable();
    assert_eq!(users, [ALICE, BOB]);
    assert_eq!(presence.reset().await.expect("taken out"), []);
    assert_eq!(online(&node).await, [false, false]);
    // What was said is remembered: who is back is not announced again.
    join(&node, device(BOB, 9, 9)).await;
    join(&node, device(ALICE, 1, 1)).await;
    presence
        .announce(ALICE, Word::News, &word_to(BOB))
        .await
        .expect("nothing to tell");
    let from = node.realtime.clone();
    assert_eq!(own_events(&mut node).await, [message("online")]);
    assert_eq!(events(&mut node, &from).await, []);
}

async fn stamps_grow(node: TestNode) {
    let mut last = None;
    for connection in 0..50 {
        let stamp = node
            .presence()
            .join(device(ALICE, 1, connection), MANY, None)
            .await
            .expect("joined")
            .stamp;
        assert!(last < Some(stamp), "{last:?} {stamp:?}");
        last = Some(stamp);
    }
}

async fn nobody_is_asked_for(node: TestNode) {
    assert_eq!(node.presence().online(&[]).await, Ok(vec![]));
}
