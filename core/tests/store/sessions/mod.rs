use std::time::Duration;

use tebdil_core::{
    crypto::hash_token,
    domain::UserRole,
    id::{SessionId, UserId},
    protocol::Secret,
    store::{AliveSession, DeadSession, PutKeys, Rotation, UserRow},
    testing::TestStore,
};

use crate::all_at_once;

mod rotation;

const DAY: Duration = Duration::from_hours(24);

tebdil_core::store_conformance! {
    a_session_lives_until_it_expires,
    revoking_is_the_owners_and_takes_the_keys_along,
    touching_never_moves_the_time_back,
    the_dead_are_found_among_many,
    of_too_many_sessions_the_oldest_ends,
    parallel_sign_ins_on_two_nodes_keep_the_bound,
    a_session_ends_with_its_lifetime_however_refreshed,
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

async fn a_session_ends_with_its_lifetime_however_refreshed(t: TestStore) {
    let (_, session) = t.register("kedi").await;
    let end = session.created_at + 90 * DAY;
    let mut token = hash_token(b"token");
    for day in 1..=4_u8 {
        t.clock.set(session.created_at + 20 * DAY * u32::from(day));
        let next = hash_token(&[day]);
        let Rotation::Rotated(row) = t
            .accounts()
            .rotate_refresh(
                session.id,
                token,
                next,
                t.now() + 30 * DAY,
                90 * DAY,
                t.now(),
            )
            .await
            .unwrap()
        else {
            panic!("refused on day {}", day * 20)
        };
        assert_eq!(row.refresh_expires_at, end.min(t.now() + 30 * DAY));
        token = next;
    }
    t.clock.set(end);
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, token, [1; 32], t.now() + DAY, 90 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid
    );
    // Also where the lifetime was shortened since.
    t.clock.set(end - DAY);
    assert_eq!(
        t.accounts()
            .rotate_refresh(session.id, token, [1; 32], t.now() + DAY, 89 * DAY, t.now())
            .await
            .unwrap(),
        Rotation::Invalid
    );
}

async fn the_dead_are_found_among_many(t: TestStore) {
    let ((a, a1), (b, b1), (_, c1)) = (
        t.register("kedi").await,
        t.register("pars").await,
        t.register("vasak").await,
    );
    let a2 = t
        .accounts()
        .create_session(a.id, &Secret::from("hash"), t.new_session("b"), 20, t.now())
        .await
        .unwrap()
        .expect("signed in")
        .session
        .id;
    let asked = [a1.id, SessionId(1), a2, b1.id, c1.id];
    let dead = |ids: &[SessionId], banned: &[SessionId]| -> Vec<DeadSession> {
        ids.iter()
            .map(|id| DeadSession {
                id: *id,
                is_banned: banned.contains(id),
            })
            .collect()
    };
    assert_eq!(
        t.accounts().dead_among(&asked, t.now()).await.unwrap(),
        dead(&[SessionId(1)], &[])
    );
    assert_eq!(t.accounts().dead_among(&[], t.now()).await.unwrap(), []);
    assert!(
        t.accounts()
            .revoke_session(a.id, a1.id, t.now())
            .await
            .unwrap()
    );
    t.set_banned(b.id, true).await;
    assert_eq!(
        t.accounts().dead_among(&asked, t.now()).await.unwrap(),
        dead(&[a1.id, SessionId(1), b1.id], &[b1.id])
    );
    assert!(
        t.accounts()
            .revoke_session(b.id, b1.id, t.now())
            .await
            .unwrap()
    );
    assert_eq!(
        t.accounts()
            .dead_among(&asked, t.now() + 31 * DAY)
            .await
            .unwrap(),
        dead(&asked, &[b1.id]),
        "the ban is what counts"
    );
}

async fn nobody_else_gets_a_session(t: &TestStore, user: &UserRow) {
    assert_eq!(
        t.accounts()
            .create_session(
                user.id,
                &Secret::from("hash"),
                t.new_session("b"),
                20,
                t.now()
            )
            .await
            .unwrap(),
        None,
        "banned"
    );
    t.set_banned(user.id, false).await;
    assert_eq!(
        t.accounts()
            .create_session(
                user.id,
                &Secret::from("other"),
                t.new_session("b"),
                20,
                t.now()
            )
            .await
            .unwrap(),
        None,
        "another password"
    );
    assert_eq!(
        t.accounts()
            .create_session(
                UserId(1),
                &Secret::from("hash"),
                t.new_session("b"),
                20,
                t.now()
            )
            .await
            .unwrap(),
        None
    );
}

