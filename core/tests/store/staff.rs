use tebdil_core::{
    store::{Correction, Grant, RoleChange},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{LedgerReason, QuotaBucket, UserRole},
    id::UserId,
};

use crate::{all_at_once, billing::DAY, quota::assert_ledger_equals_balance};

tebdil_core::store_conformance! {
    a_correction_counts_once_and_is_recorded,
    what_admins_give_and_end_is_recorded,
    a_role_is_set_by_phone_and_recorded,
    a_role_is_given_by_an_admin_and_recorded,
    two_admins_cannot_both_take_the_others_role,
    an_admin_ends_the_sessions_of_a_user,
}

async fn an_admin_ends_the_sessions_of_a_user(t: TestStore) {
    let ((user, session), (other, others)) = (t.register("kedi").await, t.register("kopek").await);
    t.accounts()
        .put_key_packages(user.id, session.id, &[vec![1]], Some(&[2]), t.now())
        .await
        .unwrap();
    let ends = all_at_once((0..8).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .accounts()
                .end_sessions(user.id, ADMIN, now)
                .await
                .unwrap()
                .expect("there")
        }
    }));
    let ended: Vec<_> = ends.await.into_iter().flatten().collect();
    assert_eq!(ended, [session.id], "each ends once");
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(t.numbers("SELECT id FROM key_packages").await, [0_i64; 0]);
    assert!(
        t.accounts()
            .session_alive(others.id, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        logs(
            &t,
            &format!(
                "action = 'sessions_ended' AND user_id = {} AND actor_id = 7",
                user.id
            )
        )
        .await,
        8
    );
    assert_eq!(
        t.accounts()
            .end_sessions(UserId(1), ADMIN, t.now())
            .await
            .unwrap(),
        None
    );
    t.erase(&other).await;
    assert_eq!(
        t.accounts()
            .end_sessions(other.id, ADMIN, t.now())
            .await
            .unwrap(),
        None
    );
}

const ADMIN: UserId = UserId(7);

async fn logs(t: &TestStore, of: &str) -> i64 {
    t.numbers(&format!(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE {of}"
    ))
    .await[0]
}

async fn a_correction_counts_once_and_is_recorded(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    let grant = |amount, reference: &str| Grant {
        bucket: QuotaBucket::Text,
        amount,
        reason: LedgerReason::Admin,
        reference: reference.to_owned(),
    };
    let answers = all_at_once((0..20).map(|_| {
        let (store, grant, rules, now) = (
            t.store.clone(),
            grant(5, "ticket-1"),
            rules.clone(),
            t.now(),
        );
        async move {
            store
                .accounts()
                .correct_quota(user.id, &grant, ADMIN, &rules, now)
                .await
                .unwrap()
        }
    }))
    .await;
    let done: Vec<&Correction> = answers
        .iter()
        .filter(|answer| matches!(answer, Correction::Done(_)))
        .collect();
    let [Correction::Done(quota)] = done[..] else {
        panic!("{done:?}")
    };
    assert_eq!(quota.text, 15);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Correction::Repeated)
            .count(),
        19
    );
    let recorded = "action = 'quota_corrected' AND actor_id = 7 AND details LIKE '%\"after\":{\"balance\":15}%\"before\":{\"balance\":10}%'";
    assert_eq!(logs(&t, recorded).await, 1);

    let Correction::Done(quota) = t
        .accounts()
        .correct_quota(user.id, &grant(-100, "ticket-2"), ADMIN, &rules, t.now())
        .await
        .unwrap()
    else {
        panic!("done")
    };
    assert_eq!(quota.text, 0);
    let nothing = t
        .accounts()
        .correct_quota(user.id, &grant(-1, "ticket-3"), ADMIN, &rules, t.now())
        .await
        .unwrap();
    assert_eq!(nothing, Correction::Done(quota));
    assert_eq!(
        logs(&t, "action = 'quota_corrected'").await,
        2,
        "what changed nothing is not recorded"
    );
    assert_eq!(
        t.accounts()
            .correct_quota(UserId(1), &grant(1, "x"), ADMIN, &rules, t.now())
            .await
            .unwrap(),
        Correction::NotFound
    );
    assert_eq!(assert_ledger_equals_balance(&t, user.id).await.text, 0);
}

