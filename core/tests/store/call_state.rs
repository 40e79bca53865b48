//! What is noted of calls, and how those end that a device left.

use std::time::Duration;

use tebdil_core::{
    store::{CallConnected, CallOutcome, EndOutcome, PairOutcome, StaffMatchFilter},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, MatchStatus, Mode},
    id::{MatchId, UserId},
};

use crate::{
    all_at_once,
    matches::{couple, matched},
    pair, side,
};

tebdil_core::store_conformance! {
    a_call_is_connected_once,
    a_call_that_is_over_is_not_connected_any_more,
    the_end_says_what_became_of_the_call,
    a_call_is_noted_in_its_match_and_is_no_message,
    an_end_and_a_connection_at_once_agree,
    an_absence_goes_on_only_while_it_is_looked_at,
    who_came_back_is_not_absent,
    an_abandoned_match_ends_once,
}

const GAP: Duration = Duration::from_secs(15);

/// A video match of two new users, the offerer first.
async fn call(t: &TestStore) -> (MatchId, [UserId; 2]) {
    let (a, b) = couple(t).await;
    let proposed = pair(
        Mode::Video,
        side(a.0.id, a.1.id, a.0.id.0),
        side(b.0.id, b.1.id, b.0.id.0),
    );
    match t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0)
    {
        PairOutcome::Made(made) => (made.id, [a.0.id, b.0.id]),
        refused => panic!("{refused:?}"),
    }
}

async fn connected(t: &TestStore, id: MatchId) -> CallConnected {
    t.matches().call_connected(id, t.now()).await.unwrap()
}

async fn a_call_is_connected_once(t: TestStore) {
    let (id, [a, _]) = call(&t).await;
    t.clock.advance(Duration::from_secs(3));
    let first = t.now();
    assert_eq!(connected(&t, id).await, CallConnected::Now);
    t.clock.advance(Duration::from_secs(3));
    assert_eq!(connected(&t, id).await, CallConnected::Before);
    assert_eq!(
        t.matches()
            .call_side(id, a)
            .await
            .unwrap()
            .unwrap()
            .connected_at,
        Some(first)
    );
    assert_eq!(connected(&t, MatchId(1)).await, CallConnected::Over);
    // With the clock set back, not before the match.
    let (id, [a, _]) = call(&t).await;
    let made = t.now();
    t.clock.set(made - Duration::from_hours(1));
    assert_eq!(connected(&t, id).await, CallConnected::Now);
    assert_eq!(
        t.matches()
            .call_side(id, a)
            .await
            .unwrap()
            .unwrap()
            .connected_at,
        Some(made)
    );
}

async fn a_call_that_is_over_is_not_connected_any_more(t: TestStore) {
    let (id, [a, _]) = call(&t).await;
    t.matches()
        .end_match(id, Some(a), EndReason::HungUp, t.now())
        .await
        .unwrap();
    assert_eq!(connected(&t, id).await, CallConnected::Over);
    assert_eq!(t.matches().call_failed(id, t.now()).await.unwrap(), None);
    let (ran_out, _) = call(&t).await;
    t.clock.advance(TestStore::match_rules().lifetime);
    assert_eq!(connected(&t, ran_out).await, CallConnected::Over);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM matches WHERE connected_at IS NOT NULL OR call_failed_at IS NOT NULL").await,
        [0]
    );
    // Nor is a text match.
    let (a, b) = couple(&t).await;
    let text = matched(&t, &a, &b, 1).await;
    connected(&t, text).await;
    assert_eq!(t.matches().call_failed(text, t.now()).await.unwrap(), None);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM matches WHERE connected_at IS NOT NULL OR call_failed_at IS NOT NULL").await,
        [0]
    );
}

