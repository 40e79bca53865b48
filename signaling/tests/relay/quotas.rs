//! How much one side may take.

use std::time::Duration;

use tebdil_protocol::domain::MatchRole;

use crate::harness::{Client, Received, TestRelay};

#[tokio::test]
async fn the_thirteenth_allocation_is_refused() {
    let relay = TestRelay::start().await;
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(relay.allocated(1, MatchRole::Offerer).await.0);
    }
    // A new user name does not make a new side.
    relay.clock.advance(Duration::from_mins(1));
    let mut more = relay.client(relay.credential(1, MatchRole::Offerer)).await;
    assert_eq!(more.allocate().await, Err(486));
    relay.allocated(1, MatchRole::Answerer).await;
    relay.allocated(2, MatchRole::Offerer).await;
    held[0].refresh(0).await.expect("ended");
    more.allocate().await.expect("there is room again");
    assert_eq!(relay.relay.sides().len(), 3);
}

#[tokio::test]
async fn when_no_port_is_free_it_says_so() {
    let relay = TestRelay::with(|settings| settings.range.ports = 20_000..=20_002).await;
    // One that is somebody else's is passed over.
    let foreign = tokio::net::UdpSocket::bind((relay.ip, 20_001))
        .await
        .expect("a socket");
    let (mut one, one_at) = relay.allocated(1, MatchRole::Offerer).await;
    let (_other, other_at) = relay.allocated(2, MatchRole::Offerer).await;
    let mut ports = [one_at.port(), other_at.port()];
    ports.sort_unstable();
    assert_eq!(ports, [20_000, 20_002]);
    let mut late = relay.client(relay.credential(3, MatchRole::Offerer)).await;
    assert_eq!(late.allocate().await, Err(508));
    one.refresh(0).await.expect("ended");
    assert_eq!(late.allocate().await, Ok(one_at));
    drop(foreign);
    relay.allocated(4, MatchRole::Offerer).await;
}

/// Sends so many datagrams of 1,000 bytes, and returns how many arrive.
async fn flood(one: &Client, other: &mut Client, count: u16) -> usize {
    for _ in 0..count {
        one.send_channel(0x4000, &[1; 1_000]).await;
        // The test's own socket has a small buffer.
        tokio::task::yield_now().await;
    }
    let mut arrived = 0;
    while let Some(Received::Channel(..)) = other.receive(Duration::from_millis(300)).await {
        arrived += 1;
    }
    arrived
}

#[tokio::test]
async fn what_a_side_sends_is_limited_over_all_it_holds() {
    let relay = TestRelay::with(|settings| settings.bytes_per_second = 20_000).await;
    let [(mut one, _), (mut other, other_at)] = relay.bound_pair(1).await;
    let first = flood(&one, &mut other, 100).await;
    assert!(
        (20..=24).contains(&first),
        "a second's worth at once: {first}"
    );
    // A second allocation, or the same anew with a later credential, brings no second allowance.
    relay.clock.advance(Duration::from_secs(30));
    let (mut again, again_at) = relay.allocated(1, MatchRole::Offerer).await;
    again.bind(0x4000, other_at).await.expect("a channel");
    other.bind(0x4002, again_at).await.expect("a channel");
    one.refresh(0).await.expect("ended");
    let second = flood(&again, &mut other, 100).await;
    assert!(second <= 14, "{second}");
    // What the other side sends is its own.
    other.send_channel(0x4002, b"mine").await;
    again
        .expect(Received::Channel(0x4000, b"mine".to_vec()))
        .await;
}

#[tokio::test]
async fn channels_of_an_allocation_are_limited() {
    let relay = TestRelay::start().await;
    let (mut one, one_at) = relay.allocated(1, MatchRole::Offerer).await;
    let others = (20_000..=20_099)
        .map(|port| std::net::SocketAddr::new(relay.ip, port))
        .filter(|address| *address != one_at);
    let results: Vec<_> = {
        let mut results = Vec::new();
        for (number, address) in (0x4000..).zip(others.take(65)) {
            results.push(one.bind(number, address).await);
        }
        results
    };
    assert!(results[..64].iter().all(Result::is_ok));
    assert_eq!(results[64], Err(508));
}
