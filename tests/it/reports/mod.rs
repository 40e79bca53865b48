//! Reports with evidence, the moderators' queue, and bans by many reports.

mod evidence;
mod many;
mod queue;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tebdil_core::{
    franking::FrankedMessage,
    store::{NewSession, NewUser, Registration},
    testing,
};
use tebdil_protocol::{
    Device, Secret,
    domain::{Locale, UserRole},
    franking::{ciphertext_sha256, franking_tag},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

use crate::{
    harness::{Reply, TestServer, TestUser},
    sockets::Person,
};

fn user_id(user: &TestUser) -> UserId {
    user.id.parse().expect("an id")
}

/// The account and the device of a user.
fn device(server: &TestServer, user: &TestUser) -> (UserId, SessionId) {
    (
        user_id(user),
        server
            .app
            .tokens
            .verify_access(&user.access)
            .expect("a token")
            .session_id,
    )
}

async fn handle(server: &TestServer, user: &TestUser) -> String {
    server.get("/v1/me", &user.access).await.expect(200)["handle"]
        .as_str()
        .expect("a handle")
        .to_owned()
}

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

/// A message from one user to another that the server has passed on, as the recipient shows it.
struct Said<'a> {
    match_id: &'a str,
    sender: &'a TestUser,
    recipient: &'a TestUser,
    handle: &'a str,
    seq: i64,
    sent_at: Timestamp,
}

impl Said<'_> {
    fn text(&self, server: &TestServer, text: &str) -> Value {
        self.content(
            server,
            json!({"type": "text", "text": text}).to_string().as_bytes(),
        )
    }

    fn content(&self, server: &TestServer, content: &[u8]) -> Value {
        let (salt, ciphertext) = ([9; 32], self.seq.to_be_bytes());
        let match_id: MatchId = self.match_id.parse().expect("an id");
        let tag = franking_tag(&salt, match_id, self.handle, content);
        let message = FrankedMessage {
            tag,
            match_id,
            sender_id: user_id(self.sender),
            recipient_id: user_id(self.recipient),
            seq: self.seq,
            sent_at: self.sent_at,
            ciphertext_sha256: ciphertext_sha256(&ciphertext),
        };
        json!({
            "match_id": self.match_id, "seq": self.seq, "content": STANDARD.encode(content),
            "salt": STANDARD.encode(salt), "franking_tag": STANDARD.encode(tag), "frank": server.app.franking.frank(&message),
            "sent_at": self.sent_at, "ciphertext_sha256": STANDARD.encode(message.ciphertext_sha256), "sender_handle": self.handle,
        })
    }
}

async fn report(server: &TestServer, user: &TestUser, match_id: &str, evidence: &[Value]) -> Reply {
    let body = json!({"match_id": match_id, "reason": "harassment", "note": "çok kaba", "evidence": evidence});
    server.post("/v1/reports", &user.access, &body).await
}

/// A user made without the price of a password.
async fn account(server: &TestServer, alias: &str) -> TestUser {
    let (app, phone) = (&server.app, server.phone());
    let phone_index = app
        .accounts
        .phone_index(&Secret::from(phone.as_str()))
        .expect("a phone number");
    let mut rng: StdRng = rand::make_rng();
    let new = NewUser {
        phone_index,
        phone: app.cipher.seal(
            "users.phone",
            phone_index.as_bytes(),
            phone.as_bytes(),
            &mut rng,
        ),
        password_hash: Secret::from("none"),
        alias: testing::TestStore::alias(alias),
        birth_year: 1990,
        locale: Locale::Tr,
        terms_version: 1,
        invite: None,
    };
    let now = server.clock.now();
    let session = NewSession {
        device: Device::default(),
        refresh_hash: [0; 32],
        refresh_expires_at: now + std::time::Duration::from_hours(720),
    };
    let made = app
        .store
        .accounts()
        .insert_user(&new, session, &mut rng, now)
        .await
        .expect("the store");
    let Registration::Inserted(user, session) = made else {
        panic!("{made:?}")
    };
    let (access, _) = app.tokens.issue_access(
        user.id,
        session.id,
        UserRole::User,
        session.refresh_expires_at,
    );
    TestUser {
        id: user.id.to_string(),
        phone,
        access: access.expose().to_owned(),
        refresh: String::new(),
    }
}

/// So many people, each with the match it had with `target`.
async fn met(server: &TestServer, target: &TestUser, count: usize) -> Vec<(TestUser, String)> {
    let mut met = Vec::new();
    for number in 0..count {
        let user = account(server, &format!("kisi{number}")).await;
        let pair = [device(server, target), device(server, &user)];
        met.push((
            user,
            testing::met(&server.app.store, pair, server.clock.now())
                .await
                .to_string(),
        ));
    }
    met
}

/// All report at once.
async fn all_report(server: &TestServer, people: &[(TestUser, String)]) -> Vec<Reply> {
    join_all(
        people
            .iter()
            .map(|(user, match_id)| report(server, user, match_id, &[])),
    )
    .await
}

async fn resolve(server: &TestServer, moderator: &TestUser, report: &Value, body: &Value) -> Reply {
    let id = report["id"].as_str().expect("an id");
    server
        .post(
            &format!("/v1/admin/reports/{id}/resolve"),
            &moderator.access,
            body,
        )
        .await
}

async fn told(person: &mut Person) -> Value {
    person.until("notification").await["notification"]["data"].clone()
}
