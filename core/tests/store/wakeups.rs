//! Who is away is woken once per match, until it was back.

use tebdil_core::{
    store::{ChatRules, NewMessage, NewReceipt, SideId, SidesToWake},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{EndReason, MessageKind},
    id::{MatchId, MessageId, UserId},
};

use crate::{
    all_at_once,
    matches::{couple, matched, searcher},
    messages::{message, write},
};

tebdil_core::store_conformance! {
    one_wake_up_until_the_receiver_was_back,
    only_content_that_waits_in_a_match_that_goes_on_wakes,
    two_nodes_order_each_wake_up_once_while_people_write,
    the_sides_to_wake_are_found_page_by_page,
    a_position_never_goes_back,
}

async fn pushes(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
        .await[0]
}

async fn say(t: &TestStore, id: MatchId, sender: UserId, count: usize) {
    let messages: Vec<NewMessage> = (0..count).map(|_| message(id, sender, "x")).collect();
    write(t, &messages, &[], t.now()).await;
}

async fn ack(t: &TestStore, match_id: MatchId, user_id: UserId, seq: i64) {
    write(
        t,
        &[],
        &[NewReceipt {
            match_id,
            user_id,
            seq,
            read: false,
        }],
        t.now(),
    )
    .await;
}

async fn one_wake_up_until_the_receiver_was_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let side = [(id, b)];
    let order = async || t.notices().order_wakeups(&side, t.now()).await.unwrap();
    for (round, expected) in [(0, 1), (1, 0), (2, 0)] {
        say(&t, id, a, 10).await;
        assert_eq!(order().await, expected, "round {round}");
    }
    // What the receiver says itself is no sign that it took anything.
    say(&t, id, b, 1).await;
    assert_eq!(order().await, 0);
    ack(&t, id, b, 12).await;
    assert_eq!(order().await, 1, "it was back, took some, and left again");
    assert_eq!(order().await, 0);
    ack(&t, id, b, 12).await;
    assert_eq!(order().await, 0, "as much was known");
    ack(&t, id, b, 30).await;
    assert_eq!(order().await, 0, "nothing waits");
    say(&t, id, a, 1).await;
    assert_eq!(order().await, 1);
    assert_eq!(pushes(&t).await, 3);
    let orders = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push' AND max_attempts > 0 AND dedupe IS NULL";
    assert_eq!(t.numbers(orders).await, [3]);
    let leased = t
        .jobs()
        .lease_jobs("push", 1, std::time::Duration::from_mins(1), t.now())
        .await
        .unwrap()
        .jobs
        .remove(0);
    let payload: serde_json::Value = serde_json::from_slice(&leased.payload).unwrap();
    assert_eq!(
        payload,
        serde_json::json!({"kind": "message", "user_id": b, "match_id": id})
    );
}

async fn only_content_that_waits_in_a_match_that_goes_on_wakes(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, other, a, b) = (
        matched(&t, &a, &b, 1).await,
        matched(&t, &a, &b, 3).await,
        a.0.id,
        b.0.id,
    );
    let order = async |sides: &[SideId]| t.notices().order_wakeups(sides, t.now()).await.unwrap();
    assert_eq!(order(&[]).await, 0);
    assert_eq!(order(&[(id, b)]).await, 0, "nothing was said");
    let handshakes = [0, 1].map(|_| NewMessage {
        kind: MessageKind::Handshake,
        ..message(id, a, "h")
    });
    write(&t, &handshakes, &[], t.now()).await;
    assert_eq!(order(&[(id, b)]).await, 0, "a handshake is no content");
    say(&t, id, a, 1).await;
    assert_eq!(
        order(&[(id, a), (id, UserId(1)), (MatchId(1), b)]).await,
        0,
        "the sender, a stranger, no match"
    );
    assert_eq!(
        order(&[(other, b), (id, b), (id, b)]).await,
        1,
        "asked for twice at once"
    );

    say(&t, other, b, 1).await;
    t.matches()
        .end_match(other, Some(b), EndReason::Left, t.now())
        .await
        .unwrap();
    assert_eq!(order(&[(other, a)]).await, 0, "it is over");
    assert_eq!(pushes(&t).await, 1);
}

