use std::time::Duration;

use tebdil_core::{
    store::{Invitation, NewUser, OldRows, ReferralRules, Registration, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{ReferralStatus, ReferralVia},
    id::{ReferralId, UserId},
    notice::Notice,
};

use crate::{delete_old, quota::assert_ledger_equals_balance, rng};

mod many;

tebdil_core::store_conformance! {
    an_invited_phone_that_joins_is_rewarded_once,
    a_code_rewards_its_owner_and_beats_invitations_of_the_phone,
    an_unknown_code_makes_nothing,
    of_many_inviters_the_first_counts,
    a_phone_that_had_an_account_brings_nothing,
    nobody_invites_oneself,
    a_phone_is_invited_once_and_a_day_has_its_limit,
    invitations_nobody_followed_go_after_their_time,
}

const REWARDS: ReferralRules = ReferralRules {
    invited: 10,
    inviter: 2,
    invitations_per_day: 20,
};

async fn invite(t: &TestStore, inviter: &UserRow, phone: &NewUser) -> Invitation {
    t.economy()
        .invite(
            inviter.id,
            &phone.phone_index,
            20,
            t.now().midnight(&TestStore::quota_rules().zone),
            t.now(),
        )
        .await
        .unwrap()
}

/// The account made of `new`.
async fn join(t: &TestStore, new: &NewUser) -> UserRow {
    match t
        .accounts()
        .insert_user(new, t.new_session("a"), &mut rng(7), t.now())
        .await
        .unwrap()
    {
        Registration::Inserted(user, _) => *user,
        refused => panic!("{refused:?}"),
    }
}

/// How many bonus rights `reward_referral` gave to whom.
async fn reward(t: &TestStore, joined: UserId) -> Vec<(UserId, i64)> {
    let given = t
        .economy()
        .reward_referral(joined, REWARDS, &TestStore::quota_rules(), t.now())
        .await
        .unwrap();
    given.map_or_else(Vec::new, |given| {
        given
            .quotas
            .into_iter()
            .map(|(user, quota)| (user, quota.bonus))
            .collect()
    })
}

async fn bonus(t: &TestStore, user: UserId) -> i64 {
    assert_ledger_equals_balance(t, user).await.bonus
}

async fn statuses(t: &TestStore, user: UserId) -> Vec<(ReferralVia, ReferralStatus)> {
    t.economy()
        .referrals_of(user, None, 100)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.via, row.status()))
        .collect()
}

async fn orders(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'referral_reward'")
        .await[0]
}

async fn rows(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM referrals")
        .await[0]
}

async fn an_invited_phone_that_joins_is_rewarded_once(t: TestStore) {
    let economy = t.economy();
    let (ayse, _) = t.register("ayse").await;
    let new = t.new_user(5_000, "berk");
    let Invitation::Invited(row) = invite(&t, &ayse, &new).await else {
        panic!("refused")
    };
    assert_eq!(
        (row.via, row.status(), row.created_at, row.rewarded_at),
        (ReferralVia::Phone, ReferralStatus::Pending, t.now(), None)
    );
    assert_eq!(orders(&t).await, 0);

    let berk = join(&t, &new).await;
    assert_eq!(
        (orders(&t).await, berk.balances.bonus),
        (1, 0),
        "the reward is ordered with the account"
    );
    assert_eq!(
        economy.unrewarded(ReferralId(0), 10).await.unwrap(),
        [(row.id, berk.id)]
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [(ReferralVia::Phone, ReferralStatus::Joined)]
    );

    t.clock.advance(Duration::from_secs(5));
    let given = economy
        .reward_referral(berk.id, REWARDS, &TestStore::quota_rules(), t.now())
        .await
        .unwrap()
        .expect("it is due");
    let quotas: Vec<_> = given
        .quotas
        .iter()
        .map(|(user, quota)| (*user, quota.bonus, quota.text))
        .collect();
    assert_eq!(quotas, [(berk.id, 10, 10), (ayse.id, 2, 10)]);
    let notices: Vec<_> = given
        .notified
        .into_iter()
        .map(|told| (told.user_id, told.notice))
        .collect();
    assert_eq!(
        notices,
        [
            (berk.id, Notice::WelcomeBonus { rights: 10 }),
            (ayse.id, Notice::ReferralRewarded { rights: 2 })
        ]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
            .await,
        [2]
    );

    assert_eq!(reward(&t, berk.id).await, [], "once");
    assert_eq!(
        (bonus(&t, berk.id).await, bonus(&t, ayse.id).await),
        (10, 2)
    );
    assert_eq!(economy.unrewarded(ReferralId(0), 10).await.unwrap(), []);
    let [row] = economy.referrals_of(ayse.id, None, 10).await.unwrap()[..] else {
        panic!("one")
    };
    assert_eq!(
        (row.status(), row.rewarded_at),
        (ReferralStatus::Rewarded, Some(t.now()))
    );
    assert_eq!(
        economy
            .referrals_of(ayse.id, Some(row.id), 10)
            .await
            .unwrap(),
        []
    );
    assert_eq!(economy.referrals_of(berk.id, None, 10).await.unwrap(), []);
    assert_eq!(reward(&t, ayse.id).await, [], "nobody invited her");
    assert_eq!(reward(&t, UserId(1)).await, []);
}

