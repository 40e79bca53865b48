//! The terminal chat, driven through pipes as a script would.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::relay::{Out, Relay};

struct Terminal {
    child: Child,
    /// Gone: the end of the input.
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

fn command(relay: &Relay, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tebdil-client"));
    command
        .args([
            "chat",
            "--server",
            &relay.address,
            "--phone",
            "+905301234567",
        ])
        .args(arguments);
    command
        .env("TEBDIL_PASSWORD", "a long password")
        .env("LANG", "tr_TR.UTF-8")
        .env_remove("LC_ALL")
        .env_remove("LC_MESSAGES");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Terminal {
    fn start(relay: &Relay, arguments: &[&str]) -> Self {
        let mut child = command(relay, arguments).spawn().expect("starts");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self {
            child,
            input,
            output,
            seen: vec![],
        }
    }

    fn register(relay: &Relay, alias: &str, more: &[&str]) -> Self {
        let arguments = [
            &[
                "--alias",
                alias,
                "--birth-date",
                "1990-01-01",
                "--accept-terms",
            ],
            more,
        ]
        .concat();
        Self::start(relay, &arguments)
    }

    async fn line(&mut self, text: &str) {
        let input = self.input.as_mut().expect("not ended");
        input
            .write_all(format!("{text}\n").as_bytes())
            .await
            .expect("the terminal reads");
    }

    /// Waits for a line with `part` in it.
    async fn until(&mut self, part: &str) -> String {
        let wait = async {
            loop {
                match self.output.next_line().await.expect("utf-8") {
                    Some(line) if line.contains(part) => return line,
                    Some(line) => self.seen.push(line),
                    None => panic!("it ended before {part:?}; it said {:#?}", self.seen),
                }
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait)
            .await
            .unwrap_or_else(|_| panic!("no line with {part:?}"))
    }

    async fn ends_well(mut self) {
        assert!(self.child.wait().await.expect("ends").success());
    }
}

async fn a_block_is_made_listed_and_taken_back(ada: &mut Terminal) {
    ada.line("/blocks").await;
    ada.until("Kimseyi engellemediniz").await;
    ada.line("/block").await;
    ada.until("bora#0001 engellendi").await;
    ada.line("/unblock 2").await;
    ada.until("Kullanım: /unblock N").await;
    ada.line("/blocks").await;
    ada.until("1. bora#0001").await;
    ada.line("/unblock 1").await;
    ada.until("bora#0001 artık engelli değil").await;
    ada.line("/blocks").await;
    ada.until("Kimseyi engellemediniz").await;
}

async fn two_reports_reach_the_server(bora: &mut Terminal, relay: &Relay) {
    bora.line("/report boredom").await;
    bora.until("one of: harassment, sexual_content").await;
    bora.line("/report threat the first words").await;
    assert!(
        bora.until("You have reported ada#0001")
            .await
            .contains("1 of them")
    );
    bora.line("/report last spam").await;
    bora.until("You have reported this person already").await;
    let reports = relay.change(|world| world.reports.clone());
    assert_eq!(
        (&reports[0]["reason"], &reports[0]["note"]),
        (&"threat".into(), &"the first words".into())
    );
    assert_eq!(
        (&reports[1]["reason"], reports[1].get("note")),
        (&"spam".into(), None)
    );
}

#[tokio::test]
async fn two_terminals_talk_in_two_languages() {
    let relay = Relay::start().await;
    let mut ada = Terminal::register(&relay, "ada", &["--ephemeral"]);
    ada.until("Buradaki adınız: ada#0001").await;
    let mut bora = Terminal::register(&relay, "bora", &["--ephemeral", "--lang", "en"]);
    bora.until("You are bora#0001").await;
    assert!(
        bora.until("/quit").await.contains("Everything else"),
        "a short help at the start"
    );

    bora.line("hello?").await;
    bora.until("You are talking to nobody").await;
    bora.line("/dance").await;
    bora.until("There is no /dance").await;
    for command in ["/claim", "/report spam"] {
        bora.line(command).await;
        bora.until("You are talking to nobody").await;
    }

    ada.line("/find satranç").await;
    ada.until("Biri aranıyor").await;
    bora.line("/find").await;
    ada.until("bora#0001 ile eşleştiniz").await;
    let ada_number = ada.until("Güvenlik numarası: ").await;
    let bora_number = bora.until("Safety number: ").await;
    let digits = |line: &str| {
        line.split(": ")
            .nth(1)
            .map(str::to_owned)
            .expect("a number")
    };
    assert_eq!(digits(&ada_number), digits(&bora_number));
    assert!(
        bora.until("nobody sits between you")
            .await
            .contains("same number")
    );

    ada.line("merhaba \u{1b}[2J").await;
    assert!(
        bora.until("merhaba")
            .await
            .ends_with("ada#0001: merhaba \u{fffd}[2J")
    );
    ada.until("✓✓").await;
    bora.line("//selam").await;
    assert!(ada.until("selam").await.ends_with("bora#0001: /selam"));
    bora.line("/who").await;
    assert!(bora.until("1. ada#0001").await.starts_with('*'));
    bora.line("/safety").await;
    assert_eq!(
        digits(&bora.until("Safety number: ").await),
        digits(&bora_number)
    );

    bora.line("/claim").await;
    bora.until("Your peer has written").await;
    bora.line("/leave").await;
    ada.until("bora#0001 ayrıldı").await;
    bora.until("is over").await;
    bora.line("/claim").await;
    bora.until("You ended this chat before").await;

    a_block_is_made_listed_and_taken_back(&mut ada).await;
    two_reports_reach_the_server(&mut bora, &relay).await;
    ada.line("/quit").await;
    ada.ends_well().await;
    bora.input = None;
    bora.ends_well().await;
}

#[tokio::test]
async fn a_terminal_goes_on_where_it_was_and_holds_its_folder() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let state = folder
        .path()
        .join("state")
        .to_str()
        .expect("path")
        .to_owned();
    let mut ada = Terminal::register(&relay, "ada", &["--state-dir", &state]);
    ada.until("Buradaki adınız: ada#0001").await;
    let second = command(&relay, &["--state-dir", &state])
        .output()
        .await
        .expect("ends");
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another process"));

    let mut bora = Terminal::register(&relay, "bora", &["--ephemeral"]);
    ada.line("/find").await;
    ada.until("Biri aranıyor").await;
    bora.line("/find").await;
    ada.until("Güvenlik numarası").await;
    ada.line("/quit").await;
    ada.ends_well().await;

    let mut ada = Terminal::start(&relay, &["--state-dir", &state]);
    ada.until("bora#0001 ile eşleştiniz").await;
    ada.until("Güvenlik numarası").await;
    ada.line("geri geldim").await;
    bora.until("geri geldim").await;
    ada.line("/next").await;
    ada.until("bora#0001 ile sohbet bitti").await;
    ada.until("Biri aranıyor").await;
    bora.line("/quit").await;
    bora.ends_well().await;
}

#[tokio::test]
async fn a_search_goes_on_while_the_terminal_is_closed() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().join("state");
    let state = state.to_str().expect("path");
    let mut ada = Terminal::register(&relay, "ada", &["--state-dir", state]);
    ada.line("/background satranç").await;
    ada.until("Ayrılabilirsiniz").await;
    ada.line("/quit").await;
    ada.ends_well().await;

    let mut bora = Terminal::register(&relay, "bora", &["--ephemeral"]);
    bora.line("/find").await;
    bora.until("ada#0001 ile eşleştiniz").await;
    let mut ada = Terminal::start(&relay, &["--state-dir", state]);
    let met = ada.until("bora#0001 ile eşleştiniz").await;
    assert!(!met.contains("Başka bir cihazınızda"), "{met}");
    ada.until("Güvenlik numarası").await;
    ada.line("geldim").await;
    bora.until("geldim").await;
}

#[tokio::test]
async fn failures_are_told_in_the_language_of_the_user() {
    let relay = Relay::start().await;
    let taken = command(
        &relay,
        &[
            "--ephemeral",
            "--alias",
            "taken",
            "--birth-date",
            "1990-01-01",
            "--accept-terms",
        ],
    )
    .output()
    .await
    .expect("ends");
    assert!(!taken.status.success());
    assert_eq!(
        String::from_utf8_lossy(&taken.stderr).trim(),
        "Bu telefon numarasının zaten bir hesabı var."
    );
    let missing = command(&relay, &["--ephemeral", "--alias", "ada"])
        .output()
        .await
        .expect("ends");
    assert!(String::from_utf8_lossy(&missing.stderr).contains("--birth-date gerekli"));
    let wrong = command(&relay, &["--ephemeral", "--lang", "en"])
        .output()
        .await
        .expect("ends");
    assert_eq!(
        String::from_utf8_lossy(&wrong.stderr).trim(),
        "Phone number or password is wrong."
    );
}

#[tokio::test]
async fn changed_terms_are_told_and_accepted() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().expect("folder");
    let state = folder.path().to_str().expect("utf-8");
    let mut ada = Terminal::register(&relay, "ada", &["--state-dir", state]);
    ada.until("ada#0001").await;
    ada.input = None;
    ada.ends_well().await;

