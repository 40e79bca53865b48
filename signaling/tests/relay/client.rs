//! The client of the `turn` crate, as in Rust peers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tebdil_protocol::domain::MatchRole;
use tokio::net::UdpSocket;
use turn::client::{Client, ClientConfig};
use webrtc_util::{Conn, vnet::net::Net};

use crate::harness::{PATIENCE, TestRelay};

async fn connected(
    relay: &TestRelay,
    role: MatchRole,
) -> (Client, Arc<dyn Conn + Send + Sync>, SocketAddr) {
    let credential = relay.credential(1, role);
    let config = ClientConfig {
        stun_serv_addr: String::new(),
        turn_serv_addr: relay.relay.address().to_string(),
        username: credential.username,
        password: credential.password.expose().to_owned(),
        realm: String::new(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(UdpSocket::bind("127.0.0.1:0").await.expect("a socket")),
        vnet: Some(Arc::new(Net::new(None))),
    };
    let client = Client::new(config).await.expect("a client");
    client.listen().await.expect("it listens");
    let conn = client.allocate().await.expect("an allocation");
    let address = conn.local_addr().expect("an address");
    (client, Arc::new(conn), address)
}

#[tokio::test]
async fn two_peers_talk() {
    let relay = TestRelay::start().await;
    let (one, one_conn, one_at) = connected(&relay, MatchRole::Offerer).await;
    let (other, other_conn, other_at) = connected(&relay, MatchRole::Answerer).await;
    let mut buffer = [0; 1_500];
    for round in 0..20_u8 {
        // It binds a channel at its first datagram, in the background, so both ways are taken.
        one_conn.send_to(&[round], other_at).await.expect("sent");
        other_conn
            .send_to(&[round, round], one_at)
            .await
            .expect("sent");
        if round > 0 {
            let there = tokio::time::timeout(PATIENCE, other_conn.recv_from(&mut buffer))
                .await
                .expect("in time")
                .expect("received");
            assert_eq!(there.1, one_at);
            let back = tokio::time::timeout(PATIENCE, one_conn.recv_from(&mut buffer))
                .await
                .expect("in time")
                .expect("received");
            assert_eq!(back.1, other_at);
        }
    }
    assert_eq!(relay.relay.sides().len(), 2);
    for (client, conn) in [(one, one_conn), (other, other_conn)] {
        conn.close().await.expect("closed");
        client.close().await.expect("closed");
    }
    let ended = async {
        while !relay.relay.sides().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended)
        .await
        .expect("what is closed is gone");
}
