//! One-time codes: phones that are verified, passwords that are set anew, and who may not.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{PASSWORD, Reply, TestServer},
    sms::{Gateway, Manner, Sms},
    sockets::eventually,
};

/// Limits that nothing here reaches; a test of one sets it.
const WIDE: [(&str, &str); 7] = [
    ("TEBDIL_LIMITS__RULES__CODE_PHONE__BURST", "1000"),
    ("TEBDIL_LIMITS__RULES__CODE_PHONE_DAY__BURST", "1000"),
    ("TEBDIL_LIMITS__RULES__CODE_ADDRESS__BURST", "1000"),
    ("TEBDIL_LIMITS__RULES__CODE_PREFIX__BURST", "1000"),
    ("TEBDIL_LIMITS__RULES__GUESS_PHONE__BURST", "1000"),
    ("TEBDIL_LIMITS__RULES__GUESS_ADDRESS__BURST", "1000"),
    // So that a request can say from where it comes.
    ("TEBDIL_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
];

/// Runs each `async fn(TestServer, Gateway)` on SQLite, on PostgreSQL and on two nodes, with
/// settings of its own.
macro_rules! with_gateway {
    ($($test:ident: $settings:expr),* $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let gateway = crate::sms::Gateway::start().await;
                let settings = crate::codes::settings(&gateway, $settings);
                let server = crate::harness::TestServer::start(tebdil_core::testing::Backend::Sqlite, &settings).await.expect("SQLite is always there");
                super::$test(server, gateway).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let gateway = crate::sms::Gateway::start().await;
                let settings = crate::codes::settings(&gateway, $settings);
                if let Some(server) = crate::harness::TestServer::start(tebdil_core::testing::Backend::Postgres, &settings).await {
                    super::$test(server, gateway).await;
                }
            }
        )*}
        mod cluster {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let gateway = crate::sms::Gateway::start().await;
                let settings = crate::codes::settings(&gateway, $settings);
                if let Some(server) = crate::harness::TestServer::start_cluster(2, &settings).await {
                    super::$test(server, gateway).await;
                }
            }
        )*}
    };
}

mod alone;
mod guesses;
mod limits;
mod resets;

with_gateway! {
    a_new_account_needs_the_code_that_its_phone_was_sent: &[],
    the_owners_code_does_not_complete_a_strangers_registration: &[],
    what_cannot_be_registered_is_said_before_a_code_is_sent: &[],
    a_stranger_does_not_learn_why_a_phone_is_banned: &[],
    what_the_gateway_does_is_not_the_users_business: &[],
}

fn settings<'a>(gateway: &'a Gateway, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    WIDE.into_iter()
        .chain(gateway.settings())
        .chain(own.iter().copied())
        .collect()
}

const REGISTER: &str = "/v1/auth/register";
const VERIFY: &str = "/v1/auth/verify-phone";
const RESET: &str = "/v1/auth/password-reset";
const CONFIRM: &str = "/v1/auth/password-reset/confirm";

fn wrong(code: &str) -> String {
    let number: u32 = code.parse().expect("digits");
    format!("{:06}", (number + 1) % 1_000_000)
}

async fn begin(server: &TestServer, phone: &str, alias: &str) {
    let body = server
        .post(REGISTER, "", &TestServer::registration(phone, alias))
        .await
        .expect(202);
    assert_eq!(body, json!({"verification_required": true}));
}

async fn verify(server: &TestServer, phone: &str, code: &str) -> Reply {
    server
        .post(VERIFY, "", &json!({"phone": phone, "code": code}))
        .await
}

async fn confirm(server: &TestServer, phone: &str, code: &str, password: &str) -> Reply {
    server
        .post(
            CONFIRM,
            "",
            &json!({"phone": phone, "code": code, "new_password": password}),
        )
        .await
}

