use std::{collections::HashSet, time::Duration};

use tebdil_core::{
    claim::{ClaimRules, NotEligible},
    domain::{ClaimRefusal, ClaimStatus, EndReason, MatchStatus, MessageKind, Mode, QuotaBucket},
    id::{MatchId, UserId},
    notice::Notice,
    store::{
        Append, CallConnected, CallOutcome, ClaimRow, Claiming, DecidedClaim, NewMessage,
        PairOutcome,
    },
    testing::{ENDLESS_TERM, TestStore},
};
use uuid::Uuid;

use crate::{
    all_at_once,
    matches::{Account, couple, matched, searcher},
    messages::write,
    pair,
    quota::assert_ledger_equals_balance,
    side,
};

tebdil_core::store_conformance! {
    an_unanswered_match_is_claimed_once_and_paid_back,
    content_is_an_answer_and_a_handshake_is_none,
    what_is_sent_after_the_claim_changes_nothing,
    an_answer_counts_also_after_the_clock_was_set_back,
    a_call_that_was_not_connected_is_claimed,
    a_claim_ends_a_call_and_no_conversation,
    who_ended_the_match_decides_before_its_time_is_over,
    the_right_goes_back_to_where_it_came_from_on_the_same_day_only,
    a_match_that_cost_nothing_pays_nothing_back,
    a_hundred_claims_at_once_are_one,
    the_cap_of_a_day_holds_against_many_at_once,
    several_nodes_decide_each_claim_once,
    claims_are_listed_newest_first,
}

const RULES: ClaimRules = ClaimRules {
    wait: Duration::from_hours(2),
    video_wait: Duration::from_mins(1),
    window: Duration::from_hours(24),
    daily_cap: 10,
};

async fn claim(t: &TestStore, match_id: MatchId, user: UserId) -> Claiming {
    t.claim(
        match_id,
        user,
        &RULES,
        &TestStore::quota_rules().zone,
        t.now(),
    )
    .await
    .unwrap()
}

async fn claimed(t: &TestStore, match_id: MatchId, user: UserId) -> ClaimRow {
    match claim(t, match_id, user).await {
        Claiming::Made(row, _) => row,
        refused => panic!("{refused:?}"),
    }
}

async fn refused(t: &TestStore, match_id: MatchId, user: UserId) -> NotEligible {
    match claim(t, match_id, user).await {
        Claiming::Refused(why) => why,
        made => panic!("{made:?}"),
    }
}

/// Decides everything; there is less than a batch.
async fn decide(t: &TestStore) -> Vec<DecidedClaim> {
    let batch = t
        .decide_claims(50, &TestStore::quota_rules(), t.now())
        .await
        .unwrap();
    assert!(!batch.more);
    batch.decided
}

async fn say(t: &TestStore, match_id: MatchId, sender: UserId, kind: MessageKind) {
    let message = NewMessage {
        match_id,
        sender_id: sender,
        client_id: Uuid::new_v4(),
        kind,
        ciphertext: b"x".to_vec(),
        franking_tag: None,
        device_info: "".into(),
    };
    let (outcomes, _) = write(t, &[message], &[], t.now()).await;
    assert!(
        matches!(outcomes[..], [Append::Accepted(_)]),
        "{outcomes:?}"
    );
}

const fn because(reason: ClaimRefusal) -> NotEligible {
    NotEligible {
        reason,
        eligible_at: None,
    }
}

async fn the_right_is_back_and_a_push_is_ordered(
    t: &TestStore,
    id: MatchId,
    a: &Account,
    b: &Account,
) {
    assert_eq!(assert_ledger_equals_balance(t, a.0.id).await.text, 10);
    assert_eq!(assert_ledger_equals_balance(t, b.0.id).await.text, 9);
    let refund = format!(
        "SELECT delta FROM quota_ledger WHERE reason = 'claim' AND reference = '{id}' AND bucket = 'text'"
    );
    assert_eq!(t.numbers(&refund).await, [1]);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
            .await,
        [1]
    );
}

