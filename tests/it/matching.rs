//! Who meets whom, and what it costs.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use tebdil_core::{
    store::{NewMatch, NewSide, PairOutcome},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{ErrorCode, domain::Mode, id::TicketId};
use tokio::task::JoinSet;

use crate::{
    harness::TestServer,
    sockets::{Person, eventually, nobody_is_matched, pair},
};

scenarios! {
    ten_matches_a_day_and_ten_more_after_midnight,
    one_account_never_meets_itself,
    a_search_is_cancelled_and_dies_with_its_connection,
    nobody_searches_without_keys,
    blocked_users_do_not_meet_and_stay_findable,
    a_block_ends_every_match_of_the_two,
    both_leave_at_once,
    a_disconnect_while_being_matched_loses_nothing,
    partners_of_the_day_meet_again_last,
    two_hundred_searches_of_the_same_users_keep_the_books,
}

mod patient {
    use super::super::matching::a_thousand_search_at_once;
    scenarios! {
        // Who has arrived reads nothing, pings included, until everybody has.
        @with &[("TEBDIL_WS__HEARTBEAT_S", "60")];
        a_thousand_search_at_once,
    }
}

async fn left(person: &mut Person, id: &str) {
    let answer = person
        .ask(json!({"type": "match.leave", "match_id": id}))
        .await;
    assert_eq!(answer["type"], "match.ended", "{answer}");
}

async fn quota_is_the_ledger(server: &TestServer, person: &Person) -> i64 {
    let id = person.user.id.parse().expect("an id");
    let user = server
        .app
        .store
        .accounts()
        .user(id)
        .await
        .expect("user")
        .expect("is there");
    let sums = server
        .app
        .store
        .economy()
        .ledger_sums(id)
        .await
        .expect("sums");
    assert_eq!(
        (sums.text, sums.video, sums.bonus),
        (user.balances.text, user.balances.video, user.balances.bonus)
    );
    user.balances.text
}

async fn ten_matches_a_day_and_ten_more_after_midnight(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    for number in 0..10 {
        let mut b = Person::new(&server, "berk").await;
        b.find().await;
        a.find().await;
        let found = a.until("match.found").await;
        assert_eq!(found["quota"]["text"], 9 - number);
        left(&mut a, found["match"]["id"].as_str().expect("an id")).await;
    }
    let refused = a.ask(json!({"type": "match.find", "mode": "text"})).await;
    assert_eq!(
        (&refused["code"], &refused["resets_at"]),
        (
            &json!("quota_exhausted"),
            &json!("2026-11-21T21:00:00.000Z")
        ),
        "{refused}"
    );
    assert_eq!(
        server.get("/v1/me/quota", &a.user.access).await.expect(200)["text"],
        0
    );
    assert_eq!(quota_is_the_ledger(&server, &a).await, 0);

    let midnight = "2026-11-21T21:00:00Z".parse().expect("a time");
    server.clock.set(midnight);
    let a = server.login(&a.user.phone).await;
    assert_eq!(
        server.get("/v1/me/quota", &a.access).await.expect(200)["text"],
        10
    );
    let mut a = Person {
        socket: crate::sockets::connect(&server, &a).await,
        user: a,
    };
    server
        .call(
            reqwest::Method::PUT,
            "/v1/keys",
            &a.user.access,
            &json!({"packages": ["AAAA"]}),
        )
        .await
        .expect(200);
    let mut b = Person::new(&server, "berk").await;
    b.find().await;
    a.find().await;
    assert_eq!(a.until("match.found").await["quota"]["text"], 9);
    assert_eq!(quota_is_the_ledger(&server, &a).await, 9);
    server.stop().await;
}

/// Its newer search takes the place of the older one, on whichever device.
async fn one_account_never_meets_itself(server: TestServer) {
    let mut phone = Person::new(&server, "ayse").await;
    let mut tablet = Person::again(&server, &phone).await;
    let first = phone.search(&server).await;
    let second = tablet.search(&server).await;
    phone.hears_of_end(&first, "replaced").await;
    tablet.search(&server).await;
    tablet.hears_of_end(&second, "replaced").await;
    server.clock.advance(Duration::from_mins(5));
    nobody_is_matched(&server, &mut [&mut phone, &mut tablet]).await;

    let mut b = Person::new(&server, "berk").await;
    b.find().await;
    for (device, here) in [(&mut tablet, true), (&mut phone, false)] {
        let found = device.until("match.found").await;
        assert_eq!(found["match"]["this_device"], here);
    }
    assert_eq!(quota_is_the_ledger(&server, &tablet).await, 9);
    server.stop().await;
}

