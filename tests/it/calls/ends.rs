//! How calls end, and what that means for their match: hanging up, claims, a device that is gone,
//! one call at a time.

use std::time::Duration;

use serde_json::{Value, json};

use super::{agree, meet, offer, pair, state};
use crate::{
    harness::{Reply, TestServer},
    sockets::{Person, eventually},
};

/// The jobs run when the scenario says so.
const SETTINGS: &[(&str, &str)] = &[
    ("TEBDIL_AUTH__ACCESS_TTL_S", "864000"),
    ("TEBDIL_WORKERS__ENABLED", "false"),
];

/// How often absences are looked at.
const LOOK: Duration = Duration::from_secs(5);

scenarios! {
    @with super::SETTINGS;
    who_hangs_up_ends_the_match,
    a_call_that_was_connected_is_completed_and_not_claimed,
    a_call_that_was_never_connected_is_paid_back,
    who_hangs_up_early_does_not_get_the_right_back,
    what_nobody_described_is_not_connected,
    a_call_without_one_of_its_devices_ends,
    a_device_that_comes_back_in_time_goes_on,
    another_device_of_the_user_is_not_the_device_of_the_call,
    a_look_that_was_missed_ends_nothing,
    there_is_one_call_at_a_time,
}

async fn claim(server: &TestServer, person: &Person, id: &str) -> Reply {
    server
        .post("/v1/claims", &person.user.access, &json!({"match_id": id}))
        .await
}

async fn status(server: &TestServer, person: &Person, id: &str) -> Value {
    server
        .get(&format!("/v1/matches/{id}"), &person.user.access)
        .await
        .expect(200)
}

/// Moves the clock to the next look, and looks.
async fn look(server: &TestServer) {
    server.clock.advance(LOOK);
    server.run_due_jobs().await;
}

/// Breaks the connection of a device, and waits until the server knows.
pub async fn gone(server: &TestServer, person: Person) -> crate::harness::TestUser {
    let before = server.connection_count();
    let Person { user, socket } = person;
    drop(socket);
    eventually("the device is gone", async || {
        server.connection_count() < before
    })
    .await;
    // Other nodes hear of it after it left its own.
    let id = user.id.parse().expect("an id");
    eventually("every node knows", async || {
        let whom = (tebdil_protocol::id::UserId(id), None);
        let asked = server.app.hub.online(&[whom]).await;
        asked.is_ok_and(|online| online == [false])
    })
    .await;
    user
}

async fn who_hangs_up_ends_the_match(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    let ended = b.ask(state(&id, "ended")).await;
    assert_eq!(
        (
            &ended["type"],
            &ended["reason"],
            &ended["by"],
            &ended["status"]
        ),
        (
            &json!("match.ended"),
            &json!("hung_up"),
            &json!("self"),
            &json!("cancelled")
        )
    );
    let heard = a.until("match.ended").await;
    assert_eq!(
        (&heard["reason"], &heard["by"]),
        (&json!("hung_up"), &json!("peer"))
    );
    assert_eq!(a.refused(offer(&id)).await, "match_ended");
    let seen = status(&server, &a, &id).await;
    assert_eq!(
        (&seen["status"], &seen["ended_reason"]),
        (&json!("cancelled"), &json!("hung_up"))
    );
    server.stop().await;
}

async fn a_call_that_was_connected_is_completed_and_not_claimed(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    server.clock.advance(Duration::from_secs(2));
    // One side's word: the other may want its right back.
    a.send(state(&id, "connected")).await;
    b.until("rtc.state").await;
    a.send(state(&id, "connected")).await;
    b.until("rtc.state").await;
    server.clock.advance(Duration::from_mins(1));
    for person in [&a, &b] {
        assert_eq!(
            claim(&server, person, &id)
                .await
                .expect_problem(422, "not_eligible")["reason"],
            "connected"
        );
    }
    // Lost later, it was a call all the same.
    b.send(state(&id, "failed")).await;
    a.until("rtc.state").await;
    b.send(state(&id, "ended")).await;
    assert_eq!(a.until("match.ended").await["status"], "completed");
    assert_eq!(
        claim(&server, &a, &id)
            .await
            .expect_problem(422, "not_eligible")["reason"],
        "connected"
    );
    let numbers = crate::http::get(format!("{}/metrics", server.metrics))
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    for number in [
        "tebdil_calls_total{outcome=\"connected\"}",
        "tebdil_call_setup_seconds",
        "tebdil_call_failures_total{phase=\"connected\"}",
    ] {
        assert!(numbers.contains(number), "{number} in {numbers}");
    }
    server.make_admin(&a.user).await;
    let page = server
        .get(
            "/v1/admin/matches?mode=video",
            &server.login(&a.user.phone).await.access,
        )
        .await
        .expect(200);
    assert!(
        page["items"][0]["connected_at"].is_string()
            && page["items"][0]["call_failed_at"].is_string(),
        "{page}"
    );
    server.stop().await;
}

async fn a_call_that_was_never_connected_is_paid_back(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    a.send(state(&id, "failed")).await;
    b.until("rtc.state").await;
    assert_eq!(
        claim(&server, &a, &id)
            .await
            .expect_problem(422, "not_eligible")["reason"],
        "too_early"
    );
    server.clock.advance(Duration::from_mins(1));
    // While the match goes on, which ends with it: else they could connect now, and have the call
    // for nothing.
    claim(&server, &a, &id).await.expect(201);
    for (person, by) in [(&mut a, "self"), (&mut b, "peer")] {
        let ended = person.until("match.ended").await;
        assert_eq!(
            (&ended["reason"], &ended["by"], &ended["status"]),
            (&json!("hung_up"), &json!(by), &json!("cancelled"))
        );
        assert_eq!(person.refused(state(&id, "connected")).await, "match_ended");
    }
    claim(&server, &b, &id).await.expect(201);
    server.clock.advance(Duration::from_mins(1));
    server.run_due_jobs().await;
    assert_eq!(a.until("quota").await["quota"]["video"], 3);
    assert_eq!(
        a.until("notification").await["notification"]["data"]["code"],
        "claim_approved"
    );
    server.stop().await;
}

