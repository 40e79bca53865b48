//! One node loses Redis, in every way a line can fail, and gets it back.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_protocol::CloseCode;
use tokio::time::Instant;

use super::{Site, hears_last, within, words_by_now};
use crate::{
    chaos::{ChaosProxy, Mode, Side},
    load::{Load, Pair},
    services::PrivateRedis,
    sockets::{Person, message},
};

/// The node behind the broken line; node 0 is well.
const CUT_OFF: usize = 1;

/// In which readiness follows.
const NOTICED: Duration = Duration::from_secs(5);

/// How long a line stays broken at least.
const BROKEN: Duration = Duration::from_secs(4);

/// In which a revoked session loses its socket; a second in good times.
const REVOKED: Duration = Duration::from_secs(4);

/// In which everything is well again.
const HEALED: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_line_to_redis_is_reset_goes_on() {
    cut_off(Mode::Refuse, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_line_to_redis_swallows_everything_goes_on() {
    cut_off(Mode::Blackhole, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_redis_does_not_hear_goes_on() {
    cut_off(Mode::HalfOpen(Side::Client), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_hear_redis_goes_on() {
    cut_off(Mode::HalfOpen(Side::Server), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_line_to_redis_is_slow_goes_on() {
    cut_off(Mode::Delay(Duration::from_millis(300)), false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_line_to_redis_is_far_too_slow_goes_on() {
    cut_off(Mode::Delay(Duration::from_secs(2)), true).await;
}

async fn who_waited_is_found(site: &Site, searcher: &mut Person) {
    let mut newcomer = site.person(0).await;
    let found = async {
        loop {
            let answer = newcomer
                .ask(json!({"type": "match.find", "mode": "text"}))
                .await;
            if answer["type"] == "match.searching" {
                break newcomer.found().await;
            }
            assert_eq!(answer["code"], "unavailable", "{answer}");
            tokio::time::sleep(Duration::from_millis(
                answer["retry_after_ms"].as_u64().expect("says when"),
            ))
            .await;
        }
    };
    let found = tokio::time::timeout(HEALED, found)
        .await
        .expect("matched in time");
    assert_eq!(searcher.found().await, found);
}

async fn the_last_words_are_true(
    sides: &[crate::load::Side],
    speaks: &mut Person,
    listens: &mut Person,
    near: &mut Person,
    left: &mut Person,
) {
    for side in sides {
        assert!(
            side.presence.last().is_none_or(|(_, online)| *online),
            "{:?} was told last: {:?}",
            side.place,
            side.presence
        );
    }
    for (person, name) in [(speaks, "speaks"), (listens, "listens")] {
        assert!(
            words_by_now(person)
                .await
                .last()
                .is_none_or(|online| *online),
            "{name}: both were there all the time"
        );
    }
    for person in [near, left] {
        assert!(
            words_by_now(person)
                .await
                .last()
                .is_none_or(|online| !online),
            "nobody came back"
        );
    }
}

/// With `unready`, the node has to say that it is not ready.
async fn cut_off(mode: Mode, unready: bool) {
    let Some(redis) = PrivateRedis::start().await else {
        return;
    };
    let mut line = ChaosProxy::start(redis.port()).await;
    let ports = [redis.port(), line.port()];
    let Some(site) = Site::around(redis, &ports).await else {
        return;
    };
    let pairs = [
        Pair::meet([site.at(CUT_OFF); 2], 0).await,
        Pair::meet([site.at(0), site.at(CUT_OFF)], 1).await,
        Pair::meet([site.at(CUT_OFF), site.at(0)], 2).await,
    ];
    let (mut speaks, mut listens, talk) = site.pair([CUT_OFF, 0]).await;
    let (mut near, far, _) = site.pair([CUT_OFF, 0]).await;
    let (lost, mut left, _) = site.pair([CUT_OFF, 0]).await;
    let mut guest = site.person(CUT_OFF).await;
    let mut searcher = site.person(CUT_OFF).await;
    searcher.find().await;
    let load = Load::start(pairs, Duration::from_millis(200));
    for pair in 0..3 {
        load.goes_on(pair, 10).await;
    }

    line.set(mode).await;
    let broken = Instant::now();
    // Of these two each other's node cannot be told.
    drop((far, lost));
    let (unready_after, closed_after, answered_after) = tokio::join!(
        async {
            if !unready {
                return Duration::ZERO;
            }
            within(NOTICED, "the node says that it is cut off", async || {
                site.reaches_redis(CUT_OFF).await == Some(false)
            })
            .await
        },
        revoked(&site, &mut guest, broken),
        sent(&mut speaks, &talk),
    );
    load.goes_on(0, 20).await;
    tokio::time::sleep_until(broken + BROKEN).await;
    load.goes_on(0, 20).await;
    assert_eq!(
        site.reaches_redis(0).await,
        Some(true),
        "only one node is cut off"
    );
    if unready {
        // Nobody waits for ever to be told that it cannot be done.
        let refused = site
            .person(CUT_OFF)
            .await
            .ask(json!({"type": "match.find", "mode": "text"}))
            .await;
        assert_eq!(refused["code"], "unavailable", "{refused}");
        assert!(refused["retry_after_ms"].is_u64(), "{refused}");
    }

    line.set(Mode::Pass).await;
    let ready_after = within(HEALED, "the node is ready again", async || {
        site.reaches_redis(CUT_OFF).await == Some(true)
    })
    .await;
    assert_eq!(listens.until("message.new").await["seq"], 1);
    for pair in 0..3 {
        load.goes_on(pair, 20).await;
    }
    // The last word on everybody is the truth.
    for person in [&mut near, &mut left] {
        hears_last(person, false, HEALED).await;
    }
    // Who waited through all of it is found.
    who_waited_is_found(&site, &mut searcher).await;

    let (sides, total) = load.finish().await;
    the_last_words_are_true(&sides, &mut speaks, &mut listens, &mut near, &mut left).await;
    eprintln!(
        "{mode:?} under {total} messages: not ready after {unready_after:?}, a revoked session closed after {closed_after:?}, \
         a message to the other node answered after {answered_after:?}, ready again after {ready_after:?}"
    );
}

/// Ends a session at the node that is well; how long its socket lived on at the other.
async fn revoked(site: &Site, guest: &mut Person, broken: Instant) -> Duration {
    // Long enough for the node to be deaf, short enough for it not to know.
    tokio::time::sleep_until(broken + Duration::from_millis(500)).await;
    let began = Instant::now();
    site.call(
        site.at(0),
        Method::POST,
        "/v1/auth/logout",
        &guest.user.access,
        &Value::Null,
    )
    .await;
    let closed = tokio::time::timeout(HEALED, guest.socket.recv_close_code())
        .await
        .expect("closed in time");
    assert_eq!(closed.expect("a close"), Some(CloseCode::Unauthorized));
    let took = began.elapsed();
    assert!(took < REVOKED, "a revoked session lived on for {took:?}");
    took
}

/// Sends to somebody at the other node; how long the answer took.
async fn sent(speaks: &mut Person, talk: &str) -> Duration {
    let began = Instant::now();
    let answer = tokio::time::timeout(NOTICED, speaks.ask(message(talk, 1, "are you there")))
        .await
        .expect("an answer in time");
    assert_eq!(answer["type"], "message.accepted", "{answer}");
    began.elapsed()
}
