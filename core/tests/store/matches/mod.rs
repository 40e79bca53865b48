use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tebdil_core::{
    store::{EndOutcome, MatchFilter, PairOutcome, SessionRow, TicketRefusal, UserRow},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{EndReason, MatchRole, MatchStatus, Mode},
    id::{MatchId, TicketId, UserId},
};

use crate::{all_at_once, pair, quota::assert_ledger_equals_balance, side};

mod many;

tebdil_core::store_conformance! {
    a_match_takes_a_right_of_each_and_a_key_package,
    the_last_resort_package_stays,
    a_ticket_is_used_once,
    used_tickets_are_found_among_many,
    what_cannot_be_matched_is_refused,
    a_match_ends_once,
    a_match_that_ran_out_reads_as_expired,
}

pub type Account = (UserRow, SessionRow);

/// A user with one-time and last-resort key packages.
pub async fn searcher(t: &TestStore, alias: &str) -> Account {
    let (user, session) = t.register(alias).await;
    t.accounts()
        .put_key_packages(
            user.id,
            session.id,
            &[b"one".to_vec(), b"two".to_vec()],
            Some(b"last"),
            t.now(),
        )
        .await
        .unwrap();
    (user, session)
}

/// Two of them.
pub async fn couple(t: &TestStore) -> (Account, Account) {
    (searcher(t, "kedi").await, searcher(t, "kopek").await)
}

pub async fn propose(
    t: &TestStore,
    mode: Mode,
    a: &Account,
    b: &Account,
    ticket: i64,
) -> PairOutcome {
    let proposed = pair(
        mode,
        side(a.0.id, a.1.id, ticket),
        side(b.0.id, b.1.id, ticket + 1),
    );
    t.matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0)
}

pub async fn matched(t: &TestStore, a: &Account, b: &Account, ticket: i64) -> MatchId {
    match propose(t, Mode::Text, a, b, ticket).await {
        PairOutcome::Made(made) => made.id,
        refused => panic!("{refused:?}"),
    }
}

async fn both_are_partners(t: &TestStore, id: MatchId, a: &Account, b: &Account) {
    let parties = t.matches().parties(id).await.unwrap().expect("active");
    let mut devices = parties.devices;
    devices.sort_unstable();
    let mut expected = [(a.0.id, a.1.id), (b.0.id, b.1.id)];
    expected.sort_unstable();
    assert_eq!(
        (devices, parties.expired_at),
        (expected, t.now() + TestStore::match_rules().lifetime)
    );
    assert_eq!(t.matches().parties(MatchId(1)).await.unwrap(), None);
    assert_eq!(
        t.matches()
            .partners_since(a.0.id, t.now() - Duration::from_secs(1))
            .await
            .unwrap(),
        HashSet::from([b.0.id])
    );
    assert_eq!(
        t.matches().partners_since(a.0.id, t.now()).await.unwrap(),
        HashSet::new()
    );
}

async fn a_match_takes_a_right_of_each_and_a_key_package(t: TestStore) {
    let matches = t.matches();
    let (a, b) = couple(&t).await;
    let PairOutcome::Made(made) = propose(&t, Mode::Text, &a, &b, 1).await else {
        panic!("refused")
    };
    assert_eq!(made.key_package, b"one");
    assert_eq!(
        (made.offerer.user_id, made.answerer.user_id),
        (a.0.id, b.0.id)
    );
    assert_eq!(
        (&made.offerer.peer.alias, &made.answerer.peer.alias),
        (&a.0.alias, &b.0.alias),
        "what the other side is told"
    );
    assert_eq!(
        (
            made.offerer.quota.text,
            made.answerer.quota.text,
            made.offerer.quota.video
        ),
        (9, 9, 3)
    );
    assert_eq!(
        (made.offerer.keys_remaining, made.answerer.keys_remaining),
        (2, 1)
    );
    assert_eq!(
        t.accounts()
            .key_packages_remaining(b.1.id, t.now())
            .await
            .unwrap(),
        1
    );
    for user in [a.0.id, b.0.id] {
        assert_eq!(assert_ledger_equals_balance(&t, user).await.text, 9);
    }

    let row = matches
        .match_of(made.id, a.0.id)
        .await
        .unwrap()
        .expect("a side");
    assert_eq!(
        (
            row.role,
            row.peer_id,
            row.session_id,
            row.peer_key_package.as_deref()
        ),
        (MatchRole::Offerer, b.0.id, a.1.id, Some(&b"one"[..]))
    );
    let view = row.view(a.1.id, t.now());
    assert_eq!(
        (view.status, view.peer.handle, view.unread),
        (MatchStatus::Active, format!("kopek#{}", b.0.tag), 0)
    );
    assert_eq!(
        (view.shared_interests, view.expires_at),
        (vec!["kedi".to_owned()], made.expires_at)
    );
    let other = matches
        .match_of(made.id, b.0.id)
        .await
        .unwrap()
        .expect("a side");
    assert_eq!(
        (other.role, other.peer_key_package),
        (MatchRole::Answerer, None)
    );
    assert_eq!(
        matches
            .match_of(made.id, UserId(1))
            .await
            .unwrap()
            .map(|row| row.id),
        None
    );
    both_are_partners(&t, made.id, &a, &b).await;
}

