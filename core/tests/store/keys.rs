use tebdil_core::{
    store::{MAX_ACCOUNT_KEY_PACKAGES, MAX_KEY_PACKAGES, OldRows, PutKeys},
    testing::TestStore,
};
use tebdil_protocol::id::SessionId;

use crate::{all_at_once, delete_old};

tebdil_core::store_conformance! {
    a_package_is_not_handed_out_for_ever,
    packages_add_up_to_the_bound,
    parallel_uploads_respect_the_bound,
    a_package_is_stored_once_per_session,
    an_account_keeps_its_newest_packages,
}

/// So many, from this number on, each another one.
fn packages(from: i64, count: i64) -> Vec<Vec<u8>> {
    (from..from + count)
        .map(|number| [&number.to_be_bytes()[..], &[7; 300]].concat())
        .collect()
}

async fn packages_add_up_to_the_bound(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    let mut made = 0;
    let mut put = |count, last_resort: Option<&'static [u8]>| {
        let (packages, now) = (packages(made, count), t.now());
        made += count;
        let store = t.store.clone();
        async move {
            store
                .accounts()
                .put_key_packages(user.id, session.id, &packages, last_resort, now)
                .await
                .unwrap()
        }
    };
    assert_eq!(
        t.accounts()
            .key_packages_remaining(session.id, t.now())
            .await
            .unwrap(),
        0
    );
    assert_eq!(put(0, None).await, PutKeys::Stored { remaining: 0 });
    assert_eq!(
        put(60, Some(b"first")).await,
        PutKeys::Stored { remaining: 60 },
        "the last resort is not counted"
    );
    assert_eq!(
        put(41, Some(b"second")).await,
        PutKeys::TooMany { remaining: 60 }
    );
    assert_eq!(
        put(40, None).await,
        PutKeys::Stored {
            remaining: MAX_KEY_PACKAGES
        }
    );
    assert_eq!(
        put(0, Some(b"third")).await,
        PutKeys::Stored {
            remaining: MAX_KEY_PACKAGES
        }
    );
    assert_eq!(
        t.accounts()
            .key_packages_remaining(session.id, t.now())
            .await
            .unwrap(),
        MAX_KEY_PACKAGES
    );
    let last_resorts =
        "SELECT CAST(length(package) AS BIGINT) FROM key_packages WHERE last_resort = TRUE";
    assert_eq!(
        t.numbers(last_resorts).await,
        [5],
        "one, and it is the third"
    );

    assert_eq!(
        t.accounts()
            .put_key_packages(other.id, session.id, &packages(1, 1), None, t.now())
            .await
            .unwrap(),
        PutKeys::NoSession,
        "not its own"
    );
    assert_eq!(
        t.accounts()
            .put_key_packages(user.id, SessionId(1), &packages(1, 1), None, t.now())
            .await
            .unwrap(),
        PutKeys::NoSession
    );
    t.accounts()
        .revoke_session(user.id, session.id, t.now())
        .await
        .unwrap();
    assert_eq!(put(1, None).await, PutKeys::NoSession);
}

async fn parallel_uploads_respect_the_bound(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let outcomes = all_at_once((0..12).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .accounts()
                .put_key_packages(
                    user.id,
                    session.id,
                    &packages(number * 30, 30),
                    Some(&[2]),
                    now,
                )
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, PutKeys::Stored { .. }))
            .count(),
        3
    );
    assert_eq!(
        t.accounts()
            .key_packages_remaining(session.id, t.now())
            .await
            .unwrap(),
        90
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages WHERE last_resort = TRUE")
            .await,
        [1]
    );
}

async fn a_package_is_not_handed_out_for_ever(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let put = async || {
        t.accounts()
            .put_key_packages(
                user.id,
                session.id,
                &[b"one".to_vec()],
                Some(b"last"),
                t.now(),
            )
            .await
            .unwrap()
    };
    put().await;
    t.clock.advance(tebdil_core::store::KEY_PACKAGE_PERIOD);
    assert!(
        !t.accounts()
            .has_key_package(session.id, t.now())
            .await
            .unwrap(),
        "clients would refuse it"
    );
    assert_eq!(
        t.accounts()
            .key_packages_remaining(session.id, t.now())
            .await
            .unwrap(),
        0
    );
    assert_eq!(delete_old(&t, &OldRows::KEY_PACKAGES, t.now(), 10).await, 2);
    // The session itself has to be alive to put new ones.
    assert_eq!(put().await, PutKeys::Stored { remaining: 1 });
}

