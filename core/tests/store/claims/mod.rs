use std::time::Duration;

use tebdil_core::{
    claim::{ClaimRules, NotEligible},
    store::{ClaimRow, Claiming, DecidedClaim},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{ClaimRefusal, ClaimStatus, QuotaBucket},
    id::{MatchId, UserId},
    notice::Notice,
};

use crate::{
    matches::{Account, couple, matched, searcher},
    quota::assert_ledger_equals_balance,
};

mod eligible;
mod many;

tebdil_core::store_conformance! {
    an_unanswered_match_is_claimed_once_and_paid_back,
    the_right_goes_back_where_it_came_from_on_the_same_day_only,
    a_match_that_cost_nothing_pays_nothing_back,
    claims_are_listed_newest_first,
}

const RULES: ClaimRules = ClaimRules {
    wait: Duration::from_hours(2),
    video_wait: Duration::from_mins(1),
    window: Duration::from_hours(24),
    daily_cap: 10,
};

async fn claim(t: &TestStore, match_id: MatchId, user: UserId) -> Claiming {
    t.economy()
        .claim(
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
        .economy()
        .decide_claims(50, &TestStore::quota_rules(), t.now())
        .await
        .unwrap();
    assert!(!batch.more);
    batch.decided
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
    assert_eq!(t.economy().claims_of(a.0.id, None, 10).await.unwrap(), []);
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
        .matches()
        .match_of(id, a.0.id)
        .await
        .unwrap()
        .expect("a side")
        .view(a.1.id, t.now());
    assert_eq!(view.claim, Some(made.view()));
    assert_eq!(
        t.matches()
            .match_of(id, b.0.id)
            .await
            .unwrap()
            .expect("a side")
            .view(b.1.id, t.now())
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
    assert_eq!(
        t.economy().claims_of(a.0.id, None, 10).await.unwrap(),
        [expected]
    );
}

async fn the_right_goes_back_where_it_came_from_on_the_same_day_only(t: TestStore) {
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
        shown(t.economy().claims_of(a.0.id, None, 10).await.unwrap()),
        [second, first]
    );
    assert_eq!(
        shown(t.economy().claims_of(a.0.id, None, 1).await.unwrap()),
        [second]
    );
    assert_eq!(
        shown(
            t.economy()
                .claims_of(a.0.id, Some(second), 10)
                .await
                .unwrap()
        ),
        [first]
    );
    assert_eq!(
        shown(t.economy().claims(None, None, 10).await.unwrap()),
        [third, second, first]
    );
    assert_eq!(
        shown(
            t.economy()
                .claims(Some(ClaimStatus::Approved), None, 10)
                .await
                .unwrap()
        ),
        [second, first]
    );
    assert_eq!(
        shown(
            t.economy()
                .claims(Some(ClaimStatus::Approved), Some(second), 10)
                .await
                .unwrap()
        ),
        [first]
    );
    assert_eq!(
        shown(
            t.economy()
                .claims(Some(ClaimStatus::Pending), None, 10)
                .await
                .unwrap()
        ),
        [third]
    );
    assert_eq!(
        t.economy()
            .claims(Some(ClaimStatus::Rejected), None, 10)
            .await
            .unwrap(),
        []
    );
}
