//! What an operator finds on the disk: no phone, no password, no word of what was said.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions};
use tebdil_core::testing::Backend;
use tebdil_protocol::{Location, ProfilePatch, PushRequest, Tokens, domain::PushPlatform};

use crate::{
    calls::agree,
    harness::TestUser,
    process::{KEYS, ServerProcess},
    sockets::{Person, connect_to, eventually},
};

const PASSWORD: &str = "kırmızı balık gölde";
const PUSH_TOKEN: &str = "f8jd-Kq2:APA91bExample";
const WORDS: &str = "buluşalım mı yarın";

async fn secured(events: &mut ChatEvents) -> tebdil_protocol::id::MatchId {
    loop {
        if let ChatEvent::Secured { match_id, .. } = events.recv().await.expect("an event") {
            return match_id;
        }
    }
}

fn traces(server: &ServerProcess, phones: [&str; 2], tokens: &Tokens, when: &str) {
    let files = server.files();
    for name in ["tebdil.db", "tebdil.db-wal", "log", "secrets.toml"] {
        assert!(
            files.iter().any(|(path, _)| path.ends_with(name)),
            "{name} is looked into"
        );
    }
    let secret = [
        phones[0],
        &phones[0][1..],
        &phones[0][3..],
        phones[1],
        &phones[1][3..],
        PASSWORD,
        WORDS,
        "41.0123",
        "28.9765",
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
    ];
    // The database needs it, to wake the device.
    let log = std::fs::read_to_string(server.log_path()).expect("the log");
    assert!(
        log.contains("/v1/me/push") && !log.contains(PUSH_TOKEN),
        "{when}: only the route is logged"
    );
    for (path, bytes) in files {
        for word in secret {
            let found = bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes());
            assert!(!found, "{when}: {} holds {word}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_holds_no_phone_password_or_message() {
    // Everything is logged, also what nobody would switch on.
    let mut server = ServerProcess::start(Backend::Sqlite, &[("TEBDIL_LOG", "trace")])
        .await
        .expect("SQLite is always there");
    let options = ChatOptions::new(&server.url);
    let phones = ["+905321112233", "+905324445566"];
    let (ayse, mut hers) = Chat::register_simple(&options, phones[0], PASSWORD, "ayse")
        .await
        .expect("registered");
    let (berk, mut his) = Chat::register_simple(&options, phones[1], PASSWORD, "berk")
        .await
        .expect("registered");
    let place = ProfilePatch {
        location: Some(Some(Location {
            lat: 41.012_345_6,
            lon: 28.976_543_2,
        })),
        ..ProfilePatch::default()
    };
    ayse.account().patch(&place).await.expect("patched");
    ayse.find(&[]).await.expect("searching");
    berk.find(&[]).await.expect("searching");
    let match_id = secured(&mut hers).await;
    assert_eq!(secured(&mut his).await, match_id);
    ayse.send_and_wait(match_id, WORDS).await.expect("accepted");
    let heard = async {
        loop {
            if let ChatEvent::Text { text, .. } = his.recv().await.expect("an event") {
                return text;
            }
        }
    };
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(10), heard)
            .await
            .expect("in time"),
        WORDS
    );
    // What was acknowledged is gone. This one waits: it is on the disk as it was sealed.
    berk.close().await;
    ayse.send_and_wait(match_id, WORDS).await.expect("accepted");
    assert!(server.count("SELECT COUNT(*) FROM messages").await > 0);
    Chat::login(&options, phones[0], "wrong password", None)
        .await
        .expect_err("refused");
    let tokens = ayse.account().tokens().expect("tokens");
    let request = PushRequest {
        platform: PushPlatform::Android,
        token: Some(PUSH_TOKEN.into()),
        endpoint: None,
        keys: None,
    };
    ayse.account()
        .call_empty(Method::PUT, "/v1/me/push", Some(&request))
        .await
        .expect("stored");

    traces(&server, phones, &tokens, "while it runs");
    ayse.close().await;
    assert_eq!(server.terminate().await, Some(0));
    let files = server.files();
    let database = files
        .iter()
        .find(|(path, _)| path.ends_with("tebdil.db"))
        .expect("the database");
    assert!(
        !database
            .1
            .windows(phones[0].len())
            .any(|window| window == phones[0].as_bytes()),
        "after the end"
    );
}

