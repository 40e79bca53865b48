//! Refresh tokens are replaced.

use tebdil_core::{crypto::hash_token, store::Rotation, testing::TestStore};
use tebdil_protocol::id::SessionId;

use super::DAY;
use crate::all_at_once;

tebdil_core::store_conformance! {
    rotation_replaces_the_token_and_its_reuse_ends_the_session,
    of_parallel_rotations_exactly_one_wins,
    nobody_rotates_a_dead_session,
}

async fn rotation_replaces_the_token_and_its_reuse_ends_the_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    t.accounts()
        .put_key_packages(user.id, session.id, &[vec![1]], Some(&[2]), t.now())
        .await
        .unwrap();
    let (first, second, third) = (
        hash_token(b"token"),
        hash_token(b"second"),
        hash_token(b"third"),
    );
    t.clock.advance(DAY);
    let expiry = t.now() + 30 * DAY;
    let Rotation::Rotated(row) = t
        .accounts()
        .rotate_refresh(session.id, first, second, expiry, 365 * DAY, t.now())
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        (row.id, row.user_id, row.refresh_expires_at, row.last_active),
        (session.id, user.id, expiry, t.now())
    );
    assert_eq!(
        (&row.device, row.created_at),
        (&session.device, session.created_at)
    );
    assert!(matches!(
        t.accounts()
            .rotate_refresh(session.id, second, third, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Rotated(_)
    ));

    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, first, second, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Reused { user_id: user.id }
    );
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.numbers("SELECT id FROM key_packages").await,
        [0_i64; 0],
        "its keys are gone"
    );
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, third, first, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid,
        "the good token as well"
    );
}

async fn of_parallel_rotations_exactly_one_wins(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let expiry = t.now() + DAY;
    let outcomes = all_at_once((0..20_u8).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .accounts()
                .rotate_refresh(
                    session.id,
                    hash_token(b"token"),
                    hash_token(&[number]),
                    expiry,
                    365 * DAY,
                    now,
                )
                .await
                .unwrap()
        }
    }))
    .await;
    let count =
        |wanted: fn(&Rotation) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, Rotation::Rotated(_))), 1);
    assert!(outcomes.contains(&Rotation::Reused { user_id: user.id }));
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        None
    );
}

async fn nobody_rotates_a_dead_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (good, new) = (hash_token(b"token"), hash_token(b"new"));
    let expiry = t.now() + 60 * DAY;
    assert_eq!(
        t.accounts()
            .rotate_refresh(SessionId(1), good, new, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid
    );
    t.set_banned(user.id, true).await;
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, good, new, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid
    );
    t.set_banned(user.id, false).await;
    let end = session.refresh_expires_at;
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, good, new, expiry, 365 * DAY, end)
            .await
            .unwrap(),
        Rotation::Invalid
    );
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, new, good, expiry, 365 * DAY, end)
            .await
            .unwrap(),
        Rotation::Invalid
    );
    assert!(
        matches!(
            t.accounts()
                .rotate_refresh(session.id, good, new, expiry, 365 * DAY, t.now())
                .await
                .unwrap(),
            Rotation::Rotated(_)
        ),
        "nothing had changed"
    );
    assert!(
        t.accounts()
            .revoke_session(user.id, session.id, t.now())
            .await
            .unwrap()
    );
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, new, good, expiry, 365 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid
    );
}
