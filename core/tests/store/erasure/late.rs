//! What comes while an account is erased, and after.

use tebdil_core::{
    crypto::CodeHash,
    store::{Erased, ErasedBy, NewCode, OldRows, ProvenCode, Registration},
    testing::TestStore,
};
use tebdil_protocol::{domain::CodePurpose, id::CodeId};

use super::{DAY, count, erase};
use crate::{all_at_once, rng};

tebdil_core::store_conformance! {
    a_tombstone_lasts_while_something_can_concern_it,
    what_comes_late_is_swept,
    an_account_is_erased_while_somebody_proves_its_phone,
}

async fn a_tombstone_lasts_while_something_can_concern_it(t: TestStore) {
    let mut erased = Vec::new();
    for alias in ["bir1", "iki2", "uc33"] {
        let (user, _) = t.register(alias).await;
        assert_eq!(erase(&t, &user).await, Erased::Now);
        erased.push(user);
    }
    let [_, reported, banned] = &erased[..] else {
        panic!("three")
    };
    t.execute(&format!(
        "INSERT INTO reports (id, reporter_id, reported_id, match_id, reason, severity, created_at) SELECT 1, 2, {}, 3, 'spam', 2, erased_at FROM tombstones \
         WHERE user_id = {0}",
        reported.id
    ))
    .await;
    let until = t.now() + 60 * DAY;
    t.ban(&banned.phone_index, "spam", Some(until)).await;
    let kept = 40 * DAY;
    let delete = async || {
        let gone = t.jobs().delete_old(&OldRows::TOMBSTONES, kept, 10, t.now());
        gone.await.unwrap()
    };
    assert_eq!(delete().await, 0, "too young");
    t.clock.advance(kept);
    assert_eq!(delete().await, 1);
    assert_eq!(
        count(
            &t,
            &format!(
                "tombstones WHERE user_id IN ({}, {})",
                reported.id, banned.id
            )
        )
        .await,
        2
    );
    t.clock.set(until);
    assert_eq!(delete().await, 1, "the ban is over");
    t.execute("UPDATE reports SET status = 'dismissed'").await;
    assert_eq!(delete().await, 1, "the report is decided");
}

async fn what_comes_late_is_swept(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    assert!(!t.accounts().is_erased(user.id).await.unwrap());
    t.accounts().sweep_erased(user.id).await.unwrap();
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, None, 10, t.now())
            .await
            .unwrap()
            .len(),
        1,
        "an account is not touched"
    );
    assert_eq!(erase(&t, &user).await, Erased::Now);
    // Written by a request that had begun before.
    t.execute(&format!(
        "INSERT INTO push_muted (user_id, type) VALUES ({}, 'ad')",
        user.id
    ))
    .await;
    assert!(t.accounts().is_erased(user.id).await.unwrap());
    t.accounts().sweep_erased(user.id).await.unwrap();
    assert_eq!(count(&t, "push_muted").await, 0);
    assert_eq!(count(&t, "tombstones").await, 1, "it is not erased twice");
}

/// A registration that was begun before the phone had its account, completed while that is erased:
/// they take the phone and its codes in one order.
async fn an_account_is_erased_while_somebody_proves_its_phone(t: TestStore) {
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    for round in 1..=20_u32 {
        let new = t.new_user(round.into(), "kedi");
        let inserted = t
            .accounts()
            .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
            .await
            .unwrap();
        let Registration::Inserted(user, _) = inserted else {
            panic!("{inserted:?}")
        };
        let code = ProvenCode {
            id: CodeId(round.into()),
            purpose: CodePurpose::Registration,
            phone: new.phone_index,
        };
        let waiting = NewCode {
            id: code.id,
            purpose: code.purpose,
            phone: code.phone,
            user: None,
            hash: CodeHash([7; 32]),
            registration: None,
        };
        t.accounts().insert_code(waiting, t.now()).await.unwrap();
        let done = all_at_once((0..4).map(|number| {
            let (store, now, session, new) = (
                nodes[number % 2].clone(),
                t.now(),
                t.new_session("b"),
                new.clone(),
            );
            let (user, hash) = (user.id, user.password_hash.clone());
            async move {
                if number < 2 {
                    return store
                        .accounts()
                        .insert_verified_user(&code, &new, session, &mut rng(2), now)
                        .await
                        .map(|_| ());
                }
                store
                    .accounts()
                    .erase_user(
                        user,
                        ErasedBy::User { verified: &hash },
                        &mut rng(round.into()),
                        now,
                    )
                    .await
                    .map(|_| ())
            }
        }))
        .await;
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        assert_eq!(t.accounts().user(user.id).await.unwrap(), None);
    }
    nodes[1].close().await;
}
