//! Who gets something, and for how long.

use std::time::Duration;

use stun::{
    attributes::{ATTR_NONCE, ATTR_REALM, ATTR_USERNAME},
    integrity::MessageIntegrity,
    message::{
        METHOD_ALLOCATE, METHOD_BINDING, METHOD_CHANNEL_BIND, METHOD_CONNECT,
        METHOD_CREATE_PERMISSION, METHOD_DATA, METHOD_REFRESH,
    },
    textattrs::TextAttribute,
};
use tebdil_protocol::{domain::MatchRole, id::MatchId};
use tebdil_signaling::{Credential, RelaySecret};

use crate::harness::{Attributes, Client, Received, SILENCE, TestRelay, code, raw, request, udp};

#[tokio::test]
async fn without_a_credential_there_is_a_challenge_and_nothing_else() {
    let relay = TestRelay::start().await;
    let mut client = relay.client(relay.credential(1, MatchRole::Offerer)).await;
    for method in [
        METHOD_ALLOCATE,
        METHOD_REFRESH,
        METHOD_CREATE_PERMISSION,
        METHOD_CHANNEL_BIND,
    ] {
        let answer = client
            .exchange(&request(method, vec![udp()]))
            .await
            .expect("an answer");
        assert_eq!(code(&answer), 401);
        assert_eq!(
            TextAttribute::get_from_as(&answer, ATTR_REALM)
                .expect("a realm")
                .text,
            "tebdil"
        );
        assert!(answer.raw.len() < 100, "no amplifier: {}", answer.raw.len());
    }
    for method in [METHOD_BINDING, METHOD_CONNECT, METHOD_DATA] {
        client
            .socket
            .send_to(&request(method, vec![]).raw, client.relay)
            .await
            .expect("sent");
    }
    let silent = tokio::time::timeout(SILENCE, client.socket.recv_from(&mut [0; 100])).await;
    assert!(silent.is_err(), "a relay says nobody where they are");
    assert!(relay.relay.sides().is_empty());
}

#[tokio::test]
async fn credentials_that_are_none_are_refused() {
    let relay = TestRelay::start().await;
    let right = relay.credential(1, MatchRole::Offerer);
    let other = RelaySecret::new("another secret".into());
    let named = |username: &str| Credential {
        username: username.to_owned(),
        password: relay.secret.password(username),
    };
    let id = relay.side(1, MatchRole::Offerer);
    let now = relay.clock.now();
    let bad = [
        (
            "wrong password",
            Credential {
                password: "wrong".into(),
                ..right.clone()
            },
        ),
        (
            "another secret",
            other.issue(MatchId(1), MatchRole::Offerer, now, Duration::from_mins(5)),
        ),
        (
            "another's password",
            Credential {
                password: relay.credential(2, MatchRole::Offerer).password,
                ..right.clone()
            },
        ),
        (
            "expired",
            relay.secret.issue(
                MatchId(1),
                MatchRole::Offerer,
                tebdil_protocol::time::Timestamp::from_millis(now.millis() - 301_000),
                Duration::from_mins(5),
            ),
        ),
        (
            "for ever",
            relay
                .secret
                .issue(MatchId(1), MatchRole::Offerer, now, Duration::from_hours(2)),
        ),
        ("no id", named(&format!("{}", now.seconds() + 60))),
        ("no expiry", named(&format!("x:{id}"))),
        (
            "a foreign id",
            named(&format!("{}:kediadam", now.seconds() + 60)),
        ),
    ];
    for (what, credential) in bad {
        let mut client = relay.client(credential).await;
        assert_eq!(client.allocate().await, Err(401), "{what}");
    }
    assert!(relay.relay.sides().is_empty());
    let mut client = relay.client(right).await;
    client.allocate().await.expect("the right one");
}

#[tokio::test]
async fn nonces_are_for_one_address() {
    let relay = TestRelay::start().await;
    let [mut one, mut other] = [
        relay.client(relay.credential(1, MatchRole::Offerer)).await,
        relay.client(relay.credential(1, MatchRole::Offerer)).await,
    ];
    one.greet().await;
    other.nonce = one.nonce.clone();
    assert_eq!(other.allocate().await, Err(438));
    other.nonce = Some("made up".to_owned());
    assert_eq!(other.allocate().await, Err(438));
    one.allocate().await.expect("its own");
}

async fn what_is_not_signed_as_it_should_be_is_bad(client: &mut Client) {
    let key = MessageIntegrity::new_short_term_integrity("x".to_owned());
    let text = |kind, value: &str| Box::new(TextAttribute::new(kind, value.to_owned()));
    let username = client.credential.username.clone();
    let nonce = client.nonce.clone().expect("greeted");
    let lacking: [Attributes; 3] = [
        vec![udp(), Box::new(key.clone())],
        vec![
            udp(),
            text(ATTR_REALM, "tebdil"),
            text(ATTR_NONCE, &nonce),
            Box::new(key.clone()),
        ],
        vec![
            udp(),
            text(ATTR_USERNAME, &username),
            text(ATTR_NONCE, &nonce),
            Box::new(key),
        ],
    ];
    for attributes in lacking {
        let answer = client
            .exchange(&request(METHOD_ALLOCATE, attributes))
            .await
            .expect("an answer");
        assert_eq!(code(&answer), 400);
    }
}

