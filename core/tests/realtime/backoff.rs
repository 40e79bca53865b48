//! Waits after failures, of one node and of many.
//!
//! Tests sleep where a wait is what they are about: Redis counts by its own clock, which no test sets.

use std::{sync::Arc, time::Duration};

use tebdil_core::{
    realtime::{Backoff, BackoffRule, Denied, Try},
    testing::{RedisPrefix, RedisServer, TestNode},
};

use super::{cluster, counted_as, key};

const HOUR: Duration = Duration::from_hours(1);

/// Three are free, then a minute, two, four, five.
const SLOW: BackoffRule = BackoffRule {
    free: 3,
    first: Duration::from_mins(1),
    most: Duration::from_mins(5),
    forget: HOUR,
};

/// Short enough to wait for.
const QUICK: BackoffRule = BackoffRule {
    free: 1,
    first: Duration::from_millis(60),
    most: Duration::from_millis(240),
    forget: Duration::from_mins(1),
};

tebdil_core::realtime_conformance!(
    free_failures_cost_nothing_and_others_are_not_concerned,
    the_wait_grows,
    what_was_no_failure_is_taken_back,
    a_success_forgets_everything,
    many_at_once_are_no_way_around,
    a_failure_is_forgotten_in_its_time,
    off_lets_everything_through
);

async fn begin(backoff: &Backoff) -> Try {
    backoff.begin(&key("a"), 1).await.expect("let through")
}

async fn fail(backoff: &Backoff, name: &str) -> u32 {
    let taken = backoff.begin(&key(name), 1).await;
    taken.expect("let through").failures
}

async fn wait(backoff: &Backoff, name: &str) -> Duration {
    match backoff.begin(&key(name), 1).await {
        Err(Denied::Wait(wait)) => wait,
        other => panic!("{other:?}"),
    }
}

async fn free_failures_cost_nothing_and_others_are_not_concerned(node: TestNode) {
    let backoff = node.realtime.backoff("test", Some(SLOW));
    for failures in 1..=3 {
        assert_eq!(fail(&backoff, "a").await, failures);
    }
    let first = wait(&backoff, "a").await;
    assert!(
        first > Duration::from_secs(50) && first <= Duration::from_mins(1),
        "{first:?}"
    );
    assert!(
        wait(&backoff, "a").await <= first,
        "who is refused does not wait for longer"
    );
    assert_eq!(fail(&backoff, "b").await, 1);
    assert_eq!(
        fail(&node.realtime.backoff("other", Some(SLOW)), "a").await,
        1
    );
}

async fn the_wait_grows(node: TestNode) {
    let backoff = node.realtime.backoff("test", Some(QUICK));
    for most in [60, 120, 240, 240].map(Duration::from_millis) {
        fail(&backoff, "a").await;
        let told = wait(&backoff, "a").await;
        // A slow machine may have used up some of it.
        assert!(told <= most, "{told:?} of {most:?}");
        tokio::time::sleep(told + Duration::from_millis(2)).await;
    }
    // Slowly enough to tell one wait from the next: 150, 300, 600, 1200.
    let rule = BackoffRule {
        free: 1,
        first: Duration::from_millis(150),
        most: HOUR,
        forget: HOUR,
    };
    let backoff = node.realtime.backoff("slow", Some(rule));
    for _ in 0..3 {
        fail(&backoff, "a").await;
        tokio::time::sleep(wait(&backoff, "a").await + Duration::from_millis(2)).await;
    }
    fail(&backoff, "a").await;
    let told = wait(&backoff, "a").await;
    assert!(
        told > Duration::from_millis(600) && told <= Duration::from_millis(1_200),
        "{told:?}"
    );
}

async fn what_was_no_failure_is_taken_back(node: TestNode) {
    let backoff = node.realtime.backoff("test", Some(SLOW));
    for _ in 0..10 {
        let taken = begin(&backoff).await;
        assert_eq!((taken.failures, taken.is_costly), (1, false));
        backoff.take_back(&key("a"), taken).await;
    }
    // Of three at once two were right, also the one that the next would wait for.
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(begin(&backoff).await);
    }
    assert!(taken[2].is_costly);
    wait(&backoff, "a").await;
    backoff.take_back(&key("a"), taken[2]).await;
    backoff.take_back(&key("a"), taken[0]).await;
    assert_eq!(
        (fail(&backoff, "a").await, fail(&backoff, "a").await),
        (2, 3)
    );
    // The wait of a later one stays.
    backoff.take_back(&key("a"), taken[1]).await;
    wait(&backoff, "a").await;
}

