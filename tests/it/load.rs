//! People who write to each other without a pause while something fails, and the account of what
//! arrived.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tebdil_client::chat::{Chat, ChatEvent, ChatEvents, ChatOptions, test_phone};
use tebdil_client::connection::Backoff;
use tebdil_protocol::id::MatchId;
use tokio::{sync::watch, task::JoinSet, time::Instant};

/// Messages of one writer that may wait for their answer.
const WINDOW: usize = 8;

/// How far a writer may be ahead of its reader. To open a message costs more than to seal one: a
/// reader who never has a rest does not get to write.
const LEAD: usize = 48;

/// How long everything that was accepted may take to arrive in the end.
const SETTLE: Duration = Duration::from_mins(1);

/// Said last by each.
const END: &str = "the end";

/// Two people who write to each other.
pub struct Pair {
    sides: [(Chat, ChatEvents); 2],
    match_id: MatchId,
}

impl Pair {
    /// Two new users in a match whose encryption stands on both sides, each with the address it
    /// goes to. Nobody else may be searching. `number` tells the pairs of a database apart.
    pub async fn meet(urls: [&str; 2], number: u32) -> Self {
        let first = join(urls[0], 2 * number).await;
        let second = join(urls[1], 2 * number + 1).await;
        Self::of([first, second]).await
    }

    /// The same for two who have joined already.
    pub async fn of(mut sides: [(Chat, ChatEvents); 2]) -> Self {
        for (chat, _) in &sides {
            chat.find(&[]).await.expect("searching");
        }
        let mut match_id = None;
        for (_, events) in &mut sides {
            let secured = async {
                loop {
                    if let ChatEvent::Secured { match_id, .. } =
                        events.recv().await.expect("an event")
                    {
                        return match_id;
                    }
                }
            };
            match_id = Some(
                tokio::time::timeout(SETTLE, secured)
                    .await
                    .expect("secured"),
            );
        }
        Self {
            sides,
            match_id: match_id.expect("a match"),
        }
    }
}

/// A new user who is connected, and comes back without delay.
pub async fn join(url: &str, number: u32) -> (Chat, ChatEvents) {
    let mut options = ChatOptions::new(url);
    options.tune = Some(Arc::new(|options| {
        options.backoff = Backoff {
            first: Duration::from_millis(20),
            max: Duration::from_millis(200),
        };
        options.request_timeout = Duration::from_secs(20);
    }));
    Chat::register_simple(
        &options,
        &test_phone(number),
        "a long password",
        &format!("writer{number}"),
    )
    .await
    .expect("registered")
}

/// Pairs that write, both ways, until they are stopped.
pub struct Load {
    stop: watch::Sender<bool>,
    writers: JoinSet<(Side, Chat, ChatEvents)>,
    heard: Vec<[Arc<AtomicUsize>; 2]>,
}

/// What one side sent and heard.
#[derive(Debug)]
pub struct Side {
    /// Its pair and its place there.
    pub place: (usize, usize),
    match_id: MatchId,
    me: String,
    peer: String,
    accepted: Vec<String>,
    heard: Vec<(i64, String)>,
    /// When it was told whether its peer is online.
    pub presence: Vec<(Instant, bool)>,
    /// When its socket was open again.
    pub connected: Vec<Instant>,
}

impl Load {
    /// Begins. Between bursts each writer waits for `pause`.
    pub fn start(pairs: impl IntoIterator<Item = Pair>, pause: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut load = Self {
            stop,
            writers: JoinSet::new(),
            heard: Vec::new(),
        };
        for (number, Pair { sides, match_id }) in pairs.into_iter().enumerate() {
            let counts: [Arc<AtomicUsize>; 2] = Default::default();
            for (side, (chat, events)) in sides.into_iter().enumerate() {
                let writer = Writer {
                    place: (number, side),
                    match_id,
                    pause,
                    heard: Arc::clone(&counts[side]),
                    heard_there: Arc::clone(&counts[1 - side]),
                    stopped: stopped.clone(),
                };
                load.writers.spawn(writer.converse(chat, events));
            }
            load.heard.push(counts);
        }
        load
    }

    /// How many messages each of the two has heard by now.
    pub fn heard(&self, pair: usize) -> [usize; 2] {
        [0, 1].map(|side| self.heard[pair][side].load(Ordering::Relaxed))
    }

