//! Pairs of whole clients that write to each other all the time, and what came of it.

use std::{collections::HashMap, ops::Range, sync::Arc, time::Duration};

use tebdil_client::{
    chat::{Chat, ChatEvent, ChatEvents, ChatOptions, test_phone},
    connection::Backoff,
};
use tebdil_protocol::id::MatchId;
use tokio::{sync::watch, task::JoinSet, time::Instant};

/// How long two may take to meet, and everything to arrive in the end.
const PATIENCE: Duration = Duration::from_mins(1);

/// The last word of each side.
const END: &str = "the end";

/// Pairs in conversation.
pub struct Talk {
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    writers: JoinSet<Side>,
}

/// What one side did and saw.
pub struct Side {
    pub match_id: MatchId,
    me: String,
    peer: String,
    /// Texts and when they were given to the client.
    sent: Vec<(String, Instant)>,
    /// When they were accepted, with their `seq`.
    accepted: Vec<(Instant, i64)>,
    heard: Vec<(Instant, i64, String)>,
    /// When sockets were opened, the first aside.
    pub reconnected: Vec<Instant>,
    /// When sockets ended.
    pub disconnected: Vec<Instant>,
}

impl Side {
    /// How many texts it wrote, all of which were accepted.
    pub fn texts(&self) -> usize {
        self.accepted.len()
    }

    /// The longest time in which nothing of the peer came, within `during`.
    pub fn longest_silence(&self, during: Range<Instant>) -> Duration {
        let heard = self
            .heard
            .iter()
            .map(|(at, ..)| *at)
            .filter(|at| during.contains(at));
        let (mut last, mut longest) = (during.start, Duration::ZERO);
        for at in heard.chain([during.end]) {
            longest = longest.max(at - last);
            last = at;
        }
        longest
    }

    /// The longest time from giving a text to the client until the server had accepted it, of those
    /// given within `during`.
    pub fn slowest_answer(&self, during: Range<Instant>) -> Duration {
        let given = self
            .sent
            .iter()
            .zip(&self.accepted)
            .filter(|((_, at), _)| during.contains(at));
        given
            .map(|((_, sent), (accepted, _))| *accepted - *sent)
            .max()
            .expect("something was sent")
    }
}

impl Talk {
    pub fn new() -> Self {
        let (stop, stopped) = watch::channel(false);
        Self {
            stop,
            stopped,
            writers: JoinSet::new(),
        }
    }

    /// Two new users at these servers meet and begin to write, each one text per `pause`. Nobody
    /// else may be searching. `number` differs from pair to pair.
    pub async fn add(&mut self, servers: [&str; 2], number: u32, pause: Duration) -> MatchId {
        let mut sides = Vec::new();
        for (side, server) in (0..).zip(servers) {
            let mut options = ChatOptions::new(server);
            options.key_packages = 2;
            options.tune = Some(Arc::new(|options| {
                options.backoff = Backoff {
                    first: Duration::from_millis(50),
                    max: Duration::from_secs(1),
                };
            }));
            let (phone, alias) = (test_phone(2 * number + side), format!("talk{number}"));
            sides.push(
                Chat::register_simple(&options, &phone, "a long password", &alias)
                    .await
                    .expect("registered"),
            );
        }
        for (chat, _) in &sides {
            chat.find(&[]).await.expect("searching");
        }
        let mut id = None;
        for (chat, mut events) in sides {
            let secured = async {
                loop {
                    if let ChatEvent::Secured { match_id, .. } =
                        events.recv().await.expect("an event")
                    {
                        return match_id;
                    }
                }
            };
            let match_id = tokio::time::timeout(PATIENCE, secured)
                .await
                .expect("the two meet");
            id = Some(match_id);
            self.writers.spawn(converse(
                chat,
                events,
                match_id,
                pause,
                self.stopped.clone(),
            ));
        }
        id.expect("two sides")
    }

