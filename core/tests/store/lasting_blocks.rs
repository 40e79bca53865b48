//! Blocks outlive the accounts of both sides.

use std::{collections::HashSet, time::Duration};

use tebdil_core::{
    store::{Blocking, OldRows, PairOutcome, Registration, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{domain::Mode, id::MatchId};

use crate::{
    all_at_once, delete_old,
    matches::{Account, couple, matched, propose},
    rng,
};

tebdil_core::store_conformance! {
    a_block_outlasts_the_erasure_of_either_side,
    a_block_of_who_is_gone_holds_for_who_comes_back,
    who_comes_back_several_times_stays_blocked,
    both_erase_and_come_back_at_once,
    a_block_can_be_taken_back_while_the_other_is_gone,
    a_phone_that_does_not_come_back_is_forgotten,
}

/// Registers the phone of an erased account anew, with keys.
async fn come_back(t: &TestStore, was: &UserRow) -> Account {
    let mut new = t.new_user(0, &was.alias);
    (new.phone_index, new.phone) = (was.phone_index, was.phone.clone());
    let registered = t
        .accounts()
        .insert_user(
            &new,
            t.new_session("token"),
            &mut rng(was.id.0.unsigned_abs()),
            t.now(),
        )
        .await
        .unwrap();
    let Registration::Inserted(user, session) = registered else {
        panic!("{registered:?}")
    };
    t.accounts()
        .put_key_packages(user.id, session.id, &[], Some(b"last"), t.now())
        .await
        .unwrap();
    (*user, session)
}

async fn block(t: &TestStore, blocker: &Account, of: MatchId) {
    let made = t.safety().block(of, blocker.0.id, t.now()).await.unwrap();
    assert!(
        matches!(made, Blocking::Blocked { new: true, .. }),
        "{made:?}"
    );
}

async fn assert_kept_apart(t: &TestStore, a: &Account, b: &Account) {
    let ticket = t
        .numbers("SELECT CAST(COUNT(*) AS BIGINT) + 1000 FROM match_sides")
        .await[0];
    for (one, other) in [(a, b), (b, a)] {
        let outcome = propose(t, Mode::Text, one, other, ticket).await;
        assert!(
            matches!(outcome, PairOutcome::Refused { blocked: true, .. }),
            "{outcome:?}"
        );
        assert!(
            t.safety()
                .blocked_either_way(one.0.id)
                .await
                .unwrap()
                .contains(&other.0.id),
            "searches know it too"
        );
    }
}

async fn a_block_outlasts_the_erasure_of_either_side(t: TestStore) {
    for (blocker_leaves, blocked_leaves) in [(false, true), (true, false), (true, true)] {
        let (mut a, mut b) = couple(&t).await;
        let id = matched(&t, &a, &b, 2 * a.0.id.0).await;
        block(&t, &a, id).await;
        if blocked_leaves {
            t.erase(&b.0).await;
            // Nothing tells whether somebody came back.
            assert_eq!(
                t.safety().blocks_of(a.0.id, None, 9).await.unwrap()[0].alias,
                "deleted"
            );
        }
        if blocker_leaves {
            t.erase(&a.0).await;
            a = come_back(&t, &a.0).await;
        }
        if blocked_leaves {
            b = come_back(&t, &b.0).await;
        }
        assert_kept_apart(&t, &a, &b).await;
        let listed = t.safety().blocks_of(a.0.id, None, 9).await.unwrap();
        assert_eq!(
            listed
                .iter()
                .map(|row| (row.alias.as_str(), row.tag.as_str()))
                .collect::<Vec<_>>(),
            [("deleted", "0000")]
        );
        assert_eq!(
            t.safety().blocks_of(b.0.id, None, 9).await.unwrap(),
            [],
            "the blocked one is told nothing"
        );
        assert_eq!(
            t.safety().unblock(a.0.id, listed[0].id).await.unwrap(),
            Some(b.0.id)
        );
        assert!(matches!(
            propose(&t, Mode::Text, &a, &b, 2 * b.0.id.0 + 1).await,
            PairOutcome::Made(_)
        ));
        let phones = "SELECT CAST(COUNT(*) AS BIGINT) FROM blocks WHERE blocker_phone IS NOT NULL OR blocked_phone IS NOT NULL";
        assert_eq!(
            t.numbers(phones).await,
            [0],
            "no phone is kept beside an account"
        );
    }
}

async fn a_block_of_who_is_gone_holds_for_who_comes_back(t: TestStore) {
    // Blocked before and after the phone came back.
    for back_before in [false, true] {
        let (a, b) = couple(&t).await;
        let id = matched(&t, &a, &b, 2 * a.0.id.0).await;
        t.erase(&b.0).await;
        let came = if back_before {
            Some(come_back(&t, &b.0).await)
        } else {
            None
        };
        block(&t, &a, id).await;
        let Blocking::Blocked {
            block: first,
            new: false,
            ..
        } = t.safety().block(id, a.0.id, t.now()).await.unwrap()
        else {
            panic!("new")
        };
        assert_eq!(
            (first.alias.as_str(), first.tag.as_str()),
            ("deleted", "0000"),
            "the new name is not told"
        );
        let b = match came {
            Some(b) => b,
            None => come_back(&t, &b.0).await,
        };
        assert_kept_apart(&t, &a, &b).await;
    }
}

async fn who_comes_back_several_times_stays_blocked(t: TestStore) {
    let (a, first) = couple(&t).await;
    let id = matched(&t, &a, &first, 1).await;
    block(&t, &a, id).await;
    t.erase(&first.0).await;
    let second = come_back(&t, &first.0).await;
    t.erase(&second.0).await;
    // Once more, by the match with the first account: it is the same phone.
    let again = t.safety().block(id, a.0.id, t.now()).await.unwrap();
    assert!(matches!(again, Blocking::Blocked { .. }), "{again:?}");
    let third = come_back(&t, &first.0).await;
    assert_kept_apart(&t, &a, &third).await;
    assert_eq!(
        t.safety().blocks_of(a.0.id, None, 9).await.unwrap().len(),
        1,
        "of one person there is one"
    );
}

async fn both_erase_and_come_back_at_once(t: TestStore) {
    for _ in 0..5 {
        let (a, b) = couple(&t).await;
        let id = matched(&t, &a, &b, 2 * a.0.id.0).await;
        block(&t, &a, id).await;
        block(&t, &b, id).await;
        all_at_once([a.0.clone(), b.0.clone()].map(|user| {
            let (store, now) = (t.store.clone(), t.now());
            async move {
                let by = tebdil_core::store::ErasedBy::User {
                    verified: &user.password_hash,
                };
                store
                    .accounts()
                    .erase_user(user.id, by, &mut rng(user.id.0.unsigned_abs()), now)
                    .await
                    .unwrap()
            }
        }))
        .await;
        let (a, b) = tokio::join!(come_back(&t, &a.0), come_back(&t, &b.0));
        assert_kept_apart(&t, &a, &b).await;
        let ids = |of: &[tebdil_core::store::BlockRow]| {
            of.iter().map(|row| row.blocked_id).collect::<HashSet<_>>()
        };
        assert_eq!(
            ids(&t.safety().blocks_of(a.0.id, None, 9).await.unwrap()),
            HashSet::from([b.0.id])
        );
        assert_eq!(
            ids(&t.safety().blocks_of(b.0.id, None, 9).await.unwrap()),
            HashSet::from([a.0.id])
        );
    }
}

async fn a_block_can_be_taken_back_while_the_other_is_gone(t: TestStore) {
    let (a, b) = couple(&t).await;
    let id = matched(&t, &a, &b, 1).await;
    block(&t, &a, id).await;
    t.erase(&b.0).await;
    let listed = t.safety().blocks_of(a.0.id, None, 9).await.unwrap();
    assert_eq!(
        t.safety().unblock(a.0.id, listed[0].id).await.unwrap(),
        Some(b.0.id)
    );
    let b = come_back(&t, &b.0).await;
    assert!(matches!(
        propose(&t, Mode::Text, &a, &b, 10).await,
        PairOutcome::Made(_)
    ));
}

async fn a_phone_that_does_not_come_back_is_forgotten(t: TestStore) {
    let couples = [couple(&t).await, couple(&t).await, couple(&t).await];
    for (number, (one, other)) in couples.iter().enumerate() {
        let id = matched(&t, one, other, 2 * i64::try_from(number).unwrap() + 1).await;
        block(&t, one, id).await;
    }
    let [(a, _), (_, d), (e, _)] = &couples;
    t.erase(&a.0).await;
    t.erase(&d.0).await;
    let erased_at = t.now();
    t.clock.advance(Duration::from_hours(1));
    let delete = async |cutoff| {
        delete_old(&t, &OldRows::BLOCKS_BY_ERASED, cutoff, 10).await
            + delete_old(&t, &OldRows::BLOCKS_OF_ERASED, cutoff, 10).await
    };
    assert_eq!(delete(erased_at - Duration::from_millis(1)).await, 0);
    assert_eq!(delete(erased_at).await, 2);
    assert_eq!(delete(t.now()).await, 0, "that of two accounts stays");
    assert_eq!(
        t.safety().blocks_of(e.0.id, None, 9).await.unwrap().len(),
        1
    );
}
