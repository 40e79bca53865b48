//! Ciphertext is held until it has arrived, and no longer.

use std::ops::RangeInclusive;

use tebdil_core::testing::Backend;

use crate::{
    outages::people::pair_at,
    process::ServerProcess,
    sockets::{Person, eventually, message},
};

/// How many each of the two sends.
const EACH: i64 = 500;

/// At both ends of each ciphertext.
const MARK: &str = "this-is-sealed-for-somebody";

/// A message that fits into a page of the database, or into a few, or takes many.
fn sealed(seq: i64) -> String {
    let bytes = [100, 3_000, 12_000][usize::try_from(seq % 3).expect("small")];
    format!("{MARK}{}{MARK}", "x".repeat(bytes))
}

/// Says these, and has the other acknowledge them, a few at a time.
async fn tells(from: &mut Person, to: &mut Person, id: &str, seqs: RangeInclusive<i64>) {
    let last = *seqs.end();
    for seq in seqs {
        from.send(message(id, seq, &sealed(seq))).await;
        assert_eq!(to.until("message.new").await["seq"], seq);
        if seq % 10 == 0 {
            to.acknowledge(id, seq).await;
        }
    }
    while from.until("message.delivered").await["seq"] != last {}
}

/// Whether the server's files or a backup of its database hold ciphertext.
async fn holds_ciphertext(server: &ServerProcess) -> bool {
    let hex = MARK
        .bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut places = server.files();
    places.push(("a backup".into(), server.backup().await));
    places.iter().any(|(_, bytes)| {
        [MARK, &hex].iter().any(|word| {
            bytes
                .windows(word.len())
                .any(|window| window == word.as_bytes())
        })
    })
}

async fn nothing_is_left_of_what_has_arrived(backend: Backend) {
    let Some(mut server) = ServerProcess::start(backend, &[]).await else {
        return;
    };
    let (mut a, mut b, id) = pair_at([&server.url; 2], 1).await;
    assert_eq!(a.say(&id, 1, &sealed(1)).await["seq"], 1);
    assert!(holds_ciphertext(&server).await, "what waits is held");
    assert_eq!(b.until("message.new").await["seq"], 1);

    tells(&mut a, &mut b, &id, 2..=EACH).await;
    tells(&mut b, &mut a, &id, 1..=EACH).await;
    eventually("everything that arrived is gone", async || {
        server.count("SELECT COUNT(*) FROM messages").await == 0
    })
    .await;
    for (sql, count) in [
        ("SELECT COUNT(*) FROM message_logs", 2 * EACH),
        (
            "SELECT COUNT(*) FROM message_logs WHERE delivered_at >= sent_at",
            2 * EACH,
        ),
    ] {
        assert_eq!(server.count(sql).await, count, "{sql}");
    }
    if backend == Backend::Sqlite {
        // What it answers first is whether somebody was in the way.
        eventually("the log is written back", async || {
            server.count("PRAGMA wal_checkpoint(TRUNCATE)").await == 0
        })
        .await;
    }
    assert!(!holds_ciphertext(&server).await, "what arrived is gone");
    assert_eq!(server.terminate().await, Some(0));
    assert!(!holds_ciphertext(&server).await, "after the end as well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_what_has_arrived_on_sqlite() {
    nothing_is_left_of_what_has_arrived(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_what_has_arrived_on_postgresql() {
    nothing_is_left_of_what_has_arrived(Backend::Postgres).await;
}
