//! From abuse to the last word about it, with everybody who has a part in it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::{
    chat::{Chat, ChatEvent, ChatEvents, ChatOptions},
    connection::Ended,
};
use tebdil_protocol::{
    CloseCode, WhoEnded,
    domain::{EndReason, ReportReason},
    id::MatchId,
};

use crate::{
    harness::{PASSWORD, TestServer, TestUser},
    sockets::{Person, connect_to, nobody_is_matched},
};

mod guide;

scenarios! {
    abuse_is_reported_banned_appealed_and_recorded,
}

/// In which a banned user is out, on every node.
const OUT: Duration = Duration::from_secs(1);

const ABUSE: [&str; 3] = ["seni bulacağım", "adresini biliyorum", "pişman olacaksın"];

/// Two of staff who may do nothing more than moderate.
async fn moderator(server: &TestServer, alias: &str) -> TestUser {
    let user = server.register(alias).await;
    server
        .count(&format!(
            "UPDATE users SET role = 'moderator' WHERE id = {} RETURNING CAST(1 AS BIGINT)",
            user.id
        ))
        .await;
    user
}

/// Somebody with the Rust client.
struct Client {
    chat: Chat,
    events: ChatEvents,
    phone: String,
}

impl Client {
    async fn register(server: &TestServer, alias: &str) -> Self {
        let options = ChatOptions {
            clock: server.clock.clone(),
            ..ChatOptions::new(&server.base)
        };
        let phone = server.phone();
        let (chat, events) = Chat::register_simple(&options, &phone, PASSWORD, alias)
            .await
            .expect("registered");
        Self {
            chat,
            events,
            phone,
        }
    }

    /// The first event of which `wanted` makes something.
    async fn until<T>(&mut self, what: &str, wanted: impl Fn(ChatEvent) -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("an event")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"))
    }

    async fn secured(&mut self) -> MatchId {
        self.until("encryption", |event| {
            if let ChatEvent::Secured { match_id, .. } = event {
                Some(match_id)
            } else {
                None
            }
        })
        .await
    }

    fn token(&self) -> String {
        self.chat
            .account()
            .tokens()
            .expect("signed in")
            .access_token
            .expose()
            .to_owned()
    }
}

/// The only item of a list.
#[track_caller]
fn only(list: &Value) -> Value {
    let items = list["items"].as_array().expect("a list");
    assert_eq!(items.len(), 1, "{list}");
    items[0].clone()
}

fn id_of(of: &Value) -> &str {
    of["id"].as_str().expect("an id")
}

async fn devices_of(server: &TestServer, berk: &Client) -> Vec<Person> {
    let mut devices = Vec::new();
    for node in 0..server.node_count() {
        let user = server.login(&berk.phone).await;
        server
            .call(
                Method::PUT,
                "/v1/keys",
                &user.access,
                &json!({"packages": ["AAAA"]}),
            )
            .await
            .expect(200);
        devices.push(Person {
            socket: connect_to(server.node_url(node), &user).await,
            user,
        });
    }
    devices
}

async fn abuse_is_reported(
    server: &TestServer,
    ayse: &mut Client,
    berk: &Client,
    match_id: MatchId,
) {
    for text in ABUSE {
        berk.chat
            .send_and_wait(match_id, text)
            .await
            .expect("accepted");
        let heard = ayse
            .until("the text", |event| {
                if let ChatEvent::Text { text, .. } = event {
                    Some(text)
                } else {
                    None
                }
            })
            .await;
        assert_eq!(heard, text);
    }
    let shown = ayse
        .chat
        .report(match_id, ReportReason::Threat, Some("Beni tehdit ediyor."))
        .await
        .expect("reported");
    assert_eq!(shown, 3);
    let report = json!({"match_id": match_id, "reason": "threat"});
    server
        .post("/v1/reports", &ayse.token(), &report)
        .await
        .expect_problem(409, "already_reported");
    server
        .get("/v1/admin/reports", &ayse.token())
        .await
        .expect_problem(403, "forbidden");
}

