//! kill −9 under load: what was accepted arrives once and in order.

use std::{collections::HashMap, sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions, test_phone};
use tebdil_client::connection::Backoff;
use tebdil_core::{id::MatchId, testing::Backend};
use tokio::{sync::watch, task::JoinSet};

use crate::process::ServerProcess;

/// Pairs that write to each other, both ways.
const PAIRS: u32 = 3;

/// Messages of one writer that may wait for their answer.
const WINDOW: usize = 8;

/// How long everything that was accepted may take to arrive after the last start.
const SETTLE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_kills_lose_and_double_nothing_on_sqlite() {
    kills(Backend::Sqlite, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_and_double_nothing_on_postgresql() {
    kills(Backend::Postgres, 15).await;
}

async fn kills(backend: Backend, kills: u32) {
    // The longest allowance would end in the middle; hashing and limits are not what is tested.
    let Some(mut server) = ServerProcess::start(backend, &[]).await else { return };
    let (stop, stopped) = watch::channel(false);
    let mut writers = JoinSet::new();
    for pair in 0..PAIRS {
        let (a, b, match_id) = secured(&server.url, pair).await;
        for (chat, events) in [a, b] {
            writers.spawn(converse(chat, events, match_id, stopped.clone()));
        }
    }

    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..kills {
        // A random point of the load; the load is what is killed, not the pause.
        tokio::time::sleep(Duration::from_millis(rng.random_range(20..250))).await;
        server.kill().await;
        server.restart().await;
    }
    stop.send(true).expect("writers listen");

    let mut told: HashMap<(MatchId, String), Vec<String>> = HashMap::new();
    let mut heard: HashMap<(MatchId, String), Vec<(i64, String)>> = HashMap::new();
    while let Some(done) = writers.join_next().await {
        let told_by = done.expect("a writer");
        told.insert((told_by.match_id, told_by.me), told_by.accepted);
        heard.insert((told_by.match_id, told_by.peer), told_by.heard);
    }
    let mut total = 0;
    for (writer, sent) in told {
        let received = &heard[&writer];
        let texts: Vec<&String> = received.iter().map(|(_, text)| text).collect();
        assert_eq!(texts, sent.iter().collect::<Vec<_>>(), "every accepted message once and in order");
        assert!(received.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "seq has no gap");
        assert!(!sent.is_empty());
        total += sent.len();
    }
    assert!(total > usize::try_from(kills).expect("few"), "there was a load: {total} messages");
}

/// What one side sent and heard.
struct Side {
    match_id: MatchId,
    me: String,
    peer: String,
    accepted: Vec<String>,
    heard: Vec<(i64, String)>,
}

/// Writes until stopped, then until everything is accepted; listens until the peer's last word has come.
async fn converse(chat: Chat, mut events: ChatEvents, match_id: MatchId, mut stopped: watch::Receiver<bool>) -> Side {
    let me = chat.user().handle.clone();
    let peer = chat.conversations().await.expect("conversations")[0].info.peer.handle.clone();
    let chat = Arc::new(chat);
    let writer = {
        let (chat, me) = (Arc::clone(&chat), me.clone());
        async move {
            let mut accepted = Vec::new();
            let mut number = 0;
            while !*stopped.borrow() {
                let mut waiting = Vec::new();
                for _ in 0..WINDOW {
                    number += 1;
                    let text = format!("{me} says {number}");
                    waiting.push((text.clone(), chat.send(match_id, text).await.expect("queued")));
                }
                for (text, sent) in waiting {
                    sent.accepted.await.expect("accepted in the end");
                    accepted.push(text);
                }
            }
            stopped.changed().await.ok();
            let text = "the end".to_owned();
            chat.send_and_wait(match_id, text.clone()).await.expect("accepted");
            accepted.push(text);
            accepted
        }
    };
    let listener = async {
        let mut heard = Vec::new();
        while let Some(event) = events.recv().await {
            match event {
                ChatEvent::Text { seq, text, .. } => {
                    let last = text == "the end";
                    heard.push((seq, text));
                    if last {
                        return heard;
                    }
                }
                ChatEvent::Unreadable { seq, error, .. } => panic!("message {seq} cannot be read: {error:?}"),
                over @ (ChatEvent::Ended { .. } | ChatEvent::Closed(_) | ChatEvent::Failed(_)) => panic!("{over:?}"),
                _ => {}
            }
        }
        panic!("events ended");
    };
    let (accepted, heard) = tokio::time::timeout(SETTLE * 3, async { tokio::join!(writer, listener) }).await.expect("everything settles");
    chat.close().await;
    Side { match_id, me, peer, accepted, heard }
}

/// Two new users in a match whose encryption stands on both sides.
async fn secured(url: &str, pair: u32) -> ((Chat, ChatEvents), (Chat, ChatEvents), MatchId) {
    let mut options = ChatOptions::new(url);
    options.tune = Some(Arc::new(|options| {
        options.backoff = Backoff { first: Duration::from_millis(20), max: Duration::from_millis(200) };
        options.request_timeout = Duration::from_secs(20);
    }));
    let mut sides = Vec::new();
    for side in 0..2 {
        let phone = test_phone(2 * pair + side);
        sides.push(Chat::register_simple(&options, &phone, "a long password", &format!("pair{pair}")).await.expect("registered"));
    }
    for (chat, _) in &sides {
        chat.find(&[]).await.expect("searching");
    }
    let mut match_id = None;
    for (_, events) in &mut sides {
        let secured = async {
            loop {
                if let ChatEvent::Secured { match_id, .. } = events.recv().await.expect("an event") {
                    return match_id;
                }
            }
        };
        match_id = Some(tokio::time::timeout(SETTLE, secured).await.expect("secured"));
    }
    let b = sides.pop().expect("two");
    let a = sides.pop().expect("two");
    (a, b, match_id.expect("a match"))
}