    relay.change(|world| world.asks_consent = true);
    let refused = command(&relay, &["--state-dir", state])
        .output()
        .await
        .expect("ends");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("Kullanım koşulları değişti."));
    assert!(relay.change(|world| world.asks_consent));

    let mut ada = Terminal::start(&relay, &["--state-dir", state, "--accept-terms"]);
    ada.until("ada#0001").await;
    assert!(!relay.change(|world| world.asks_consent));
    // The server comes back with newer terms while the chat is open.
    relay.tell(0, Out::Close(4014));
    let ended = ada.child.wait_with_output().await.expect("ends");
    assert!(!ended.status.success());
    assert!(String::from_utf8_lossy(&ended.stderr).starts_with("Kullanım koşulları değişti."));
}

#[test]
fn both_languages_say_everything() {
    let texts = |json: &str| {
        serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json).expect("json")
    };
    let (tr, en) = (
        texts(include_str!("../../locales/tr.json")),
        texts(include_str!("../../locales/en.json")),
    );
    let names = |text: &serde_json::Value| {
        let text = text.as_str().unwrap_or_default();
        let mut names: Vec<_> = text
            .split("%{")
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    };
    assert!(tr.keys().eq(en.keys()));
    for (key, text) in &tr {
        assert_eq!(names(text), names(&en[key]), "{key}");
    }
}
