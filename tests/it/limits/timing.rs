//! A phone that somebody has takes no other time than one that nobody has.

use std::time::{Duration, Instant};

use tebdil_core::testing::Backend;

use super::login;
use crate::harness::TestServer;

/// Pairs of tries in one measurement.
const PAIRS: usize = 40;

/// Measurements of which one must show no difference: another process may disturb one, and nothing
/// makes an unknown phone that is answered without hashing look like a known one.
const MEASUREMENTS: usize = 3;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_and_unknown_phones_take_the_same_time() {
    let settings = [
        // Dear enough to be most of the time, as it is in earnest.
        ("TEBDIL_AUTH__BCRYPT_COST", "7"),
        // Tries are counted, which is part of the time, and none is refused.
        ("TEBDIL_LIMITS__ENABLED", "true"),
        ("TEBDIL_LIMITS__RULES__LOGIN_ADDRESS__BURST", "1000"),
        ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FREE", "1000"),
        ("TEBDIL_LIMITS__PASSWORDS__PHONE__FREE", "1000"),
    ];
    let server = TestServer::start(Backend::Sqlite, &settings)
        .await
        .expect("SQLite is always there");
    let known = server.register("KediAdam").await.phone;
    let time = async |phone: &str| {
        let start = Instant::now();
        login(&server, 0, "192.0.2.1", phone, "yanlis parola")
            .await
            .expect_problem(401, "invalid_credentials");
        start.elapsed()
    };
    let mut seen = Vec::new();
    for _ in 0..MEASUREMENTS {
        let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
        for turn in 0..PAIRS {
            let unknown = server.phone();
            // By turns, so that what slows the machine slows both; and each as often first.
            if turn % 2 == 0 {
                of_known.push(time(&known).await);
                of_unknown.push(time(&unknown).await);
            } else {
                of_unknown.push(time(&unknown).await);
                of_known.push(time(&known).await);
            }
        }
        let (of_known, of_unknown) = (median(of_known), median(of_unknown));
        let ratio = of_unknown.as_secs_f64() / of_known.as_secs_f64();
        seen.push((of_known, of_unknown));
        if (0.7..=1.4).contains(&ratio) {
            return server.stop().await;
        }
    }
    panic!("medians of known and unknown phones: {seen:?}");
}
