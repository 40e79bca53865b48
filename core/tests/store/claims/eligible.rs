//! Which matches may be claimed.

use std::time::Duration;

use tebdil_core::{
    claim::NotEligible,
    store::{CallConnected, CallOutcome, Claiming, PairOutcome},
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{ClaimRefusal, ClaimStatus, EndReason, MatchStatus, MessageKind, Mode},
    notice::Notice,
};

use super::{RULES, claim, claimed, decide, refused};
use crate::{
    matches::{couple, matched},
    messages::say,
    pair,
    quota::assert_ledger_equals_balance,
    side,
};

tebdil_core::store_conformance! {
    content_is_an_answer_and_a_handshake_is_none,
    what_is_sent_after_the_claim_changes_nothing,
    an_answer_counts_also_after_the_clock_was_set_back,
    a_call_that_was_not_connected_is_claimed,
    a_claim_ends_a_call_and_no_conversation,
    who_ended_the_match_decides_before_its_time_is_over,
}

const fn because(reason: ClaimRefusal) -> NotEligible {
    NotEligible {
        reason,
        eligible_at: None,
    }
}

async fn content_is_an_answer_and_a_handshake_is_none(t: TestStore) {
    let (a, b) = couple(&t).await;
    let [quiet, talkative] = [matched(&t, &a, &b, 1).await, matched(&t, &a, &b, 3).await];
    for id in [quiet, talkative] {
        say(&t, id, &a, MessageKind::Content).await;
        say(&t, id, &b, MessageKind::Handshake).await;
    }
    t.clock.advance(Duration::from_hours(3));
    // Late, but before the claim.
    say(&t, talkative, &b, MessageKind::Content).await;
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
    say(&t, missed, &b, MessageKind::Content).await;
    t.clock.advance(Duration::from_millis(1));
    say(&t, late, &b, MessageKind::Content).await;
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
    else {
        panic!("refused")
    };
    t.clock.set(due + Duration::from_hours(1));
    say(&t, text, &b, MessageKind::Content).await;
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
            say(&t, made.id, &b, MessageKind::Content).await;
        }
        // Video is one at a time.
        t.matches()
            .end_match(made.id, Some(a.0.id), EndReason::HungUp, t.now())
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
        t.matches().call_connected(video.id, t.now()).await.unwrap(),
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
    assert!(t.matches().parties(text).await.unwrap().is_some());
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
        t.matches()
            .end_match(
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
    t.matches()
        .end_match(open, Some(a.0.id), EndReason::Left, t.now())
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
    assert_eq!(t.jobs().expire_matches(t.now(), 10).await.unwrap().len(), 1);
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
