//! How many sessions a user has at most.

use std::time::Duration;

use tebdil_core::testing::TestStore;
use tebdil_protocol::id::SessionId;

use super::DAY;
use crate::all_at_once;

tebdil_core::store_conformance! {
    of_too_many_sessions_the_oldest_ends,
    parallel_sign_ins_on_two_nodes_keep_the_bound,
}

async fn of_too_many_sessions_the_oldest_ends(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    let (stranger, strangers) = t.register("kopek").await;
    t.accounts()
        .put_key_packages(user.id, first.id, &[vec![1]], Some(&[2]), t.now())
        .await
        .unwrap();
    let sign_in = async |most| {
        t.clock.advance(Duration::from_millis(1));
        t.accounts()
            .create_session(
                user.id,
                &user.password_hash,
                t.new_session("b"),
                most,
                t.now(),
            )
            .await
            .unwrap()
            .expect("signed in")
    };
    let (second, third) = (sign_in(3).await, sign_in(3).await);
    assert_eq!((&second.ended, &third.ended), (&vec![], &vec![]));
    let fourth = sign_in(3).await;
    assert_eq!(fourth.ended, [first.id]);
    assert_eq!(
        t.accounts().session_alive(first.id, t.now()).await.unwrap(),
        None
    );
    assert_eq!(
        t.numbers("SELECT id FROM key_packages").await,
        [0_i64; 0],
        "its keys are gone"
    );
    // One that is revoked does not count, nor one that ran out.
    assert!(
        t.accounts()
            .revoke_session(user.id, third.session.id, t.now())
            .await
            .unwrap()
    );
    assert_eq!(sign_in(3).await.ended, []);
    t.clock.advance(40 * DAY);
    assert_eq!(sign_in(1).await.ended, []);
    // A bound that was lowered holds from the next sign-in on. A clock that was set back does not
    // make that the oldest.
    let newest = [sign_in(3).await, sign_in(3).await];
    t.clock.set(t.now() - DAY);
    let last = sign_in(2).await;
    assert_eq!(last.ended.len(), 2);
    let left: Vec<SessionId> = t
        .accounts()
        .sessions_of(user.id, None, 9, t.now())
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left.len(), 2);
    assert!(
        left.contains(&last.session.id) && left.contains(&newest[1].session.id),
        "{left:?}"
    );
    assert!(
        t.accounts()
            .session_alive(strangers.id, t.now() - 39 * DAY)
            .await
            .unwrap()
            .is_some_and(|alive| alive.user_id == stranger.id)
    );
}

async fn parallel_sign_ins_on_two_nodes_keep_the_bound(t: TestStore) {
    let (user, first) = t.register("kedi").await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let sign_ins = all_at_once((0..40).map(|number: usize| {
        let (store, hash, new, now) = (
            nodes[number % 2].clone(),
            user.password_hash.clone(),
            t.new_session("b"),
            t.now(),
        );
        async move {
            store
                .accounts()
                .create_session(user.id, &hash, new, 5, now)
                .await
                .unwrap()
                .expect("signed in")
        }
    }))
    .await;
    let alive = t
        .accounts()
        .sessions_of(user.id, None, 99, t.now())
        .await
        .unwrap();
    assert_eq!(alive.len(), 5);
    // Each that ended was told once.
    let mut ended: Vec<SessionId> = sign_ins
        .iter()
        .flat_map(|sign_in| sign_in.ended.clone())
        .collect();
    ended.extend(alive.iter().map(|row| row.id));
    ended.sort();
    let mut all: Vec<SessionId> = sign_ins
        .iter()
        .map(|sign_in| sign_in.session.id)
        .chain([first.id])
        .collect();
    all.sort();
    assert_eq!(ended, all);
    nodes[1].close().await;
}
