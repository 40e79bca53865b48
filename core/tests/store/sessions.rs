use std::time::Duration;

use tebdil_core::{
    crypto::hash_token,
    domain::UserRole,
    id::{SessionId, UserId},
    protocol::Secret,
    store::{AliveSession, DeadSession, PutKeys, Rotation},
    testing::TestStore,
};

use crate::all_at_once;

const DAY: Duration = Duration::from_hours(24);

tebdil_core::store_conformance! {
    a_session_lives_until_it_expires,
    rotation_replaces_the_token_and_its_reuse_ends_the_session,
    of_parallel_rotations_exactly_one_wins,
    nobody_rotates_a_dead_session,
    revoking_is_the_owners_and_takes_the_keys_along,
    touching_never_moves_the_time_back,
    the_dead_are_found_among_many,
}

async fn the_dead_are_found_among_many(t: TestStore) {
    let ((a, a1), (b, b1), (_, c1)) = (t.register("kedi").await, t.register("pars").await, t.register("vasak").await);
    let a2 = t.create_session(a.id, &Secret::from("hash"), t.new_session("b"), t.now()).await.unwrap().expect("signed in").id;
    let asked = [a1.id, SessionId(1), a2, b1.id, c1.id];
    let dead = |ids: &[SessionId], banned: &[SessionId]| -> Vec<DeadSession> {
        ids.iter().map(|id| DeadSession { id: *id, is_banned: banned.contains(id) }).collect()
    };
    assert_eq!(t.dead_among(&asked, t.now()).await.unwrap(), dead(&[SessionId(1)], &[]));
    assert_eq!(t.dead_among(&[], t.now()).await.unwrap(), []);
    assert!(t.revoke_session(a.id, a1.id, t.now()).await.unwrap());
    t.set_banned(b.id, true).await;
    assert_eq!(t.dead_among(&asked, t.now()).await.unwrap(), dead(&[a1.id, SessionId(1), b1.id], &[b1.id]));
    assert!(t.revoke_session(b.id, b1.id, t.now()).await.unwrap());
    assert_eq!(t.dead_among(&asked, t.now() + 31 * DAY).await.unwrap(), dead(&asked, &[b1.id]), "the ban is what counts");
}

async fn a_session_lives_until_it_expires(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let alive = AliveSession { user_id: user.id, role: UserRole::User, is_banned: false, is_premium: false, last_active: t.now() };
    assert_eq!(t.session_alive(session.id, t.now()).await.unwrap(), Some(alive));
    assert_eq!(t.session_alive(SessionId(1), t.now()).await.unwrap(), None);
    t.set_banned(user.id, true).await;
    assert_eq!(t.session_alive(session.id, t.now()).await.unwrap(), Some(AliveSession { is_banned: true, ..alive }));
    assert_eq!(t.create_session(user.id, &Secret::from("hash"), t.new_session("b"), t.now()).await.unwrap(), None, "banned");
    t.set_banned(user.id, false).await;
    assert_eq!(t.create_session(user.id, &Secret::from("other"), t.new_session("b"), t.now()).await.unwrap(), None, "another password");
    assert_eq!(t.create_session(UserId(1), &Secret::from("hash"), t.new_session("b"), t.now()).await.unwrap(), None);

    t.clock.advance(10 * DAY);
    let newer = t.create_session(user.id, &Secret::from("hash"), t.new_session("b"), t.now()).await.unwrap().expect("signed in");
    assert_eq!(t.sessions_of(user.id, None, 9, t.now()).await.unwrap(), [newer.clone(), session.clone()], "newest first");
    assert_eq!(t.sessions_of(user.id, None, 1, t.now()).await.unwrap(), std::slice::from_ref(&newer));
    assert_eq!(t.sessions_of(user.id, Some(newer.id), 9, t.now()).await.unwrap(), std::slice::from_ref(&session));
    let end = session.refresh_expires_at;
    assert!(t.session_alive(session.id, end - Duration::from_millis(1)).await.unwrap().is_some());
    assert_eq!(t.session_alive(session.id, end).await.unwrap(), None);
    assert_eq!(t.sessions_of(user.id, None, 9, end).await.unwrap(), [newer]);
    assert_eq!(t.sessions_of(UserId(1), None, 9, t.now()).await.unwrap(), []);
}

