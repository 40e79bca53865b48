use std::time::Duration;

use serde_json::{Value, json};
use tebdil_core::{
    crypto::{PhoneIndex, hash_token},
    store::{LogFilter, Notified, Rotation, SignedIn},
    testing::TestStore,
};
use tebdil_protocol::{Secret, id::UserId, notice::Notice};

use crate::all_at_once;

tebdil_core::store_conformance! {
    a_new_device_is_told_to_the_others,
    a_thousand_sign_ins_fill_nothing,
    what_an_account_does_with_its_sessions_is_recorded,
    wrong_passwords_are_counted_where_there_is_an_account,
    failures_at_once_are_all_counted,
}

async fn sign_in(t: &TestStore, user: UserId, name: &str) -> SignedIn {
    t.accounts()
        .create_session(
            user,
            &Secret::from("hash"),
            t.new_session(name),
            1_000,
            t.now(),
        )
        .await
        .unwrap()
        .expect("signed in")
}

/// What is recorded about a user: actions with their counts, oldest first.
async fn recorded(t: &TestStore, user: UserId) -> Vec<(String, Value)> {
    let mut acts = t
        .jobs()
        .system_logs(
            LogFilter {
                user: Some(user),
                ..LogFilter::default()
            },
            100,
        )
        .await
        .unwrap();
    acts.reverse();
    acts.into_iter()
        .map(|act| (act.action, act.details["count"].clone()))
        .collect()
}

async fn a_new_device_is_told_to_the_others(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    assert_eq!(
        t.notices().unread_notifications(user.id).await.unwrap(),
        0,
        "not at registration"
    );
    let second = sign_in(&t, user.id, "b").await;
    let notice = Notice::NewDevice {
        name: "test".to_owned(),
        platform: "linux".to_owned(),
    };
    let Some(Notified {
        user_id,
        notice: told,
        ..
    }) = second.notified
    else {
        panic!("nobody was told")
    };
    assert_eq!((user_id, told), (user.id, notice));
    assert_eq!(t.notices().unread_notifications(user.id).await.unwrap(), 1);
    t.accounts()
        .revoke_all(user.id, None, t.now())
        .await
        .unwrap();
    assert_eq!(
        sign_in(&t, user.id, "c").await.notified,
        None,
        "there is no other one"
    );
    assert!(
        t.accounts()
            .revoke_session(user.id, first.id, t.now())
            .await
            .is_ok()
    );
}

async fn a_thousand_sign_ins_fill_nothing(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    for number in 0..40 {
        sign_in(&t, user.id, &number.to_string()).await;
    }
    assert_eq!(
        t.notices().unread_notifications(user.id).await.unwrap(),
        20,
        "an hour's"
    );
    assert_eq!(
        recorded(&t, user.id).await,
        [("signed_in".to_owned(), json!(40))]
    );
    t.clock.advance(Duration::from_mins(61));
    sign_in(&t, user.id, "later").await;
    assert_eq!(t.notices().unread_notifications(user.id).await.unwrap(), 21);
    assert_eq!(
        recorded(&t, user.id).await,
        [
            ("signed_in".to_owned(), json!(40)),
            ("signed_in".to_owned(), json!(1))
        ]
    );
    // With the clock set back the row is the same one.
    t.clock.set(t.now() - Duration::from_mins(30));
    sign_in(&t, user.id, "earlier").await;
    assert_eq!(
        recorded(&t, user.id).await[1],
        ("signed_in".to_owned(), json!(2))
    );
}

async fn what_an_account_does_with_its_sessions_is_recorded(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    let second = sign_in(&t, user.id, "b").await.session;
    assert!(
        t.accounts()
            .revoke_session(user.id, second.id, t.now())
            .await
            .unwrap()
    );
    assert!(
        !t.accounts()
            .revoke_session(user.id, second.id, t.now())
            .await
            .unwrap(),
        "a second time"
    );
    assert!(
        t.accounts()
            .set_password(user.id, None, &Secret::from("new"), Some(first.id), t.now())
            .await
            .unwrap()
            .is_some()
    );
    let [new, newer] = [b"new", b"nwr"].map(|token| hash_token(token));
    let expiry = first.refresh_expires_at;
    let rotated = t
        .accounts()
        .rotate_refresh(
            first.id,
            hash_token(b"token"),
            new,
            expiry,
            Duration::from_hours(365 * 24),
            t.now(),
        )
        .await
        .unwrap();
    assert!(matches!(rotated, Rotation::Rotated(_)));
    assert_eq!(
        t.accounts()
            .rotate_refresh(
                first.id,
                hash_token(b"token"),
                newer,
                expiry,
                Duration::from_hours(365 * 24),
                t.now()
            )
            .await
            .unwrap(),
        Rotation::Reused { user_id: user.id }
    );
    let acts = recorded(&t, user.id).await;
    let actions: Vec<&str> = acts.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        actions,
        [
            "signed_in",
            "session_ended",
            "password_changed",
            "refresh_reused"
        ]
    );
    let reused = t
        .jobs()
        .system_logs(
            LogFilter {
                action: Some("refresh_reused"),
                ..LogFilter::default()
            },
            9,
        )
        .await
        .unwrap();
    assert_eq!(
        (&reused[0].details["session_id"], reused[0].actor_id),
        (&json!(first.id), None)
    );
}

async fn wrong_passwords_are_counted_where_there_is_an_account(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    for _ in 0..3 {
        t.accounts()
            .sign_in_failed(&user.phone_index, t.now())
            .await
            .unwrap();
    }
    t.accounts()
        .sign_in_failed(&PhoneIndex([9; 32]), t.now())
        .await
        .unwrap();
    assert_eq!(
        recorded(&t, user.id).await,
        [("sign_in_failed".to_owned(), json!(3))]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs")
            .await,
        [1],
        "a phone of nobody leaves nothing"
    );
    t.erase(&user).await;
    t.accounts()
        .sign_in_failed(&user.phone_index, t.now())
        .await
        .unwrap();
    assert_eq!(
        t.numbers(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'sign_in_failed'"
        )
        .await,
        [1]
    );
}

async fn failures_at_once_are_all_counted(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let failures = (0..20).map(|_| {
        let (store, phone, now) = (t.store.clone(), user.phone_index, t.now());
        async move { store.accounts().sign_in_failed(&phone, now).await.is_ok() }
    });
    assert!(all_at_once(failures).await.into_iter().all(|noted| noted));
    assert_eq!(
        recorded(&t, user.id).await,
        [("sign_in_failed".to_owned(), json!(20))]
    );
}