async fn a_success_forgets_everything(node: TestNode) {
    let backoff = node.realtime.backoff("test", Some(SLOW));
    for _ in 0..3 {
        fail(&backoff, "a").await;
    }
    wait(&backoff, "a").await;
    backoff.clear(&key("a")).await;
    assert_eq!(fail(&backoff, "a").await, 1);
}

async fn many_at_once_are_no_way_around(node: TestNode) {
    let backoff = Arc::new(node.realtime.backoff("test", Some(SLOW)));
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let backoff = Arc::clone(&backoff);
        tries.spawn(async move { backoff.begin(&key("a"), 1).await });
    }
    assert_eq!(
        tries
            .join_all()
            .await
            .iter()
            .filter(|outcome| outcome.is_ok())
            .count(),
        3
    );
}

async fn a_failure_is_forgotten_in_its_time(node: TestNode) {
    let rule = BackoffRule {
        free: 100,
        first: HOUR,
        most: HOUR,
        forget: Duration::from_millis(200),
    };
    let backoff = node.realtime.backoff("test", Some(rule));
    for _ in 0..5 {
        fail(&backoff, "a").await;
    }
    tokio::time::sleep(Duration::from_millis(620)).await;
    let left = fail(&backoff, "a").await;
    assert!(
        (1..=3).contains(&left),
        "at least three of six are forgotten: {left}"
    );
}

async fn off_lets_everything_through(node: TestNode) {
    let backoff = node.realtime.backoff("test", None);
    for _ in 0..100 {
        let taken = begin(&backoff).await;
        assert_eq!((taken.failures, taken.is_costly), (0, false));
    }
}

#[tokio::test]
async fn nodes_count_together_and_redis_forgets_by_itself() {
    let Some(([a, b], prefix)) = cluster().await else {
        return;
    };
    let (a, b) = (
        a.realtime.backoff("test", Some(SLOW)),
        b.realtime.backoff("test", Some(SLOW)),
    );
    assert_eq!(
        (
            fail(&a, "k").await,
            fail(&b, "k").await,
            fail(&a, "k").await
        ),
        (1, 2, 3)
    );
    wait(&a, "k").await;
    wait(&b, "k").await;
    let left: i64 = ::redis::cmd("PTTL")
        .arg(counted_as(&prefix, "tries", "k"))
        .query(&mut prefix.connection())
        .expect("an answer");
    assert!(
        (10_790_000..=10_800_000).contains(&left),
        "three failures, an hour each: {left}"
    );
    b.clear(&key("k")).await;
    assert_eq!(fail(&a, "k").await, 1);
}

#[tokio::test]
async fn a_clock_of_redis_that_was_set_back_locks_nobody_out() {
    let Some(([node], prefix)) = cluster().await else {
        return;
    };
    let backoff = node.realtime.backoff("test", Some(SLOW));
    let far = "9000000000000000";
    let () = ::redis::cmd("HSET")
        .arg(counted_as(&prefix, "tries", "k"))
        .arg("failures")
        .arg(5)
        .arg("since")
        .arg(far)
        .arg("open")
        .arg(far)
        .query(&mut prefix.connection())
        .expect("set");
    let told = wait(&backoff, "k").await;
    assert!(told <= SLOW.most, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_nobody_may_try() {
    let Some(server) = RedisServer::start() else {
        return;
    };
    let node = TestNode::connect(&RedisPrefix::at(&server.url()).settings()).await;
    let backoff = node.realtime.backoff("test", Some(SLOW));
    let taken = begin(&backoff).await;
    server.suspend();
    assert_eq!(backoff.begin(&key("a"), 1).await, Err(Denied::Unknown));
    backoff.take_back(&key("a"), taken).await;
    backoff.clear(&key("a")).await;
    server.wake();
}