async fn two_nodes_order_each_wake_up_once_while_people_write(t: TestStore) {
    let mut sides: Vec<(MatchId, UserId, UserId)> = Vec::new();
    for ticket in 0..10 {
        let (a, b) = (searcher(&t, "kedi").await, searcher(&t, "kopek").await);
        sides.push((matched(&t, &a, &b, 1 + 2 * ticket).await, a.0.id, b.0.id));
    }
    let everything: Vec<NewMessage> = sides
        .iter()
        .map(|(id, a, _)| message(*id, *a, "x"))
        .collect();
    write(&t, &everything, &[], t.now()).await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let ordered = all_at_once((0..20_usize).map(|number| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        // In another order each time: whoever locks in the order of the input would deadlock.
        let mut asked: Vec<SideId> = sides.iter().map(|(id, _, b)| (*id, *b)).collect();
        asked.rotate_left(number % 10);
        if number % 3 == 0 {
            asked.reverse();
        }
        let more: Vec<NewMessage> = everything
            .iter()
            .map(|one| message(one.match_id, one.sender_id, "y"))
            .collect();
        async move {
            // What another holds at this moment is left out.
            store
                .messages()
                .write_chat(&more, &[], &ChatRules::default(), now)
                .await
                .unwrap();
            store.notices().order_wakeups(&asked, now).await.unwrap()
        }
    }))
    .await;
    assert_eq!(ordered.iter().sum::<u64>(), 10);
    assert_eq!(pushes(&t).await, 10);
}

async fn the_sides_to_wake_are_found_page_by_page(t: TestStore) {
    let (a, b) = couple(&t).await;
    let (id, a, b) = (matched(&t, &a, &b, 1).await, a.0.id, b.0.id);
    let nobody = SidesToWake {
        sides: Vec::new(),
        next: None,
    };
    assert_eq!(
        t.notices().sides_to_wake(MessageId(0), 10).await.unwrap(),
        nobody
    );
    say(&t, id, a, 3).await;
    say(&t, id, b, 2).await;
    ack(&t, id, a, 1).await;
    let messages = t.messages().message_history(id, a, None, 10).await.unwrap();
    let page = t.notices().sides_to_wake(MessageId(0), 2).await.unwrap();
    assert_eq!(
        page,
        SidesToWake {
            sides: vec![(id, b)],
            next: Some(messages[1].id)
        },
        "each side once"
    );
    let page = t.notices().sides_to_wake(messages[1].id, 2).await.unwrap();
    assert_eq!(
        page,
        SidesToWake {
            sides: vec![(id, b)],
            next: Some(messages[3].id)
        },
        "the fourth was acknowledged"
    );
    let page = t.notices().sides_to_wake(messages[3].id, 2).await.unwrap();
    assert_eq!(
        page,
        SidesToWake {
            sides: vec![(id, a)],
            next: Some(messages[4].id)
        }
    );
    assert_eq!(
        t.notices().sides_to_wake(messages[4].id, 2).await.unwrap(),
        nobody
    );

    assert_eq!(
        t.notices()
            .order_wakeups(&[(id, b)], t.now())
            .await
            .unwrap(),
        1
    );
    let page = t.notices().sides_to_wake(MessageId(0), 10).await.unwrap();
    assert_eq!(page.sides, [(id, a)], "the other is on its way");
}

async fn a_position_never_goes_back(t: TestStore) {
    assert_eq!(t.notices().position("x").await.unwrap(), 0);
    for (set, then) in [(5, 5), (3, 5), (i64::MAX, i64::MAX), (1, i64::MAX)] {
        t.notices().set_position("x", set).await.unwrap();
        assert_eq!(t.notices().position("x").await.unwrap(), then);
    }
    assert_eq!(
        t.notices().position("y").await.unwrap(),
        0,
        "each for itself"
    );
}