async fn a_search_is_cancelled_and_dies_with_its_connection(server: TestServer) {
    let (mut a, mut b) = (
        Person::new(&server, "ayse").await,
        Person::new(&server, "berk").await,
    );
    let mut tablet = Person::again(&server, &a).await;
    let ticket = a.find_for("text").await;
    let over = a.cancel().await;
    assert_eq!(
        (&over["ticket_id"], &over["reason"]),
        (&ticket, &json!("cancelled"))
    );
    assert_eq!(a.cancel().await.get("ticket_id"), None, "there is none");
    let ticket = a.search(&server).await;
    assert_eq!(tablet.cancel().await.get("ticket_id"), None);
    a.hears_of_end(&ticket, "cancelled").await;
    a.find().await;
    a.reconnect(&server).await;
    eventually(
        "the ticket goes with the socket that opened it",
        async || server.nobody_searches().await,
    )
    .await;
    b.find().await;
    nobody_is_matched(&server, &mut [&mut b]).await;
    a.find().await;
    a.found().await;
    b.found().await;
    server.stop().await;
}

async fn nobody_searches_without_keys(server: TestServer) {
    let user = server.register("ayse").await;
    let mut a = Person {
        socket: crate::sockets::connect(&server, &user).await,
        user,
    };
    assert_eq!(
        a.refused(json!({"type": "match.find", "mode": "text"}))
            .await,
        ErrorCode::KeysRequired.as_str()
    );
    server.stop().await;
}

async fn blocked_users_do_not_meet_and_stay_findable(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    server
        .post("/v1/blocks", &b.user.access, &json!({"match_id": id}))
        .await
        .expect(201);
    let ended = a.until("match.ended").await;
    assert_eq!(
        (&ended["reason"], &ended["by"]),
        (&json!("blocked"), &json!("peer"))
    );
    a.find().await;
    b.find().await;
    // Past every widening step.
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    let (mut c, mut d) = (
        Person::new(&server, "cem").await,
        Person::new(&server, "deniz").await,
    );
    c.find().await;
    d.find().await;
    let mut met = HashMap::new();
    for person in [&mut a, &mut b, &mut c, &mut d] {
        let found = person.until("match.found").await;
        met.insert(
            person.user.id.clone(),
            found["match"]["peer"]["alias"]
                .as_str()
                .expect("an alias")
                .to_owned(),
        );
    }
    for (one, other) in [(&a, "berk"), (&b, "ayse")] {
        assert_ne!(met[&one.user.id], other);
    }
    server.stop().await;
}

async fn a_block_ends_every_match_of_the_two(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    a.find().await;
    b.find().await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    // Whom one is talking to one does not meet anew; a second match can only come from two nodes at
    // once.
    let session = async |person: &Person| {
        let sessions = server
            .get("/v1/me/sessions", &person.user.access)
            .await
            .expect(200);
        sessions["items"][0]["id"]
            .as_str()
            .expect("an id")
            .parse()
            .expect("an id")
    };
    let side = async |person: &Person, ticket| NewSide {
        user_id: person.user.id.parse().expect("an id"),
        ticket_id: TicketId(ticket),
        session_id: session(person).await,
        background: false,
    };
    let second = NewMatch {
        mode: Mode::Text,
        offerer: side(&a, 1).await,
        answerer: side(&b, 2).await,
        shared_interests: Vec::new(),
    };
    let outcome = server
        .app
        .store
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[second],
            &TestStore::match_rules(),
            server.clock.now(),
        )
        .await
        .expect("pairing");
    assert!(matches!(outcome[0], PairOutcome::Made(_)), "{outcome:?}");
    server
        .post("/v1/blocks", &b.user.access, &json!({"match_id": id}))
        .await
        .expect(201);
    for _ in 0..2 {
        assert_eq!(a.until("match.ended").await["reason"], "blocked");
    }
    assert_eq!(
        server
            .get("/v1/matches?status=active", &b.user.access)
            .await
            .expect(200)["items"],
        json!([])
    );
    server.stop().await;
}

async fn both_leave_at_once(server: TestServer) {
    for _ in 0..10 {
        let (mut a, mut b, id) = pair(&server).await;
        let (x, y) = tokio::join!(
            a.ask(json!({"type": "match.leave", "match_id": id})),
            b.ask(json!({"type": "match.leave", "match_id": id})),
        );
        let by = [x["by"].as_str(), y["by"].as_str()];
        assert!(
            by == [Some("self"), Some("peer")] || by == [Some("peer"), Some("self")],
            "one of them ended it: {x} {y}"
        );
        assert_eq!(x["status"], y["status"]);
    }
    server.stop().await;
}