async fn an_unanswered_match_is_claimed_once_and_paid_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    let due = t.now() + RULES.wait;
    t.clock.set(due - Duration::from_mins(1));
    assert_eq!(
        refused(&t, id, a.0.id).await,
        NotEligible {
            reason: ClaimRefusal::TooEarly,
            eligible_at: Some(due)
        }
    );
    assert_eq!(t.claims_of(a.0.id, None, 10).await.unwrap(), []);
    t.clock.set(due);
    let stranger = searcher(&t, "yabanci").await;
    assert_eq!(claim(&t, id, stranger.0.id).await, Claiming::NotFound);
    assert_eq!(claim(&t, MatchId(1), a.0.id).await, Claiming::NotFound);
    let made = claimed(&t, id, a.0.id).await;
    assert_eq!(
        (made.match_id, made.user_id, made.status, made.claim_time),
        (id, a.0.id, ClaimStatus::Pending, due)
    );
    assert_eq!(claim(&t, id, a.0.id).await, Claiming::Already);
    let view = t
        .match_of(id, a.0.id)
        .await
        .unwrap()
        .expect("a side")
        .view(t.now())
        .unwrap();
    assert_eq!(view.claim, Some(made.view()));
    assert_eq!(
        t.match_of(id, b.0.id)
            .await
            .unwrap()
            .expect("a side")
            .view(t.now())
            .unwrap()
            .claim,
        None,
        "the peer does not learn of it"
    );

    t.clock.advance(Duration::from_secs(30));
    let [decided] = &decide(&t).await[..] else {
        panic!("one")
    };
    let expected = ClaimRow {
        status: ClaimStatus::Approved,
        processed_at: Some(t.now()),
        ..made
    };
    assert_eq!(decided.claim, expected);
    assert_eq!(
        decided
            .quota
            .as_ref()
            .map(|quota| (quota.text, quota.bonus)),
        Some((10, 0))
    );
    assert_eq!(
        decided
            .notified
            .as_ref()
            .map(|told| (told.user_id, &told.notice)),
        Some((a.0.id, &Notice::ClaimApproved { match_id: id }))
    );
    the_right_is_back_and_a_push_is_ordered(&t, id, &a, &b).await;

    assert_eq!(decide(&t).await, []);
    assert_eq!(claim(&t, id, a.0.id).await, Claiming::Already);
    assert_eq!(t.claims_of(a.0.id, None, 10).await.unwrap(), [expected]);
}

async fn content_is_an_answer_and_a_handshake_is_none(t: TestStore) {
    let (a, b) = couple(&t).await;
    let [quiet, talkative] = [matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await];
    for id in [quiet, talkative] {
        say(&t, id, a.0.id, MessageKind::Content).await;
        say(&t, id, b.0.id, MessageKind::Handshake).await;
    }
    t.clock.advance(Duration::from_hours(3));
    // Late, but before the claim.
    say(&t, talkative, b.0.id, MessageKind::Content).await;
    claimed(&t, quiet, a.0.id).await;
    assert_eq!(
        refused(&t, talkative, a.0.id).await,
        because(ClaimRefusal::Answered)
    );
    assert_eq!(
        refused(&t, quiet, b.0.id).await,
        because(ClaimRefusal::Answered),
        "the other side was answered"
    );
    assert_eq!(decide(&t).await[0].claim.status, ClaimStatus::Approved);
}

async fn what_is_sent_after_the_claim_changes_nothing(t: TestStore) {
    let (a, b) = couple(&t).await;
    let [late, missed] = [matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await];
    t.clock.advance(RULES.wait);
    claimed(&t, late, a.0.id).await;
    claimed(&t, missed, a.0.id).await;
    // Its transaction was on the way when the claim was made.
    say(&t, missed, b.0.id, MessageKind::Content).await;
    t.clock.advance(Duration::from_millis(1));
    say(&t, late, b.0.id, MessageKind::Content).await;
    let decided = decide(&t).await;
    let outcomes: Vec<_> = decided
        .iter()
        .map(|one| (one.claim.match_id, one.claim.status, one.claim.reason))
        .collect();
    assert_eq!(
        outcomes,
        [
            (late, ClaimStatus::Approved, None),
            (missed, ClaimStatus::Rejected, Some(ClaimRefusal::Answered))
        ]
    );
    let notice = Notice::ClaimRejected {
        match_id: missed,
        reason: "answered".to_owned(),
    };
    assert_eq!(
        (
            decided[1].notified.as_ref().map(|told| &told.notice),
            &decided[1].quota
        ),
        (Some(&notice), &None)
    );
    assert_eq!(
        assert_ledger_equals_balance(&t, a.0.id).await.text,
        9,
        "two taken, one back"
    );
}