async fn who_hangs_up_early_does_not_get_the_right_back(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.send(state(&id, "ended")).await;
    b.until("match.ended").await;
    // Who was left may claim at once.
    claim(&server, &b, &id).await.expect(201);
    assert_eq!(
        claim(&server, &a, &id)
            .await
            .expect_problem(422, "not_eligible")["reason"],
        "left_early"
    );
    server.clock.advance(Duration::from_mins(2));
    assert_eq!(
        claim(&server, &a, &id)
            .await
            .expect_problem(422, "not_eligible")["reason"],
        "left_early"
    );
    server.stop().await;
}

async fn what_nobody_described_is_not_connected(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    for person in [&mut a, &mut b] {
        assert_eq!(
            person.refused(state(&id, "connected")).await,
            "signal_refused"
        );
    }
    a.send(offer(&id)).await;
    b.until("rtc.description").await;
    for person in [&mut a, &mut b] {
        assert_eq!(
            person.refused(state(&id, "connected")).await,
            "signal_refused",
            "it was not answered"
        );
    }
    b.hears_no("rtc.state").await;
    server.clock.advance(Duration::from_mins(1));
    claim(&server, &a, &id).await.expect(201);
    server.stop().await;
}

async fn a_call_without_one_of_its_devices_ends(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    let berk = gone(&server, b).await;
    for _ in 0..6 {
        look(&server).await;
        assert_eq!(status(&server, &a, &id).await["status"], "active");
    }
    look(&server).await;
    let ended = a.until("match.ended").await;
    assert_eq!(
        (&ended["reason"], &ended["by"]),
        (&json!("hung_up"), &json!("peer"))
    );
    // Pulling the plug is hanging up.
    let refused = server
        .post("/v1/claims", &berk.access, &json!({"match_id": id}))
        .await;
    assert_eq!(
        refused.expect_problem(422, "not_eligible")["reason"],
        "left_early"
    );
    claim(&server, &a, &id).await.expect(201);
    server.stop().await;
}

async fn a_device_that_comes_back_in_time_goes_on(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    agree(&mut a, &mut b, &id).await;
    for _ in 0..3 {
        let user = gone(&server, b).await;
        while a.until("peer.presence").await["online"] == json!(true) {}
        for _ in 0..5 {
            look(&server).await;
        }
        // At whichever node.
        b = Person {
            socket: crate::sockets::connect_to(server.node_url(0), &user).await,
            user,
        };
        while a.until("peer.presence").await["online"] == json!(false) {}
    }
    for _ in 0..10 {
        look(&server).await;
    }
    // That told the offerer to begin again.
    agree(&mut a, &mut b, &id).await;
    assert_eq!(status(&server, &a, &id).await["status"], "active");
    server.stop().await;
}

async fn another_device_of_the_user_is_not_the_device_of_the_call(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    let tablet = Person::again(&server, &b).await;
    let before = server.connection_count();
    let phone = b.user.clone();
    drop(b.socket);
    eventually("the device is gone", async || {
        server.connection_count() < before
    })
    .await;
    for _ in 0..3 {
        look(&server).await;
    }
    a.hears_no("match.ended").await;
    // The user is online all the time; that the device is back is said nevertheless.
    let mut b = Person {
        socket: crate::sockets::connect(&server, &phone).await,
        user: phone,
    };
    assert_eq!(a.until("peer.presence").await["online"], true);
    agree(&mut a, &mut b, &id).await;
    let before = server.connection_count();
    drop(b.socket);
    eventually("the device is gone", async || {
        server.connection_count() < before
    })
    .await;
    for _ in 0..8 {
        look(&server).await;
    }
    assert_eq!(a.until("match.ended").await["reason"], "hung_up");
    drop(tablet);
    server.stop().await;
}

async fn a_look_that_was_missed_ends_nothing(server: TestServer) {
    let (mut a, b, id) = pair(&server).await;
    gone(&server, b).await;
    for _ in 0..6 {
        look(&server).await;
    }
    // Nobody looked for a while, as while presence does not answer or every node is down: it may
    // have been there.
    server.clock.advance(Duration::from_secs(20));
    for _ in 0..6 {
        look(&server).await;
        assert_eq!(status(&server, &a, &id).await["status"], "active");
    }
    look(&server).await;
    a.until("match.ended").await;
    server.stop().await;
}

async fn there_is_one_call_at_a_time(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    let mut tablet = Person::again_at(&server, server.node_count() - 1, &a).await;
    let find = json!({"type": "match.find", "mode": "video"});
    for device in [&mut a, &mut tablet] {
        assert_eq!(device.refused(find.clone()).await, "too_many_matches");
    }
    // Texts go on beside it.
    tablet.find().await;
    assert_eq!(
        tablet.ask(json!({"type": "match.cancel"})).await["type"],
        "match.cancelled"
    );
    b.send(state(&id, "ended")).await;
    a.until("match.ended").await;
    let mut c = Person::new(&server, "can").await;
    meet(&server, &mut tablet, &mut c).await;
    assert_eq!(a.refused(find).await, "too_many_matches");
    server.stop().await;
}
