//! Second factors: a code is taken once, whoever takes it and however many try.

use tebdil_core::{
    crypto::{RecoveryHash, Sealed},
    store::{TotpBegun, TotpOf, TotpRemover},
    testing::TestStore,
};
use tebdil_protocol::id::{SessionId, UserId};

use crate::all_at_once;

tebdil_core::store_conformance! {
    a_secret_waits_until_it_is_confirmed,
    of_many_who_take_a_step_or_a_code_one_does,
    whoever_removes_a_second_factor_is_recorded,
}

/// Every session of the account is another one.
const NO_SESSION: SessionId = SessionId(1);

fn sealed(byte: u8) -> Sealed {
    Sealed {
        ciphertext: vec![byte; 48],
        key_id: "k1".to_owned(),
    }
}

fn hashes() -> Vec<RecoveryHash> {
    (0..10).map(|byte| RecoveryHash([byte; 32])).collect()
}

async fn member_of_staff(t: &TestStore) -> UserId {
    let (user, _) = t.register("deniz").await;
    t.execute(&format!(
        "UPDATE users SET role = 'moderator' WHERE id = {}",
        user.id
    ))
    .await;
    user.id
}

async fn a_secret_waits_until_it_is_confirmed(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    assert_eq!(
        t.accounts()
            .begin_totp(user.id, &sealed(1), t.now())
            .await
            .unwrap(),
        TotpBegun::NotStaff
    );
    let staff = member_of_staff(&t).await;
    assert_eq!(
        t.accounts()
            .begin_totp(staff, &sealed(1), t.now())
            .await
            .unwrap(),
        TotpBegun::Waits
    );
    assert_eq!(
        t.accounts()
            .begin_totp(staff, &sealed(2), t.now())
            .await
            .unwrap(),
        TotpBegun::Waits
    );
    assert!(!t.accounts().has_totp(staff).await.unwrap());
    assert!(
        !t.accounts().take_totp_step(staff, 7).await.unwrap(),
        "nothing is asked for yet"
    );
    let session = (staff, NO_SESSION);
    assert_eq!(
        t.accounts()
            .confirm_totp(session, &sealed(1), 7, &hashes(), t.now())
            .await
            .unwrap(),
        None,
        "another took its place"
    );
    assert!(
        t.accounts()
            .confirm_totp(session, &sealed(2), 7, &hashes(), t.now())
            .await
            .unwrap()
            .is_some_and(|ended| ended.len() == 1)
    );
    assert_eq!(
        t.accounts()
            .confirm_totp(session, &sealed(2), 8, &[], t.now())
            .await
            .unwrap(),
        None,
        "twice"
    );
    assert_eq!(
        t.accounts()
            .begin_totp(staff, &sealed(3), t.now())
            .await
            .unwrap(),
        TotpBegun::Enrolled
    );
    assert!(
        t.accounts().has_totp(staff).await.unwrap()
            && !t.accounts().has_totp(user.id).await.unwrap()
    );
    let row = t.accounts().totp(staff).await.unwrap().unwrap();
    assert_eq!((row.secret, row.is_confirmed), (sealed(2), true));
}

async fn of_many_who_take_a_step_or_a_code_one_does(t: TestStore) {
    let staff = member_of_staff(&t).await;
    t.accounts()
        .begin_totp(staff, &sealed(1), t.now())
        .await
        .unwrap();
    t.accounts()
        .confirm_totp((staff, NO_SESSION), &sealed(1), 7, &hashes(), t.now())
        .await
        .unwrap()
        .unwrap();
    // Two stores on one database are two nodes.
    let stores = [t.store.clone(), t.database.open(&t.clock).await];
    let at = |task: usize| stores[task % 2].clone();
    let steps = (0..8).map(|task| {
        let store = at(task);
        async move { store.accounts().take_totp_step(staff, 8).await.unwrap() }
    });
    assert_eq!(
        all_at_once(steps)
            .await
            .into_iter()
            .filter(|taken| *taken)
            .count(),
        1
    );
    assert!(
        !t.accounts().take_totp_step(staff, 7).await.unwrap(),
        "an older one"
    );

    let now = t.now();
    // Four tasks for each of two codes.
    let codes = (0..8).map(|task| {
        let store = at(task);
        let code = RecoveryHash([u8::try_from(task / 4).unwrap(); 32]);
        async move {
            store
                .accounts()
                .take_recovery_code(staff, &code, now)
                .await
                .unwrap()
        }
    });
    let mut left: Vec<usize> = all_at_once(codes).await.into_iter().flatten().collect();
    left.sort_unstable();
    assert_eq!(left, [8, 9]);
    assert_eq!(
        t.accounts()
            .take_recovery_code(staff, &RecoveryHash([77; 32]), now)
            .await
            .unwrap(),
        None
    );
    let logged = format!(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'recovery_code_used' AND user_id = {staff}"
    );
    assert_eq!(t.numbers(&logged).await, [2]);
    stores[1].close().await;
}

async fn whoever_removes_a_second_factor_is_recorded(t: TestStore) {
    let staff = member_of_staff(&t).await;
    let phone = t.accounts().user(staff).await.unwrap().unwrap().phone_index;
    let ways = [
        (TotpOf::User(staff), TotpRemover::User),
        (TotpOf::User(staff), TotpRemover::Operator),
        (TotpOf::Phone(&phone), TotpRemover::Operator),
    ];
    for (of, by) in ways {
        assert!(
            !t.accounts().remove_totp(of, by, t.now()).await.unwrap(),
            "there is none"
        );
        t.accounts()
            .begin_totp(staff, &sealed(1), t.now())
            .await
            .unwrap();
        t.accounts()
            .confirm_totp((staff, NO_SESSION), &sealed(1), 7, &hashes(), t.now())
            .await
            .unwrap()
            .unwrap();
        assert!(t.accounts().remove_totp(of, by, t.now()).await.unwrap());
        assert!(!t.accounts().has_totp(staff).await.unwrap());
    }
    let logged = |actor: &str| {
        format!(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'totp_removed' AND actor_id {actor}"
        )
    };
    assert_eq!(t.numbers(&logged("IS NULL")).await, [2]);
    assert_eq!(t.numbers(&logged(&format!("= {staff}"))).await, [1]);
}