async fn an_answer_counts_also_after_the_clock_was_set_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let due = t.now() + RULES.wait;
    let text = matched(&t, &a, &b, 1).await;
    let proposed = pair(
        Mode::Video,
        side(a.0.id, a.1.id, 3),
        side(b.0.id, b.1.id, 4),
    );
    let PairOutcome::Made(video) = t
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0)
    else {
        panic!("refused")
    };
    t.clock.set(due + Duration::from_hours(1));
    say(&t, text, b.0.id, MessageKind::Content).await;
    let connect = format!(
        "UPDATE matches SET connected_at = (SELECT MAX(sent_at) FROM message_logs) WHERE id = {}",
        video.id
    );
    t.execute(&connect).await;
    t.clock.set(due);
    assert_eq!(
        refused(&t, text, a.0.id).await,
        because(ClaimRefusal::Answered)
    );
    assert_eq!(
        refused(&t, video.id, a.0.id).await,
        because(ClaimRefusal::Connected)
    );
}

async fn a_call_that_was_not_connected_is_claimed(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut ids = Vec::new();
    for ticket in [1, 3] {
        let proposed = pair(
            Mode::Video,
            side(a.0.id, a.1.id, ticket),
            side(b.0.id, b.1.id, ticket + 1),
        );
        let PairOutcome::Made(made) = t
            .create_matches(
                ENDLESS_TERM,
                &[proposed],
                &TestStore::match_rules(),
                t.now(),
            )
            .await
            .unwrap()
            .remove(0)
        else {
            panic!("refused")
        };
        ids.push(made.id);
        let due = t.now() + RULES.video_wait;
        assert_eq!(
            refused(&t, made.id, a.0.id).await,
            NotEligible {
                reason: ClaimRefusal::TooEarly,
                eligible_at: Some(due)
            }
        );
        t.clock.set(due);
        if ticket == 3 {
            t.execute(&format!(
                "UPDATE matches SET connected_at = created_at WHERE id = {}",
                made.id
            ))
            .await;
        } else {
            // What they write beside it is no call.
            say(&t, made.id, b.0.id, MessageKind::Content).await;
        }
        // Video is one at a time.
        t.end_match(made.id, Some(a.0.id), EndReason::HungUp, t.now())
            .await
            .unwrap();
    }
    claimed(&t, ids[0], a.0.id).await;
    assert_eq!(
        refused(&t, ids[1], a.0.id).await,
        because(ClaimRefusal::Connected)
    );
    let [decided] = &decide(&t).await[..] else {
        panic!("one")
    };
    assert_eq!(
        decided
            .quota
            .as_ref()
            .map(|quota| (quota.text, quota.video)),
        Some((10, 2))
    );
}

async fn a_claim_ends_a_call_and_no_conversation(t: TestStore) {
    let (a, b) = couple(&t).await;
    let text = matched(&t, &a, &b, 1).await;
    let proposed = pair(
        Mode::Video,
        side(a.0.id, a.1.id, 3),
        side(b.0.id, b.1.id, 4),
    );
    let PairOutcome::Made(video) = t
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0)
    else {
        panic!("refused")
    };
    t.clock.advance(RULES.video_wait);
    let Claiming::Made(_, Some(ended)) = claim(&t, video.id, a.0.id).await else {
        panic!("it goes on")
    };
    assert_eq!(
        (ended.match_id, ended.reason, ended.by),
        (video.id, EndReason::HungUp, Some(a.0.id))
    );
    assert_eq!(
        (ended.status, ended.call),
        (MatchStatus::Cancelled, Some(CallOutcome::Never))
    );
    // So nobody connects it after the claim, and the other side, who has no call either, may claim,
    // too.
    assert_eq!(
        t.call_connected(video.id, t.now()).await.unwrap(),
        CallConnected::Over
    );
    assert!(matches!(
        claim(&t, video.id, b.0.id).await,
        Claiming::Made(_, None)
    ));
    t.clock.advance(RULES.wait);
    assert!(matches!(
        claim(&t, text, a.0.id).await,
        Claiming::Made(_, None)
    ));
    assert!(t.parties(text).await.unwrap().is_some());
    assert_eq!(
        decide(&t)
            .await
            .iter()
            .filter(|decided| decided.claim.status == ClaimStatus::Approved)
            .count(),
        3
    );
    assert_ledger_equals_balance(&t, a.0.id).await;
}