async fn the_last_resort_package_stays(t: TestStore) {
    let (a, b) = couple(&t).await;
    for (ticket, package, remaining) in [
        (1, &b"one"[..], 1),
        (3, b"two", 0),
        (5, b"last", 0),
        (7, b"last", 0),
    ] {
        let PairOutcome::Made(made) = propose(&t, Mode::Text, &a, &b, ticket).await else {
            panic!("refused")
        };
        assert_eq!(
            (made.key_package.as_slice(), made.answerer.keys_remaining),
            (package, remaining)
        );
    }
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages WHERE last_resort = TRUE")
            .await,
        [2]
    );
}

async fn a_ticket_is_used_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let c = searcher(&t, "kus").await;
    let id = matched(&t, &a, &b, 1).await;
    let PairOutcome::Refused {
        offerer,
        answerer,
        blocked,
    } = propose(&t, Mode::Text, &c, &a, 2).await
    else {
        panic!("made")
    };
    // Ticket 2 was b's.
    assert_eq!(
        (offerer, answerer, blocked),
        (Some(TicketRefusal::Used(id)), None, false)
    );
    assert_eq!(
        assert_ledger_equals_balance(&t, c.0.id).await.text,
        0,
        "nothing was written for the refused"
    );
}

async fn used_tickets_are_found_among_many(t: TestStore) {
    let (a, b) = couple(&t).await;
    let asked = [1, 2, 3].map(TicketId);
    assert_eq!(
        t.matches().used_among(&asked).await.unwrap(),
        HashMap::new()
    );
    let id = matched(&t, &a, &b, 1).await;
    assert_eq!(
        t.matches().used_among(&asked).await.unwrap(),
        HashMap::from([
            (TicketId(1), (id, a.0.id, a.1.id)),
            (TicketId(2), (id, b.0.id, b.1.id)),
        ])
    );
    assert_eq!(t.matches().used_among(&[]).await.unwrap(), HashMap::new());
}

async fn what_cannot_be_matched_is_refused(t: TestStore) {
    let (a, b) = couple(&t).await;
    let refusals = async |mode, a: &Account, b: &Account, ticket| match propose(
        &t, mode, a, b, ticket,
    )
    .await
    {
        PairOutcome::Refused {
            offerer, answerer, ..
        } => (offerer, answerer),
        other => panic!("{other:?}"),
    };
    let none = t.register("anahtarsiz").await;
    assert_eq!(
        refusals(Mode::Text, &a, &none, 1).await,
        (None, Some(TicketRefusal::KeysRequired))
    );
    assert_eq!(
        refusals(Mode::Text, &a, &a, 1).await,
        (Some(TicketRefusal::Gone), Some(TicketRefusal::Gone)),
        "nobody meets themselves"
    );
    t.set_banned(b.0.id, true).await;
    assert_eq!(
        refusals(Mode::Text, &a, &b, 1).await,
        (None, Some(TicketRefusal::Gone))
    );
    t.set_banned(b.0.id, false).await;

    assert!(matches!(
        propose(&t, Mode::Video, &a, &b, 1).await,
        PairOutcome::Made(_)
    ));
    let (one, other) = refusals(Mode::Video, &a, &b, 3).await;
    assert_eq!(
        (one, other),
        (
            Some(TicketRefusal::TooManyMatches),
            Some(TicketRefusal::TooManyMatches)
        ),
        "one video match at a time"
    );

    t.execute(&format!(
        "UPDATE users SET daily_chat_balance = 0 WHERE id = {}",
        b.0.id
    ))
    .await;
    let resets_at = t.now().next_midnight(&TestStore::quota_rules().zone);
    assert_eq!(
        refusals(Mode::Text, &a, &b, 5).await,
        (None, Some(TicketRefusal::QuotaExhausted { resets_at }))
    );
    t.accounts()
        .revoke_session(a.0.id, a.1.id, t.now())
        .await
        .unwrap();
    assert!(
        refusals(Mode::Text, &a, &none, 7).await.0.is_some(),
        "its session is gone"
    );
}

