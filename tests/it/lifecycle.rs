//! What the process does: its first start, its end, and its command line.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use tebdil_core::testing::Backend;

use crate::{
    harness::TestServer,
    process::{Process, run, tebdil},
};

#[tokio::test]
async fn a_first_run_makes_its_keys_and_a_signal_ends_it_well() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Process::start(tebdil(dir.path())).await;
    let http = crate::http::client();
    let phone = "+905301234567";
    let body = TestServer::registration(phone, "KediAdam");
    let answer = http
        .post(format!("{}/v1/auth/register", server.url))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 201);
    let answer: Value = answer.json().await.expect("JSON");
    assert!(
        http.get(format!("{}/readyz", server.url))
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );

    let keys = dir.path().join("data/secrets.toml");
    assert_eq!(
        std::fs::metadata(&keys).expect("made").permissions().mode() & 0o777,
        0o600
    );
    server.signal("-TERM").await;
    let (status, log) = server.end().await;
    assert!(status.success(), "{status} {log}");
    assert!(log.contains("draining"), "{log}");
    let keys = std::fs::read_to_string(keys).expect("readable");
    let tokens = &answer["tokens"];
    let secrets = [
        phone,
        "5301234567",
        "yağmur",
        "1990-05-17",
        tokens["access_token"].as_str().expect("token"),
        tokens["refresh_token"].as_str().expect("token"),
    ];
    for secret in secrets
        .into_iter()
        .chain(keys.lines().filter_map(|line| line.split('"').nth(1)))
    {
        assert!(!log.contains(secret), "the log holds {secret}");
    }

    // The second run finds everything as it was.
    let server = Process::start(tebdil(dir.path())).await;
    let answer = http
        .get(format!("{}/v1/me", server.url))
        .bearer_auth(tokens["access_token"].as_str().expect("token"))
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 200);
    server.signal("-INT").await;
    assert!(server.end().await.0.success());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command.env("TEBDIL_SHUTDOWN__READY_DELAY_S", "600");
    let server = Process::start(command).await;
    let ready = async || {
        crate::http::get(format!("{}/readyz", server.url))
            .await
            .expect("an answer")
            .status()
            .as_u16()
    };
    server.signal("-TERM").await;
    while ready().await != 503 {
        tokio::task::yield_now().await;
    }
    server.signal("-TERM").await;
    let (status, log) = server.end().await;
    assert!(status.success(), "{status} {log}");
}

#[tokio::test]
async fn healthcheck_says_whether_a_server_is_there() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Process::start(tebdil(dir.path())).await;
    let check = async |listen: &str| {
        let mut command = tebdil(dir.path());
        command
            .arg("healthcheck")
            .env("TEBDIL_HTTP__LISTEN", listen);
        run(command).await.0.success()
    };
    let address = server.url.trim_start_matches("http://").to_owned();
    assert!(check(&address).await);
    server.signal("-TERM").await;
    server.end().await;
    assert!(!check(&address).await);
}

#[tokio::test]
async fn settings_are_checked_and_explained() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let config = async |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = tebdil(dir.path());
        command.args(args).envs(environment.iter().copied());
        run(command).await
    };
    let (status, defaults, _) = config(&["config", "default"], &[]).await;
    assert!(status.success());
    std::fs::write(dir.path().join("tebdil.toml"), &defaults).expect("written");
    let (status, said, warned) = config(&["config", "check", "--config", "tebdil.toml"], &[]).await;
    assert!(
        status.success() && said.contains("good"),
        "the defaults are a valid file"
    );
    assert!(warned.contains("bcrypt_cost"), "{warned}");

    let (status, _, complaint) =
        config(&["config", "check"], &[("TEBDIL_QUOTA__FREE_TXT", "1")]).await;
    assert_eq!(status.code(), Some(2));
    assert!(complaint.contains("free_txt"), "{complaint}");
    let (status, _, complaint) = config(&[], &[("TEBDIL_REDIS__URL", "redis://127.0.0.1")]).await;
    assert_eq!(status.code(), Some(2));
    assert!(complaint.contains("redis.url"), "{complaint}");
    for args in [&[][..], &["config", "check"]] {
        let (status, _, complaint) = config(
            args,
            &[("TEBDIL_DATABASE__URL", "postgres://u:hunter2@127.0.0.1:1/x")],
        )
        .await;
        assert_eq!(status.code(), Some(2));
        assert!(
            complaint.contains("TEBDIL_SECRETS__PHONE_INDEX_KEY") && !complaint.contains("hunter2"),
            "{complaint}"
        );
    }
    assert!(!dir.path().join("data").exists(), "nothing was made");

    let (status, ..) = config(&["migrate"], &[]).await;
    assert!(status.success());
    assert!(
        dir.path().join("data/tebdil.db").exists() && dir.path().join("data/secrets.toml").exists()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_on_their_own_listener() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    let user = server.register("KediAdam").await;
    server
        .get("/v1/matches/1", &user.access)
        .await
        .expect_problem(404, "not_found");
    let numbers = crate::http::get(format!("{}/metrics", server.metrics))
        .await
        .expect("an answer")
        .text()
        .await
        .expect("text");
    for wanted in [
        "tebdil_http_requests_total",
        "route=\"/v1/matches/{id}\"",
        "process_resident_memory_bytes",
        "tebdil_http_request_seconds_bucket",
    ] {
        assert!(numbers.contains(wanted), "{wanted} in {numbers}");
    }
    assert!(!numbers.contains(&user.id));
    server
        .get("/metrics", "")
        .await
        .expect_problem(404, "not_found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_part_ends_the_server_with_an_error() {
    let server = TestServer::start(Backend::Sqlite, &[])
        .await
        .expect("SQLite is always there");
    server.app.tasks.supervise("clockwork", async {});
    let error = server.ended().await.expect_err("a failure");
    assert_eq!(error.to_string(), "task clockwork ended unexpectedly");
}