async fn what_admins_give_and_end_is_recorded(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    let until = t.now() + DAY;
    assert!(
        t.economy()
            .grant_subscription(user.id, "monthly", until, ADMIN, &rules, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        t.economy()
            .end_subscriptions(user.id, ADMIN, &rules, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        t.economy()
            .subscription(user.id)
            .await
            .unwrap()
            .expect("there")
            .ends_at,
        t.now(),
        "it ended earlier than agreed"
    );
    let about = format!("user_id = {} AND actor_id = 7", user.id);
    assert_eq!(
        logs(&t, &format!("action = 'subscription_granted' AND {about}")).await,
        1
    );
    assert_eq!(
        logs(&t, &format!("action = 'subscription_ended' AND {about}")).await,
        1
    );

    assert!(
        t.economy()
            .end_subscriptions(user.id, ADMIN, &rules, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        logs(&t, "action = 'subscription_ended'").await,
        1,
        "there was nothing to end"
    );
    assert!(
        t.economy()
            .grant_subscription(UserId(1), "monthly", until, ADMIN, &rules, t.now())
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        t.economy()
            .end_subscriptions(UserId(1), ADMIN, &rules, t.now())
            .await
            .unwrap()
            .is_none()
    );
}

async fn a_role_is_set_by_phone_and_recorded(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    for (role, before) in [
        (UserRole::Admin, UserRole::User),
        (UserRole::Admin, UserRole::Admin),
        (UserRole::Moderator, UserRole::Admin),
    ] {
        assert_eq!(
            t.accounts()
                .set_role_of_phone(&user.phone_index, role, t.now())
                .await
                .unwrap(),
            Some(before)
        );
        assert_eq!(
            t.accounts()
                .user(user.id)
                .await
                .unwrap()
                .expect("user")
                .role,
            role
        );
    }
    assert_eq!(
        logs(
            &t,
            &format!(
                "action = 'role_changed' AND actor_id IS NULL AND user_id = {}",
                user.id
            )
        )
        .await,
        2
    );
    let nobody = t.index.phone("+905309999999");
    assert_eq!(
        t.accounts()
            .set_role_of_phone(&nobody, UserRole::Admin, t.now())
            .await
            .unwrap(),
        None
    );
}

async fn a_role_is_given_by_an_admin_and_recorded(t: TestStore) {
    let (admin, _) = t.register("selin").await;
    let (user, _) = t.register("kedi").await;
    let give = async |to: UserId, role, by: UserId| {
        t.accounts().set_role(to, role, by, t.now()).await.unwrap()
    };
    assert_eq!(
        give(user.id, UserRole::Moderator, admin.id).await,
        RoleChange::Forbidden,
        "not an admin yet"
    );
    t.accounts()
        .set_role_of_phone(&admin.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    for role in [
        UserRole::Moderator,
        UserRole::Moderator,
        UserRole::Admin,
        UserRole::User,
    ] {
        assert_eq!(give(user.id, role, admin.id).await, RoleChange::Done);
        assert_eq!(
            t.accounts()
                .user(user.id)
                .await
                .unwrap()
                .expect("user")
                .role,
            role
        );
    }
    let recorded = format!(
        "action = 'role_changed' AND actor_id = {} AND user_id = {}",
        admin.id, user.id
    );
    assert_eq!(
        logs(&t, &recorded).await,
        3,
        "what changed nothing is not recorded"
    );
    let first = r#"details LIKE '%"after":{"role":"moderator"}%"before":{"role":"user"}%'"#;
    assert_eq!(logs(&t, &format!("{recorded} AND {first}")).await, 1);

    assert_eq!(
        give(admin.id, UserRole::User, admin.id).await,
        RoleChange::Forbidden,
        "one's own"
    );
    assert_eq!(
        give(admin.id, UserRole::User, user.id).await,
        RoleChange::Forbidden
    );
    assert_eq!(
        give(UserId(1), UserRole::User, admin.id).await,
        RoleChange::NotFound
    );
    t.erase(&user).await;
    assert_eq!(
        give(user.id, UserRole::Admin, admin.id).await,
        RoleChange::NotFound
    );
    assert_eq!(
        logs(&t, "action = 'role_changed' AND actor_id IS NOT NULL").await,
        3
    );
}

async fn two_admins_cannot_both_take_the_others_role(t: TestStore) {
    for round in 0..10 {
        let (a, _) = t.register(&format!("selin{round}")).await;
        let (b, _) = t.register(&format!("deniz{round}")).await;
        for admin in [&a, &b] {
            t.accounts()
                .set_role_of_phone(&admin.phone_index, UserRole::Admin, t.now())
                .await
                .unwrap();
        }
        let answers = all_at_once([(a.id, b.id), (b.id, a.id)].map(|(to, by)| {
            let (store, now) = (t.store.clone(), t.now());
            async move {
                store
                    .accounts()
                    .set_role(to, UserRole::User, by, now)
                    .await
                    .unwrap()
            }
        }))
        .await;
        assert!(
            answers.contains(&RoleChange::Done) && answers.contains(&RoleChange::Forbidden),
            "{answers:?}"
        );
    }
}