async fn the_end_says_what_became_of_the_call(t: TestStore) {
    for (connects, fails, status, outcome) in [
        (false, false, MatchStatus::Cancelled, CallOutcome::Never),
        (false, true, MatchStatus::Cancelled, CallOutcome::Failed),
        (true, false, MatchStatus::Completed, CallOutcome::Connected),
        (true, true, MatchStatus::Completed, CallOutcome::Connected),
    ] {
        let (id, [a, b]) = call(&t).await;
        let (ran_out, _) = call(&t).await;
        for id in [id, ran_out] {
            if connects {
                connected(&t, id).await;
            }
            if fails {
                assert_eq!(
                    t.matches().call_failed(id, t.now()).await.unwrap(),
                    Some(connects)
                );
                assert_eq!(
                    t.matches().call_failed(id, t.now()).await.unwrap(),
                    None,
                    "it was said before"
                );
            }
        }
        let EndOutcome::Now(ended) = t
            .matches()
            .end_match(id, Some(a), EndReason::HungUp, t.now())
            .await
            .unwrap()
        else {
            panic!("it went on")
        };
        assert_eq!((ended.status, ended.call), (status, Some(outcome)));
        let EndOutcome::Before(before) = t
            .matches()
            .end_match(id, Some(b), EndReason::Left, t.now())
            .await
            .unwrap()
        else {
            panic!("it was over")
        };
        assert_eq!(before, ended);
        t.clock.advance(TestStore::match_rules().lifetime);
        let expired = t.jobs().expire_matches(t.now(), 10).await.unwrap();
        assert_eq!(
            expired
                .iter()
                .map(|ended| (ended.match_id, ended.call))
                .collect::<Vec<_>>(),
            [(ran_out, Some(outcome))]
        );
    }
    let (a, b) = couple(&t).await;
    let text = matched(&t, &a, &b, 1).await;
    let EndOutcome::Now(ended) = t
        .matches()
        .end_match(text, None, EndReason::Left, t.now())
        .await
        .unwrap()
    else {
        panic!("it went on")
    };
    assert_eq!(ended.call, None);
}

async fn a_call_is_noted_in_its_match_and_is_no_message(t: TestStore) {
    let (hung_up, [a, _]) = call(&t).await;
    let (ran_out, [on, _]) = call(&t).await;
    let (never, [c, _]) = call(&t).await;
    t.clock.advance(Duration::from_secs(3));
    let begun = t.now();
    for id in [hung_up, ran_out] {
        assert_eq!(connected(&t, id).await, CallConnected::Now);
    }
    t.clock.advance(Duration::from_mins(1));
    let over = t.now();
    for (id, by) in [(hung_up, a), (never, c), (hung_up, a)] {
        t.matches()
            .end_match(id, Some(by), EndReason::HungUp, t.now())
            .await
            .unwrap();
        t.clock.advance(Duration::from_secs(1));
    }
    t.clock.advance(TestStore::match_rules().lifetime);
    assert_eq!(t.jobs().expire_matches(t.now(), 10).await.unwrap().len(), 1);
    let times = async |id, user| {
        let side = t.matches().call_side(id, user).await.unwrap().unwrap();
        let row = t.matches().match_of(id, user).await.unwrap().unwrap();
        let session = row.session_id;
        let ended = row.view(session, t.now()).ended_at;
        (side.connected_at, ended)
    };
    assert_eq!(times(hung_up, a).await, (Some(begun), Some(over)));
    assert_eq!(
        times(never, c).await,
        (None, Some(over + Duration::from_secs(1)))
    );
    let row = t.matches().match_of(ran_out, on).await.unwrap().unwrap();
    assert_eq!(
        times(ran_out, on).await,
        (Some(begun), Some(row.expired_at))
    );
    // Nobody has said anything with it.
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM message_logs")
            .await,
        [0]
    );
    let of_staff = t
        .matches()
        .matches_for_staff(StaffMatchFilter::default(), 10, t.now())
        .await
        .unwrap();
    let sent: Vec<i64> = of_staff
        .into_iter()
        .flat_map(|row| row.view(t.now()).sides)
        .map(|side| side.messages)
        .collect();
    assert_eq!(sent, [0; 6]);
    let counted = t
        .jobs()
        .count_between(t.now() - Duration::from_hours(48), t.now())
        .await
        .unwrap();
    assert_eq!((counted.video_matches, counted.messages), (3, 0));
}

