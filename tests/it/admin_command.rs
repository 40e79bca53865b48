//! `tebdil admin`: how the first admin is made.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    harness::{PASSWORD, TestServer},
    process::{Process, run, tebdil},
};

fn grant(dir: &Path, phone: &str, role: &str) -> Command {
    let mut command = tebdil(dir);
    command.args(["admin", "grant", phone, "--role", role]);
    command
}

#[tokio::test]
async fn the_operator_makes_the_first_admin_while_the_server_runs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (status, _, stderr) = run(grant(dir.path(), "+905301234567", "admin")).await;
    assert!(
        !status.success() && stderr.contains("there is no server here yet"),
        "{stderr}"
    );
    assert!(!dir.path().join("data").exists(), "it made nothing");

    let server = Process::start(tebdil(dir.path())).await;
    let http = crate::http::client();
    let body = TestServer::registration("+905301234567", "kedi");
    let answer = http
        .post(format!("{}/v1/auth/register", server.url))
        .json(&body)
        .send()
        .await
        .expect("an answer");
    let user: serde_json::Value = answer.json().await.expect("JSON");
    let token = user["tokens"]["access_token"].as_str().expect("a token");
    let ads = || {
        http.get(format!("{}/v1/admin/ads", server.url))
            .bearer_auth(token)
    };
    assert_eq!(ads().send().await.expect("an answer").status(), 403);

    let (status, stdout, stderr) = run(grant(dir.path(), "0530 123 45 67", "admin")).await;
    assert!(status.success(), "{stderr}");
    assert_eq!(stdout.trim(), "the account was user and is admin");
    assert_eq!(
        ads().send().await.expect("an answer").status(),
        200,
        "with the token from before"
    );

    // From standard input, where nobody else on the machine can read it.
    let mut command = grant(dir.path(), "-", "user");
    let mut child = command
        .stdin(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"+905301234567\n")
        .await
        .expect("written");
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output())
        .await
        .expect("in time")
        .expect("it ran");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "the account was admin and is user"
    );
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains("1234567"),
        "a phone number in the log"
    );
    assert_eq!(ads().send().await.expect("an answer").status(), 403);

    for (phone, role, complaint) in [
        ("+905309999999", "admin", "no account has this phone number"),
        ("12", "admin", "this is not a phone number"),
        ("+905301234567", "god", "must be user, moderator or admin"),
    ] {
        let (status, _, stderr) = run(grant(dir.path(), phone, role)).await;
        assert!(!status.success() && stderr.contains(complaint), "{stderr}");
    }
    server.signal("-TERM").await;
    let (status, log) = server.end().await;
    assert!(status.success(), "{log}");
}

fn generator(begun: &serde_json::Value) -> totp_rs::Totp {
    let secret =
        totp_rs::Secret::try_from_base32(begun["secret"].as_str().expect("text")).expect("base32");
    totp_rs::Builder::new()
        .with_secret(secret)
        .build()
        .expect("a generator")
}

async fn the_log_names_the_command_line(
    http: &reqwest::Client,
    server: &Process,
    token: &str,
    id: &str,
) {
    let logs = http
        .get(format!(
            "{}/v1/admin/system-logs?action=totp_removed",
            server.url
        ))
        .bearer_auth(token)
        .send()
        .await;
    let logs: serde_json::Value = logs.expect("an answer").json().await.expect("JSON");
    let by = |act: &serde_json::Value| {
        act["details"]["by"] == "command line" && act["user_id"] == id && act["actor_id"].is_null()
    };
    assert!(
        logs["items"]
            .as_array()
            .is_some_and(|acts| acts.len() == 2 && acts.iter().all(by)),
        "{logs}"
    );
}

#[tokio::test]
async fn the_operator_takes_a_lost_second_factor_away() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = Process::start(tebdil(dir.path())).await;
    let http = crate::http::client();
    let post = async |path: &str, token: &str, body: serde_json::Value| {
        let answer = http
            .post(format!("{}{path}", server.url))
            .bearer_auth(token)
            .json(&body)
            .send()
            .await
            .expect("an answer");
        (
            answer.status().as_u16(),
            answer.json::<serde_json::Value>().await.expect("JSON"),
        )
    };
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let (_, user) = post(
        "/v1/auth/register",
        "",
        TestServer::registration("+905301234567", "kedi"),
    )
    .await;
    let (id, token) = (
        text(&user["user"]["id"]),
        text(&user["tokens"]["access_token"]),
    );
    assert!(
        run(grant(dir.path(), "+905301234567", "admin"))
            .await
            .0
            .success()
    );
    let reset = async |account: &str| {
        let mut command = tebdil(dir.path());
        command.args(["admin", "totp-reset", account]);
        run(command).await
    };
    for account in ["+905301234567", &id] {
        let (status, _, stderr) = reset(account).await;
        assert!(
            !status.success() && stderr.contains("there is no such account with a second factor"),
            "{stderr}"
        );
        let (_, begun) = post("/v1/me/totp", &token, json!({ "password": PASSWORD })).await;
        let app = generator(&begun);
        let now = std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs();
        assert_eq!(
            post(
                "/v1/me/totp/confirm",
                &token,
                json!({ "code": app.generate(now).to_string() })
            )
            .await
            .0,
            200
        );
        let login = json!({ "phone": "+905301234567", "password": PASSWORD });
        assert_eq!(
            post("/v1/auth/login", "", login.clone()).await.1["code"],
            "totp_required"
        );

        let (status, stdout, stderr) = reset(account).await;
        assert!(status.success(), "{stderr}");
        assert_eq!(stdout.trim(), "the account has no second factor any more");
        assert_eq!(post("/v1/auth/login", "", login).await.0, 200);
    }
    let (status, _, stderr) = reset("kedi").await;
    assert!(
        !status.success() && stderr.contains("neither a phone number nor the id"),
        "{stderr}"
    );
    the_log_names_the_command_line(&http, &server, &token, &id).await;
    server.signal("-TERM").await;
    assert!(server.end().await.0.success());
}
