//! Searches that outlive their connection.

use std::time::Duration;

use serde_json::{Value, json};

use tebdil_client::raw::RawSocket;
use tebdil_core::testing::Backend;

use crate::{
    harness::{Searches, TestServer, TestUser},
    outages::people::person,
    process::ServerProcess,
    sockets::{Person, connect_to, eventually, nobody_is_matched},
};

scenarios! {
    a_match_made_without_the_device_is_read_when_it_is_back,
    the_welcome_tells_of_the_search_at_whichever_node,
    a_background_search_that_is_over_meets_nobody,
    who_is_connected_comes_before_who_is_away,
    calls_are_not_searched_for_in_the_background,
}

impl Person {
    /// Begins a search in the background, and the node that leads has it; its ticket.
    pub async fn search_in_background(&mut self, server: &TestServer) -> Value {
        let find = json!({"type": "match.find", "mode": "text", "background": true});
        let ticket = searching(self, find).await;
        eventually("the leader has the search", async || {
            server.nobody_is_being_matched().await
        })
        .await;
        ticket
    }
}

async fn searching(person: &mut Person, find: Value) -> Value {
    let answer = person.ask(find).await;
    assert_eq!(answer["type"], "match.searching", "{answer}");
    answer["ticket_id"].clone()
}

/// The device goes, and its search, the only one, goes on.
pub async fn goes(server: &TestServer, person: Person) -> TestUser {
    let Person { user, socket } = person;
    drop(socket);
    let alone = Searches {
        waiting: 1,
        ..Searches::default()
    };
    let id = user.id.parse().expect("an id");
    eventually("the search goes on alone", async || {
        server.searches().await == alone && !server.is_online(id)
    })
    .await;
    user
}

/// Connects the device at this node; its welcome.
async fn comes_back(server: &TestServer, node: usize, user: TestUser) -> (Person, Value) {
    let socket = RawSocket::open(server.node_url(node)).await;
    let socket = socket.expect("a socket");
    let mut person = Person { user, socket };
    person
        .send(json!({"type": "hello", "token": person.user.access}))
        .await;
    let welcome = person.until("welcome").await;
    (person, welcome)
}

async fn a_match_made_without_the_device_is_read_when_it_is_back(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    a.search_in_background(&server).await;
    let a = goes(&server, a).await;
    server.clock.advance(Duration::from_millis(1));
    let mut b = Person::new(&server, "berk").await;
    b.find().await;
    let id = b.found().await;
    assert_eq!(b.until("peer.presence").await["online"], false);

    let (mut a, welcome) = comes_back(&server, server.node_count() - 1, a).await;
    assert_eq!(
        (&welcome["matches"][0]["id"], welcome.get("search")),
        (&json!(id), None)
    );
    let found = a.until("match.found").await;
    assert_eq!(found["match"]["this_device"], true);
    assert!(found["peer_key_package"].is_string(), "{found}");
    assert_eq!(b.until("peer.presence").await["online"], true);
    for (from, to) in [(0, 1), (1, 0)] {
        let sides = [&mut a, &mut b];
        assert_eq!(sides[from].say(&id, 1, "hello").await["seq"], 1);
        assert_eq!(sides[to].until("message.new").await["seq"], 1);
    }

    // It costs what any other match does.
    for person in [&a, &b] {
        let quota = server.get("/v1/me/quota", &person.user.access).await;
        assert_eq!(quota.expect(200)["text"], 9);
    }
    let paid = "SELECT COUNT(*) FROM quota_ledger WHERE reason = 'match'";
    assert_eq!(server.count(paid).await, 2);
    assert_eq!(server.count("SELECT COUNT(*) FROM searches").await, 0);
    server.stop().await;
}

async fn the_welcome_tells_of_the_search_at_whichever_node(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let mut b = Person::new(&server, "berk").await;
    let ticket = a.search_in_background(&server).await;
    let mut away = goes(&server, a).await;
    for node in [server.node_count() - 1, 0] {
        let (a, welcome) = comes_back(&server, node, away).await;
        let running = json!({"ticket_id": ticket, "mode": "text"});
        assert_eq!(welcome["search"], running);
        let tablet = server.login(&a.user.phone).await;
        let (_, welcome) = comes_back(&server, 0, tablet).await;
        assert_eq!(welcome.get("search"), None, "it is another device's");
        away = goes(&server, a).await;
    }
    let (mut a, _) = comes_back(&server, 0, away).await;
    b.find().await;
    assert_eq!(a.found().await, b.found().await);

    // What is a match is no search any more.
    let (_, welcome) = comes_back(&server, 0, a.user).await;
    assert_eq!(welcome.get("search"), None);
    server.stop().await;
}