async fn a_moderator_reads_it(
    server: &TestServer,
    first: &TestUser,
    ayse: &Client,
    berk: &Client,
    match_id: MatchId,
) -> String {
    let waiting = only(
        &server
            .get("/v1/admin/reports?status=open", &first.access)
            .await
            .expect(200),
    );
    assert_eq!(
        (
            &waiting["match_id"],
            &waiting["reason"],
            &waiting["evidence_count"]
        ),
        (&json!(match_id), &json!("threat"), &json!(3))
    );
    let path = format!("/v1/admin/reports/{}", id_of(&waiting));
    let read = server.get(&path, &first.access).await.expect(200);
    let texts: Vec<&str> = read["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .filter_map(|message| message["text"].as_str())
        .collect();
    assert_eq!(
        (texts.as_slice(), &read["note"]),
        (&ABUSE[..], &json!("Beni tehdit ediyor."))
    );
    let shown = read.to_string();
    assert!(
        ![&ayse.phone, &berk.phone]
            .iter()
            .any(|phone| shown.contains(&phone[3..])),
        "no phone is shown"
    );
    path
}

async fn the_ban_takes_hold(
    server: &TestServer,
    first: &TestUser,
    second: &TestUser,
    path: &str,
    devices: &mut [Person],
    ayse: &mut Client,
    berk: &mut Client,
) {
    let decision = json!({"decision": "ban", "note": "Three threats."});
    let begun = Instant::now();
    server
        .post(&format!("{path}/resolve"), &first.access, &decision)
        .await
        .expect(200);
    for device in devices {
        let closed = tokio::time::timeout(OUT * 5, device.socket.recv_close_code())
            .await
            .expect("out in time")
            .expect("a close");
        assert_eq!(closed, Some(CloseCode::Banned));
    }
    let closed = berk
        .until("the end", |event| {
            if let ChatEvent::Closed(ended) = event {
                Some(ended)
            } else {
                None
            }
        })
        .await;
    assert_eq!(closed, Ended::Closed(CloseCode::Banned));
    let took = begun.elapsed();
    assert!(took < OUT * 2, "out after {took:?}");
    let ended = ayse
        .until("the end of the match", |event| {
            if let ChatEvent::Ended { details, .. } = event {
                details
            } else {
                None
            }
        })
        .await;
    assert_eq!(
        (ended.reason, ended.by),
        (EndReason::Banned, WhoEnded::Peer)
    );
    server
        .post(&format!("{path}/resolve"), &second.access, &decision)
        .await
        .expect_problem(409, "already_decided");
}

async fn there_is_no_way_back(
    server: &TestServer,
    berk: &Client,
    device: &Person,
) -> (Value, Person) {
    assert!(
        [401, 403].contains(
            &server
                .get("/v1/me", &device.user.access)
                .await
                .status
                .as_u16()
        )
    );
    let login = json!({"phone": berk.phone, "password": PASSWORD});
    let refused = server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(403, "banned");
    assert_eq!(refused["ban"]["appealable"], true, "{refused}");
    let again = TestServer::registration(&berk.phone, "baska");
    assert!(
        server
            .post("/v1/auth/register", "", &again)
            .await
            .status
            .is_client_error()
    );
    let mut cem = Person::new(server, "cem").await;
    cem.find().await;
    server.clock.advance(Duration::from_mins(2));
    nobody_is_matched(server, &mut [&mut cem]).await;
    (refused, cem)
}

async fn somebody_else_grants_the_appeal(
    server: &TestServer,
    first: &TestUser,
    second: &TestUser,
    ayse: &Client,
    token: &str,
) {
    for (method, path) in [
        (Method::GET, "/v1/me"),
        (Method::GET, "/v1/matches"),
        (Method::POST, "/v1/blocks"),
    ] {
        server
            .call(method, path, token, &json!({}))
            .await
            .expect_problem(401, "unauthorized");
    }
    let text = json!({"text": "Şakaydı, özür dilerim."});
    server
        .post("/v1/appeals", &ayse.token(), &text)
        .await
        .expect_problem(401, "unauthorized");
    let appeal = server.post("/v1/appeals", token, &text).await.expect(201);
    server
        .post("/v1/appeals", token, &text)
        .await
        .expect_problem(409, "already_appealed");

    server.clock.advance(Duration::from_millis(1));

    // Who banned does not decide; somebody else does.
    let path = format!("/v1/admin/appeals/{}/decide", id_of(&appeal));
    let lift = json!({"decision": "lift", "note": "First time, and sorry."});
    let seen = only(
        &server
            .get("/v1/admin/appeals?status=open", &first.access)
            .await
            .expect(200),
    );
    assert_eq!(
        (&seen["text"], &seen["ban"]["banned_by_me"]),
        (&text["text"], &json!(true))
    );
    server
        .post(&path, &first.access, &lift)
        .await
        .expect_problem(403, "forbidden");
    assert!(
        server
            .post(&path, &second.access, &lift)
            .await
            .status
            .is_success()
    );
    server
        .post(&path, &second.access, &lift)
        .await
        .expect_problem(409, "already_decided");
}

async fn the_record_names_who_did_it(
    server: &TestServer,
    first: &TestUser,
    second: &TestUser,
    back: &TestUser,
) {
    let log = server
        .get(
            &format!("/v1/admin/system-logs?user={}", back.id),
            &first.access,
        )
        .await
        .expect(200);
    let acts: Vec<(&str, Option<&str>)> = log["items"]
        .as_array()
        .expect("a list")
        .iter()
        .rev()
        .map(|row| {
            (
                row["action"].as_str().expect("an action"),
                row["actor_id"].as_str(),
            )
        })
        .collect();
    let (one, other, banned) = (
        Some(first.id.as_str()),
        Some(second.id.as_str()),
        Some(back.id.as_str()),
    );
    let expected = [
        ("report_read", one),
        ("banned", one),
        ("report_resolved", one),
        ("appealed", banned),
        ("appeal_decided", other),
        ("ban_lifted", other),
    ];
    let told: Vec<_> = acts.iter().filter(|act| expected.contains(act)).collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{log}");
    let record = log.to_string();
    assert!(
        !ABUSE
            .iter()
            .chain(&["Şakaydı", "tehdit"])
            .any(|word| record.contains(word)),
        "no word of anybody is in the record"
    );
}

async fn abuse_is_reported_banned_appealed_and_recorded(server: TestServer) {
    let (first, second) = (
        moderator(&server, "nobetci").await,
        moderator(&server, "hakem").await,
    );
    let (mut ayse, mut berk) = (
        Client::register(&server, "ayse").await,
        Client::register(&server, "berk").await,
    );
    ayse.chat.find(&[]).await.expect("searching");
    berk.chat.find(&[]).await.expect("searching");
    let match_id = ayse.secured().await;
    assert_eq!(berk.secured().await, match_id);
    // More devices of his, one at each node. One of them looks for somebody else.
    let mut devices = devices_of(&server, &berk).await;
    devices[0].find().await;

    // Abuse, and a report of it.
    abuse_is_reported(&server, &mut ayse, &berk, match_id).await;

    // A moderator reads what was said, and nothing else.
    let path = a_moderator_reads_it(&server, &first, &ayse, &berk, match_id).await;

    // Ids of two nodes are in the order of their time.
    server.clock.advance(Duration::from_millis(1));

    // The ban takes hold everywhere at once.
    the_ban_takes_hold(
        &server,
        &first,
        &second,
        &path,
        &mut devices,
        &mut ayse,
        &mut berk,
    )
    .await;

    // No way back in: not with the old token, the password, or the phone; and the search that was
    // open finds nobody.
    let (refused, mut cem) = there_is_no_way_back(&server, &berk, &devices[0]).await;

    // An appeal, which is all that its token is good for.
    let token = refused["appeal_token"].as_str().expect("a token");
    somebody_else_grants_the_appeal(&server, &first, &second, &ayse, token).await;

    // In again, as somebody who can be met.
    let mut back = Person::again(&server, &devices[0]).await;
    back.find().await;
    assert_eq!(back.found().await, cem.found().await);

    // All of it stands in the record, with who did it.
    the_record_names_who_did_it(&server, &first, &second, &back.user).await;
    ayse.chat.close().await;
    server.stop().await;
}
