//! What one address may take, and one network with many of them.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpSocket, task::JoinSet};

use super::{from, login};
use crate::{
    harness::{PASSWORD, TestServer},
    rfc6455::wire::{Frame, TEXT, Wire, frame, host, upgrade},
    sockets::eventually,
};

mod counted {
    use super::super::addresses::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__RULES__REST_ADDRESS__BURST", "4"),
            ("TEBDIL_LIMITS__RULES__REST_ADDRESS__PER_S", "86400"),
        ];
        a_site_with_many_subnets_has_a_bound,
    }
}

mod guessing {
    use super::super::addresses::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"),
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FREE", "2"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FIRST_S", "900"),
            ("TEBDIL_LIMITS__PASSWORDS__ADDRESS__FORGET_S", "86400"),
        ];
        subnets_are_no_way_around_the_delay,
    }
}

mod queue {
    use super::super::addresses::*;

    scenarios! {
        @with &[
            ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"), ("TEBDIL_AUTH__BCRYPT_COST", "8"), ("TEBDIL_AUTH__HASH_QUEUE", "8"),
        ];
        others_sign_in_while_a_site_floods,
    }
}

mod connections {
    use super::super::addresses::*;

    scenarios! {
        @with &[
            ("TEBDIL_LIMITS__ENABLED", "true"), ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("TEBDIL_LIMITS__CONNECTIONS_PER_ADDRESS", "8"),
            ("TEBDIL_LIMITS__UNFINISHED_PER_ADDRESS", "3"),
        ];
        an_address_has_so_many_connections,
        a_client_behind_a_proxy_has_so_many_sockets,
    }
}

async fn a_site_with_many_subnets_has_a_bound(server: TestServer) {
    // A subnet for each request, sixteen of a /56 in a row.
    let ask = async |number: usize, site: &str| {
        let address = format!("{site}:{:x}::1", number % 16 + (number / 16) * 256);
        from(
            &server,
            number,
            &address,
            "",
            Method::GET,
            "/v1/me",
            &Value::Null,
        )
        .await
        .status
        .as_u16()
    };
    let statuses: Vec<u16> = stream::iter(0..400)
        .map(|number| ask(number, "2001:db8:1"))
        .buffer_unordered(4)
        .collect()
        .await;
    let (passed, refused) = (
        statuses.iter().filter(|status| **status == 401).count(),
        statuses.iter().filter(|status| **status == 429).count(),
    );
    // Where Redis takes too long, a node counts one for itself.
    assert!(
        (64..=80).contains(&passed) && passed + refused == 400,
        "{passed}: sixteen times the four of one subnet"
    );
    assert_eq!(ask(0, "2001:db8:2").await, 401, "another site");
    let one_block: Vec<u16> = stream::iter(0..16)
        .then(|number| ask(number, "2001:db8:3"))
        .collect()
        .await;
    assert_eq!(
        one_block.iter().filter(|status| **status == 401).count(),
        16,
        "four times the four of one subnet"
    );
    assert_eq!(ask(16, "2001:db8:3").await, 401, "another /56 of that site");
    assert_eq!(
        ask(0, "2001:db8:3").await,
        429,
        "each of its subnets had one of four, but the /56 has had its sixteen"
    );
    server.stop().await;
}

async fn subnets_are_no_way_around_the_delay(server: TestServer) {
    let user = server.register("ayse").await;
    // Each with a phone and a subnet of its own.
    let guess = async |number: usize| {
        let reply = login(
            &server,
            number,
            &format!("2001:db8:1:{number:x}00::1"),
            &format!("+9053100{number:05}"),
            "yanlis parola",
        )
        .await;
        reply.status.as_u16()
    };
    let statuses: Vec<u16> = stream::iter(0..100)
        .map(guess)
        .buffer_unordered(10)
        .collect()
        .await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        32,
        "sixteen times the two of one address"
    );
    login(&server, 0, "2001:db8:1:ffff::1", &user.phone, PASSWORD)
        .await
        .expect_problem(429, "too_many_attempts");
    login(&server, 1, "2001:db8:2::1", &user.phone, PASSWORD)
        .await
        .expect(200);
    login(&server, 0, "192.0.2.1", &user.phone, PASSWORD)
        .await
        .expect(200);
    server.stop().await;
}

