//! Nodes that end, and a Redis that forgets.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use tebdil_core::realtime::{BusEvent, Word};
use tebdil_protocol::id::UserId;

use crate::{ALICE, BOB, MANY, cluster, device, events, message, word_to};

#[tokio::test]
async fn a_node_that_ends_is_gone_at_once() {
    let Some(([a, mut b], prefix)) = cluster().await else {
        return;
    };
    a.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    a.presence()
        .announce(ALICE, Word::News, &[])
        .await
        .expect("said");
    a.realtime
        .bus
        .to_node(b.realtime.node, Bytes::from_static(b"the last message"));
    let started = std::time::Instant::now();
    a.realtime.close(true).await;
    assert_eq!(b.event().await, message("the last message"));
    assert_eq!(
        b.event().await,
        BusEvent::NodeGone {
            node: a.realtime.node,
            sent_all: true
        }
    );
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(b.presence().online(&[(ALICE, None)]).await, Ok(vec![false]));
    b.realtime.close(true).await;
    let left: Vec<_> = prefix.keys();
    assert_eq!(
        left,
        [format!("{}u:{ALICE}", prefix.prefix())],
        "only what was said of a user is left"
    );
    let kept: i64 = ::redis::cmd("TTL")
        .arg(&left[0])
        .query(&mut prefix.connection())
        .expect("an answer");
    assert!((89_000..=90_000).contains(&kept), "{kept}");
}

#[tokio::test]
async fn a_node_that_ends_half_way_says_that_something_is_lost() {
    let Some(([a, mut b], _prefix)) = cluster().await else {
        return;
    };
    a.realtime.close(false).await;
    assert_eq!(
        b.event().await,
        BusEvent::NodeGone {
            node: a.realtime.node,
            sent_all: false
        }
    );
}

#[tokio::test]
async fn the_devices_of_a_dead_node_go_and_each_user_is_orphaned_once() {
    let Some(([a, mut b, mut c], prefix)) = cluster().await else {
        return;
    };
    let users: Vec<_> = (1..=1_200).map(UserId).collect();
    for user in &users {
        a.presence()
            .join(device(*user, 1, 1), MANY, None)
            .await
            .expect("joined");
        a.presence()
            .announce(*user, Word::News, &[])
            .await
            .expect("said");
    }
    // One has another device, one was never announced.
    b.presence()
        .join(device(ALICE, 2, 1), MANY, None)
        .await
        .expect("joined");
    a.presence()
        .join(device(UserId(5_000), 1, 2), MANY, None)
        .await
        .expect("joined");
    let dead = a.realtime.node;
    // As a process that is killed: it says nothing.
    drop(a);
    let gone = BusEvent::NodeGone {
        node: dead,
        sent_all: false,
    };
    let mut told = b.until(&gone).await;
    told.extend(c.until(&gone).await);
    let orphans = told.into_iter().flat_map(|event| match event {
        BusEvent::Orphaned(users) => users,
        other => panic!("{other:?}"),
    });
    let orphans: Vec<_> = orphans.collect();
    assert_eq!(orphans.len(), users.len() - 1, "each once");
    assert_eq!(
        orphans.iter().collect::<HashSet<_>>(),
        users.iter().skip(1).collect()
    );
    let online = b
        .presence()
        .online(&[(ALICE, None), (BOB, None), (UserId(5_000), None)])
        .await;
    assert_eq!(online, Ok(vec![true, false, false]));
    // What was said is still known: they are told to be offline, once.
    c.presence()
        .join(device(UserId(9_000), 1, 1), MANY, None)
        .await
        .expect("joined");
    for _ in 0..2 {
        b.presence()
            .announce(BOB, Word::News, &word_to(UserId(9_000)))
            .await
            .expect("told");
    }
    assert_eq!(events(&mut c, &b.realtime).await, [message("offline")]);
    assert!(
        !prefix
            .keys()
            .contains(&format!("{}n:{dead}", prefix.prefix()))
    );
}

#[tokio::test]
async fn an_emptied_redis_is_filled_again_and_nobody_is_gone() {
    let Some(([mut a, mut b], prefix)) = cluster().await else {
        return;
    };
    let stamp = a
        .presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined")
        .stamp;
    prefix.flush();
    assert_eq!(a.until(&BusEvent::Forgotten).await, []);
    assert_eq!(b.until(&BusEvent::Forgotten).await, []);
    assert_eq!(a.presence().reset().await.expect("nothing is there"), []);
    a.presence()
        .join(device(ALICE, 1, 1), MANY, Some(stamp))
        .await
        .expect("joined");
    b.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"hello"));
    assert_eq!(a.event().await, message("hello"));
    // Longer than a node must be silent to be dead: nobody is.
    let quiet = tokio::time::timeout(Duration::from_secs(7), a.events.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    assert_eq!(b.events.try_recv(), None);
}

#[tokio::test]
async fn what_nobody_can_receive_after_a_flush_is_undelivered() {
    let Some(([mut a, b], prefix)) = cluster().await else {
        return;
    };
    b.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    prefix.flush();
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"lost"));
    let told = a
        .until(&BusEvent::Undelivered(
            tebdil_core::realtime::Undelivered::Users(vec![ALICE]),
        ))
        .await;
    assert!(
        told.iter().all(|event| *event == BusEvent::Forgotten),
        "{told:?}"
    );
}

#[tokio::test]
async fn a_join_that_fails_in_an_outage_is_asked_for_again() {
    let Some(([mut a, _b], prefix)) = cluster().await else {
        return;
    };
    prefix.flush();
    a.until(&BusEvent::Forgotten).await;
    // Right after that, when it is too early to ask again, and with an outage that ends soon.
    let user = format!("{}u:{}", prefix.prefix(), ALICE.0);
    let run = |command: &str, more: &[&str]| {
        let mut command = redis::cmd(command);
        let command = command.arg(&user).arg(more);
        let () = command.query(&mut prefix.connection()).expect("done");
    };
    run("SET", &["no hash"]);
    let joined = a.presence().join(device(ALICE, 1, 1), MANY, None).await;
    joined.expect_err("no hash");
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"hello"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    run("DEL", &[]);
    a.until(&BusEvent::Forgotten).await;
}
