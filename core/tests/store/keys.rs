use tebdil_core::{
    id::SessionId,
    store::{MAX_KEY_PACKAGES, PutKeys},
    testing::TestStore,
};

use crate::all_at_once;

tebdil_core::store_conformance! { a_package_is_not_handed_out_for_ever, packages_add_up_to_the_bound, parallel_uploads_respect_the_bound }

async fn packages_add_up_to_the_bound(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    let packages = |count: i64| vec![vec![7; 300]; usize::try_from(count).expect("small")];
    let put = |count, last_resort: Option<&'static [u8]>| {
        let (packages, now) = (packages(count), t.now());
        let store = t.store.clone();
        async move { store.put_key_packages(user.id, session.id, &packages, last_resort, now).await.unwrap() }
    };
    assert_eq!(t.key_packages_remaining(session.id, t.now()).await.unwrap(), 0);
    assert_eq!(put(0, None).await, PutKeys::Stored { remaining: 0 });
    assert_eq!(put(60, Some(b"first")).await, PutKeys::Stored { remaining: 60 }, "the last resort is not counted");
    assert_eq!(put(41, Some(b"second")).await, PutKeys::TooMany { remaining: 60 });
    assert_eq!(put(40, None).await, PutKeys::Stored { remaining: MAX_KEY_PACKAGES });
    assert_eq!(put(0, Some(b"third")).await, PutKeys::Stored { remaining: MAX_KEY_PACKAGES });
    assert_eq!(t.key_packages_remaining(session.id, t.now()).await.unwrap(), MAX_KEY_PACKAGES);
    let last_resorts = "SELECT CAST(length(package) AS BIGINT) FROM key_packages WHERE last_resort = TRUE";
    assert_eq!(t.numbers(last_resorts).await, [5], "one, and it is the third");

    assert_eq!(t.put_key_packages(other.id, session.id, &packages(1), None, t.now()).await.unwrap(), PutKeys::NoSession, "not its own");
    assert_eq!(t.put_key_packages(user.id, SessionId(1), &packages(1), None, t.now()).await.unwrap(), PutKeys::NoSession);
    t.revoke_session(user.id, session.id, t.now()).await.unwrap();
    assert_eq!(put(1, None).await, PutKeys::NoSession);
}

async fn parallel_uploads_respect_the_bound(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let outcomes = all_at_once((0..12).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move { store.put_key_packages(user.id, session.id, &vec![vec![1]; 30], Some(&[2]), now).await.unwrap() }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, PutKeys::Stored { .. })).count(), 3);
    assert_eq!(t.key_packages_remaining(session.id, t.now()).await.unwrap(), 90);
    assert_eq!(t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM key_packages WHERE last_resort = TRUE").await, [1]);
}

async fn a_package_is_not_handed_out_for_ever(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let put = async || t.put_key_packages(user.id, session.id, &[b"one".to_vec()], Some(b"last"), t.now()).await.unwrap();
    put().await;
    t.clock.advance(tebdil_core::store::KEY_PACKAGE_PERIOD);
    assert!(!t.has_key_package(session.id, t.now()).await.unwrap(), "clients would refuse it");
    assert_eq!(t.key_packages_remaining(session.id, t.now()).await.unwrap(), 0);
    assert_eq!(t.delete_old_key_packages(t.now(), 10).await.unwrap(), 2);
    // The session itself has to be alive to put new ones.
    assert_eq!(put().await, PutKeys::Stored { remaining: 1 });
}