async fn a_session_lives_until_it_expires(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let alive = AliveSession {
        user_id: user.id,
        role: UserRole::User,
        is_banned: false,
        is_premium: false,
        last_active: t.now(),
    };
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        Some(alive)
    );
    assert_eq!(
        t.accounts()
            .session_alive(SessionId(1), t.now())
            .await
            .unwrap(),
        None
    );
    t.set_banned(user.id, true).await;
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap(),
        Some(AliveSession {
            is_banned: true,
            ..alive
        })
    );
    nobody_else_gets_a_session(&t, &user).await;

    t.clock.advance(10 * DAY);
    let newer = t
        .accounts()
        .create_session(
            user.id,
            &Secret::from("hash"),
            t.new_session("b"),
            20,
            t.now(),
        )
        .await
        .unwrap()
        .expect("signed in")
        .session;
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, None, 9, t.now())
            .await
            .unwrap(),
        [newer.clone(), session.clone()],
        "newest first"
    );
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, None, 1, t.now())
            .await
            .unwrap(),
        std::slice::from_ref(&newer)
    );
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, Some(newer.id), 9, t.now())
            .await
            .unwrap(),
        std::slice::from_ref(&session)
    );
    let end = session.refresh_expires_at;
    assert!(
        t.accounts()
            .session_alive(session.id, end - Duration::from_millis(1))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        t.accounts().session_alive(session.id, end).await.unwrap(),
        None
    );
    assert_eq!(
        t.accounts()
            .sessions_of(user.id, None, 9, end)
            .await
            .unwrap(),
        [newer]
    );
    assert_eq!(
        t.accounts()
            .sessions_of(UserId(1), None, 9, t.now())
            .await
            .unwrap(),
        []
    );
}

async fn revoking_is_the_owners_and_takes_the_keys_along(t: TestStore) {
    let (a, a1) = t.register("kedi").await;
    let (b, b1) = t.register("kopek").await;
    let a2 = t
        .accounts()
        .create_session(a.id, &Secret::from("hash"), t.new_session("b"), 20, t.now())
        .await
        .unwrap()
        .expect("signed in")
        .session;
    for (user, session) in [(a.id, a1.id), (a.id, a2.id), (b.id, b1.id)] {
        let stored = t
            .accounts()
            .put_key_packages(user, session, &[vec![1], vec![2]], Some(&[3]), t.now())
            .await
            .unwrap();
        assert_eq!(stored, PutKeys::Stored { remaining: 2 });
    }
    assert!(
        !t.accounts()
            .revoke_session(b.id, a1.id, t.now())
            .await
            .unwrap(),
        "somebody else's"
    );
    assert!(
        t.accounts()
            .session_alive(a1.id, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        t.accounts()
            .revoke_session(a.id, a1.id, t.now())
            .await
            .unwrap()
    );
    assert!(
        !t.accounts()
            .revoke_session(a.id, a1.id, t.now())
            .await
            .unwrap(),
        "a second time"
    );
    assert_eq!(
        t.numbers(&format!(
            "SELECT id FROM key_packages WHERE session_id = {}",
            a1.id
        ))
        .await,
        [0_i64; 0]
    );
    assert_eq!(
        t.accounts()
            .key_packages_remaining(a2.id, t.now())
            .await
            .unwrap(),
        2
    );

    assert_eq!(
        t.accounts()
            .revoke_all(a.id, Some(a2.id), t.now())
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        t.accounts().revoke_all(a.id, None, t.now()).await.unwrap(),
        [a2.id]
    );
    assert_eq!(
        t.accounts()
            .sessions_of(a.id, None, 9, t.now())
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        (
            t.accounts()
                .key_packages_remaining(a2.id, t.now())
                .await
                .unwrap(),
            t.accounts()
                .key_packages_remaining(b1.id, t.now())
                .await
                .unwrap()
        ),
        (0, 2)
    );
}

async fn touching_never_moves_the_time_back(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let later = t.now() + DAY;
    t.accounts()
        .touch(user.id, session.id, later)
        .await
        .unwrap();
    t.accounts()
        .touch(user.id, session.id, t.now())
        .await
        .unwrap();
    assert_eq!(
        t.accounts()
            .user(user.id)
            .await
            .unwrap()
            .unwrap()
            .last_active,
        later
    );
    assert_eq!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap()
            .unwrap()
            .last_active,
        later
    );
}