/// What of somebody is in the backup, and how often the index of the phone; the log holds nothing.
fn left_of<'a>(
    server: &ServerProcess,
    backend: Backend,
    phone: &'a str,
    backup: &[u8],
) -> (Vec<&'a str>, usize) {
    let index = tebdil_core::crypto::BlindIndex::new([1; 32].into()).phone(phone);
    let hex = index
        .as_bytes()
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let texts = [
        &phone[1..],
        &phone[3..],
        PASSWORD,
        "kucukprens",
        "gulun telefonu",
        "gezegen",
        "yanardağ",
        "koyunlarin-adresi",
    ];
    let mut sought: Vec<(&str, Vec<u8>)> = texts
        .iter()
        .map(|text| (*text, text.as_bytes().to_vec()))
        .collect();
    // A place is text in one kind of backup, and eight bytes in the other.
    match backend {
        Backend::Sqlite => sought.extend([
            ("lat", 37.87_f64.to_be_bytes().to_vec()),
            ("lon", 32.48_f64.to_be_bytes().to_vec()),
        ]),
        Backend::Postgres => {
            sought.extend([("lat", b"37.87\t".to_vec()), ("lon", b"32.48\t".to_vec())]);
        }
    }
    let found = |bytes: &[u8], word: &[u8]| {
        bytes
            .windows(word.len())
            .filter(|window| *window == word)
            .count()
    };
    let log = std::fs::read(server.log_path()).expect("the log");
    assert!(found(&log, b" INFO ") > 0, "it is the log");
    for word in texts.into_iter().chain(["37.8712", "32.4843"]) {
        assert_eq!(found(&log, word.as_bytes()), 0, "the log holds {word}");
    }
    let left: Vec<&str> = sought
        .iter()
        .filter(|(_, word)| found(backup, word) > 0)
        .map(|(name, _)| *name)
        .collect();
    (
        left,
        found(backup, index.as_bytes()) + found(backup, hex.as_bytes()),
    )
}