/// The queue has eight places and one thread. A site keeps sixty logins under way all the time,
/// from many addresses; everybody else gets in.
async fn others_sign_in_while_a_site_floods(server: TestServer) {
    let users = [
        server.register("ayse").await,
        server.register("berk").await,
        server.register("can").await,
    ];
    let server = std::sync::Arc::new(server);
    let mut flood = JoinSet::new();
    for number in 0..60_usize {
        let server = std::sync::Arc::clone(&server);
        flood.spawn(async move {
            for turn in 0.. {
                let address = format!("2001:db8:1:{:x}::1", number * 100 + turn % 100);
                let reply =
                    login(&server, number, &address, "+905310000000", "yanlis parola").await;
                assert!(
                    [401, 503].contains(&reply.status.as_u16()),
                    "{}",
                    reply.body
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
    }
    let refused = async || {
        let reply = login(
            &server,
            0,
            "2001:db8:1::1",
            "+905310000000",
            "yanlis parola",
        )
        .await;
        reply.status.as_u16() == 503
    };
    eventually("the queue is full", refused).await;
    let mut slowest = Duration::ZERO;
    for turn in 0..10 {
        let begin = Instant::now();
        let user = &users[turn % users.len()];
        login(
            &server,
            turn,
            &format!("192.0.{turn}.1"),
            &user.phone,
            PASSWORD,
        )
        .await
        .expect(200);
        slowest = slowest.max(begin.elapsed());
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert!(
        flood.try_join_next().is_none(),
        "the flood went on all the time"
    );
    flood.shutdown().await;
    std::sync::Arc::into_inner(server)
        .expect("nobody else has it")
        .stop()
        .await;
}

/// A connection to the first node from this address of this machine; `None` where it was refused at
/// once.
async fn try_connect(server: &TestServer, from: &str) -> Option<Wire> {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(format!("{from}:0").parse().expect("an address"))
        .expect("an address of this machine");
    let node = host(server.node_url(0)).parse().expect("an address");
    match socket.connect(node).await {
        Ok(stream) => Some(stream.into()),
        // The system takes every connection; the server may have reset it before we look.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
        Err(error) => panic!("{error}"),
    }
}

async fn connect(server: &TestServer, from: &str) -> Wire {
    try_connect(server, from).await.expect("it is not refused")
}

async fn is_refused(server: &TestServer, from: &str) -> bool {
    match try_connect(server, from).await {
        Some(mut wire) => wire.is_reset().await,
        None => true,
    }
}

async fn is_served(wire: &mut Wire) -> bool {
    wire.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        && wire.try_head().await.is_some_and(|head| head.status == 200)
}

async fn an_address_has_so_many_connections(server: TestServer) {
    let mut unfinished = Vec::new();
    for _ in 0..3 {
        let mut wire = connect(&server, "127.0.0.7").await;
        wire.say("GET /healthz HTTP/1.1\r\n").await;
        unfinished.push(wire);
    }
    // The server has taken them all when the next is refused.
    eventually("a fourth is refused", async || {
        is_refused(&server, "127.0.0.7").await
    })
    .await;
    assert!(
        is_served(&mut connect(&server, "127.0.0.8").await).await,
        "somebody else"
    );
    assert!(
        is_served(&mut connect(&server, "127.0.0.1").await).await,
        "a trusted proxy"
    );
    for wire in &mut unfinished {
        wire.say("Host: localhost\r\n\r\n").await;
        assert_eq!(wire.head().await.status, 200);
    }
    let mut open = unfinished;
    for _ in 0..5 {
        let mut wire = connect(&server, "127.0.0.7").await;
        assert!(is_served(&mut wire).await, "those are finished now");
        open.push(wire);
    }
    assert!(is_refused(&server, "127.0.0.7").await, "eight are open");
    open.truncate(4);
    eventually("there is room again", async || {
        match try_connect(&server, "127.0.0.7").await {
            Some(mut wire) => is_served(&mut wire).await,
            None => false,
        }
    })
    .await;
    drop(open);
    server.stop().await;
}

/// A socket of this client, as a proxy opens it; the status when it is refused.
async fn socket(server: &TestServer, client: &str) -> Result<Wire, u16> {
    let base = server.node_url(0);
    let mut wire = Wire::connect(base).await;
    wire.say(upgrade(host(base)).replacen(
        "Connection",
        &format!("X-Forwarded-For: {client}\r\nConnection"),
        1,
    ))
    .await;
    match wire.head().await.status {
        101 => Ok(wire),
        refused => Err(refused),
    }
}

async fn a_client_behind_a_proxy_has_so_many_sockets(server: TestServer) {
    // A proxy that names nobody is not counted.
    let mut unnamed = Vec::new();
    for _ in 0..4 {
        unnamed.push(Wire::open(server.node_url(0)).await);
    }
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(socket(&server, "198.51.100.7").await.expect("one of three"));
    }
    assert_eq!(
        socket(&server, "198.51.100.7").await.err(),
        Some(429),
        "three have not said hello"
    );
    drop(
        socket(&server, "198.51.100.8")
            .await
            .expect("somebody else"),
    );
    drop(silent);
    let mut open = Vec::new();
    for number in 0..8 {
        let user = server.register(&format!("kisi{number}")).await;
        let mut wire = loop {
            match socket(&server, "198.51.100.7").await {
                Ok(wire) => break wire,
                // The silent ones are still being taken away.
                Err(status) => assert_eq!((status, number), (429, 0)),
            }
        };
        wire.say(frame(
            TEXT,
            json!({ "type": "hello", "token": user.access })
                .to_string()
                .as_bytes(),
        ))
        .await;
        let Some(Frame { payload, .. }) = wire.next().await else {
            panic!("no answer")
        };
        assert!(payload.starts_with(br#"{"type":"welcome""#));
        open.push(wire);
    }
    assert_eq!(
        socket(&server, "198.51.100.7").await.err(),
        Some(429),
        "eight are open"
    );
    drop((open, unnamed));
    eventually("there is room again", async || {
        socket(&server, "198.51.100.7").await.is_ok()
    })
    .await;
    server.stop().await;
}