async fn a_code_rewards_its_owner_and_beats_invitations_of_the_phone(t: TestStore) {
    let ((ayse, _), (cem, _)) = (t.register("ayse").await, t.register("cem").await);
    let new = NewUser {
        invite: Some(ayse.invite_code.clone()),
        ..t.new_user(5_000, "berk")
    };
    assert!(matches!(
        invite(&t, &cem, &new).await,
        Invitation::Invited(_)
    ));
    assert!(matches!(
        invite(&t, &ayse, &new).await,
        Invitation::Invited(_)
    ));
    let berk = join(&t, &new).await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (ayse.id, 2)]);
    let (code, phone) = (
        (ReferralVia::Code, ReferralStatus::Rewarded),
        (ReferralVia::Phone, ReferralStatus::Pending),
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [code, phone],
        "what became of the phone is not told"
    );
    assert_eq!(statuses(&t, cem.id).await, [phone]);

    // A code is for as many as come.
    let deniz = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..t.new_user(5_001, "deniz")
        },
    )
    .await;
    assert_eq!(reward(&t, deniz.id).await, [(deniz.id, 10), (ayse.id, 4)]);
    // Whether this very phone came by her code cannot be found out by inviting it.
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(5_001, "x")).await,
        Invitation::Invited(_)
    ));
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(5_002, "x")).await,
        Invitation::Invited(_)
    ));
}

async fn an_unknown_code_makes_nothing(t: TestStore) {
    let new = NewUser {
        invite: Some("0000000000".to_owned()),
        ..t.new_user(5_000, "berk")
    };
    assert!(!t.economy().is_invite_code("0000000000").await.unwrap());
    let refused = t
        .accounts()
        .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap();
    assert_eq!(refused, Registration::InviteUnknown);
    assert_eq!(
        t.accounts().user_by_phone(&new.phone_index).await.unwrap(),
        None
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM phones_seen")
            .await,
        [0]
    );
    // The phone is as new as before.
    let (ayse, _) = t.register("ayse").await;
    assert!(t.economy().is_invite_code(&ayse.invite_code).await.unwrap());
    let berk = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..new
        },
    )
    .await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (ayse.id, 2)]);
}

async fn of_many_inviters_the_first_counts(t: TestStore) {
    let new = t.new_user(5_000, "berk");
    let mut inviters = Vec::new();
    for alias in ["ayse", "cem", "deniz"] {
        let (user, _) = t.register(alias).await;
        t.clock.advance(Duration::from_secs(1));
        assert!(matches!(
            invite(&t, &user, &new).await,
            Invitation::Invited(_)
        ));
        inviters.push(user.id);
    }
    let berk = join(&t, &new).await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (inviters[0], 2)]);
    assert_eq!(reward(&t, berk.id).await, []);
    for other in &inviters[1..] {
        assert_eq!(
            (bonus(&t, *other).await, statuses(&t, *other).await),
            (0, vec![(ReferralVia::Phone, ReferralStatus::Pending)])
        );
    }
}

