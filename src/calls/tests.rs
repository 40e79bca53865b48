//! The order of the end: a call is closed before anybody hears that its match is over.

use std::time::Duration;

use tebdil_core::{
    realtime::Realtime,
    store::{CallOutcome, EndedMatch},
    testing::{Backend, TestStore},
};
use tebdil_protocol::domain::{EndReason, MatchStatus};
use tokio::time::timeout;

use super::*;
use crate::{
    ads::Ads,
    chat::Chat,
    config::{self, Config},
    hub::{Audience, KnownMatches, Next, OutboundLimits},
    lifecycle::{Shutdown, Tasks},
    match_ends::{MatchEnds, Rooms},
    notifications::Wakeups,
};

const ENDED: EndedMatch = EndedMatch {
    match_id: MatchId(7),
    mode: Mode::Video,
    users: [UserId(1), UserId(2)],
    status: MatchStatus::Cancelled,
    reason: EndReason::HungUp,
    by: Some(UserId(2)),
    call: Some(CallOutcome::Never),
};

/// A node with a device of the first user.
struct Scene {
    calls: Arc<Calls>,
    ends: Arc<MatchEnds>,
    device: Arc<Connection>,
    _store: TestStore,
}

impl Scene {
    async fn new() -> Self {
        let t = TestStore::create(Backend::Sqlite).await;
        let t = t.expect("SQLite is always there");
        let config = Config::load(None, Vec::new()).expect("the defaults");
        let (realtime, _) = Realtime::connect(&config.realtime(), &mut rand::rng())
            .await
            .expect("in this process");
        let (hub, _) = Hub::new(2, &realtime);
        let (hub, store, clock) = (Arc::new(hub), t.store.clone(), t.clock.clone());
        let elsewhere = config::Relay {
            embedded: false,
            ..config.relay.clone()
        };
        let tasks = Tasks::new(&Shutdown::default());
        let relays = Relays::start(&elsewhere, "secret".into(), clock.clone(), tasks)
            .await
            .expect("there is none to start");
        let (ads, _) = Ads::new(
            store.clone(),
            Arc::clone(&hub),
            clock.clone(),
            config.ads.rules(&config.quota),
        );
        let (chat, _) = Chat::new(
            store.clone(),
            Arc::clone(&hub),
            clock.clone(),
            config.messages,
            Arc::<Wakeups>::default(),
        );
        let calls = Arc::new(Calls::new(
            store.clone(),
            Arc::clone(&hub),
            Arc::new(relays),
            clock.clone(),
        ));
        let limits = OutboundLimits {
            frames: 8,
            bytes: 4_096,
        };
        let id = hub.next_connection_id();
        let device = Arc::new(Connection::new(id, UserId(1), SessionId(1), limits));
        hub.join(&device);
        device.outbound.release(KnownMatches::new());
        let rooms = Rooms {
            chat: Arc::new(chat),
            calls: Arc::clone(&calls),
            ads,
        };
        let ends = MatchEnds::new(store, clock, hub, None, Some(rooms));
        Self {
            calls,
            ends: Arc::new(ends),
            device,
            _store: t,
        }
    }

    /// Has the match end while a signal of its call is under way.
    #[expect(clippy::await_holding_lock, reason = "nothing else runs here")]
    async fn end(self, how: impl FnOnce(&MatchEnds) + Send + 'static) {
        let room = self.calls.room(ENDED.match_id);
        let signal_under_way = room.lock();
        let ends = Arc::clone(&self.ends);
        let ending = std::thread::spawn(move || how(&ends));
        let heard = timeout(Duration::from_millis(200), self.device.outbound.next()).await;
        assert!(heard.is_err(), "it was told of before it was closed");
        drop(signal_under_way);
        ending.join().expect("it ends");
        assert!(room.lock().open().is_none(), "it was not closed");
        let Next::Frame(text) = self.device.outbound.next().await else {
            panic!("closed")
        };
        assert!(text.contains("match.ended"), "{text}");
    }
}

#[tokio::test]
async fn a_call_is_closed_before_anybody_hears_of_its_end() {
    Scene::new().await.end(|ends| ends.announce(&ENDED)).await;
}

#[tokio::test]
async fn the_word_of_another_node_closes_a_call_before_it_is_told() {
    let word = |ends: &MatchEnds| {
        let told = ServerFrame::MatchEnded(ENDED.view(UserId(1)));
        let told = Outgoing::new(&told, None);
        ends.tell_here(ENDED.match_id, UserId(1), Audience::All, &told);
    };
    Scene::new().await.end(word).await;
}