/// A user with an account, whose code was the `number`-th message.
async fn registered(server: &TestServer, gateway: &Gateway, alias: &str) -> (String, Value) {
    let (phone, before) = (server.phone(), gateway.inbox().len());
    begin(server, &phone, alias).await;
    let sms = gateway.message(before + 1).await;
    assert_eq!(sms.phone, phone);
    (
        phone.clone(),
        verify(server, &phone, &sms.code).await.expect(201),
    )
}

async fn a_new_account_needs_the_code_that_its_phone_was_sent(
    server: TestServer,
    gateway: Gateway,
) {
    let phone = server.phone();
    let mut body = TestServer::registration(&phone.replace("+90", "0"), "Kedi.Adam");
    body["locale"] = json!("en");
    assert_eq!(
        server.post(REGISTER, "", &body).await.expect(202),
        json!({"verification_required": true})
    );
    let Sms {
        phone: to,
        code,
        text,
        head,
    } = gateway.message(1).await;
    assert_eq!((to.as_str(), code.len()), (phone.as_str(), 6));
    assert!(code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert!(
        text.contains("register as \"Kedi. Adam\"") && text.contains(&code),
        "{text}"
    );
    assert!(
        head.starts_with("POST /send?key=sesame HTTP/1.1") && head.contains("x-api-key: sesame"),
        "{head}"
    );
    assert!(
        head.contains("content-type: application/json") && !head.contains(&phone[3..]),
        "{head}"
    );
    let login = json!({"phone": phone, "password": PASSWORD});
    server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(401, "invalid_credentials");
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM users")
            .await,
        0
    );

    let refused = verify(&server, &phone, &wrong(&code))
        .await
        .expect_problem(422, "code_invalid");
    assert_eq!(refused["errors"][0]["field"], "code");
    for nonsense in ["", "12345", "1234567", "abcdef", "１２３４５６"] {
        assert_eq!(
            verify(&server, &phone, nonsense)
                .await
                .expect_problem(422, "code_invalid"),
            refused
        );
        begin(&server, &phone, "KediAdam").await;
    }
    let code = gateway.message(6).await.code;
    let made = verify(&server, &phone, &format!(" {code} "))
        .await
        .expect(201);
    assert_eq!(
        (&made["user"]["alias"], &made["user"]["locale"]),
        (&json!("KediAdam"), &json!("tr"))
    );
    let token = made["tokens"]["access_token"].as_str().expect("token");
    assert_eq!(server.get("/v1/me", token).await.expect(200), made["user"]);
    server.post("/v1/auth/login", "", &login).await.expect(200);
    // Neither this code nor those before are good for anything now.
    for sms in gateway.inbox() {
        verify(&server, &phone, &sms.code)
            .await
            .expect_problem(422, "code_invalid");
    }
    assert_eq!(
        server
            .count("SELECT CAST(COUNT(*) AS BIGINT) FROM one_time_codes")
            .await,
        0
    );
    server.stop().await;
}

async fn the_owners_code_does_not_complete_a_strangers_registration(
    server: TestServer,
    gateway: Gateway,
) {
    let phone = server.phone();
    let mut stranger = TestServer::registration(&phone, "yabanci");
    stranger["password"] = json!("yabancının parolası");
    server.post(REGISTER, "", &stranger).await.expect(202);
    assert!(gateway.message(1).await.text.contains("\"yabanci\""));
    begin(&server, &phone, "sahibi").await;
    let owners = gateway.message(2).await;
    assert!(owners.text.contains("\"sahibi\""), "{}", owners.text);
    // Also when the stranger has the last word.
    server.post(REGISTER, "", &stranger).await.expect(202);
    gateway.message(3).await;
    let made = verify(&server, &phone, &owners.code).await.expect(201);
    assert_eq!(made["user"]["alias"], "sahibi");
    let login = json!({"phone": phone, "password": "yabancının parolası"});
    server
        .post("/v1/auth/login", "", &login)
        .await
        .expect_problem(401, "invalid_credentials");
    server.login(&phone).await;
    server.stop().await;
}

