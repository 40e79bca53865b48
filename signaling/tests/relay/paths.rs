//! Data gets to the other side, whichever way it goes.

use tebdil_protocol::domain::MatchRole;
use tebdil_signaling::RelayRanges;

use crate::harness::{Received, TestRelay, host, range};

#[tokio::test]
async fn indications_and_channels_lead_to_the_other_side() {
    let relay = TestRelay::start().await;
    let [(mut one, one_at), (mut other, other_at)] = relay.pair(1).await;
    one.send(other_at, b"as an indication").await;
    other
        .expect(Received::Data(one_at, b"as an indication".to_vec()))
        .await;

    // One end has a channel and the other has none, then both have.
    one.bind(0x4000, other_at).await.expect("a channel");
    one.send_channel(0x4000, b"there").await;
    other
        .expect(Received::Data(one_at, b"there".to_vec()))
        .await;
    other.send(one_at, b"back").await;
    one.expect(Received::Channel(0x4000, b"back".to_vec()))
        .await;
    other.bind(0x7fff, one_at).await.expect("a channel");
    for data in [&b"x"[..], b"", b"four", &[7; 1_200]] {
        one.send_channel(0x4000, data).await;
        other.expect(Received::Channel(0x7fff, data.to_vec())).await;
        other.send_channel(0x7fff, data).await;
        one.expect(Received::Channel(0x4000, data.to_vec())).await;
    }
    assert_eq!(relay.relay.sides().len(), 2);
}

#[tokio::test]
async fn without_a_permission_nothing_comes_in() {
    let relay = TestRelay::start().await;
    let (mut one, _) = relay.allocated(1, MatchRole::Offerer).await;
    let (mut other, other_at) = relay.allocated(1, MatchRole::Answerer).await;
    one.permit(other_at).await.expect("a permission");
    // They are at one host, so a permission of this side for that host is what is missing.
    one.send(other_at, b"unasked").await;
    other.expect_silence().await;
}

#[tokio::test]
async fn relays_that_know_each_other_relay_to_each_other() {
    let hosts = [host(), host()];
    let ranges = || RelayRanges::new(hosts.map(|ip| range(ip, 20_000..=20_009)));
    let start = |ip| {
        TestRelay::with(move |settings| {
            settings.listen.set_ip(ip);
            settings.range = range(ip, 20_000..=20_009);
            settings.peers = ranges();
        })
    };
    let (north, south) = (start(hosts[0]).await, start(hosts[1]).await);
    let (mut one, one_at) = north.allocated(1, MatchRole::Offerer).await;
    let (mut other, other_at) = south.allocated(1, MatchRole::Answerer).await;
    one.permit(other_at).await.expect("a permission");
    other.permit(one_at).await.expect("a permission");
    one.send(other_at, b"over there").await;
    other
        .expect(Received::Data(one_at, b"over there".to_vec()))
        .await;
    one.bind(0x4000, other_at).await.expect("a channel");
    other.bind(0x4002, one_at).await.expect("a channel");
    for round in 0..10_u8 {
        one.send_channel(0x4000, &[round]).await;
        other.expect(Received::Channel(0x4002, vec![round])).await;
        other.send_channel(0x4002, &[round, 1]).await;
        one.expect(Received::Channel(0x4000, vec![round, 1])).await;
    }
}

#[tokio::test]
async fn a_relay_that_is_not_known_hears_nothing() {
    let (north, south) = (TestRelay::start().await, TestRelay::start().await);
    let (mut one, one_at) = north.allocated(1, MatchRole::Offerer).await;
    let (mut other, other_at) = south.allocated(1, MatchRole::Answerer).await;
    assert_eq!(one.permit(other_at).await, Err(403));
    assert_eq!(other.permit(one_at).await, Err(403));
    assert_eq!(one.bind(0x4000, other_at).await, Err(403));
    one.send(other_at, b"over there").await;
    other.expect_silence().await;
}

#[tokio::test]
async fn an_allocation_sends_nothing_to_itself() {
    let relay = TestRelay::start().await;
    let (mut one, one_at) = relay.allocated(1, MatchRole::Offerer).await;
    one.permit(one_at)
        .await
        .expect("a permission is for a host");
    one.bind(0x4000, one_at)
        .await
        .expect("and a channel for what could be another's");
    one.send(one_at, b"echo").await;
    one.send_channel(0x4000, b"echo").await;
    one.expect_silence().await;
}