    /// Has everybody say a last word, waits until everything has arrived, and checks that each text
    /// did so once and in order. What happened, by match.
    pub async fn end(mut self) -> HashMap<MatchId, Vec<Side>> {
        self.stop.send_replace(true);
        let mut sides: HashMap<MatchId, Vec<Side>> = HashMap::new();
        let all = async {
            while let Some(side) = self.writers.join_next().await {
                let side = side.expect("a conversation");
                sides.entry(side.match_id).or_default().push(side);
            }
        };
        tokio::time::timeout(PATIENCE, all)
            .await
            .expect("everything settles");
        for pair in sides.values() {
            let [a, b] = pair.as_slice() else {
                panic!("two sides")
            };
            for (writer, reader) in [(a, b), (b, a)] {
                assert_eq!((&writer.me, &writer.peer), (&reader.peer, &reader.me));
                let sent: Vec<&String> = writer.sent.iter().map(|(text, _)| text).collect();
                let heard: Vec<&String> = reader.heard.iter().map(|(.., text)| text).collect();
                assert_eq!(heard, sent, "everything once and in order");
                let told: Vec<i64> = writer.accepted.iter().map(|(_, seq)| *seq).collect();
                let heard: Vec<i64> = reader.heard.iter().map(|(_, seq, _)| *seq).collect();
                assert_eq!(heard, told, "what was accepted is what arrived");
                assert!(
                    heard.windows(2).all(|two| two[1] == two[0] + 1),
                    "seq has no gap: {heard:?}"
                );
            }
        }
        sides
    }
}

/// Writes and listens until both have said their last word.
async fn converse(
    chat: Chat,
    mut events: ChatEvents,
    match_id: MatchId,
    pause: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Side {
    let me = chat.user().handle.clone();
    let peer = chat.conversations().await.expect("conversations")[0]
        .info
        .peer
        .handle
        .clone();
    let (finished, mut written) = watch::channel(None);
    let writer = {
        let (chat, me) = (chat.clone(), me.clone());
        async move {
            let mut sent = Vec::new();
            loop {
                let last = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped))
                    .await
                    .is_ok();
                let text = if last {
                    END.to_owned()
                } else {
                    format!("{me} says {}", sent.len())
                };
                sent.push((text.clone(), Instant::now()));
                chat.send(match_id, text).await.expect("queued");
                if last {
                    finished.send_replace(Some(sent.len()));
                    return sent;
                }
            }
        }
    };
    let listener = async {
        let (mut accepted, mut heard) = (Vec::new(), Vec::new());
        let (mut reconnected, mut disconnected) = (Vec::new(), Vec::new());
        let mut over = false;
        while !over || *written.borrow_and_update() != Some(accepted.len()) {
            let event = tokio::select! {
                event = events.recv() => event.expect("an event"),
                Ok(()) = written.changed() => continue,
            };
            let now = Instant::now();
            match event {
                ChatEvent::Text { seq, text, .. } => {
                    over = text == END;
                    heard.push((now, seq, text));
                }
                ChatEvent::Accepted { seq, .. } => accepted.push((now, seq)),
                ChatEvent::Connected { .. } => reconnected.push(now),
                ChatEvent::Disconnected { .. } => disconnected.push(now),
                ChatEvent::Unreadable { seq, error, .. } => {
                    panic!("message {seq} cannot be read: {error:?}")
                }
                wrong @ (ChatEvent::Refused { .. }
                | ChatEvent::Ended { .. }
                | ChatEvent::Closed(_)
                | ChatEvent::Failed(_)) => {
                    panic!("{wrong:?}")
                }
                _ => {}
            }
        }
        (accepted, heard, reconnected, disconnected)
    };
    let (sent, (accepted, heard, reconnected, disconnected)) = tokio::join!(writer, listener);
    chat.close().await;
    Side {
        match_id,
        me,
        peer,
        sent,
        accepted,
        heard,
        reconnected,
        disconnected,
    }
}
