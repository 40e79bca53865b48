//! What the relay does not reach: anything but relays of ours.

use std::net::{IpAddr, SocketAddr};

use stun::message::METHOD_CREATE_PERMISSION;
use tebdil_protocol::domain::MatchRole;
use tokio::net::UdpSocket;

use crate::harness::{Received, SILENCE, TestRelay, host, peer};

/// Sends in every way there is, whatever the relay says to the requests before.
async fn try_everything(client: &mut crate::harness::Client, to: SocketAddr, number: u16) {
    client.send(to, b"leak").await;
    client.bind(number, to).await.ok();
    client.send_channel(number, b"leak").await;
}

#[tokio::test]
async fn no_other_address_is_reached() {
    let relay = TestRelay::start().await;
    let [(mut one, _), (_, other_at)] = relay.pair(1).await;
    let mut sockets = Vec::new();
    // Loopback, another host, the relay's own host beside its range, and every address of this
    // machine.
    let mut reachable: Vec<IpAddr> = vec![
        "127.0.0.1".parse().expect("ip"),
        host(),
        relay.ip,
        "::1".parse().expect("ip"),
    ];
    let routed = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    reachable.extend(routed.map(|address| address.ip()));
    for ip in reachable {
        // A machine without IPv6 has no ::1 to reach.
        if let Ok(socket) = UdpSocket::bind((ip, 0)).await {
            sockets.push(socket);
        }
    }
    assert!(sockets.len() >= 3);
    for (number, socket) in (0x4000..).zip(&sockets) {
        let to = socket.local_addr().expect("bound");
        assert_eq!(one.permit(to).await, Err(403), "{to}");
        assert_eq!(one.bind(number, to).await, Err(403), "{to}");
        try_everything(&mut one, to, number).await;
        // The permission for the relay's host, which one has, opens none of its other ports.
        one.send(SocketAddr::new(relay.ip, to.port()), b"leak")
            .await;
    }
    for socket in &sockets {
        let got = tokio::time::timeout(SILENCE, socket.recv_from(&mut [0; 100])).await;
        assert!(got.is_err(), "{got:?} at {:?}", socket.local_addr());
    }
    assert_ne!(other_at.port(), 0);
}

#[tokio::test]
async fn every_kind_of_foreign_address_is_refused() {
    let relay = TestRelay::start().await;
    let (mut client, _) = relay.allocated(1, MatchRole::Offerer).await;
    let [below, above, listening] = [19_999, 20_100, client.relay.port()]
        .map(|port| SocketAddr::new(relay.ip, port).to_string());
    for text in [
        "127.0.0.1:20000",
        "10.0.0.1:20000",
        "172.16.0.1:20000",
        "192.168.1.1:20000",
        "169.254.169.254:80",
        "100.64.0.1:20000",
        "224.0.0.1:20000",
        "239.255.255.250:1900",
        "255.255.255.255:20000",
        "0.0.0.0:20000",
        "192.0.2.1:20000",
        "8.8.8.8:53",
        "[::1]:20000",
        "[::]:20000",
        "[fe80::1]:20000",
        "[fd00::1]:20000",
        "[ff02::1]:20000",
        "[2001:db8::1]:20000",
        "[::ffff:10.0.0.1]:20000",
        &below,
        &above,
        &listening,
    ] {
        let address: SocketAddr = text.parse().expect("an address");
        assert_eq!(client.permit(address).await, Err(403), "{text}");
        assert_eq!(client.bind(0x4000, address).await, Err(403), "{text}");
        // Beside one that is allowed, too: all or nothing.
        let both = vec![peer(SocketAddr::new(relay.ip, 20_001)), peer(address)];
        assert_eq!(
            client.ask(METHOD_CREATE_PERMISSION, both).await.map(drop),
            Err(403),
            "{text}"
        );
    }
    client
        .permit(SocketAddr::new(relay.ip, 20_001))
        .await
        .expect("ours");
    client
        .permit(SocketAddr::new(relay.ip, 0))
        .await
        .expect("ours, without a port");
}

#[tokio::test]
async fn nothing_comes_in_from_elsewhere() {
    let relay = TestRelay::start().await;
    let [(mut one, one_at), (other, other_at)] = relay.bound_pair(1).await;
    // Straight to the allocation's port: from elsewhere, and from the relay's own host, for which
    // there is a permission.
    for ip in ["127.0.0.1".parse().expect("ip"), host(), relay.ip] {
        let stranger = UdpSocket::bind((ip, 0)).await.expect("a socket");
        stranger.send_to(b"guess who", one_at).await.expect("sent");
    }
    // And from a port of the range that belongs to no allocation, as another user of this machine
    // could.
    let free = (20_000..=20_099)
        .find(|port| ![one_at.port(), other_at.port()].contains(port))
        .expect("free");
    let impostor = UdpSocket::bind((relay.ip, free)).await.expect("a socket");
    impostor.send_to(b"guess who", one_at).await.expect("sent");
    other.send_channel(0x4001, b"me").await;
    one.expect(Received::Channel(0x4000, b"me".to_vec())).await;
    one.expect_silence().await;
}

#[tokio::test]
async fn two_permissions_in_one_request_hold() {
    let hosts = [host(), host()];
    let ranges = || {
        tebdil_signaling::RelayRanges::new(
            hosts.map(|ip| crate::harness::range(ip, 20_000..=20_009)),
        )
    };
    let start = |ip: IpAddr| {
        TestRelay::with(move |settings| {
            settings.listen.set_ip(ip);
            settings.range = crate::harness::range(ip, 20_000..=20_009);
            settings.peers = ranges();
        })
    };
    let (north, south) = (start(hosts[0]).await, start(hosts[1]).await);
    let (mut one, one_at) = north.allocated(1, MatchRole::Offerer).await;
    let (mut near, near_at) = north.allocated(1, MatchRole::Answerer).await;
    let (mut far, far_at) = south.allocated(1, MatchRole::Answerer).await;
    one.ask(METHOD_CREATE_PERMISSION, vec![peer(near_at), peer(far_at)])
        .await
        .expect("both");
    near.permit(one_at).await.expect("a permission");
    far.permit(one_at).await.expect("a permission");
    for (client, from) in [(&mut near, near_at), (&mut far, far_at)] {
        client.send(one_at, b"in").await;
        one.expect(Received::Data(from, b"in".to_vec())).await;
    }
}
