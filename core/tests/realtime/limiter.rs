use std::time::Duration;

use tebdil_core::{realtime::Denied, testing::TestNode};

use super::cluster;

const HOUR: Duration = Duration::from_hours(1);

tebdil_core::realtime_conformance!(
    a_key_is_refused_after_its_burst_and_others_are_not,
    a_try_comes_back,
    strict_counting_is_the_same_while_all_is_well,
    off_lets_everything_through
);

async fn a_key_is_refused_after_its_burst_and_others_are_not(node: TestNode) {
    let limiter = node.realtime.limiter("test", 3, HOUR);
    for _ in 0..3 {
        assert_eq!(limiter.check(b"a").await, Ok(()));
    }
    let wait = limiter.check(b"a").await.expect_err("the fourth");
    assert!(
        wait > Duration::from_secs(1_100) && wait <= Duration::from_mins(20),
        "{wait:?}"
    );
    assert_eq!(limiter.check(b"b").await, Ok(()));
    assert_eq!(
        node.realtime.limiter("other", 3, HOUR).check(b"a").await,
        Ok(())
    );
}

async fn a_try_comes_back(node: TestNode) {
    let limiter = node.realtime.limiter("test", 1, Duration::from_millis(300));
    assert_eq!(limiter.check(b"a").await, Ok(()));
    let wait = limiter.check(b"a").await.expect_err("too soon");
    assert!(wait <= Duration::from_millis(300), "{wait:?}");
    // In real time: Redis counts by its own clock, which no test sets.
    tokio::time::sleep(wait + Duration::from_millis(1)).await;
    assert_eq!(limiter.check(b"a").await, Ok(()));
}

async fn strict_counting_is_the_same_while_all_is_well(node: TestNode) {
    let limiter = node.realtime.limiter("test", 2, HOUR);
    assert_eq!(
        (
            limiter.check_strictly(b"a").await,
            limiter.check(b"a").await
        ),
        (Ok(()), Ok(()))
    );
    assert!(
        matches!(limiter.check_strictly(b"a").await, Err(Denied::Wait(wait)) if wait > Duration::from_mins(29))
    );
    assert_eq!(
        node.realtime.no_limiter().check_strictly(b"a").await,
        Ok(())
    );
}

async fn off_lets_everything_through(node: TestNode) {
    let limiter = node.realtime.no_limiter();
    for _ in 0..1_000 {
        assert_eq!(limiter.check(b"a").await, Ok(()));
    }
}

#[tokio::test]
async fn nodes_count_together() {
    let Some(([a, b], prefix)) = cluster().await else {
        return;
    };
    let (a, b) = (
        a.realtime.limiter("test", 4, HOUR),
        b.realtime.limiter("test", 4, HOUR),
    );
    for _ in 0..2 {
        assert_eq!((a.check(b"k").await, b.check(b"k").await), (Ok(()), Ok(())));
    }
    assert!(a.check(b"k").await.is_err() && b.check(b"k").await.is_err());
    // What Redis keeps ends by itself. The key is in base64.
    let key = format!("{}limit:test:aw", prefix.prefix());
    let left: i64 = ::redis::cmd("PTTL")
        .arg(&key)
        .query(&mut prefix.connection())
        .expect("an answer");
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
}