    /// Waits until both of a pair have heard `count` more.
    pub async fn goes_on(&self, pair: usize, count: usize) {
        let before = self.heard(pair);
        let more = async {
            while [0, 1]
                .iter()
                .any(|&side| self.heard(pair)[side] < before[side] + count)
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let more = tokio::time::timeout(SETTLE, more).await;
        assert!(
            more.is_ok(),
            "pair {pair} heard {before:?} and then only {:?}",
            self.heard(pair)
        );
    }

    /// Stops, waits until everything has arrived, and checks that each accepted message arrived
    /// once, in order and without a gap. The sides, in order, and how many messages there were.
    pub async fn finish(mut self) -> (Vec<Side>, usize) {
        self.stop.send(true).expect("writers listen");
        let (mut sides, mut lines) = (Vec::new(), Vec::new());
        while let Some(done) = self.writers.join_next().await {
            let (side, chat, events) = done.expect("a writer");
            sides.push(side);
            lines.push((chat, events));
        }
        // Only now: to a peer that still listens it would be away.
        for (chat, events) in lines {
            drop(events);
            chat.close().await;
        }
        sides.sort_unstable_by_key(|side| side.place);
        let heard: HashMap<(MatchId, &str), &Vec<(i64, String)>> = sides
            .iter()
            .map(|side| ((side.match_id, side.peer.as_str()), &side.heard))
            .collect();
        let mut total = 0;
        for side in &sides {
            let received = heard[&(side.match_id, side.me.as_str())];
            let texts: Vec<&String> = received.iter().map(|(_, text)| text).collect();
            assert_eq!(
                texts,
                side.accepted.iter().collect::<Vec<_>>(),
                "every accepted message once and in order"
            );
            assert!(
                received.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1),
                "seq has no gap"
            );
            assert!(!side.accepted.is_empty());
            total += side.accepted.len();
        }
        (sides, total)
    }
}

struct Writer {
    place: (usize, usize),
    match_id: MatchId,
    pause: Duration,
    heard: Arc<AtomicUsize>,
    /// How many of its messages the peer has heard.
    heard_there: Arc<AtomicUsize>,
    stopped: watch::Receiver<bool>,
}

impl Writer {
    /// Listens until the peer's last word has come.
    async fn listen(
        events: &mut ChatEvents,
        count: &AtomicUsize,
        heard: &mut Vec<(i64, String)>,
        presence: &mut Vec<(Instant, bool)>,
        connected: &mut Vec<Instant>,
    ) {
        while let Some(event) = events.recv().await {
            match event {
                ChatEvent::Text { seq, text, .. } => {
                    let last = text == END;
                    heard.push((seq, text));
                    count.fetch_add(1, Ordering::Relaxed);
                    if last {
                        return;
                    }
                }
                ChatEvent::Presence { online, .. } => presence.push((Instant::now(), online)),
                ChatEvent::Connected { .. } => connected.push(Instant::now()),
                ChatEvent::Unreadable { seq, error, .. } => {
                    panic!("message {seq} cannot be read: {error:?}")
                }
                over @ (ChatEvent::Ended { .. } | ChatEvent::Closed(_) | ChatEvent::Failed(_)) => {
                    panic!("{over:?}")
                }
                _ => {}
            }
        }
        panic!("events ended");
    }

    /// Writes until stopped, then until everything is accepted; listens until the peer's last word
    /// has come.
    async fn converse(self, chat: Chat, mut events: ChatEvents) -> (Side, Chat, ChatEvents) {
        let Self {
            place,
            match_id,
            pause,
            heard: count,
            heard_there,
            stopped,
        } = self;
        let me = chat.user().handle.clone();
        let peer = chat.conversations().await.expect("conversations")[0]
            .info
            .peer
            .handle
            .clone();
        let mut side = Side {
            place,
            match_id,
            me,
            peer,
            accepted: Vec::new(),
            heard: Vec::new(),
            presence: Vec::new(),
            connected: Vec::new(),
        };
        let Side {
            me,
            accepted,
            heard,
            presence,
            connected,
            ..
        } = &mut side;
        let writer = async {
            let mut number = 0;
            while !*stopped.borrow() {
                let mut waiting = Vec::new();
                for _ in 0..WINDOW {
                    number += 1;
                    let text = format!("{me} says {number}");
                    waiting.push((
                        text.clone(),
                        chat.send(match_id, text).await.expect("queued"),
                    ));
                }
                for (text, sent) in waiting {
                    sent.await.expect("accepted in the end");
                    accepted.push(text);
                }
                tokio::time::sleep(pause).await;
                while accepted.len() > heard_there.load(Ordering::Relaxed) + LEAD
                    && !*stopped.borrow()
                {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            chat.send_and_wait(match_id, END).await.expect("accepted");
            accepted.push(END.to_owned());
        };
        let listener = async {
            Self::listen(&mut events, &count, heard, presence, connected).await;
        };
        let settles =
            tokio::time::timeout(SETTLE * 4, async { tokio::join!(writer, listener) }).await;
        assert!(
            settles.is_ok(),
            "pair and side {place:?}: not everything settles"
        );
        (side, chat, events)
    }
}
