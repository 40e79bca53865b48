//! Many at once.

use tebdil_core::{
    store::{Invitation, NewUser, Registration, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::LedgerReason,
    id::{ReferralId, UserId},
    time::Timestamp,
};

use super::{REWARDS, bonus, orders};
use crate::{all_at_once, rng};

tebdil_core::store_conformance! {
    a_hundred_at_once_grant_what_the_rules_say,
}

/// One inviter, one phone, a hundred times; then a hundred phones and a limit.
async fn invite_a_hundred_times_at_once(
    t: &TestStore,
    ayse: &UserRow,
    target: &NewUser,
    since: Timestamp,
) {
    let outcomes = all_at_once((0..100).map(|_| {
        let (store, phone, now, user) = (t.store.clone(), target.phone_index, t.now(), ayse.id);
        async move {
            store
                .economy()
                .invite(user, &phone, 20, since, now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Invitation::Invited(_)))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Invitation::Already)
            .count(),
        99
    );
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, phone, now, user) = (
            t.store.clone(),
            t.new_user(7_000 + number, "x").phone_index,
            t.now(),
            ayse.id,
        );
        async move {
            store
                .economy()
                .invite(user, &phone, 20, since, now)
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Invitation::Invited(_)))
            .count(),
        19
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Invitation::TooMany)
            .count(),
        81
    );
}

async fn register_a_hundred_times_at_once(t: &TestStore, cem: &UserRow) -> UserId {
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, now, session) = (t.store.clone(), t.now(), t.new_session("a"));
        let invite = (number % 2 == 0).then(|| cem.invite_code.clone());
        let new = NewUser {
            invite,
            ..t.new_user(5_000, &format!("berk{number}"))
        };
        async move {
            store
                .accounts()
                .insert_user(&new, session, &mut rng(number), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let joined: Vec<UserId> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Registration::Inserted(user, _) => Some(user.id),
            _ => None,
        })
        .collect();
    let [berk] = joined[..] else {
        panic!("one account: {joined:?}")
    };
    berk
}

async fn a_hundred_at_once_grant_what_the_rules_say(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let target = t.new_user(5_000, "berk");
    let since = t.now().midnight(&TestStore::quota_rules().zone);

    invite_a_hundred_times_at_once(&t, &ayse, &target, since).await;

    // The invited phone registers a hundred times at once, half of them with a code.
    let (cem, _) = t.register("cem").await;
    let berk = register_a_hundred_times_at_once(&t, &cem).await;

    // A hundred others join by one code at once, and every reward is given by eight at once.
    let others = all_at_once((0..100).map(|number| {
        let (store, now, session) = (t.store.clone(), t.now(), t.new_session("a"));
        let new = NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..t.new_user(8_000 + number, &format!("can{number}"))
        };
        async move {
            match store
                .accounts()
                .insert_user(&new, session, &mut rng(number.unsigned_abs()), now)
                .await
                .unwrap()
            {
                Registration::Inserted(user, _) => user.id,
                refused => panic!("{refused:?}"),
            }
        }
    }))
    .await;
    assert_eq!(orders(&t).await, 101);
    let joined: Vec<UserId> = others.into_iter().chain([berk]).collect();
    let given = all_at_once(
        joined
            .iter()
            .copied()
            .cycle()
            .take(8 * joined.len())
            .map(|user| {
                let (store, now) = (t.store.clone(), t.now());
                async move {
                    store
                        .economy()
                        .reward_referral(user, REWARDS, &TestStore::quota_rules(), now)
                        .await
                        .unwrap()
                        .is_some()
                }
            }),
    )
    .await;
    assert_eq!(
        given.into_iter().filter(|given| *given).count(),
        joined.len(),
        "each once"
    );
    for user in &joined {
        assert_eq!(bonus(&t, *user).await, 10);
    }
    assert_eq!(bonus(&t, ayse.id).await + bonus(&t, cem.id).await, 2 * 101);
    let booked = format!(
        "SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = '{}'",
        LedgerReason::Referral
    );
    assert_eq!(t.numbers(&booked).await, [12 * 101]);
    assert_eq!(t.economy().unrewarded(ReferralId(0), 10).await.unwrap(), []);
}