async fn a_package_is_stored_once_per_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let other = t
        .accounts()
        .create_session(
            user.id,
            &user.password_hash,
            t.new_session("b"),
            20,
            t.now(),
        )
        .await
        .unwrap()
        .expect("signed in")
        .session;
    let put = async |session, packages: &[&[u8]], last_resort: Option<&[u8]>| {
        let packages: Vec<Vec<u8>> = packages.iter().map(|package| package.to_vec()).collect();
        t.accounts()
            .put_key_packages(user.id, session, &packages, last_resort, t.now())
            .await
            .unwrap()
    };
    assert_eq!(
        put(session.id, &[b"one", b"two", b"one"], Some(b"last")).await,
        PutKeys::Stored { remaining: 2 },
        "within an upload"
    );
    assert_eq!(
        put(session.id, &[b"two", b"three"], Some(b"last")).await,
        PutKeys::Stored { remaining: 3 },
        "over two"
    );
    assert_eq!(
        put(session.id, &[b"last"], None).await,
        PutKeys::Stored { remaining: 3 },
        "the last resort is no one-time package"
    );
    assert_eq!(
        put(session.id, &[], Some(b"three")).await,
        PutKeys::Stored { remaining: 2 },
        "nor is what becomes it"
    );
    assert_eq!(
        put(other.id, &[b"one"], Some(b"last")).await,
        PutKeys::Stored { remaining: 1 },
        "another session has its own"
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages")
            .await,
        [5]
    );

    // A hundred that are there are no obstacle for a repeat of them.
    t.accounts()
        .put_key_packages(user.id, session.id, &packages(0, 98), None, t.now())
        .await
        .unwrap();
    let again = all_at_once((0..8).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .accounts()
                .put_key_packages(user.id, session.id, &packages(0, 98), None, now)
                .await
                .unwrap()
        }
    }));
    assert!(again.await.iter().all(|put| *put
        == PutKeys::Stored {
            remaining: MAX_KEY_PACKAGES
        }));
}

async fn an_account_keeps_its_newest_packages(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    let (stranger, strangers) = t.register("kopek").await;
    t.accounts()
        .put_key_packages(stranger.id, strangers.id, &packages(0, 100), None, t.now())
        .await
        .unwrap();
    t.accounts()
        .put_key_packages(user.id, first.id, &packages(0, 100), Some(b"last"), t.now())
        .await
        .unwrap();
    let mut sessions = vec![first.id];
    for number in 1..=6 {
        t.clock.advance(std::time::Duration::from_millis(1));
        let session = t
            .accounts()
            .create_session(
                user.id,
                &user.password_hash,
                t.new_session("b"),
                20,
                t.now(),
            )
            .await
            .unwrap()
            .expect("signed in")
            .session
            .id;
        let put = t
            .accounts()
            .put_key_packages(
                user.id,
                session,
                &packages(number * 100, 90),
                Some(b"last"),
                t.now(),
            )
            .await
            .unwrap();
        assert_eq!(
            put,
            PutKeys::Stored { remaining: 90 },
            "who comes last has as many as who came first"
        );
        sessions.push(session);
    }
    let mut left = Vec::new();
    for session in sessions {
        left.push(
            t.accounts()
                .key_packages_remaining(session, t.now())
                .await
                .unwrap(),
        );
        assert!(
            t.accounts()
                .has_key_package(session, t.now())
                .await
                .unwrap(),
            "the last resort stays"
        );
    }
    assert_eq!(left, [0, 50, 90, 90, 90, 90, 90]);
    assert_eq!(left.iter().sum::<i64>(), MAX_ACCOUNT_KEY_PACKAGES);
    assert_eq!(
        t.accounts()
            .key_packages_remaining(strangers.id, t.now())
            .await
            .unwrap(),
        100
    );
}
