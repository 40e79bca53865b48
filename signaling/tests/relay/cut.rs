//! A call that is cut is over at once, and stays so.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tebdil_protocol::domain::MatchRole;
use tokio::task::JoinSet;

use crate::harness::{Received, TestRelay};

#[tokio::test]
async fn a_cut_ends_both_directions_within_a_second() {
    let relay = TestRelay::start().await;
    for role in [MatchRole::Offerer, MatchRole::Answerer] {
        let number = if role == MatchRole::Offerer { 1 } else { 2 };
        let [(mut one, one_at), (mut other, other_at)] = relay.bound_pair(number).await;
        one.send_channel(0x4000, b"before").await;
        other
            .expect(Received::Channel(0x4001, b"before".to_vec()))
            .await;
        let begun = Instant::now();
        relay.relay.cut(&relay.side(number, role)).await;
        assert!(begun.elapsed() < Duration::from_secs(1));
        one.send_channel(0x4000, b"after").await;
        one.send(other_at, b"after").await;
        other.send_channel(0x4001, b"after").await;
        other.send(one_at, b"after").await;
        other.expect_silence().await;
        one.expect_silence().await;
        // Its ports are free, and a credential that is valid still is worth nothing.
        let cut = if role == MatchRole::Offerer {
            &mut one
        } else {
            &mut other
        };
        assert_eq!(cut.refresh(600).await, Err(403));
        assert_eq!(cut.permit(one_at).await, Err(403));
        assert_eq!(cut.allocate().await, Err(403));
        let mut anew = relay.client(relay.credential(number, role)).await;
        assert_eq!(anew.allocate().await, Err(403));
        assert!(!relay.relay.sides().contains(&relay.side(number, role)));
        relay.relay.cut(&relay.side(number, role)).await;
    }
    // The other sides hold what they held, and new matches go on.
    assert_eq!(relay.relay.sides().len(), 2);
    relay.pair(3).await;
}

#[tokio::test]
async fn a_side_that_was_cut_before_it_came_gets_nothing() {
    let relay = TestRelay::start().await;
    relay.relay.cut(&relay.side(1, MatchRole::Offerer)).await;
    let mut client = relay.client(relay.credential(1, MatchRole::Offerer)).await;
    // As long as any credential of it may be valid.
    for _ in 0..12 {
        assert_eq!(client.allocate().await, Err(403));
        relay.clock.advance(Duration::from_mins(5));
        client.credential = relay.credential(1, MatchRole::Offerer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_allocation_escapes_a_cut() {
    let relay = Arc::new(TestRelay::start().await);
    for round in 1..=30 {
        let mut clients = JoinSet::new();
        for _ in 0..8 {
            let mut client = relay
                .client(relay.credential(round, MatchRole::Offerer))
                .await;
            client.greet().await;
            // The client comes back too: another one at its port would hold what it held.
            clients.spawn(async move { (client.allocate().await, client) });
        }
        let cutting = Arc::clone(&relay);
        let mut cut = JoinSet::new();
        cut.spawn(async move {
            tokio::time::sleep(Duration::from_micros(
                100 * u64::try_from(round % 7).expect("small"),
            ))
            .await;
            cutting
                .relay
                .cut(&cutting.side(round, MatchRole::Offerer))
                .await;
        });
        let clients = clients.join_all().await;
        for (got, _) in &clients {
            assert!(got.is_ok() || *got == Err(403), "{got:?}");
        }
        cut.join_all().await;
        assert!(relay.relay.sides().is_empty(), "round {round}");
    }
    // The ports came back: 240 were asked for, there are 100. The kernel has the last ones a moment
    // longer.
    let mut held = Vec::new();
    for number in 100..107 {
        for _ in 0..12 {
            held.push(relay.allocated(number, MatchRole::Offerer).await);
        }
    }
}

#[tokio::test]
async fn cuts_in_a_burst_all_count() {
    let relay = TestRelay::start().await;
    let mut pairs = Vec::new();
    for number in 0..40 {
        pairs.push(relay.bound_pair(number).await);
    }
    let sides: Vec<_> = (0..40)
        .flat_map(|number| {
            [
                relay.side(number, MatchRole::Offerer),
                relay.side(number, MatchRole::Answerer),
            ]
        })
        .collect();
    let begun = Instant::now();
    for side in &sides {
        relay.relay.cut(side).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert!(relay.relay.sides().is_empty());
    for [(one, _), (other, _)] in &mut pairs {
        one.send_channel(0x4000, b"after").await;
        assert_eq!(other.receive(Duration::from_millis(5)).await, None);
    }
}