async fn permissions_and_channels_need_what_they_are_for(client: &mut Client) {
    assert_eq!(
        client.ask(METHOD_CREATE_PERMISSION, vec![]).await.map(drop),
        Err(400),
        "no peer"
    );
    assert_eq!(
        client.ask(METHOD_CHANNEL_BIND, vec![]).await.map(drop),
        Err(400),
        "no channel"
    );
    assert_eq!(client.bind(0x3fff, client.relay).await, Err(400));
    assert_eq!(client.bind(0x8000, client.relay).await, Err(400));
}

#[tokio::test]
async fn requests_that_lack_something_are_bad() {
    let relay = TestRelay::start().await;
    let mut client = relay.client(relay.credential(1, MatchRole::Offerer)).await;
    client.greet().await;
    what_is_not_signed_as_it_should_be_is_bad(&mut client).await;
    assert_eq!(
        client.ask(METHOD_ALLOCATE, vec![]).await.map(drop),
        Err(400),
        "no transport"
    );
    assert_eq!(
        client
            .ask(
                METHOD_ALLOCATE,
                vec![raw(
                    stun::attributes::ATTR_REQUESTED_TRANSPORT,
                    [6, 0, 0, 0]
                )]
            )
            .await
            .map(drop),
        Err(442),
        "TCP"
    );
    let family = |family: u8| {
        raw(
            stun::attributes::ATTR_REQUESTED_ADDRESS_FAMILY,
            [family, 0, 0, 0],
        )
    };
    assert_eq!(
        client
            .ask(METHOD_ALLOCATE, vec![udp(), family(2)])
            .await
            .map(drop),
        Err(440),
        "IPv6"
    );
    for kind in [
        stun::attributes::ATTR_EVEN_PORT,
        stun::attributes::ATTR_RESERVATION_TOKEN,
        stun::attributes::ATTR_DONT_FRAGMENT,
    ] {
        assert_eq!(
            client
                .ask(METHOD_ALLOCATE, vec![udp(), raw(kind, [0; 8])])
                .await
                .map(drop),
            Err(420),
            "{kind}"
        );
    }
    for lacking in [
        client.refresh(600).await,
        client.permit("127.0.0.1:5".parse().expect("address")).await,
    ] {
        assert_eq!(lacking, Err(437), "without an allocation");
    }
    client
        .ask(METHOD_ALLOCATE, vec![udp(), family(1)])
        .await
        .expect("IPv4");
    permissions_and_channels_need_what_they_are_for(&mut client).await;
    assert_eq!(
        client.allocate().await,
        Err(437),
        "one address, one allocation"
    );
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again() {
    let relay = TestRelay::start().await;
    let mut client = relay.client(relay.credential(1, MatchRole::Offerer)).await;
    client.greet().await;
    let message = client.signed(METHOD_ALLOCATE, vec![udp()]);
    let first = client.exchange(&message).await.expect("an answer");
    let second = client.exchange(&message).await.expect("an answer");
    assert_eq!((code(&first), first.raw), (0, second.raw));
}

#[tokio::test]
async fn a_call_outlives_its_credential() {
    let relay = TestRelay::start().await;
    let [(mut one, one_at), (mut other, other_at)] = relay.bound_pair(1).await;
    let mut late = relay.client(one.credential.clone()).await;
    for seconds in [240, 360, 3_600, 36_000] {
        relay.clock.advance(Duration::from_secs(seconds));
        one.refresh(600).await.expect("goes on");
        one.permit(other_at).await.expect("goes on");
        one.bind(0x4000, other_at).await.expect("goes on");
        other.refresh(600).await.expect("goes on");
        one.send_channel(0x4000, b"still here").await;
        other
            .expect(Received::Channel(0x4001, b"still here".to_vec()))
            .await;
        other.send_channel(0x4001, b"so am I").await;
        one.expect(Received::Channel(0x4000, b"so am I".to_vec()))
            .await;
        assert_eq!(
            late.allocate().await.is_ok(),
            seconds == 240,
            "at +{seconds} s"
        );
        if seconds == 240 {
            late.refresh(0).await.expect("back to nothing");
        }
    }
    // What is gone does not come back.
    one.refresh(0).await.expect("ended");
    assert_eq!(one.refresh(600).await, Err(401));
    assert_eq!(one.allocate().await, Err(401));
    other.send_channel(0x4001, b"gone?").await;
    one.expect_silence().await;
    assert_ne!(one_at, other_at);
}

#[tokio::test]
async fn what_one_side_holds_no_other_side_touches() {
    let relay = TestRelay::start().await;
    let (mut client, _) = relay.allocated(1, MatchRole::Offerer).await;
    let right = std::mem::replace(
        &mut client.credential,
        relay.credential(2, MatchRole::Offerer),
    );
    assert_eq!(client.refresh(0).await, Err(441));
    assert_eq!(
        client.permit("127.0.0.1:5".parse().expect("address")).await,
        Err(441)
    );
    assert_eq!(client.allocate().await, Err(437));
    // A newer credential of the same side is as good as the first.
    relay.clock.advance(Duration::from_mins(4));
    client.credential = relay.credential(1, MatchRole::Offerer);
    assert_ne!(client.credential, right);
    client.refresh(600).await.expect("its own");
}
