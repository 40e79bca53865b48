//! The pages of the legal texts: what is on them, and whose they are.

use std::{fs, path::Path};

use reqwest::{Method, redirect};
use serde_json::Value;
use tebdil_core::testing::Backend;

use crate::{
    harness::{Reply, TestServer},
    process::{run, tebdil},
};

scenarios! {
    @with &[
        ("TEBDIL_SERVICE__NAME", "Tebdil <Test>"),
        ("TEBDIL_SERVICE__SUPPORT_CONTACT", "destek@example.org"),
        ("TEBDIL_RETENTION__MESSAGE_LOGS_DAYS", "123"),
    ];
    every_text_is_a_page_in_both_languages,
    a_page_is_told_apart_and_kept,
    a_page_loads_only_its_stylesheet,
    readers_get_their_language,
}

const TEXTS: [&str; 4] = ["terms", "privacy", "community", "delete-account"];

async fn get(server: &TestServer, path: &str) -> Reply {
    server.send(server.request(Method::GET, path, None)).await
}

async fn page(server: &TestServer, path: &str) -> String {
    match get(server, path).await.expect(200) {
        Value::String(page) => page,
        other => panic!("{path}: {other}"),
    }
}

async fn every_text_is_a_page_in_both_languages(server: TestServer) {
    for language in ["tr", "en"] {
        for text in TEXTS {
            let path = format!("/legal/{language}/{text}");
            let page = page(&server, &path).await;
            assert!(
                page.contains(&format!("<html lang=\"{language}\">")),
                "{path}"
            );
            assert_eq!(page.matches("<h1>").count(), 1, "{path}");
            assert!(page.contains("Tebdil &lt;Test&gt;</title>"), "{path}");
            assert!(
                page.contains("<a href=\"mailto:destek@example.org\">"),
                "{path}"
            );
            assert!(!page.contains("<Test>") && !page.contains('{'), "{path}");
            for other in TEXTS {
                let link = format!("href=\"/legal/{language}/{other}\"");
                assert!(page.contains(&link), "{path}: {other}");
            }
            for other in ["tr", "en"] {
                let link = format!("<a href=\"/legal/{other}/{text}\" lang=\"{other}\"");
                assert!(page.contains(&link), "{path}: {other}");
            }
        }
    }
    let privacy = page(&server, "/legal/en/privacy").await;
    assert!(
        privacy.contains("123 days"),
        "it says what the settings say"
    );
    for missing in [
        "/legal/de/terms",
        "/legal/tr/imprint",
        "/legal/imprint",
        "/legal/tr/terms/x",
        "/legal/TR/terms",
        "/legal/tr/terms.md",
        "/legal/tr/..%2Fterms",
        "/legal",
    ] {
        get(&server, missing).await.expect_problem(404, "not_found");
    }
    server.stop().await;
}

async fn a_page_is_told_apart_and_kept(server: TestServer) {
    let page = get(&server, "/legal/tr/terms").await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-language", "tr"),
        ("cache-control", "public, max-age=300"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.headers[name], value, "{name}");
    }
    let request = server.request(Method::GET, "/legal/tr/terms", None);
    let same = server
        .send(request.header("if-none-match", &page.headers["etag"]))
        .await;
    assert_eq!(same.expect(304), Value::Null);
    let head = server
        .send(server.request(Method::HEAD, "/legal/tr/terms", None))
        .await;
    assert_eq!(head.headers["etag"], page.headers["etag"]);
    assert_eq!(head.expect(200), Value::Null);
    let written = server.request(Method::POST, "/legal/tr/terms", None);
    server
        .send(written)
        .await
        .expect_problem(405, "method_not_allowed");
    server.stop().await;
}

