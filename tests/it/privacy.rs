//! What an operator finds on the disk: no phone, no password, no word of what was said.

use std::time::Duration;

use reqwest::Method;
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions};
use tebdil_core::{
    domain::PushPlatform,
    protocol::{Location, ProfilePatch, PushTokenRequest},
    testing::Backend,
};

use crate::process::ServerProcess;

const PASSWORD: &str = "kırmızı balık gölde";
const PUSH_TOKEN: &str = "f8jd-Kq2:APA91bExample";
const WORDS: &str = "buluşalım mı yarın";

async fn secured(events: &mut ChatEvents) -> tebdil_core::id::MatchId {
    loop {
        if let ChatEvent::Secured { match_id, .. } = events.recv().await.expect("an event") {
            return match_id;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_holds_no_phone_password_or_message() {
    // Everything is logged, also what nobody would switch on.
    let mut server = ServerProcess::start(Backend::Sqlite, &[("TEBDIL_LOG", "trace")]).await.expect("SQLite is always there");
    let options = ChatOptions::new(&server.url);
    let phones = ["+905321112233", "+905324445566"];
    let (ayse, mut hers) = Chat::register_simple(&options, phones[0], PASSWORD, "ayse").await.expect("registered");
    let (berk, mut his) = Chat::register_simple(&options, phones[1], PASSWORD, "berk").await.expect("registered");
    let place = ProfilePatch { location: Some(Some(Location { lat: 41.012_345_6, lon: 28.976_543_2 })), ..ProfilePatch::default() };
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
    assert_eq!(tokio::time::timeout(Duration::from_secs(10), heard).await.expect("in time"), WORDS);
    Chat::login(&options, phones[0], "wrong password").await.expect_err("refused");
    let tokens = ayse.account().tokens().expect("tokens");
    let path = format!("/v1/me/push-tokens/{PUSH_TOKEN}");
    let request = PushTokenRequest { platform: PushPlatform::Android };
    ayse.account().call_empty(Method::PUT, &path, Some(&request)).await.expect("stored");

    let traces = |when: &str| {
        let files = server.files();
        for name in ["tebdil.db", "tebdil.db-wal", "log", "secrets.toml"] {
            assert!(files.iter().any(|(path, _)| path.ends_with(name)), "{name} is looked into");
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
        assert!(log.contains("/v1/me/push-tokens/{token}") && !log.contains(PUSH_TOKEN), "{when}: only the route is logged");
        for (path, bytes) in files {
            for word in secret {
                let found = bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!found, "{when}: {} holds {word}", path.display());
            }
        }
    };
    traces("while it runs");
    ayse.close().await;
    berk.close().await;
    assert_eq!(server.terminate().await, Some(0));
    let files = server.files();
    let database = files.iter().find(|(path, _)| path.ends_with("tebdil.db")).expect("the database");
    assert!(!database.1.windows(phones[0].len()).any(|window| window == phones[0].as_bytes()), "after the end");
}
