use std::time::Duration;

use tebdil_core::{
    crypto::hash_token,
    store::{AliveSession, DeadSession, PutKeys, Rotation, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{
    Secret,
    domain::UserRole,
    id::{SessionId, UserId},
};

mod bound;
mod rotation;

const DAY: Duration = Duration::from_hours(24);

tebdil_core::store_conformance! {
    a_session_lives_until_it_expires,
    revoking_is_the_owners_and_takes_the_keys_along,
    touching_never_moves_the_time_back,
    the_dead_are_found_among_many,
    a_session_ends_with_its_lifetime_however_refreshed,
    only_a_live_session_and_the_current_password_confirm,
}

async fn only_a_live_session_and_the_current_password_confirm(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    t.clock.advance(DAY);
    let confirm = async |user: UserId, password: &Secret| {
        let of = (user, session.id);
        t.accounts()
            .confirm_session(of, password, t.now())
            .await
            .unwrap()
    };
    let at = async || {
        let alive = t.accounts().session_alive(session.id, t.now()).await;
        alive.unwrap().map(|alive| alive.confirmed_at)
    };
    assert!(!confirm(other.id, &other.password_hash).await);
    assert!(!confirm(user.id, &Secret::from("another")).await);
    assert_eq!(at().await, Some(session.created_at));
    assert!(confirm(user.id, &user.password_hash).await);
    assert_eq!(at().await, Some(t.now()));
    t.accounts()
        .revoke_session(user.id, session.id, t.now())
        .await
        .unwrap();
    assert!(!confirm(user.id, &user.password_hash).await);
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
    let accounts = t.accounts();
    let (user, session) = t.register("kedi").await;
    let alive = AliveSession {
        user_id: user.id,
        role: UserRole::User,
        is_banned: false,
        is_premium: false,
        terms_version: 1,
        last_active: t.now(),
        confirmed_at: t.now(),
    };
    assert_eq!(
        accounts.session_alive(session.id, t.now()).await.unwrap(),
        Some(alive)
    );
    assert_eq!(
        accounts.session_alive(SessionId(1), t.now()).await.unwrap(),
        None
    );
    t.set_banned(user.id, true).await;
    assert_eq!(
        accounts.session_alive(session.id, t.now()).await.unwrap(),
        Some(AliveSession {
            is_banned: true,
            ..alive
        })
    );
    nobody_else_gets_a_session(&t, &user).await;

    t.clock.advance(10 * DAY);
    let newer = accounts
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
    let listed = async |before, most| {
        accounts
            .sessions_of(user.id, before, most, t.now())
            .await
            .unwrap()
    };
    let both = [newer.clone(), session.clone()];
    assert_eq!(listed(None, 9).await, both, "newest first");
    assert_eq!(listed(None, 1).await, both[..1]);
    assert_eq!(listed(Some(newer.id), 9).await, both[1..]);
    let end = session.refresh_expires_at;
    assert!(
        accounts
            .session_alive(session.id, end - Duration::from_millis(1))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(accounts.session_alive(session.id, end).await.unwrap(), None);
    assert_eq!(
        accounts.sessions_of(user.id, None, 9, end).await.unwrap(),
        [newer]
    );
    assert_eq!(
        accounts
            .sessions_of(UserId(1), None, 9, t.now())
            .await
            .unwrap(),
        []
    );
}

async fn revoking_is_the_owners_and_takes_the_keys_along(t: TestStore) {
    let accounts = t.accounts();
    let (a, a1) = t.register("kedi").await;
    let (b, b1) = t.register("kopek").await;
    let a2 = accounts
        .create_session(a.id, &Secret::from("hash"), t.new_session("b"), 20, t.now())
        .await
        .unwrap()
        .expect("signed in")
        .session;
    for (user, session) in [(a.id, a1.id), (a.id, a2.id), (b.id, b1.id)] {
        let stored = accounts
            .put_key_packages(user, session, &[vec![1], vec![2]], Some(&[3]), t.now())
            .await
            .unwrap();
        assert_eq!(stored, PutKeys::Stored { remaining: 2 });
    }
    assert!(
        !accounts.revoke_session(b.id, a1.id, t.now()).await.unwrap(),
        "somebody else's"
    );
    assert!(
        accounts
            .session_alive(a1.id, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(accounts.revoke_session(a.id, a1.id, t.now()).await.unwrap());
    assert!(
        !accounts.revoke_session(a.id, a1.id, t.now()).await.unwrap(),
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
        accounts
            .key_packages_remaining(a2.id, t.now())
            .await
            .unwrap(),
        2
    );

    assert_eq!(
        accounts
            .revoke_all(a.id, Some(a2.id), t.now())
            .await
            .unwrap(),
        []
    );
    assert_eq!(
        accounts.revoke_all(a.id, None, t.now()).await.unwrap(),
        [a2.id]
    );
    assert_eq!(
        accounts.sessions_of(a.id, None, 9, t.now()).await.unwrap(),
        []
    );
    assert_eq!(
        (
            accounts
                .key_packages_remaining(a2.id, t.now())
                .await
                .unwrap(),
            accounts
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