async fn a_page_loads_only_its_stylesheet(server: TestServer) {
    let reply = get(&server, "/legal/en/privacy").await;
    let policy = reply.headers["content-security-policy"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let page = reply.expect(200).to_string();
    for loads in [
        "<script", "<img", "style=", "src=", "http://", "<iframe", "<form",
    ] {
        assert!(!page.contains(loads), "{loads}");
    }
    let style = get(&server, "/legal/style.css").await;
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(style.headers.contains_key("etag"));
    let style = style.expect(200).to_string();
    assert!(
        !style.contains("url(") && !style.contains("@import"),
        "{style}"
    );
    server.stop().await;
}

async fn readers_get_their_language(server: TestServer) {
    let client = crate::http::builder()
        .redirect(redirect::Policy::none())
        .build()
        .expect("a client");
    for (asked, language) in [
        (None, "tr"),
        (Some("en-GB,en;q=0.9"), "en"),
        (Some("de"), "tr"),
        (Some("tr;q=0.5, en;q=0.7"), "en"),
    ] {
        for text in TEXTS {
            let mut request = client.get(format!("{}/legal/{text}", server.base));
            if let Some(asked) = asked {
                request = request.header("accept-language", asked);
            }
            let reply = server.send(request).await;
            assert_eq!(
                reply.headers["location"],
                format!("/legal/{language}/{text}")
            );
            assert_eq!(reply.headers["vary"], "accept-language");
            assert_eq!(reply.headers["cache-control"], "no-store");
            reply.expect(303);
        }
    }
    server.stop().await;
}

/// Writes a text of the operator.
fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

#[tokio::test]
async fn a_text_of_the_operator_replaces_ours() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    write(
        dir.path(),
        "en/terms.md",
        "# House rules\n\nBe kind at {name}.\n",
    );
    write(dir.path(), ".git/config", "hidden");
    let settings = dir.path().display().to_string();
    let server = TestServer::start(Backend::Sqlite, &[("TEBDIL_LEGAL__DIR", &settings)])
        .await
        .expect("SQLite is always there");
    let own = page(&server, "/legal/en/terms").await;
    assert!(
        own.contains("<h1>House rules</h1>\n<p>Be kind at Tebdil.</p>"),
        "{own}"
    );
    let other = page(&server, "/legal/en/privacy").await;
    assert!(other.contains(">House rules</a>") && other.contains("<h1>Privacy notice</h1>"));
    let turkish = page(&server, "/legal/tr/terms").await;
    server.stop().await;
    assert!(turkish.contains("<h1>Kullanım koşulları</h1>"), "{turkish}");
    assert!(
        turkish.contains("henüz bir iletişim adresi verilmedi"),
        "{turkish}"
    );
}

#[tokio::test]
async fn a_bad_text_is_named_and_nothing_starts() {
    for (name, text, why) in [
        (
            "en/terms.md",
            &b"no title"[..],
            "terms.md: line 1: it must begin with its title",
        ),
        ("en/terms.md", b"", "it must begin with its title"),
        (
            "en/terms.md",
            b"# A\n\n{support}",
            "terms.md: line 3: there is no {support}",
        ),
        (
            "tr/privacy.md",
            b"# A\n\n<b>x</b>",
            "privacy.md: line 3: HTML",
        ),
        (
            "tr/privacy.md",
            b"# A\n\n\n[x](javascript:x)",
            "privacy.md: line 4: a link",
        ),
        (
            "tr/privacy.md",
            b"# A\n\xff",
            "privacy.md: stream did not contain valid UTF-8",
        ),
        ("tr/imprint.md", b"# A", "imprint.md: no text has this name"),
        (
            "de/terms.md",
            b"# A",
            "de: there are only the folders tr and en",
        ),
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let texts = dir.path().join("texts");
        write(&texts, name, text);
        for arguments in [&["serve"][..], &["config", "check"]] {
            let mut command = tebdil(dir.path());
            command.args(arguments).env("TEBDIL_LEGAL__DIR", &texts);
            let (status, _, stderr) = run(command).await;
            assert_eq!(status.code(), Some(2), "{name}: {stderr}");
            assert!(
                stderr.contains("legal.dir: ") && stderr.contains(why),
                "{name}: {stderr}"
            );
        }
        assert!(
            !dir.path().join("data/tebdil.db").exists(),
            "nothing was made"
        );
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = tebdil(dir.path());
    command.env("TEBDIL_LEGAL__DIR", dir.path().join("nowhere"));
    let (status, _, stderr) = run(command).await;
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("nowhere: No such file"), "{stderr}");
}
