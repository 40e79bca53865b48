//! kill −9 under load: what was accepted arrives once and in order.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tebdil_core::testing::Backend;

use crate::{
    load::{Load, Pair},
    process::ServerProcess,
};

/// Pairs that write to each other, both ways.
const PAIRS: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_and_double_nothing_on_sqlite() {
    kills(Backend::Sqlite, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_and_double_nothing_on_postgresql() {
    kills(Backend::Postgres, 15).await;
}

async fn kills(backend: Backend, kills: u32) {
    // The longest allowance would end in the middle; hashing and limits are not what is tested.
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::meet([&server.url; 2], number).await);
    }
    let load = Load::start(pairs, Duration::ZERO);

    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..kills {
        // A random point of the load; the load is what is killed, not the pause.
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..250))).await;
        server.kill().await;
        server.restart().await;
    }
    let (_, total) = load.finish().await;
    assert!(
        total > usize::try_from(kills).expect("few"),
        "there was a load: {total} messages"
    );
}
