//! The same tries, counted by a node that is alone and over Redis, have the same outcomes.
//!
//! Nothing comes back while the tests run: steps are hours. That it comes back in its time, the
//! suites of both show.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tebdil_core::{
    realtime::{BackoffRule, Counted, Denied, Rate},
    testing::TestNode,
};

use super::key;

const STEPS: usize = 2_000;
const KEYS: [&str; 3] = ["a", "b", "c"];
const HOUR: Duration = Duration::from_hours(1);

/// How long who is refused is told to wait, in minutes: the two ask a moment apart.
fn minutes<T>(outcome: Result<T, Denied>) -> Result<T, u64> {
    outcome.map_err(|denied| match denied {
        Denied::Wait(wait) => (wait.as_secs() + 30) / 60,
        Denied::Unknown => panic!("Redis does not answer"),
    })
}

#[tokio::test]
async fn limits_count_alike_here_and_in_redis() {
    let Some(shared) = TestNode::redis().await else {
        return;
    };
    let alone = TestNode::local().await;
    let rate = Rate {
        burst: 4,
        per_s: 14_400,
    };
    let both = [&alone, &shared].map(|node| {
        let realtime = &node.realtime;
        realtime.limiter("test", Some(rate), Counted::Strictly)
    });
    let mut rng = StdRng::seed_from_u64(14);
    let mut refused = 0;
    for step in 0..STEPS {
        let key = key(KEYS[rng.random_range(0..KEYS.len())]);
        match rng.random_range(0..10) {
            0 => {
                for limiter in &both {
                    limiter.clear(&key).await;
                }
            }
            1..4 => {
                for limiter in &both {
                    limiter.give_back(&key).await;
                }
            }
            _ => {
                let here = minutes(both[0].count(&key, 1).await);
                let there = minutes(both[1].count(&key, 1).await);
                assert_eq!(here, there, "step {step}");
                refused += usize::from(here.is_err());
            }
        }
    }
    assert!(refused > STEPS / 100, "{refused} refusals were compared");
}

#[tokio::test]
async fn failures_count_alike_here_and_in_redis() {
    let Some(shared) = TestNode::redis().await else {
        return;
    };
    let alone = TestNode::local().await;
    let rule = BackoffRule {
        free: 4,
        first: HOUR,
        most: 3 * HOUR,
        forget: 24 * HOUR,
    };
    let both = [&alone, &shared].map(|node| node.realtime.backoff("test", Some(rule)));
    let mut rng = StdRng::seed_from_u64(14);
    let (mut taken, mut refused) = (Vec::new(), 0);
    for step in 0..STEPS {
        let name = KEYS[rng.random_range(0..KEYS.len())];
        match rng.random_range(0..20) {
            0 => {
                for backoff in &both {
                    backoff.clear(&key(name)).await;
                }
            }
            1..9 if !taken.is_empty() => {
                let (name, tries) = taken.swap_remove(rng.random_range(0..taken.len()));
                for (backoff, taken) in both.iter().zip(tries) {
                    backoff.take_back(&key(name), taken).await;
                }
            }
            _ => {
                let here = both[0].begin(&key(name), 1).await;
                let there = both[1].begin(&key(name), 1).await;
                if let (Ok(here), Ok(there)) = (here, there) {
                    taken.push((name, [here, there]));
                }
                let [here, there] = [here, there]
                    .map(|begun| minutes(begun.map(|taken| (taken.failures, taken.is_costly))));
                assert_eq!(here, there, "step {step}");
                refused += usize::from(here.is_err());
            }
        }
    }
    assert!(refused > STEPS / 100, "{refused} refusals were compared");
}