async fn a_stranger_does_not_learn_why_a_phone_is_banned(server: TestServer, gateway: Gateway) {
    let phone = server.phone();
    begin(&server, &phone, "kedi").await;
    let code = gateway.message(1).await.code;
    server.ban(&phone).await;
    let told = server
        .post(REGISTER, "", &TestServer::registration(&phone, "yabanci"))
        .await
        .expect_problem(403, "banned");
    assert_eq!(
        (&told["ban"], &told["appeal_token"]),
        (&Value::Null, &Value::Null)
    );
    // The code proves whose phone it is.
    let told = verify(&server, &phone, &code)
        .await
        .expect_problem(403, "banned");
    assert_eq!(
        (&told["ban"]["reason"], &told["appeal_token"]),
        (&json!("spam"), &Value::Null)
    );
    server.stop().await;
}

async fn what_cannot_be_registered_is_said_before_a_code_is_sent(
    server: TestServer,
    gateway: Gateway,
) {
    let (taken, _) = registered(&server, &gateway, "kedi").await;
    let register = async |phone: &str| {
        server
            .post(REGISTER, "", &TestServer::registration(phone, "ikinci"))
            .await
    };
    register(&taken).await.expect_problem(409, "phone_taken");
    let banned = server.phone();
    server.ban(&banned).await;
    register(&banned).await.expect_problem(403, "banned");
    for abroad in ["+4915123456789", "+902121234567", "+909001234567"] {
        let problem = register(abroad).await.expect_problem(422, "invalid_phone");
        assert_eq!(problem["errors"][0]["field"], "phone");
    }
    let mut weak = TestServer::registration(&server.phone(), "ikinci");
    weak["password"] = json!("12345678");
    server
        .post(REGISTER, "", &weak)
        .await
        .expect_problem(422, "weak_password");
    for nobodys in ["0000000000", "a\u{0}b", ""] {
        let mut uninvited = TestServer::registration(&server.phone(), "ikinci");
        uninvited["invite"] = json!(nobodys);
        let problem = server
            .post(REGISTER, "", &uninvited)
            .await
            .expect_problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["field"], "invite");
    }

    // The phone is taken by another way in while a code is under way.
    let phone = server.phone();
    begin(&server, &phone, "birinci").await;
    begin(&server, &phone, "ikinci").await;
    let (first, second) = (gateway.message(2).await, gateway.message(3).await);
    let both = join_all([&first, &second].map(|sms| verify(&server, &phone, &sms.code))).await;
    let made = both.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(made, 1, "{both:?}");
    assert_eq!(gateway.inbox().len(), 3);
    server.stop().await;
}

async fn what_the_gateway_does_is_not_the_users_business(server: TestServer, gateway: Gateway) {
    for (number, manner) in [
        Manner::Fails,
        Manner::Redirects,
        Manner::Babbles,
        Manner::Hangs,
    ]
    .into_iter()
    .enumerate()
    {
        gateway.behave(manner);
        let phone = server.phone();
        begin(&server, &phone, "kedi").await;
        // What arrived is good, whatever became of the answer.
        let sms = gateway.message(number + 1).await;
        let failed = format!(
            "tebdil_codes_total{{purpose=\"registration\",outcome=\"failed\"}} {}",
            number + 1
        );
        eventually("the failure is counted", async || {
            numbers(&server).await.contains(&failed)
        })
        .await;
        verify(&server, &phone, &sms.code).await.expect(201);
    }
    assert_eq!(
        gateway.inbox().len(),
        4,
        "nothing is sent twice, and no redirect followed"
    );
    gateway.behave(Manner::Takes);
    registered(&server, &gateway, "sonra").await;
    eventually("what was sent is counted", async || {
        numbers(&server)
            .await
            .contains("tebdil_codes_total{purpose=\"registration\",outcome=\"sent\"} 1")
    })
    .await;
    server.stop().await;
}

async fn numbers(server: &TestServer) -> String {
    let answer = crate::http::get(format!("{}/metrics", server.metrics))
        .await
        .expect("an answer");
    answer.text().await.expect("text")
}