async fn an_end_and_a_connection_at_once_agree(t: TestStore) {
    for _ in 0..10 {
        let (id, [a, _]) = call(&t).await;
        let (store, now) = (t.clone(), t.now());
        let (other, at) = (t.clone(), t.now());
        let end = async move {
            store
                .matches()
                .end_match(id, Some(a), EndReason::HungUp, now)
                .await
                .unwrap()
        };
        let connect = async move { other.matches().call_connected(id, at).await.unwrap() };
        let (end, connect) = tokio::join!(end, connect);
        let EndOutcome::Now(ended) = end else {
            panic!("it went on")
        };
        let agreed = match connect {
            CallConnected::Now => ended.status == MatchStatus::Completed,
            _ => ended.status == MatchStatus::Cancelled,
        };
        assert!(agreed, "{connect:?}, {ended:?}");
    }
}

async fn an_absence_goes_on_only_while_it_is_looked_at(t: TestStore) {
    let (id, [a, b]) = call(&t).await;
    let side = (id, a);
    let note = async || {
        t.matches()
            .note_absent(&[side], GAP, t.now())
            .await
            .unwrap()
    };
    let first = t.now();
    assert_eq!(note().await, [(side, first)]);
    t.clock.advance(GAP);
    assert_eq!(note().await, [(side, first)], "as long as the gap may be");
    let devices = t
        .matches()
        .call_devices(MatchId(0), 10, t.now())
        .await
        .unwrap();
    let mut seen: Vec<_> = devices
        .iter()
        .map(|device| (device.user_id, device.absent_since))
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, [(a, Some(first)), (b, None)]);
    t.clock.advance(GAP + Duration::from_millis(1));
    let again = t.now();
    assert_eq!(note().await, [(side, again)], "nobody looked");
    t.clock.set(first);
    assert_eq!(note().await, [(side, first)], "the clock was set back");
    // What is over is not looked at.
    t.matches()
        .end_match(id, None, EndReason::Left, t.now())
        .await
        .unwrap();
    assert_eq!(note().await, []);
    assert_eq!(
        t.matches()
            .call_devices(MatchId(0), 10, t.now())
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        t.matches().note_absent(&[], GAP, t.now()).await.unwrap(),
        []
    );
}

async fn who_came_back_is_not_absent(t: TestStore) {
    let (id, [a, b]) = call(&t).await;
    t.matches()
        .note_absent(&[(id, a), (id, b)], GAP, t.now())
        .await
        .unwrap();
    t.matches().note_present(&[(id, a)]).await.unwrap();
    let cutoff = t.now();
    t.clock.advance(Duration::from_secs(30));
    assert_eq!(
        t.matches()
            .end_abandoned((id, a), cutoff, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.matches()
            .end_abandoned((id, b), cutoff - Duration::from_millis(1), t.now())
            .await
            .unwrap(),
        None,
        "not for so long"
    );
    assert!(t.matches().parties(id).await.unwrap().is_some());
    let ended = t
        .matches()
        .end_abandoned((id, b), cutoff, t.now())
        .await
        .unwrap()
        .expect("ended");
    assert_eq!(
        (ended.by, ended.reason, ended.status),
        (Some(b), EndReason::HungUp, MatchStatus::Cancelled)
    );
}

async fn an_abandoned_match_ends_once(t: TestStore) {
    let (id, [a, b]) = call(&t).await;
    let sides = [(id, a), (id, b)];
    t.matches().note_absent(&sides, GAP, t.now()).await.unwrap();
    let now = t.now();
    let ends = (0..8).map(|turn| {
        let t = t.clone();
        async move {
            t.matches()
                .end_abandoned(sides[turn % 2], now, now)
                .await
                .unwrap()
        }
    });
    let ended = all_at_once(ends).await;
    assert_eq!(ended.iter().flatten().count(), 1, "{ended:?}");
    assert_eq!(
        t.matches().end_abandoned((id, a), now, now).await.unwrap(),
        None
    );
}
