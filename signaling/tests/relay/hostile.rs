//! Whatever is thrown at it, the relay serves on, in the memory it had.

use std::net::SocketAddr;

use proptest::{collection::vec, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use stun::message::{
    METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH,
};
use tebdil_protocol::domain::MatchRole;
use tokio::net::UdpSocket;

use crate::harness::{PATIENCE, Received, TestRelay, host, indication, peer, request, udp};

/// Bytes as they come: noise, and messages of each kind with some bytes changed, cut off or added.
fn garbage(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        prop::sample::select(seeds),
        vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
        vec(any::<u8>(), 0..9),
    )
        .prop_map(|(mut bytes, changes, cut, tail)| {
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            if cut.index(4) == 0 {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes.extend(tail);
            bytes
        });
    prop_oneof![1 => vec(any::<u8>(), 0..200), 1 => vec(any::<u8>(), 1_400..2_000), 6 => changed]
}

#[tokio::test]
async fn garbage_harms_nobody() {
    let relay = TestRelay::start().await;
    let [(mut one, one_at), (mut other, other_at)] = relay.bound_pair(1).await;
    let mut seeds: Vec<Vec<u8>> = vec![request(METHOD_ALLOCATE, vec![udp()]).raw];
    for method in [
        METHOD_ALLOCATE,
        METHOD_CREATE_PERMISSION,
        METHOD_CHANNEL_BIND,
        METHOD_REFRESH,
    ] {
        seeds.push(one.signed(method, vec![peer(other_at)]).raw);
    }
    seeds.push([&[0x40, 0, 0, 9][..], b"some data"].concat());
    seeds.push([&[0x40, 0, 0xff, 0xff][..], b"some data"].concat());
    seeds.push(indication(one_at, b"hello").raw);

    let (strategy, mut runner) = (garbage(seeds), TestRunner::default());
    let stranger = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    for round in 0..4_000_u32 {
        let bytes = strategy.new_tree(&mut runner).expect("a value").current();
        // From somebody unknown, from a client, and at an allocation.
        let _ = stranger.send_to(&bytes, one.relay).await;
        let _ = other.socket.send_to(&bytes, one.relay).await;
        let _ = stranger.send_to(&bytes, one_at).await;
        if round % 200 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    }
    // `other` may have ended itself by a changed byte that made a request of it; `one` said
    // nothing.
    one.refresh(600).await.expect("served");
    let (fresh, fresh_at) = relay.allocated(2, MatchRole::Offerer).await;
    one.permit(fresh_at).await.expect("served");
    fresh.send(one_at, b"no permission for that").await;
    let [(two, two_at), (mut three, three_at)] = relay.pair(3).await;
    two.send(three_at, b"alive").await;
    three
        .expect(Received::Data(two_at, b"alive".to_vec()))
        .await;
    while other
        .receive(std::time::Duration::from_millis(1))
        .await
        .is_some()
    {}
}

#[tokio::test]
async fn one_source_gets_only_so_many_answers() {
    let relay = TestRelay::start().await;
    let begun = std::time::Instant::now();
    let loud = [
        UdpSocket::bind("127.0.0.1:0").await.expect("a socket"),
        UdpSocket::bind("127.0.0.1:0").await.expect("a socket"),
    ];
    let answered = flood(&loud, relay.relay.address(), 3_000).await;
    let most = 400 + 200 * usize::try_from(begun.elapsed().as_secs() + 1).expect("short");
    assert!((300..=most).contains(&answered), "{answered} of {most}");
    // Another address is served, and so is who holds something already.
    let quiet = UdpSocket::bind((host(), 0)).await.expect("a socket");
    quiet
        .send_to(
            &request(METHOD_ALLOCATE, vec![udp()]).raw,
            relay.relay.address(),
        )
        .await
        .expect("sent");
    tokio::time::timeout(PATIENCE, quiet.recv_from(&mut [0; 200]))
        .await
        .expect("in time")
        .expect("an answer");
}

/// Resident memory of this process, bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .expect("a number")
        * 4_096
}

/// Sends a number of unauthenticated Allocates from as many addresses as there are sockets. Returns
/// how many were answered.
async fn flood(sockets: &[UdpSocket], to: SocketAddr, count: usize) -> usize {
    let mut answered = 0;
    let mut message = request(METHOD_ALLOCATE, vec![udp()]).raw;
    for number in 0..count {
        let socket = &sockets[number % sockets.len()];
        // Another transaction.
        message[12..20].copy_from_slice(&number.to_be_bytes());
        socket.send_to(&message, to).await.expect("sent");
        while socket.try_recv(&mut [0; 200]).is_ok() {
            answered += 1;
        }
        if number % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    answered
}

/// Set in a process that runs the flood and nothing else, which would move its memory.
const ALONE: &str = "TEBDIL_TEST_FLOOD_ALONE";

async fn flood_alone() {
    let relay = TestRelay::start().await;
    let mut sockets = Vec::new();
    for number in 0..500_u16 {
        let [high, low] = number.to_be_bytes();
        sockets.push(
            UdpSocket::bind((std::net::Ipv4Addr::new(127, 77, high, low.max(1)), 0))
                .await
                .expect("a socket"),
        );
    }
    let warm = flood(&sockets, relay.relay.address(), 20_000).await;
    let before = resident();
    let answered = flood(&sockets, relay.relay.address(), 300_000).await;
    let grown = resident().saturating_sub(before);
    assert!(
        warm > 1_000 && answered > 10_000,
        "the relay did answer: {warm}, {answered}"
    );
    eprintln!("answered {answered}, grown by {grown} bytes");
    assert!(grown < 5 << 20, "grown by {grown} bytes");
    relay.pair(1).await;
}

#[test]
fn unauthenticated_requests_leave_no_trace() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        return runtime.expect("a runtime").block_on(flood_alone());
    }
    let mut child = std::process::Command::new(std::env::current_exe().expect("this binary"));
    let only = [
        "--exact",
        "hostile::unauthenticated_requests_leave_no_trace",
        "--nocapture",
    ];
    let output = child.env(ALONE, "1").args(only).output().expect("it runs");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("grown by"), "{text}");
}
