use tebdil_core::{
    notice::PushOrder,
    store::{NewJob, PushAudience, PushTarget, PutPushTarget, SessionRow, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{
    PushKeys, Secret,
    domain::{NotificationType, PushPlatform},
    id::{MatchId, NotificationId, SessionId, UserId},
    notice::Notice,
};

use crate::all_at_once;

tebdil_core::store_conformance! {
    a_token_names_one_device,
    a_browser_is_kept_with_its_newest_keys,
    devices_that_exchange_their_tokens_do_not_deadlock,
    a_token_goes_with_its_session,
    pushes_are_turned_off_by_type,
    an_order_concerns_whoever_has_not_seen_it,
    jobs_are_pushed_once_together,
}

async fn put(t: &TestStore, user: UserId, session: SessionId, token: &str) -> PutPushTarget {
    put_target(t, user, session, &phone(token)).await
}

fn phone(token: &str) -> PushTarget {
    PushTarget {
        platform: PushPlatform::Android,
        address: token.into(),
        keys: None,
    }
}

async fn put_target(
    t: &TestStore,
    user: UserId,
    session: SessionId,
    target: &PushTarget,
) -> PutPushTarget {
    t.notices()
        .put_push_target(user, session, target, t.now())
        .await
        .unwrap()
}

async fn token(t: &TestStore, user: UserId, session: SessionId) -> Option<String> {
    t.notices()
        .push_target(user, session, t.now())
        .await
        .unwrap()
        .map(|target| target.address.expose().to_owned())
}

async fn a_token_names_one_device(t: TestStore) {
    let (kedi, first) = t.register("kedi").await;
    let (kopek, second) = t.register("kopek").await;
    assert_eq!(
        put(&t, kedi.id, first.id, "old").await,
        PutPushTarget::Stored
    );
    assert_eq!(
        put(&t, kedi.id, first.id, "new").await,
        PutPushTarget::Stored
    );
    assert_eq!(
        put(&t, kedi.id, first.id, "new").await,
        PutPushTarget::Stored
    );
    assert_eq!(token(&t, kedi.id, first.id).await.as_deref(), Some("new"));
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM push_targets")
            .await,
        [1],
        "it replaces the one before"
    );

    // The phone changes hands.
    assert_eq!(
        put(&t, kopek.id, second.id, "new").await,
        PutPushTarget::Stored
    );
    assert_eq!(
        (
            token(&t, kedi.id, first.id).await,
            token(&t, kopek.id, second.id).await.as_deref()
        ),
        (None, Some("new"))
    );
    assert_eq!(token(&t, kedi.id, second.id).await, None, "not its session");

    assert_eq!(
        put(&t, kopek.id, first.id, "x").await,
        PutPushTarget::NoSession,
        "not its own"
    );
    assert_eq!(
        put(&t, kedi.id, SessionId(1), "x").await,
        PutPushTarget::NoSession
    );
    let token_of_second = async || token(&t, kopek.id, second.id).await;
    let forget = async |session, token: &str| {
        t.notices()
            .forget_push_target(session, &Secret::from(token))
            .await
            .unwrap();
        token_of_second().await
    };
    assert!(
        forget(first.id, "new").await.is_some(),
        "it is another session's"
    );
    assert!(
        forget(second.id, "old").await.is_some(),
        "it has another one by now"
    );
    assert_eq!(forget(second.id, "new").await, None);
    put(&t, kopek.id, second.id, "newer").await;
    t.notices().delete_push_target(first.id).await.unwrap();
    assert!(token_of_second().await.is_some());
    t.notices().delete_push_target(second.id).await.unwrap();
    assert_eq!(token_of_second().await, None);
}

async fn a_browser_is_kept_with_its_newest_keys(t: TestStore) {
    let (kedi, session) = t.register("kedi").await;
    let browser = |auth: &str| PushTarget {
        platform: PushPlatform::Web,
        address: "https://push.example/1".into(),
        keys: Some(PushKeys {
            p256dh: "point".into(),
            auth: auth.into(),
        }),
    };
    for auth in ["old", "new"] {
        put_target(&t, kedi.id, session.id, &browser(auth)).await;
    }
    let stored = t.notices().push_target(kedi.id, session.id, t.now());
    assert_eq!(stored.await.unwrap(), Some(browser("new")));
    put(&t, kedi.id, session.id, "a phone's").await;
    let stored = t.notices().push_target(kedi.id, session.id, t.now());
    assert_eq!(stored.await.unwrap(), Some(phone("a phone's")));
}

async fn devices_that_exchange_their_tokens_do_not_deadlock(t: TestStore) {
    let (kedi, first) = t.register("kedi").await;
    let (kopek, second) = t.register("kopek").await;
    for (mine, theirs) in [("a", "b"), ("b", "a")].repeat(10) {
        let puts = [(kedi.id, first.id, mine), (kopek.id, second.id, theirs)].map(
            |(user, session, token)| {
                let (store, now) = (t.store.clone(), t.now());
                async move {
                    store
                        .notices()
                        .put_push_target(user, session, &phone(token), now)
                        .await
                }
            },
        );
        for outcome in all_at_once(puts).await {
            assert_eq!(outcome.unwrap(), PutPushTarget::Stored);
        }
    }
    assert_eq!(
        (
            token(&t, kedi.id, first.id).await,
            token(&t, kopek.id, second.id).await
        ),
        (Some("b".into()), Some("a".into()))
    );
}

async fn a_token_goes_with_its_session(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let sign_in = async |name: &str| {
        t.accounts()
            .create_session(
                user.id,
                &user.password_hash,
                t.new_session(name),
                20,
                t.now(),
            )
            .await
            .unwrap()
            .unwrap()
            .session
            .id
    };
    let (phone, tablet, watch) = (
        sign_in("phone").await,
        sign_in("tablet").await,
        sign_in("watch").await,
    );
    for (device, token) in [(session.id, "a"), (phone, "b"), (tablet, "c"), (watch, "d")] {
        assert_eq!(put(&t, user.id, device, token).await, PutPushTarget::Stored);
    }
    assert!(
        t.accounts()
            .revoke_session(user.id, session.id, t.now())
            .await
            .unwrap()
    );
    assert_eq!(
        put(&t, user.id, session.id, "a").await,
        PutPushTarget::NoSession
    );
    assert_eq!(
        t.numbers("SELECT session_id FROM push_targets ORDER BY session_id")
            .await,
        [phone.0, tablet.0, watch.0]
    );
    t.set_banned(user.id, true).await;
    assert_eq!(token(&t, user.id, phone).await, None, "banned");
    t.set_banned(user.id, false).await;
    t.accounts()
        .revoke_all(user.id, Some(phone), t.now())
        .await
        .unwrap();
    assert_eq!(
        t.numbers("SELECT session_id FROM push_targets").await,
        [phone.0]
    );
    assert_eq!(token(&t, user.id, phone).await.as_deref(), Some("b"));
    t.clock.set(session.refresh_expires_at);
    assert_eq!(token(&t, user.id, phone).await, None, "its session ran out");
}

async fn pushes_are_turned_off_by_type(t: TestStore) {
    use NotificationType::{Ad, Claim, Match, System};
    let (user, _) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    assert_eq!(t.notices().muted_pushes(user.id).await.unwrap(), []);
    assert_eq!(
        t.notices()
            .set_pushes(user.id, &[(Match, false), (Ad, false), (Claim, true)])
            .await
            .unwrap(),
        Some(vec![Ad, Match])
    );
    assert_eq!(
        t.notices()
            .set_pushes(user.id, &[(Match, false), (Ad, true), (System, false)])
            .await
            .unwrap(),
        Some(vec![Match, System])
    );
    assert_eq!(
        t.notices().set_pushes(user.id, &[]).await.unwrap(),
        Some(vec![Match, System])
    );
    assert_eq!(t.notices().muted_pushes(other.id).await.unwrap(), []);
    assert_eq!(
        t.notices()
            .set_pushes(UserId(1), &[(Match, false)])
            .await
            .unwrap(),
        None
    );
}

async fn audience(t: &TestStore, order: &PushOrder) -> PushAudience {
    t.notices().push_audience(order, t.now()).await.unwrap()
}

async fn a_message_concerns_while_the_match_is_open(
    t: &TestStore,
    user: &UserRow,
    session: &SessionRow,
    other: &UserRow,
) {
    t.execute(
        "INSERT INTO matches (id, user1_id, user2_id, type, status, created_at, expired_at) \
         SELECT 9, MIN(id), MAX(id), 'text', 'active', MIN(created_at), MAX(created_at) FROM users",
    )
    .await;
    t.execute(&format!(
        "INSERT INTO match_sides \
         (match_id, user_id, peer_id, ticket_id, role, session_id, open, created_at) \
         SELECT 9, id, {} - id, id, 'offerer', 1, TRUE, created_at FROM users",
        user.id.0 + other.id.0
    ))
    .await;
    for seq in [1, 2] {
        t.execute(&format!(
            "INSERT INTO messages \
             (match_id, sender_id, seq, kind, content, sent_at, total_bytes) \
             SELECT 9, id, {seq}, 'content', phone_index, created_at, 8 FROM users WHERE id = {}",
            other.id
        ))
        .await;
    }
    let on = |user_id, session_id| PushOrder::Message {
        user_id,
        match_id: MatchId(9),
        session_id,
    };
    let message = |user_id| on(user_id, session.id);
    assert_eq!(
        audience(t, &message(user.id)).await,
        PushAudience::Devices(vec![session.id])
    );
    assert_eq!(
        audience(t, &on(user.id, SessionId(1))).await,
        PushAudience::Devices(vec![]),
        "the match belongs to a device that has no token"
    );
    a_match_concerns_the_device_that_searched(t, user.id, session.id).await;
    assert_eq!(
        audience(t, &message(other.id)).await,
        PushAudience::Seen,
        "nobody wrote to it"
    );
    t.execute("DELETE FROM messages WHERE seq = 1").await;
    assert_eq!(
        audience(t, &message(user.id)).await,
        PushAudience::Devices(vec![session.id])
    );
    t.notices()
        .set_pushes(user.id, &[(NotificationType::Match, false)])
        .await
        .unwrap();
    assert_eq!(audience(t, &message(user.id)).await, PushAudience::Muted);
    t.execute("UPDATE match_sides SET open = FALSE").await;
    assert_eq!(
        audience(t, &message(user.id)).await,
        PushAudience::Seen,
        "the match is over"
    );
    t.execute("UPDATE match_sides SET open = TRUE").await;
    t.execute("UPDATE messages SET kind = 'handshake'").await;
    assert_eq!(
        audience(t, &message(user.id)).await,
        PushAudience::Seen,
        "there is nothing to read"
    );
    t.execute("UPDATE messages SET kind = 'content'").await;
    t.execute("DELETE FROM messages").await;
    assert_eq!(audience(t, &message(user.id)).await, PushAudience::Seen);
}

/// A match of a background search wakes the one device that searched.
async fn a_match_concerns_the_device_that_searched(
    t: &TestStore,
    user: UserId,
    session: SessionId,
) {
    let on = |session_id| PushOrder::Match {
        user_id: user,
        match_id: MatchId(9),
        session_id,
    };
    assert_eq!(
        audience(t, &on(session)).await,
        PushAudience::Devices(vec![session])
    );
    assert_eq!(
        audience(t, &on(SessionId(1))).await,
        PushAudience::Devices(vec![])
    );
    t.execute("UPDATE match_sides SET open = FALSE").await;
    assert_eq!(audience(t, &on(session)).await, PushAudience::Seen);
    t.execute("UPDATE match_sides SET open = TRUE").await;
}

async fn an_order_concerns_whoever_has_not_seen_it(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    let told = t
        .notices()
        .notify(user.id, &Notice::PasswordReset {}, "1", t.now())
        .await
        .unwrap()
        .unwrap();
    let order = PushOrder::Notification {
        user_id: user.id,
        id: told.id,
        of: NotificationType::System,
    };
    assert_eq!(
        audience(&t, &order).await,
        PushAudience::Devices(vec![]),
        "no device"
    );
    put(&t, user.id, session.id, "a").await;
    assert_eq!(
        audience(&t, &order).await,
        PushAudience::Devices(vec![session.id])
    );
    t.notices()
        .set_pushes(user.id, &[(NotificationType::System, false)])
        .await
        .unwrap();
    assert_eq!(audience(&t, &order).await, PushAudience::Muted);
    t.notices()
        .set_pushes(user.id, &[(NotificationType::System, true)])
        .await
        .unwrap();
    t.set_banned(user.id, true).await;
    assert_eq!(
        audience(&t, &order).await,
        PushAudience::Devices(vec![]),
        "banned"
    );
    t.set_banned(user.id, false).await;
    t.execute("UPDATE notifications SET read = TRUE").await;
    assert_eq!(audience(&t, &order).await, PushAudience::Seen);
    for (user_id, id) in [(user.id, NotificationId(1)), (other.id, told.id)] {
        let order = PushOrder::Notification {
            user_id,
            id,
            of: NotificationType::System,
        };
        assert_eq!(
            audience(&t, &order).await,
            PushAudience::Seen,
            "there is no such thing"
        );
    }

    a_message_concerns_while_the_match_is_open(&t, &user, &session, &other).await;
}

async fn jobs_are_pushed_once_together(t: TestStore) {
    let now = t.now();
    let pushes = (0..6).map(|_| {
        let store = t.store.clone();
        async move {
            let job = |key| NewJob {
                queue: "q",
                payload: b"x",
                dedupe: Some(key),
                run_at: now,
                max_attempts: 1,
            };
            store
                .jobs()
                .push_jobs(&[job("a"), job("b"), job("c")], now)
                .await
                .unwrap()
        }
    });
    let new = all_at_once(pushes).await;
    assert_eq!(new.iter().sum::<usize>(), 3, "{new:?}");
    assert_eq!(t.jobs().push_jobs(&[], now).await.unwrap(), 0);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job").await,
        [3]
    );
}