async fn ended_and_active_matches_are_listed(t: &TestStore, a: &Account, b: &Account, id: MatchId) {
    let second = matched(t, a, b, 3).await;
    let ids = async |filter| {
        t.matches()
            .matches_of(a.0.id, filter, 10, t.now())
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        ids(MatchFilter::default()).await,
        [second, id],
        "newest first"
    );
    assert_eq!(
        ids(MatchFilter {
            before: Some(second),
            ..MatchFilter::default()
        })
        .await,
        [id]
    );
    assert_eq!(
        ids(MatchFilter {
            status: Some(MatchStatus::Cancelled),
            ..MatchFilter::default()
        })
        .await,
        [id]
    );
    assert_eq!(
        ids(MatchFilter {
            mode: Some(Mode::Video),
            ..MatchFilter::default()
        })
        .await,
        []
    );
}

async fn a_match_ends_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    assert_eq!(
        t.matches()
            .end_match(id, Some(UserId(1)), EndReason::Left, t.now())
            .await
            .unwrap(),
        EndOutcome::NotFound
    );
    assert_eq!(
        t.matches()
            .end_match(MatchId(1), None, EndReason::Left, t.now())
            .await
            .unwrap(),
        EndOutcome::NotFound
    );
    let outcomes = all_at_once((0..10).map(|number| {
        let (store, now, by) = (
            t.store.clone(),
            t.now(),
            if number % 2 == 0 { a.0.id } else { b.0.id },
        );
        async move {
            store
                .matches()
                .end_match(id, Some(by), EndReason::Left, now)
                .await
                .unwrap()
        }
    }))
    .await;
    let mut first = None;
    for outcome in &outcomes {
        if let EndOutcome::Now(ended) = outcome {
            assert!(first.replace(*ended).is_none(), "ended twice");
        }
    }
    let first = first.expect("ended");
    assert_eq!(
        (first.status, first.reason),
        (MatchStatus::Cancelled, EndReason::Left)
    );
    assert!(outcomes.iter().all(
        |outcome| matches!(outcome, EndOutcome::Now(e) | EndOutcome::Before(e) if *e == first)
    ));
    assert!(
        t.matches()
            .active_matches(a.0.id, t.now())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(t.matches().parties(id).await.unwrap(), None);

    ended_and_active_matches_are_listed(&t, &a, &b, id).await;
}

async fn a_match_that_ran_out_reads_as_expired(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    t.clock.advance(Duration::from_hours(24));
    let row = t
        .matches()
        .match_of(id, a.0.id)
        .await
        .unwrap()
        .expect("a side");
    assert_eq!(
        (row.view(a.1.id, t.now()).status, row.is_active(t.now())),
        (MatchStatus::Expired, false)
    );
    assert!(
        t.matches()
            .active_matches(a.0.id, t.now())
            .await
            .unwrap()
            .is_empty()
    );
    let expired = MatchFilter {
        status: Some(MatchStatus::Expired),
        ..MatchFilter::default()
    };
    assert_eq!(
        t.matches()
            .matches_of(a.0.id, expired, 10, t.now())
            .await
            .unwrap()
            .len(),
        1
    );
    let EndOutcome::Now(ended) = t
        .matches()
        .end_match(id, Some(a.0.id), EndReason::Left, t.now())
        .await
        .unwrap()
    else {
        panic!("not ended")
    };
    assert_eq!(
        (ended.status, ended.reason, ended.by),
        (MatchStatus::Expired, EndReason::Expired, None),
        "whoever asks"
    );
    assert_eq!(
        t.matches()
            .matches_of(a.0.id, expired, 10, t.now())
            .await
            .unwrap()
            .len(),
        1
    );
}
