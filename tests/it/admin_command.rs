//! `tebdil admin`: how the first admin is made.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    harness::TestServer,
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
    assert!(!status.success() && stderr.contains("there is no server here yet"), "{stderr}");
    assert!(!dir.path().join("data").exists(), "it made nothing");

    let server = Process::start(tebdil(dir.path())).await;
    let http = reqwest::Client::new();
    let body = TestServer::registration("+905301234567", "kedi");
    let answer = http.post(format!("{}/v1/auth/register", server.url)).json(&body).send().await.expect("an answer");
    let user: serde_json::Value = answer.json().await.expect("JSON");
    let (id, token) = (user["user"]["id"].as_str().expect("an id"), user["tokens"]["access_token"].as_str().expect("a token"));
    let give =
        || http.post(format!("{}/v1/admin/users/{id}/subscription", server.url)).bearer_auth(token).json(&json!({"plan": "monthly"}));
    assert_eq!(give().send().await.expect("an answer").status(), 403);

    let (status, stdout, stderr) = run(grant(dir.path(), "0530 123 45 67", "admin")).await;
    assert!(status.success(), "{stderr}");
    assert_eq!(stdout.trim(), "the account was user and is admin");
    assert_eq!(give().send().await.expect("an answer").status(), 201, "with the token from before");

    // From standard input, where nobody else on the machine can read it.
    let mut command = grant(dir.path(), "-", "user");
    let mut child = command.stdin(Stdio::piped()).spawn().expect("the binary runs");
    child.stdin.take().expect("piped").write_all(b"+905301234567\n").await.expect("written");
    let output = tokio::time::timeout(Duration::from_secs(30), child.wait_with_output()).await.expect("in time").expect("it ran");
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "the account was admin and is user");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("1234567"), "a phone number in the log");
    assert_eq!(give().send().await.expect("an answer").status(), 403);

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