async fn a_phone_that_had_an_account_brings_nothing(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let new = t.new_user(5_000, "berk");
    let berk = join(&t, &new).await;
    // Of one that has an account the inviter hears what it would hear of any other.
    let Invitation::Invited(row) = invite(&t, &ayse, &new).await else {
        panic!("it must not be told")
    };
    assert_eq!(
        (row.via, row.status()),
        (ReferralVia::Phone, ReferralStatus::Pending)
    );

    t.execute(&format!("DELETE FROM users WHERE id = {}", berk.id))
        .await;
    let by_phone = join(&t, &new).await;
    assert_eq!(
        (
            orders(&t).await,
            reward(&t, by_phone.id).await.len(),
            bonus(&t, by_phone.id).await
        ),
        (0, 0, 0)
    );
    t.execute(&format!("DELETE FROM users WHERE id = {}", by_phone.id))
        .await;
    let by_code = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..new
        },
    )
    .await;
    assert_eq!(
        (
            orders(&t).await,
            reward(&t, by_code.id).await.len(),
            bonus(&t, by_code.id).await
        ),
        (0, 0, 0)
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [(ReferralVia::Phone, ReferralStatus::Pending)]
    );
}

async fn nobody_invites_oneself(t: TestStore) {
    let new = t.new_user(5_000, "ayse");
    let ayse = join(&t, &new).await;
    assert_eq!(invite(&t, &ayse, &new).await, Invitation::Own);
    // With one's own code: it goes with the account.
    t.execute(&format!("DELETE FROM users WHERE id = {}", ayse.id))
        .await;
    let again = NewUser {
        invite: Some(ayse.invite_code.clone()),
        ..new
    };
    let refused = t
        .accounts()
        .insert_user(&again, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap();
    assert_eq!(refused, Registration::InviteUnknown);
    assert_eq!(invite(&t, &ayse, &again).await, Invitation::NotFound);
    assert_eq!(rows(&t).await, 0);
}

async fn a_phone_is_invited_once_and_a_day_has_its_limit(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let zone = TestStore::quota_rules().zone;
    let invite = async |phone: i64| {
        let index = t.new_user(phone, "x").phone_index;
        t.economy()
            .invite(ayse.id, &index, 3, t.now().midnight(&zone), t.now())
            .await
            .unwrap()
    };
    for phone in 0..3 {
        assert!(matches!(
            invite(5_000 + phone).await,
            Invitation::Invited(_)
        ));
        assert_eq!(invite(5_000 + phone).await, Invitation::Already);
    }
    assert_eq!(invite(5_003).await, Invitation::TooMany);
    let noon = t.now();
    t.clock
        .set(noon.next_midnight(&zone) - Duration::from_millis(1));
    assert_eq!(invite(5_003).await, Invitation::TooMany);
    t.clock.set(noon - Duration::from_hours(48));
    assert_eq!(
        invite(5_003).await,
        Invitation::TooMany,
        "a clock set back gives no more"
    );
    t.clock.set(noon.next_midnight(&zone));
    assert!(matches!(invite(5_003).await, Invitation::Invited(_)));
    assert_eq!(invite(5_000).await, Invitation::Already);
    // Who comes by the code takes nobody's place.
    for phone in 0..5 {
        join(
            &t,
            &NewUser {
                invite: Some(ayse.invite_code.clone()),
                ..t.new_user(6_000 + phone, "x")
            },
        )
        .await;
    }
    assert!(matches!(invite(5_004).await, Invitation::Invited(_)));
}

async fn invitations_nobody_followed_go_after_their_time(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    for phone in 0..5 {
        assert!(matches!(
            invite(&t, &ayse, &t.new_user(5_000 + phone, "x")).await,
            Invitation::Invited(_)
        ));
    }
    join(&t, &t.new_user(5_000, "berk")).await;
    let cutoff = t.now();
    t.clock.advance(Duration::from_millis(1));
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(6_000, "x")).await,
        Invitation::Invited(_)
    ));
    for left in [3, 1, 0] {
        let gone = delete_old(&t, &OldRows::INVITATIONS, cutoff, 3).await;
        assert_eq!(gone, left);
    }
    let left = [
        (ReferralVia::Phone, ReferralStatus::Pending),
        (ReferralVia::Phone, ReferralStatus::Joined),
    ];
    assert_eq!(
        statuses(&t, ayse.id).await,
        left,
        "the young one, and the one that was followed"
    );
}
