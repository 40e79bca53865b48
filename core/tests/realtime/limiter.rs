//! Limits, of one node and of many.

use std::time::Duration;

use tebdil_core::{
    realtime::{Counted, Denied, Limiter, Rate},
    testing::TestNode,
};

use super::{cluster, counted_as, key};

const RATE: Rate = Rate {
    burst: 3,
    per_s: 3_600,
};

tebdil_core::realtime_conformance!(
    a_key_is_refused_after_its_burst_and_others_are_not,
    a_try_comes_back,
    a_wide_network_has_as_many_times_more,
    what_is_given_back_can_be_used_again,
    a_key_that_is_cleared_is_new,
    everybody_who_counts_counts_alike,
    off_lets_everything_through
);

fn limiter(node: &TestNode, name: &'static str) -> Limiter {
    node.realtime.limiter(name, Some(RATE), Counted::Together)
}

async fn wait(limiter: &Limiter, name: &str) -> Duration {
    match limiter.count(&key(name), 1).await {
        Err(Denied::Wait(wait)) => wait,
        other => panic!("{other:?}"),
    }
}

async fn a_key_is_refused_after_its_burst_and_others_are_not(node: TestNode) {
    let (one, other) = (limiter(&node, "test"), limiter(&node, "other"));
    for _ in 0..3 {
        assert_eq!(one.count(&key("a"), 1).await, Ok(()));
    }
    let first = wait(&one, "a").await;
    assert!(
        first > Duration::from_secs(1_100) && first <= Duration::from_mins(20),
        "{first:?}"
    );
    for _ in 0..1_000 {
        assert!(wait(&one, "a").await <= first, "refusals cost nothing");
    }
    assert_eq!(one.count(&key("b"), 1).await, Ok(()));
    assert_eq!(other.count(&key("a"), 1).await, Ok(()));
}

async fn a_try_comes_back(node: TestNode) {
    let rate = Rate { burst: 4, per_s: 1 };
    let limiter = node.realtime.limiter("test", Some(rate), Counted::Together);
    for _ in 0..4 {
        // In real time: Redis counts by its own clock, which no test sets.
        let _ = limiter.count(&key("a"), 1).await;
    }
    let told = wait(&limiter, "a").await;
    assert!(told <= Duration::from_millis(250), "{told:?}");
    tokio::time::sleep(told + Duration::from_millis(1)).await;
    assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
}

async fn a_wide_network_has_as_many_times_more(node: TestNode) {
    let limiter = limiter(&node, "test");
    for _ in 0..12 {
        assert_eq!(limiter.count(&key("a"), 4).await, Ok(()));
    }
    let refused = limiter.count(&key("a"), 4).await;
    let Err(Denied::Wait(wait)) = refused else {
        panic!("{refused:?}")
    };
    assert!(wait <= Duration::from_mins(5), "{wait:?}");
}

async fn what_is_given_back_can_be_used_again(node: TestNode) {
    let limiter = limiter(&node, "test");
    for _ in 0..10 {
        assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
        limiter.give_back(&key("a")).await;
    }
    // What was never counted cannot be given back.
    limiter.give_back(&key("a")).await;
    for _ in 0..3 {
        assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
    }
    wait(&limiter, "a").await;
    limiter.give_back(&key("a")).await;
    assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
    wait(&limiter, "a").await;
}

async fn a_key_that_is_cleared_is_new(node: TestNode) {
    let limiter = limiter(&node, "test");
    for _ in 0..3 {
        assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
    }
    wait(&limiter, "a").await;
    limiter.clear(&key("a")).await;
    for _ in 0..3 {
        assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
    }
    wait(&limiter, "a").await;
}

async fn everybody_who_counts_counts_alike(node: TestNode) {
    for counted in [Counted::Together, Counted::Strictly, Counted::Here] {
        let limiter = node.realtime.limiter("test", Some(RATE), counted);
        limiter.clear(&key("a")).await;
        for _ in 0..3 {
            assert_eq!(limiter.count(&key("a"), 1).await, Ok(()), "{counted:?}");
        }
        wait(&limiter, "a").await;
        if counted == Counted::Here {
            assert!(limiter.count_here(&key("a")).is_err());
        }
    }
}

async fn off_lets_everything_through(node: TestNode) {
    for counted in [Counted::Together, Counted::Strictly, Counted::Here] {
        let limiter = node.realtime.limiter("test", None, counted);
        for _ in 0..1_000 {
            assert_eq!(limiter.count(&key("a"), 1).await, Ok(()));
            assert_eq!(limiter.count_here(&key("a")), Ok(()));
        }
    }
}

#[tokio::test]
async fn nodes_count_together() {
    let Some(([a, b], prefix)) = cluster().await else {
        return;
    };
    let (a, b) = (limiter(&a, "test"), limiter(&b, "test"));
    for limiter in [&a, &b, &a] {
        assert_eq!(limiter.count(&key("k"), 1).await, Ok(()));
    }
    wait(&a, "k").await;
    wait(&b, "k").await;
    // What Redis keeps ends by itself.
    let left: i64 = ::redis::cmd("PTTL")
        .arg(counted_as(&prefix, "limit", "k"))
        .query(&mut prefix.connection())
        .expect("an answer");
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    b.give_back(&key("k")).await;
    assert_eq!(a.count(&key("k"), 1).await, Ok(()));
}

#[tokio::test]
async fn a_clock_of_redis_that_was_set_back_refuses_for_no_longer() {
    let Some(([node], prefix)) = cluster().await else {
        return;
    };
    let () = ::redis::cmd("SET")
        .arg(counted_as(&prefix, "limit", "k"))
        .arg("9000000000000000")
        .query(&mut prefix.connection())
        .expect("set");
    let told = wait(&limiter(&node, "test"), "k").await;
    assert!(told <= Duration::from_mins(20), "{told:?}");
}