async fn somebody_leaves_traces(
    phone: &str,
    call: &impl AsyncFn(Method, &str, &str, Value) -> Value,
) -> String {
    let registration = json!({ "phone": phone, "password": PASSWORD, "alias": "kucukprens", "birth_date": "1987-05-17", "accept_terms": true });
    call(Method::POST, "/v1/auth/register", "", registration).await;
    let device = json!({ "name": "gulun telefonu", "platform": "gezegen" });
    let signed_in = call(
        Method::POST,
        "/v1/auth/login",
        "",
        json!({ "phone": phone, "password": PASSWORD, "device": device }),
    )
    .await;
    let token = signed_in["tokens"]["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let profile =
        json!({ "interests": ["yanardağ"], "location": { "lat": 37.871_234, "lon": 32.484_321 } });
    call(Method::PATCH, "/v1/me", &token, profile).await;
    call(
        Method::PUT,
        "/v1/me/push",
        &token,
        json!({ "platform": "ios", "token": "koyunlarin-adresi" }),
    )
    .await;
    token
}

/// Somebody whom the database knows well, and then no more: neither a backup nor the log has a
/// trace.
async fn an_erased_person_is_in_no_backup_and_no_log(backend: Backend) {
    let settings = [&KEYS[..], &[("TEBDIL_LOG", "trace")]].concat();
    let Some(mut server) = ServerProcess::start(backend, &settings).await else {
        return;
    };
    let http = crate::http::client();
    let call = async |method: Method, path: &str, token: &str, body: Value| {
        let request = http
            .request(method, format!("{}{path}", server.url))
            .bearer_auth(token)
            .json(&body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        let text = answer.text().await.expect("a body");
        if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text).expect("JSON")
        }
    };
    let phone = "+905321112233";
    let token = somebody_leaves_traces(phone, &call).await;

    let (left, indexes) = left_of(&server, backend, phone, &server.backup().await);
    assert_eq!(
        left,
        [
            "kucukprens",
            "gulun telefonu",
            "gezegen",
            "yanardağ",
            "koyunlarin-adresi",
            "lat",
            "lon"
        ],
        "they were there"
    );
    assert!(indexes > 0);
    call(
        Method::DELETE,
        "/v1/me",
        &token,
        json!({ "password": PASSWORD }),
    )
    .await;
    // The second is for later.
    eventually("the first job of the erasure ran", async || {
        server
            .count("SELECT COUNT(*) FROM job WHERE queue = 'erase'")
            .await
            == 1
    })
    .await;
    let (left, indexes) = left_of(&server, backend, phone, &server.backup().await);
    assert_eq!(left, <[&str; 0]>::default());
    let tombstone = match backend {
        // In the table and its index, each.
        Backend::Sqlite => 4,
        Backend::Postgres => 2,
    };
    assert!(
        (2..=tombstone).contains(&indexes),
        "the tombstone, and that the phone was seen: {indexes}"
    );
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_person_is_in_no_backup_and_no_log_sqlite() {
    an_erased_person_is_in_no_backup_and_no_log(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_person_is_in_no_backup_and_no_log_postgres() {
    an_erased_person_is_in_no_backup_and_no_log(Backend::Postgres).await;
}

fn no_file_holds_what_was_signalled(server: &ServerProcess, server_of: &Value) {
    let secret = [
        server_of["username"].as_str().expect("a name"),
        server_of["credential"].as_str().expect("a password"),
        "203.0.113.9",
        "192.168.",
        "27183",
        "49321",
        "Vx5k",
        "asd88fgpdd777uzjYhagZgkk",
        "7B:7B",
        "candidate:77",
        "a=mid",
    ];
    let files = server.files();
    for name in ["tebdil.db", "log"] {
        assert!(
            files.iter().any(|(path, _)| path.ends_with(name)),
            "{name} is looked into"
        );
    }
    for (path, bytes) in files {
        for word in secret {
            assert!(!holds(&bytes, word), "{} holds {word}", path.display());
        }
    }
}

/// What a call is made of passes through, and stays nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_leaves_no_trace_of_what_was_signalled() {
    let mut server = ServerProcess::start(Backend::Sqlite, &[("TEBDIL_LOG", "trace")])
        .await
        .expect("SQLite is always there");
    let http = crate::http::client();
    let call = async |method: Method, path: &str, token: &str, body: Value| -> Value {
        let request = http
            .request(method, format!("{}{path}", server.url))
            .bearer_auth(token)
            .json(&body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.expect("a body")).unwrap_or_default()
    };
    let mut people = Vec::new();
    for (phone, alias) in [("+905321112233", "ayse"), ("+905324445566", "berk")] {
        let registration = json!({ "phone": phone, "password": PASSWORD, "alias": alias, "birth_date": "1987-05-17", "accept_terms": true });
        let account = call(Method::POST, "/v1/auth/register", "", registration).await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let user = TestUser {
            id: text(&account["user"]["id"]),
            phone: phone.to_owned(),
            access: text(&account["tokens"]["access_token"]),
            refresh: text(&account["tokens"]["refresh_token"]),
        };
        call(
            Method::PUT,
            "/v1/keys",
            &user.access,
            json!({ "packages": ["AAAA"], "last_resort": "AAAC" }),
        )
        .await;
        let mut person = Person {
            socket: connect_to(&server.url, &user).await,
            user,
        };
        person.find_for("video").await;
        people.push(person);
    }
    let (mut b, mut a) = (people.pop().expect("two"), people.pop().expect("two"));
    let id = a.found().await;
    let servers = call(
        Method::POST,
        "/v1/rtc/ice-servers",
        &a.user.access,
        json!({ "match_id": id }),
    )
    .await;
    let server_of = &servers["ice_servers"][0];
    agree(&mut a, &mut b, &id).await;
    let candidate =
        |text: &str| json!({"type": "rtc.candidate", "match_id": id, "candidate": text});
    a.send(candidate(
        "candidate:77 1 udp 2122260223 192.168.77.9 27183 typ host ufrag Vx5k",
    ))
    .await;
    a.send(candidate("candidate:77 1 udp 41885439 127.0.0.1 49321 typ relay raddr 203.0.113.9 rport 55123 ufrag Vx5k")).await;
    b.until("rtc.candidate").await;
    for malformed in [
        candidate("candidate:77 1 udp 1 192.168.77.9 x typ host"),
        json!({"type": "rtc.description", "match_id": id, "kind": "offer", "sdp": "v=0\r\nc=IN IP4 192.168.77.9\r\n?"}),
    ] {
        assert_eq!(a.refused(malformed).await, "invalid_field");
    }
    b.send(json!({"type": "rtc.state", "match_id": id, "state": "ended"}))
        .await;
    a.until("match.ended").await;
    assert_eq!(server.terminate().await, Some(0));

    no_file_holds_what_was_signalled(&server, server_of);
}

/// Whether the word is there, and not by chance within a longer number: times of the log and ids
/// have all digits.
fn holds(bytes: &[u8], word: &str) -> bool {
    let is_digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let number = word.bytes().all(|byte| byte.is_ascii_digit());
    let mut found = bytes
        .windows(word.len())
        .enumerate()
        .filter(|(_, window)| *window == word.as_bytes());
    found.any(|(at, _)| !number || !is_digit(at.checked_sub(1)) && !is_digit(Some(at + word.len())))
}