async fn who_ended_the_match_decides_before_its_time_is_over(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut ended = Vec::new();
    for (ticket, by) in [(1, Some(a.0.id)), (3, Some(b.0.id)), (5, None)] {
        let id = matched(&t, &a, &b, ticket).await;
        t.end_match(
            id,
            by,
            if by.is_some() {
                EndReason::Left
            } else {
                EndReason::Banned
            },
            t.now(),
        )
        .await
        .unwrap();
        ended.push(id);
    }
    let open = matched(&t, &a, &b, 7).await;
    assert_eq!(
        refused(&t, ended[0], a.0.id).await,
        because(ClaimRefusal::LeftEarly)
    );
    claimed(&t, ended[0], b.0.id).await;
    claimed(&t, ended[1], a.0.id).await;
    claimed(&t, ended[2], a.0.id).await;
    t.clock.advance(RULES.wait);
    assert_eq!(
        refused(&t, ended[0], a.0.id).await,
        because(ClaimRefusal::LeftEarly),
        "it stays so"
    );
    t.end_match(open, Some(a.0.id), EndReason::Left, t.now())
        .await
        .unwrap();
    let over = t.now() + RULES.window;
    t.clock.set(over - Duration::from_millis(1));
    claimed(&t, open, a.0.id).await;
    t.clock.set(over);
    assert_eq!(
        refused(&t, open, b.0.id).await,
        because(ClaimRefusal::TooLate)
    );

    // One that ran out ended by itself, whether or not the job came by.
    let expired = matched(&t, &a, &b, 9).await;
    t.clock
        .advance(Duration::from_hours(48) - Duration::from_millis(1));
    claimed(&t, expired, a.0.id).await;
    assert_eq!(t.expire_matches(t.now(), 10).await.unwrap().len(), 1);
    t.clock.advance(Duration::from_millis(1));
    assert_eq!(
        refused(&t, expired, b.0.id).await,
        because(ClaimRefusal::TooLate)
    );
    assert_eq!(
        decide(&t)
            .await
            .iter()
            .filter(|one| one.claim.status == ClaimStatus::Approved)
            .count(),
        5
    );
}

async fn the_right_goes_back_to_where_it_came_from_on_the_same_day_only(t: TestStore) {
    let (a, b) = couple(&t).await;
    let today = matched(&t, &a, &b, 1).await;
    t.execute(&format!(
        "UPDATE users SET daily_chat_balance = 0, bonus_balance = 2 WHERE id = {}",
        a.0.id
    ))
    .await;
    let of_bonus = matched(&t, &a, &b, 3).await;
    t.clock.advance(RULES.wait);
    claimed(&t, today, a.0.id).await;
    claimed(&t, of_bonus, a.0.id).await;
    let quotas: Vec<_> = decide(&t)
        .await
        .into_iter()
        .filter_map(|one| one.quota)
        .map(|quota| (quota.text, quota.bonus))
        .collect();
    assert_eq!(quotas, [(1, 1), (1, 2)]);

    // 23:00 in Istanbul, to be decided at 01:00.
    t.clock.advance(Duration::from_hours(9));
    let yesterday = matched(&t, &a, &b, 5).await;
    t.clock.advance(Duration::from_hours(2));
    claimed(&t, yesterday, a.0.id).await;
    let [decided] = &decide(&t).await[..] else {
        panic!("one")
    };
    assert_eq!(
        decided
            .quota
            .as_ref()
            .map(|quota| (quota.text, quota.bonus)),
        Some((10, 3)),
        "not on top of the new day's"
    );
    let rows = |bucket: QuotaBucket| {
        format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'claim' AND bucket = '{bucket}'"
        )
    };
    assert_eq!(
        (
            t.numbers(&rows(QuotaBucket::Text)).await,
            t.numbers(&rows(QuotaBucket::Bonus)).await
        ),
        (vec![1], vec![2])
    );
}

async fn a_match_that_cost_nothing_pays_nothing_back(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    t.execute(&format!(
        "DELETE FROM quota_ledger WHERE user_id = {} AND reason = 'match'",
        a.0.id
    ))
    .await;
    t.clock.advance(RULES.wait);
    claimed(&t, id, a.0.id).await;
    let [decided] = &decide(&t).await[..] else {
        panic!("one")
    };
    assert_eq!(
        (decided.claim.reason, &decided.quota),
        (Some(ClaimRefusal::NotPaid), &None)
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'claim'")
            .await,
        [0]
    );
}

async fn a_hundred_claims_at_once_are_one(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    t.clock.advance(RULES.wait);
    let other = t.database.open(&t.clock).await;
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, now) = (
            if number % 2 == 0 {
                t.store.clone()
            } else {
                other.clone()
            },
            t.now(),
        );
        async move {
            store
                .claim(id, a.0.id, &RULES, &TestStore::quota_rules().zone, now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Made(..)))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Already))
            .count(),
        99
    );
    assert_eq!(t.claims_of(a.0.id, None, 10).await.unwrap().len(), 1);
}

