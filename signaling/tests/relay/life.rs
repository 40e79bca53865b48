//! How a relay starts, counts and ends.

use std::net::{Ipv6Addr, SocketAddr};

use metrics_exporter_prometheus::PrometheusBuilder;
use tebdil_protocol::{domain::MatchRole, time::Clock};
use tebdil_signaling::{Relay, RelayError, RelayRanges, RelaySecret, RelaySettings};

use crate::harness::{NOW, Received, TestRelay, host, range};

fn settings(listen: SocketAddr) -> RelaySettings {
    let own = range(listen.ip(), 20_000..=20_009);
    RelaySettings {
        listen,
        range: own.clone(),
        peers: RelayRanges::new([own]),
        allocations: 12,
        bytes_per_second: 1_000_000,
    }
}

async fn start(settings: RelaySettings) -> Result<Relay, RelayError> {
    Relay::start(
        settings,
        RelaySecret::new("a secret of this test".into()),
        Clock::manual(NOW),
    )
    .await
}

#[tokio::test]
async fn an_address_is_one_relays_until_that_is_closed() {
    let first = start(settings(SocketAddr::new(host(), 0)))
        .await
        .expect("a relay");
    let address = first.address();
    let taken = start(settings(address)).await;
    assert!(
        matches!(&taken, Err(RelayError::Listen(error)) if error.kind() == std::io::ErrorKind::AddrInUse),
        "{taken:?}"
    );
    first.close().await;
    let second = start(settings(address)).await.expect("free again");
    assert_eq!(second.address(), address);
}

#[tokio::test]
async fn one_relay_is_of_one_family() {
    let mut mixed = settings(SocketAddr::new(host(), 0));
    mixed.range.ip = Ipv6Addr::LOCALHOST.into();
    assert!(matches!(start(mixed).await, Err(RelayError::Family)));
}

#[tokio::test]
async fn closing_ends_all_calls() {
    let relay = TestRelay::start().await;
    let [(one, _), (mut other, _)] = relay.bound_pair(1).await;
    relay.relay.close().await;
    one.send_channel(0x4000, b"after").await;
    other.expect_silence().await;
    assert!(relay.relay.sides().is_empty());
}

/// The values of a metric, by the text of its labels.
fn value(text: &str, name: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    line.rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn it_counts_what_it_does() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let numbers = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let relay = TestRelay::start().await;
    let [(mut one, one_at), (mut other, other_at)] = relay.bound_pair(1).await;
    one.send_channel(0x4000, &[1; 500]).await;
    other.expect(Received::Channel(0x4001, vec![1; 500])).await;
    other.send(one_at, &[2; 300]).await;
    one.expect(Received::Channel(0x4000, vec![2; 300])).await;
    let stranger = "127.0.0.1:9".parse().expect("an address");
    assert_eq!(one.permit(stranger).await, Err(403));
    one.send(stranger, b"x").await;
    one.socket
        .send_to(b"garbage", one.relay)
        .await
        .expect("sent");
    one.send_channel(0x5000, b"unbound").await;
    assert_eq!(other.permit(other_at).await, Ok(()), "all above is done");
    let text = numbers.render();
    assert_eq!(value(&text, "tebdil_relay_allocations"), 2, "{text}");
    assert_eq!(value(&text, "tebdil_relay_bytes_total"), 800, "{text}");
    assert_eq!(
        value(&text, "tebdil_relay_refused_total{reason=\"auth\"}"),
        2,
        "{text}"
    );
    assert_eq!(
        value(&text, "tebdil_relay_refused_total{reason=\"peer\"}"),
        1,
        "{text}"
    );
    one.refresh(600)
        .await
        .expect("its socket's reader is through with all of the above");
    let text = numbers.render();
    for reason in ["peer", "malformed", "unknown"] {
        assert_eq!(
            value(
                &text,
                &format!("tebdil_relay_datagrams_dropped_total{{reason=\"{reason}\"}}")
            ),
            1,
            "{text}"
        );
    }
    relay.relay.cut(&relay.side(1, MatchRole::Offerer)).await;
    assert_eq!(one.refresh(600).await, Err(403));
    let text = numbers.render();
    assert_eq!(value(&text, "tebdil_relay_allocations"), 1, "{text}");
    assert_eq!(
        value(&text, "tebdil_relay_refused_total{reason=\"cut\"}"),
        1,
        "{text}"
    );
    assert!(!text.contains("127."), "{text}");
}

#[tokio::test]
async fn ipv6_works_alike() {
    let port = 20_000 + rand::random_range(0..40_000);
    let four = host();
    let own = range(Ipv6Addr::LOCALHOST.into(), port..=port + 9);
    let relay = TestRelay::with(|settings| {
        settings.listen = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 0);
        settings.peers = RelayRanges::new([own.clone(), range(four, 20_000..=20_009)]);
        settings.range = own.clone();
    });
    let relay = relay.await;
    let [(mut one, one_at), (mut other, _)] = relay.bound_pair(1).await;
    one.send_channel(0x4000, b"six").await;
    other
        .expect(Received::Channel(0x4001, b"six".to_vec()))
        .await;
    other.send(one_at, b"six").await;
    one.expect(Received::Channel(0x4000, b"six".to_vec())).await;
    assert_eq!(
        one.permit(SocketAddr::new(four, 20_000)).await,
        Err(443),
        "one of ours, of the other family"
    );
    assert_eq!(
        one.bind(0x4001, SocketAddr::new(four, 20_000)).await,
        Err(443)
    );
}