async fn a_disconnect_while_being_matched_loses_nothing(server: TestServer) {
    for _ in 0..10 {
        let (mut a, mut b) = (
            Person::new(&server, "ayse").await,
            Person::new(&server, "berk").await,
        );
        a.find().await;
        b.send(json!({"type": "match.find", "mode": "text"})).await;
        drop(a.socket);
        // Either the match was made, then both have it; or the ticket went, then b waits.
        let user = a.user.id.parse().expect("an id");
        eventually("a has left", async || !server.is_online(user)).await;
        let mut a = Person {
            socket: crate::sockets::connect(&server, &a.user).await,
            user: a.user,
        };
        let active = server
            .get("/v1/matches?status=active", &a.user.access)
            .await
            .expect(200)["items"]
            .as_array()
            .expect("a list")
            .len();
        if active == 0 {
            // The match may still be made now: its announcement may come before the answer.
            a.send(json!({"type": "match.find", "mode": "text"})).await;
        }
        let id = a.found().await;
        assert_eq!(b.found().await, id);
        left(&mut a, &id).await;
        assert_eq!(quota_is_the_ledger(&server, &a).await, 9);
        assert_eq!(quota_is_the_ledger(&server, &b).await, 9);
        drop((a, b));
        eventually("a search too many is over", async || {
            server.nobody_searches().await
        })
        .await;
    }
    server.stop().await;
}

async fn partners_of_the_day_meet_again_last(server: TestServer) {
    let (mut a, mut b, id) = pair(&server).await;
    left(&mut a, &id).await;
    a.find().await;
    b.find().await;
    nobody_is_matched(&server, &mut [&mut a, &mut b]).await;
    server.clock.advance(Duration::from_secs(31));
    let again = a.found().await;
    assert_ne!(again, id);
    assert_eq!(b.found().await, again, "nobody else is there");
    left(&mut a, &again).await;

    a.find().await;
    b.find().await;
    server.clock.advance(Duration::from_secs(20));
    let mut c = Person::new(&server, "cem").await;
    c.find().await;
    assert_eq!(
        c.until("match.found").await["match"]["status"],
        "active",
        "somebody new comes first"
    );
    server.stop().await;
}

/// The same four users search 200 times from several devices at once: what is paid is what the
/// ledger says.
async fn two_hundred_searches_of_the_same_users_keep_the_books(server: TestServer) {
    let mut people = Vec::new();
    for number in 0..4 {
        let first = Person::new(&server, &format!("user{number}")).await;
        people.push(Person::again(&server, &first).await);
        people.push(first);
    }
    let mut searches = JoinSet::new();
    for mut person in people {
        searches.spawn(async move {
            for number in 0..25 {
                person.send(json!({"type": "match.find", "mode": "text", "id": format!("find {number}")})).await;
            }
            let mut answers = 0;
            while answers < 25 {
                let frame = person.socket.recv_json().await.expect("an answer");
                answers += u32::from(frame["re"].as_str().is_some_and(|re| re.starts_with("find ")));
            }
            person
        });
    }
    let people = searches.join_all().await;
    eventually("every search is settled", async || {
        server.nobody_is_being_matched().await
    })
    .await;
    let mut sides = 0;
    for person in &people {
        let left = quota_is_the_ledger(&server, person).await;
        let matches = server
            .get("/v1/matches?limit=100", &person.user.access)
            .await
            .expect(200)["items"]
            .as_array()
            .expect("a list")
            .len();
        sides += matches;
        assert!(
            matches == 0 || left == 10 - i64::try_from(matches).expect("few"),
            "{matches} matches, {left} left"
        );
    }
    // Each user stands in the list twice, with two devices; the first two pairs of four strangers
    // are always made.
    assert!(sides >= 8, "{sides}");
    server.stop().await;
}

pub async fn a_thousand_search_at_once(server: TestServer) {
    const USERS: usize = 1_000;
    let server = std::sync::Arc::new(server);
    let mut arrivals = JoinSet::new();
    for _ in 0..8 {
        let server = std::sync::Arc::clone(&server);
        arrivals.spawn(async move {
            let mut people = Vec::new();
            for _ in 0..USERS / 8 {
                people.push(Person::new(&server, "biri").await);
            }
            people
        });
    }
    let people: Vec<Person> = arrivals.join_all().await.into_iter().flatten().collect();
    let mut searches = JoinSet::new();
    for mut person in people {
        searches.spawn(async move {
            person
                .send(json!({"type": "match.find", "mode": "text"}))
                .await;
            let id = person.found().await;
            (id, person)
        });
    }
    let mut matches: HashMap<String, usize> = HashMap::new();
    for (id, mut person) in searches.join_all().await {
        *matches.entry(id).or_default() += 1;
        person.hears_no("match.found").await;
    }
    assert_eq!(matches.len(), USERS / 2);
    assert!(
        matches.values().all(|sides| *sides == 2),
        "each user in exactly one"
    );
    assert_eq!(server.count("SELECT COUNT(*) FROM matches").await, 500);
    assert_eq!(
        server
            .count("SELECT COUNT(DISTINCT user_id) FROM match_sides")
            .await,
        1_000
    );
    assert_eq!(
        server
            .count("SELECT COUNT(*) FROM quota_ledger WHERE reason = 'match'")
            .await,
        1_000
    );
    assert_eq!(
        server
            .count("SELECT CAST(SUM(daily_chat_balance) AS BIGINT) FROM users")
            .await,
        9_000
    );
    std::sync::Arc::into_inner(server)
        .expect("nobody else has it")
        .stop()
        .await;
}