/// How a search ends without a match.
#[derive(Debug, Clone, Copy)]
enum End {
    Cancelled,
    Replaced,
    Expired,
    SignedOut,
}

async fn a_background_search_that_is_over_meets_nobody(server: TestServer) {
    for end in [End::Cancelled, End::Replaced, End::Expired, End::SignedOut] {
        let mut a = Person::new(&server, "ayse").await;
        let mut tablet = Person::again(&server, &a).await;
        a.search_in_background(&server).await;
        let Person { user: a, socket } = a;
        drop(socket);
        eventually("the search goes on alone", async || {
            server.searches().await.own == 0
        })
        .await;
        match end {
            End::Cancelled => drop(tablet.cancel().await),
            End::Replaced => {
                tablet.search(&server).await;
                tablet.cancel().await;
            }
            End::Expired => server.clock.advance(Duration::from_mins(10)),
            End::SignedOut => {
                server
                    .post("/v1/auth/logout", &a.access, &json!({}))
                    .await
                    .expect(204);
            }
        }
        let mut b = Person::new(&server, "berk").await;
        b.search(&server).await;
        nobody_is_matched(&server, &mut [&mut b]).await;
        let mut c = Person::new(&server, "can").await;
        c.find().await;
        assert_eq!(b.found().await, c.found().await, "{end:?}");
        eventually("it is forgotten", async || {
            server.count("SELECT COUNT(*) FROM searches").await == 0
        })
        .await;
        eventually("nobody searches", async || server.nobody_searches().await).await;
    }
    let matches = "SELECT COUNT(*) FROM matches";
    assert_eq!(server.count(matches).await, 4, "of those who were there");
    server.stop().await;
}

async fn who_is_connected_comes_before_who_is_away(server: TestServer) {
    let find = |interests: Value, background: bool| json!({"type": "match.find", "mode": "text", "interests": interests, "background": background});
    let mut away = Person::new(&server, "ayse").await;
    searching(&mut away, find(json!(["kedi"]), true)).await;
    let away = goes(&server, away).await;
    server.clock.advance(Duration::from_millis(1));
    let mut here = Person::new(&server, "berk").await;
    searching(&mut here, find(json!(["satranç"]), false)).await;
    eventually("both wait", async || server.searches().await.waiting == 2).await;
    // Who fits both would meet the one who has waited longer.
    let mut comes = Person::new(&server, "can").await;
    searching(&mut comes, find(json!(["kedi", "satranç"]), false)).await;
    assert_eq!(here.found().await, comes.found().await);

    let mut next = Person::new(&server, "deniz").await;
    searching(&mut next, find(json!(["kedi"]), false)).await;
    let id = next.found().await;
    let (_, welcome) = comes_back(&server, 0, away).await;
    assert_eq!(welcome["matches"][0]["id"], id);
    server.stop().await;
}

async fn calls_are_not_searched_for_in_the_background(server: TestServer) {
    let mut a = Person::new(&server, "ayse").await;
    let find = json!({"type": "match.find", "mode": "video", "background": true});
    assert_eq!(a.refused(find).await, "invalid_field");
    assert_eq!(server.count("SELECT COUNT(*) FROM searches").await, 0);
    assert!(server.nobody_searches().await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_search_outlives_kills_on_sqlite() {
    outlives_kills(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_background_search_outlives_kills_on_postgresql() {
    outlives_kills(Backend::Postgres).await;
}

async fn outlives_kills(backend: Backend) {
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    let mut away = person(&server.url, 1).await;
    let find = json!({"type": "match.find", "mode": "text", "background": true});
    searching(&mut away, find).await;
    for _ in 0..2 {
        server.kill().await;
        server.restart().await;
    }
    let mut finder = person(&server.url, 2).await;
    finder.find().await;
    let id = finder.found().await;
    away.socket = connect_to(&server.url, &away.user).await;
    assert_eq!(away.found().await, id);
}