async fn the_cap_of_a_day_holds_against_many_at_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut ids = Vec::new();
    for ticket in 0..6 {
        ids.push(matched(&t, &a, &b, 2 * ticket + 1).await);
    }
    t.clock.advance(RULES.wait);
    let few = ClaimRules {
        daily_cap: 3,
        ..RULES
    };
    let zone = TestStore::quota_rules().zone;
    let outcomes = all_at_once(ids.clone().into_iter().map(|id| {
        let (store, zone, now) = (t.store.clone(), zone.clone(), t.now());
        async move { store.claim(id, a.0.id, &few, &zone, now).await.unwrap() }
    }))
    .await;
    let midnight = t.now().next_midnight(&zone);
    let capped = Claiming::Refused(NotEligible {
        reason: ClaimRefusal::DailyCap,
        eligible_at: Some(midnight),
    });
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Claiming::Made(..)))
            .count(),
        3
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == capped)
            .count(),
        3,
        "{outcomes:?}"
    );
    // Another user has a day of its own, and so has tomorrow.
    assert!(matches!(
        t.claim(ids[0], b.0.id, &few, &zone, t.now()).await.unwrap(),
        Claiming::Made(..)
    ));
    t.clock.set(midnight);
    let mut made = 0;
    for id in ids {
        made += usize::from(matches!(
            t.claim(id, a.0.id, &few, &zone, t.now()).await.unwrap(),
            Claiming::Made(..)
        ));
    }
    assert_eq!(made, 3);
}

async fn several_nodes_decide_each_claim_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    for ticket in 0..10 {
        matched(&t, &a, &b, 2 * ticket + 1).await;
    }
    t.clock.advance(RULES.wait);
    for id in t.numbers("SELECT id FROM matches").await {
        for user in [a.0.id, b.0.id] {
            claimed(&t, MatchId(id), user).await;
        }
    }
    let nodes = [
        t.database.open(&t.clock).await,
        t.database.open(&t.clock).await,
        t.store.clone(),
    ];
    let decided = all_at_once(nodes.map(|store| {
        let now = t.now();
        async move {
            let mut all = Vec::new();
            loop {
                let batch = store
                    .decide_claims(3, &TestStore::quota_rules(), now)
                    .await
                    .unwrap();
                all.extend(batch.decided);
                if !batch.more {
                    return all;
                }
            }
        }
    }))
    .await
    .concat();
    let distinct: HashSet<_> = decided.iter().map(|one| one.claim.id).collect();
    assert_eq!((decided.len(), distinct.len()), (20, 20));
    assert!(
        decided
            .iter()
            .all(|one| one.quota.is_some() && one.notified.is_some())
    );
    for user in [a.0.id, b.0.id] {
        assert_eq!(assert_ledger_equals_balance(&t, user).await.text, 10);
    }
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'claim'")
            .await,
        [20]
    );
}

async fn claims_are_listed_newest_first(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut ids = Vec::new();
    for ticket in [1, 3, 5] {
        ids.push(matched(&t, &a, &b, ticket).await);
    }
    t.clock.advance(RULES.wait);
    let mut made = Vec::new();
    for id in &ids[..2] {
        made.push(claimed(&t, *id, a.0.id).await);
    }
    decide(&t).await;
    made.push(claimed(&t, ids[2], b.0.id).await);
    let shown = |rows: Vec<ClaimRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let [first, second, third] = [made[0].id, made[1].id, made[2].id];
    assert_eq!(
        shown(t.claims_of(a.0.id, None, 10).await.unwrap()),
        [second, first]
    );
    assert_eq!(shown(t.claims_of(a.0.id, None, 1).await.unwrap()), [second]);
    assert_eq!(
        shown(t.claims_of(a.0.id, Some(second), 10).await.unwrap()),
        [first]
    );
    assert_eq!(
        shown(t.claims(None, None, 10).await.unwrap()),
        [third, second, first]
    );
    assert_eq!(
        shown(
            t.claims(Some(ClaimStatus::Approved), None, 10)
                .await
                .unwrap()
        ),
        [second, first]
    );
    assert_eq!(
        shown(
            t.claims(Some(ClaimStatus::Approved), Some(second), 10)
                .await
                .unwrap()
        ),
        [first]
    );
    assert_eq!(
        shown(
            t.claims(Some(ClaimStatus::Pending), None, 10)
                .await
                .unwrap()
        ),
        [third]
    );
    assert_eq!(
        t.claims(Some(ClaimStatus::Rejected), None, 10)
            .await
            .unwrap(),
        []
    );
}
