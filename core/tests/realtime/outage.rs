//! A Redis that goes away and comes back.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tebdil_core::{
    realtime::{
        BusEvent, Counted, Denied, Rate, Realtime, RealtimeError, RealtimeSettings, Undelivered,
    },
    testing::{RedisPrefix, RedisServer, TestNode},
};

use super::{ALICE, BOB, MANY, device, key, message};

/// Two nodes on a Redis of their own.
async fn on_own_redis() -> Option<(RedisServer, TestNode, TestNode)> {
    let server = RedisServer::start()?;
    let settings = RedisPrefix::at(&server.url()).settings();
    let (a, b) = (
        TestNode::connect(&settings).await,
        TestNode::connect(&settings).await,
    );
    Some((server, a, b))
}

/// Waits until `ping` says what it should.
async fn until_ping(realtime: &Realtime, well: bool) {
    let until = Instant::now() + Duration::from_secs(15);
    while realtime.ping().await.is_ok() != well {
        assert!(
            Instant::now() < until,
            "still {}",
            if well { "not well" } else { "well" }
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Takes events until all of `wanted` came, in whichever order and number. Only those of a recovery
/// may come besides.
async fn gets(node: &mut TestNode, wanted: &[BusEvent]) {
    let mut missing = wanted.to_vec();
    while !missing.is_empty() {
        let event = node.event().await;
        assert!(
            wanted.contains(&event) || matches!(event, BusEvent::Forgotten | BusEvent::Gap),
            "{event:?}"
        );
        missing.retain(|other| *other != event);
    }
}

#[tokio::test]
async fn after_a_restart_both_sides_are_told_and_all_works_again() {
    let Some((mut server, mut a, mut b)) = on_own_redis().await else {
        return;
    };
    b.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    server.kill();
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"lost"));
    a.realtime
        .bus
        .to_user(BOB, || Bytes::from_static(b"lost too"));
    // Nobody waits for long.
    let started = Instant::now();
    assert_eq!(
        a.presence().join(device(BOB, 2, 2), MANY, None).await,
        Err(RealtimeError::Unavailable)
    );
    assert_eq!(
        a.presence().online(&[(ALICE, None)]).await,
        Err(RealtimeError::Unavailable)
    );
    assert_eq!(
        a.realtime
            .lease
            .hold("leader", Duration::from_secs(5), true)
            .await,
        Err(RealtimeError::Unavailable)
    );
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    until_ping(&a.realtime, false).await;

    server.resume();
    let mut seen = Vec::new();
    let mut lost = Vec::new();
    while !(seen.contains(&BusEvent::Gap)
        && seen.contains(&BusEvent::Forgotten)
        && lost.contains(&ALICE)
        && lost.contains(&BOB))
    {
        match a.event().await {
            BusEvent::Undelivered(Undelivered::Users(users)) => lost.extend(users),
            event => seen.push(event),
        }
    }
    assert!(
        seen.iter()
            .all(|event| matches!(event, BusEvent::Gap | BusEvent::Forgotten)),
        "{seen:?}"
    );
    gets(&mut b, &[BusEvent::Gap, BusEvent::Forgotten]).await;
    until_ping(&a.realtime, true).await;
    until_ping(&b.realtime, true).await;
    while b
        .presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .is_err()
    {}
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"found"));
    while b.event().await != message("found") {}
}

#[tokio::test]
async fn a_redis_that_hangs_holds_nobody_up() {
    let Some((server, mut a, mut b)) = on_own_redis().await else {
        return;
    };
    b.presence()
        .join(device(ALICE, 1, 1), MANY, None)
        .await
        .expect("joined");
    server.suspend();
    let started = Instant::now();
    a.realtime
        .bus
        .to_user(ALICE, || Bytes::from_static(b"given up"));
    let joined = a.presence().join(device(BOB, 2, 2), MANY, None).await;
    let rate = Rate {
        burst: 1,
        per_s: 3_600,
    };
    let limiter = |counted| a.realtime.limiter("test", Some(rate), counted);
    let together = limiter(Counted::Together);
    assert_eq!(together.count(&key("k"), 1).await, Ok(()));
    assert!(
        matches!(together.count(&key("k"), 1).await, Err(Denied::Wait(_))),
        "this node counts alone"
    );
    assert_eq!(
        limiter(Counted::Strictly).count(&key("other"), 1).await,
        Err(Denied::Unknown),
        "nobody counts for all"
    );
    let pinged = a.realtime.ping().await;
    let waited = started.elapsed();
    // The batch is given up, and then nothing is queued any more.
    until_ping(&b.realtime, false).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    server.wake();
    assert_eq!(
        (joined, pinged),
        (
            Err(RealtimeError::Unavailable),
            Err(RealtimeError::Unavailable)
        )
    );
    assert!(waited < Duration::from_secs(4), "{waited:?}");

    // What was given up may have been done when Redis woke, but not any more once this node was
    // told.
    gets(
        &mut a,
        &[
            BusEvent::Forgotten,
            BusEvent::Undelivered(Undelivered::Users(vec![ALICE])),
        ],
    )
    .await;
    a.presence().reset().await.expect("taken out");
    until_ping(&a.realtime, true).await;
    until_ping(&b.realtime, true).await;
    for text in ["after", "the end"] {
        a.realtime
            .bus
            .to_node(b.realtime.node, Bytes::from_static(text.as_bytes()));
    }
    b.until(&message("after")).await;
    assert!(
        !b.until(&message("the end"))
            .await
            .contains(&message("given up"))
    );
    assert_eq!(
        b.presence().online(&[(BOB, None)]).await,
        Ok(vec![false]),
        "the join that was given up"
    );
}

#[tokio::test]
async fn a_cut_subscription_is_a_gap_and_presence_is_made_sure_of() {
    let Some((server, mut a, b)) = on_own_redis().await else {
        return;
    };
    let mut connection = ::redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("a connection of the test's own");
    let () = ::redis::cmd("CLIENT")
        .arg("KILL")
        .arg("TYPE")
        .arg("pubsub")
        .query(&mut connection)
        .expect("killed");
    gets(&mut a, &[BusEvent::Gap, BusEvent::Forgotten]).await;
    b.realtime
        .bus
        .to_node(a.realtime.node, Bytes::from_static(b"again"));
    while a.event().await != message("again") {}
    until_ping(&a.realtime, true).await;
}

#[tokio::test]
async fn a_wrong_address_or_password_is_told_without_it() {
    let connect = async |url: &str| {
        let settings = RealtimeSettings {
            redis_url: url.into(),
            prefix: "test:".to_owned(),
        };
        assert!(!format!("{settings:?}").contains("hunter2"));
        let started = Instant::now();
        let error = Realtime::connect(&settings, &mut rand::rng())
            .await
            .expect_err("it is wrong");
        assert!(started.elapsed() < Duration::from_secs(6));
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        error
    };
    assert_eq!(
        connect("redis://:hunter2@127.0.0.1:1").await,
        RealtimeError::Unavailable
    );
    assert!(matches!(
        connect("http://:hunter2@127.0.0.1").await,
        RealtimeError::Refused(_)
    ));
    let Some(server) = RedisServer::start() else {
        return;
    };
    let mut connection = ::redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("a connection");
    let () = ::redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("right")
        .query(&mut connection)
        .expect("set");
    let wrong = server.url().replace("//", "//:hunter2@");
    assert!(matches!(connect(&wrong).await, RealtimeError::Refused(_)));
    TestNode::connect(&RedisPrefix::at(&server.url().replace("//", "//:right@")).settings())
        .await
        .realtime
        .close(true)
        .await;
}