async fn rotation_replaces_the_token_and_its_reuse_ends_the_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    t.put_key_packages(user.id, session.id, &[vec![1]], Some(&[2]), t.now()).await.unwrap();
    let (first, second, third) = (hash_token(b"token"), hash_token(b"second"), hash_token(b"third"));
    t.clock.advance(DAY);
    let expiry = t.now() + 30 * DAY;
    let Rotation::Rotated(row) = t.rotate_refresh(session.id, first, second, expiry, t.now()).await.unwrap() else { panic!("refused") };
    assert_eq!((row.id, row.user_id, row.refresh_expires_at, row.last_active), (session.id, user.id, expiry, t.now()));
    assert_eq!((&row.device, row.created_at), (&session.device, session.created_at));
    assert!(matches!(t.rotate_refresh(session.id, second, third, expiry, t.now()).await.unwrap(), Rotation::Rotated(_)));

    assert_eq!(t.rotate_refresh(session.id, first, second, expiry, t.now()).await.unwrap(), Rotation::Reused { user_id: user.id });
    assert_eq!(t.session_alive(session.id, t.now()).await.unwrap(), None);
    assert_eq!(t.numbers("SELECT id FROM key_packages").await, [0_i64; 0], "its keys are gone");
    assert_eq!(t.rotate_refresh(session.id, third, first, expiry, t.now()).await.unwrap(), Rotation::Invalid, "the good token as well");
}

async fn of_parallel_rotations_exactly_one_wins(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let expiry = t.now() + DAY;
    let outcomes = all_at_once((0..20_u8).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        async move { store.rotate_refresh(session.id, hash_token(b"token"), hash_token(&[number]), expiry, now).await.unwrap() }
    }))
    .await;
    let count = |wanted: fn(&Rotation) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, Rotation::Rotated(_))), 1);
    assert!(outcomes.contains(&Rotation::Reused { user_id: user.id }));
    assert_eq!(t.session_alive(session.id, t.now()).await.unwrap(), None);
}

async fn nobody_rotates_a_dead_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (good, new) = (hash_token(b"token"), hash_token(b"new"));
    let expiry = t.now() + 60 * DAY;
    assert_eq!(t.rotate_refresh(SessionId(1), good, new, expiry, t.now()).await.unwrap(), Rotation::Invalid);
    t.set_banned(user.id, true).await;
    assert_eq!(t.rotate_refresh(session.id, good, new, expiry, t.now()).await.unwrap(), Rotation::Invalid);
    t.set_banned(user.id, false).await;
    let end = session.refresh_expires_at;
    assert_eq!(t.rotate_refresh(session.id, good, new, expiry, end).await.unwrap(), Rotation::Invalid);
    assert_eq!(t.rotate_refresh(session.id, new, good, expiry, end).await.unwrap(), Rotation::Invalid);
    assert!(matches!(t.rotate_refresh(session.id, good, new, expiry, t.now()).await.unwrap(), Rotation::Rotated(_)), "nothing had changed");
    assert!(t.revoke_session(user.id, session.id, t.now()).await.unwrap());
    assert_eq!(t.rotate_refresh(session.id, new, good, expiry, t.now()).await.unwrap(), Rotation::Invalid);
}

async fn revoking_is_the_owners_and_takes_the_keys_along(t: TestStore) {
    let (a, a1) = t.register("kedi").await;
    let (b, b1) = t.register("kopek").await;
    let a2 = t.create_session(a.id, &Secret::from("hash"), t.new_session("b"), t.now()).await.unwrap().expect("signed in");
    for (user, session) in [(a.id, a1.id), (a.id, a2.id), (b.id, b1.id)] {
        let stored = t.put_key_packages(user, session, &[vec![1], vec![2]], Some(&[3]), t.now()).await.unwrap();
        assert_eq!(stored, PutKeys::Stored { remaining: 2 });
    }
    assert!(!t.revoke_session(b.id, a1.id, t.now()).await.unwrap(), "somebody else's");
    assert!(t.session_alive(a1.id, t.now()).await.unwrap().is_some());
    assert!(t.revoke_session(a.id, a1.id, t.now()).await.unwrap());
    assert!(!t.revoke_session(a.id, a1.id, t.now()).await.unwrap(), "a second time");
    assert_eq!(t.numbers(&format!("SELECT id FROM key_packages WHERE session_id = {}", a1.id)).await, [0_i64; 0]);
    assert_eq!(t.key_packages_remaining(a2.id, t.now()).await.unwrap(), 2);

    assert_eq!(t.revoke_all(a.id, Some(a2.id), t.now()).await.unwrap(), []);
    assert_eq!(t.revoke_all(a.id, None, t.now()).await.unwrap(), [a2.id]);
    assert_eq!(t.sessions_of(a.id, None, 9, t.now()).await.unwrap(), []);
    assert_eq!((t.key_packages_remaining(a2.id, t.now()).await.unwrap(), t.key_packages_remaining(b1.id, t.now()).await.unwrap()), (0, 2));
}

async fn touching_never_moves_the_time_back(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let later = t.now() + DAY;
    t.touch(user.id, session.id, later).await.unwrap();
    t.touch(user.id, session.id, t.now()).await.unwrap();
    assert_eq!(t.user(user.id).await.unwrap().unwrap().last_active, later);
    assert_eq!(t.session_alive(session.id, t.now()).await.unwrap().unwrap().last_active, later);
}
