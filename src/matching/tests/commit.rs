//! What becomes of pairs when the store fails.

use std::{sync::Arc, time::Duration};

use tebdil_core::{
    skew::ClockGuard,
    store::{NewMatch, NewSide},
    testing::{Backend, ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::Mode,
    id::{TicketId, UserId},
    time::Timestamp,
};

use crate::matching::{
    MatchmakerConfig, Timings, Why,
    commit::Writer,
    engine::{Pair, PairId, Side, Widening},
    leader::{Fault, Verdict},
};

fn writer(t: &TestStore) -> Writer {
    let config = MatchmakerConfig {
        widening: Widening::default(),
        rules: TestStore::match_rules(),
        modes: vec![Mode::Text],
        timings: Timings::default(),
    };
    Writer {
        store: t.store.clone(),
        config: Arc::new(config),
        clock: t.clock.clone(),
        guard: ClockGuard::unchecked(t.clock.clone()),
    }
}

/// A pair of two new users with the tickets `first` and `first + 1`.
async fn proposal(t: &TestStore, first: i64) -> (Pair, NewMatch) {
    let mut sides = Vec::new();
    for ticket_id in [TicketId(first), TicketId(first + 1)] {
        let (user, session) = t.register("kedi").await;
        t.accounts()
            .put_key_packages(user.id, session.id, &[b"one".to_vec()], None, t.now())
            .await
            .expect("keys");
        sides.push(NewSide {
            user_id: user.id,
            ticket_id,
            session_id: session.id,
        });
    }
    let side = |side: &NewSide| Side {
        ticket: side.ticket_id,
        user: side.user_id,
        enqueued_at: Timestamp::from_millis(0),
    };
    let pair = Pair {
        id: PairId(u64::try_from(first).expect("positive")),
        mode: Mode::Text,
        older: side(&sides[0]),
        newer: side(&sides[1]),
        shared_interests: Vec::new(),
    };
    (
        pair,
        NewMatch {
            mode: Mode::Text,
            offerer: sides[0],
            answerer: sides[1],
            shared_interests: Vec::new(),
        },
    )
}

#[tokio::test]
async fn a_pair_that_cannot_be_written_is_given_up_and_the_others_are_made() {
    let t = TestStore::create(Backend::Sqlite)
        .await
        .expect("SQLite is always there");
    t.execute("CREATE TRIGGER poison BEFORE INSERT ON match_sides WHEN NEW.ticket_id = 3 BEGIN SELECT RAISE(ABORT, 'no'); END").await;
    let batch = vec![
        proposal(&t, 1).await,
        proposal(&t, 3).await,
        proposal(&t, 5).await,
    ];
    let settled = writer(&t).commit(ENDLESS_TERM, batch).await;
    let verdicts: Vec<_> = settled
        .iter()
        .map(|(pair, verdict)| (pair.older.ticket.0, verdict))
        .collect();
    assert!(matches!(verdicts[0], (1, Verdict::Made(_))), "{verdicts:?}");
    let internal = |fault: &Option<Fault>| matches!(fault, Some(Fault::Because(Why::Internal)));
    assert!(
        matches!(verdicts[1], (3, Verdict::Refused { faults, blocked: false }) if faults.iter().all(internal)),
        "{verdicts:?}"
    );
    assert!(matches!(verdicts[2], (5, Verdict::Made(_))), "{verdicts:?}");
    assert_eq!(t.numbers("SELECT COUNT(*) FROM matches").await, [2]);
}

#[tokio::test]
async fn a_store_that_is_away_leaves_every_pair_open() {
    let t = TestStore::create(Backend::Sqlite)
        .await
        .expect("SQLite is always there");
    let batch = vec![proposal(&t, 1).await, proposal(&t, 3).await];
    t.store.close().await;
    let settled = tokio::time::timeout(
        Duration::from_secs(10),
        writer(&t).commit(ENDLESS_TERM, batch),
    )
    .await
    .expect("it does not wait for the store");
    assert!(
        settled.len() == 2
            && settled
                .iter()
                .all(|(_, verdict)| matches!(verdict, Verdict::Unknown)),
        "{settled:?}"
    );
}

#[tokio::test]
async fn a_used_ticket_is_found_with_its_match() {
    let t = TestStore::create(Backend::Sqlite)
        .await
        .expect("SQLite is always there");
    let (first, second) = (proposal(&t, 1).await, proposal(&t, 3).await);
    let writer = writer(&t);
    let settled = writer.commit(ENDLESS_TERM, vec![first.clone()]).await;
    assert!(matches!(settled[0].1, Verdict::Made(_)));
    // The leader died before it said so, and the next one has the ticket again.
    let asked = [first.0.older, first.0.newer, second.0.older];
    let mut used: Vec<(TicketId, UserId)> = writer
        .used(&asked)
        .await
        .expect("an answer")
        .into_iter()
        .map(|(ticket, announcement)| (ticket, announcement.user))
        .collect();
    used.sort_unstable();
    assert_eq!(
        used,
        [first.0.older, first.0.newer].map(|side| (side.ticket, side.user))
    );
    let again = writer.commit(ENDLESS_TERM, vec![first]).await;
    let told = |fault: &Option<Fault>| matches!(fault, Some(Fault::Used(_)));
    assert!(
        matches!(&again[0].1, Verdict::Refused { faults, .. } if faults.iter().all(told)),
        "{again:?}"
    );
}
