//! One node: other senders, kill −9, what is on the disk, and the client.

use serde_json::{Value, json};
use tebdil_client::{
    chat::{Chat, ChatError, ChatOptions},
    rest::{Api, ApiError},
};
use tebdil_core::testing::Backend;
use tebdil_protocol::{ErrorCode, PasswordResetConfirmation, Secret};

use super::{CONFIRM, REGISTER, RESET, VERIFY, confirm, settings, verify, wrong};
use crate::{
    harness::{PASSWORD, TestServer},
    process::ServerProcess,
    sms::Gateway,
    sockets::eventually,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_sender_there_is_no_reset() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    server
        .post(RESET, "", &json!({"phone": server.phone()}))
        .await
        .expect_problem(404, "not_found");
    verify(&server, &server.phone(), "123456")
        .await
        .expect_problem(422, "code_invalid");
    confirm(&server, &server.phone(), "123456", "yeni parolam")
        .await
        .expect_problem(422, "code_invalid");
    server.stop().await;
}

/// Neither the phone, a code nor a password lies in a file of the server.
fn look(server: &ServerProcess, phone: &str, codes: [&str; 2]) {
    let quoted = |code: &str| {
        [
            format!("\"{code}\""),
            format!(" {code},"),
            format!("={code}"),
        ]
    };
    let secrets = [vec![
        phone.to_owned(),
        phone[1..].to_owned(),
        phone[3..].to_owned(),
        "sesame".to_owned(),
        PASSWORD.to_owned(),
    ]];
    let secrets: Vec<String> = secrets
        .into_iter()
        .flatten()
        .chain(quoted(codes[0]))
        .chain(quoted(codes[1]))
        .collect();
    for (path, bytes) in server.files() {
        for word in &secrets {
            let found = bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes());
            assert!(!found, "{} holds {word}", path.display());
        }
    }
}

/// Kill −9 between the code and its use, and what the disk and a log of everything hold meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_survives_kill_9_and_is_not_on_the_disk() {
    let gateway = Gateway::start().await;
    // A proxy that was meant for something else, where nobody answers: nothing goes through it in
    // clear.
    let more = [
        ("TEBDIL_LOG", "trace"),
        ("HTTP_PROXY", "http://127.0.0.1:9"),
        ("http_proxy", "http://127.0.0.1:9"),
    ];
    let settings: Vec<(&str, &str)> = gateway.settings().into_iter().chain(more).collect();
    let mut server = ServerProcess::start(Backend::Sqlite, &settings)
        .await
        .expect("SQLite is always there");
    let http = crate::http::client();
    let post = async |url: &str, path: &str, body: Value| {
        let answer = http
            .post(format!("{url}{path}"))
            .json(&body)
            .send()
            .await
            .expect("an answer");
        answer.status().as_u16()
    };
    let phone = "+905321112233";
    assert_eq!(
        post(
            &server.url,
            REGISTER,
            TestServer::registration(phone, "kedi")
        )
        .await,
        202
    );
    let registration = gateway.message(1).await.code;
    server.kill().await;
    server.restart().await;
    assert_eq!(
        post(
            &server.url,
            VERIFY,
            json!({"phone": phone, "code": registration})
        )
        .await,
        201
    );
    assert_eq!(post(&server.url, RESET, json!({"phone": phone})).await, 202);
    let reset = gateway.message(2).await.code;
    // While the code is stored.
    look(&server, phone, [&registration, &reset]);
    server.kill().await;
    server.restart().await;
    let confirmation = json!({"phone": phone, "code": reset, "new_password": "yeni bir parola"});
    assert_eq!(post(&server.url, CONFIRM, confirmation.clone()).await, 204);
    assert_eq!(post(&server.url, CONFIRM, confirmation).await, 422);
    let login = json!({"phone": phone, "password": "yeni bir parola"});
    assert_eq!(post(&server.url, "/v1/auth/login", login).await, 200);
    look(&server, phone, [&registration, &reset]);
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_reads_codes_in_the_log_and_is_warned() {
    let settings = [
        ("TEBDIL_VERIFICATION__PHONE", "true"),
        ("TEBDIL_VERIFICATION__SENDER", "log"),
        ("TEBDIL_VERIFICATION__UNSAFE_ALLOW_LOG", "true"),
    ];
    let mut server = ServerProcess::start(Backend::Sqlite, &settings)
        .await
        .expect("SQLite is always there");
    let log = || std::fs::read_to_string(server.log_path()).expect("a log");
    assert!(log().contains("whoever reads the log can take over every account"));
    let post = async |path: &str, body: Value| {
        let answer = crate::http::client()
            .post(format!("{}{path}", server.url))
            .json(&body)
            .send()
            .await
            .expect("an answer");
        answer.status().as_u16()
    };
    let phone = "+905321112233";
    assert_eq!(
        post(REGISTER, TestServer::registration(phone, "kedi")).await,
        202
    );
    eventually("the code is logged", async || log().contains("kodunuz ")).await;
    let text = log();
    let code = &text.split_once("kodunuz ").expect("it is there").1[..6];
    assert_eq!(
        post(VERIFY, json!({"phone": phone, "code": code})).await,
        201
    );
    assert!(!text.contains(&phone[3..]), "not even here");
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_goes_on_with_the_code() {
    let gateway = Gateway::start().await;
    let server = TestServer::start(Backend::Sqlite, &settings(&gateway, &[]))
        .await
        .expect("SQLite is always there");
    let (options, phone) = (ChatOptions::new(&server.base), server.phone());
    let registered = Chat::register_simple(&options, &phone, PASSWORD, "kedi").await;
    assert!(matches!(
        registered,
        Err(ChatError::Api(ApiError::VerificationRequired))
    ));
    let code = gateway.message(1).await.code;
    let refused = Chat::verify_phone(&options, &Secret::from(phone.as_str()), &wrong(&code))
        .await
        .expect_err("a wrong code");
    assert_eq!(refused.code(), Some(ErrorCode::CodeInvalid));
    let (chat, _events) = Chat::verify_phone(&options, &Secret::from(phone.as_str()), &code)
        .await
        .expect("signed in");
    assert_eq!(chat.user().alias, "kedi");
    chat.close().await;

    let api = Api::new(&server.base).expect("an address");
    api.request_password_reset(&Secret::from(phone.as_str()))
        .await
        .expect("asked");
    let code = gateway.message(2).await.code.into();
    let confirmation = PasswordResetConfirmation {
        phone: phone.as_str().into(),
        code,
        new_password: "yeni bir parola".into(),
    };
    api.reset_password(&confirmation).await.expect("reset");
    let (chat, _events) = Chat::login(&options, &phone, "yeni bir parola", None)
        .await
        .expect("signed in");
    chat.close().await;
    server.stop().await;
}
