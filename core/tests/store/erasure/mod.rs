use std::time::Duration;

use tebdil_core::{
    store::{
        Banning, Erased, ErasedBy, Grant, Invitation, MatchFilter, NewBan, PairOutcome, PutKeys,
        Registration, Rotation, TicketRefusal, UserRow,
    },
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    Secret,
    domain::{LedgerReason, Mode, QuotaBucket, UserRole},
    id::{SessionId, UserId},
    notice::Notice,
};

use crate::{all_at_once, pair, rng, side};

mod late;

tebdil_core::store_conformance! {
    an_account_is_erased_once_by_who_knows_its_password,
    an_erased_account_can_do_and_get_nothing,
    a_phone_registers_anew_unless_it_is_banned,
    an_erased_user_is_never_matched,
    the_peer_keeps_the_match_with_nobody,
    an_admin_erases_users_and_is_named,
}

const ADMIN: UserId = UserId(7);
const DAY: Duration = Duration::from_hours(24);

async fn erase(t: &TestStore, user: &UserRow) -> Erased {
    t.accounts()
        .erase_user(
            user.id,
            ErasedBy::User {
                verified: &user.password_hash,
            },
            &mut rng(user.id.0.unsigned_abs()),
            t.now(),
        )
        .await
        .unwrap()
}

async fn count(t: &TestStore, of: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {of}"))
        .await[0]
}

async fn an_account_is_erased_once_by_who_knows_its_password(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let stale = ErasedBy::User {
        verified: &Secret::from("another hash"),
    };
    assert_eq!(
        t.accounts()
            .erase_user(user.id, stale, &mut rng(1), t.now())
            .await
            .unwrap(),
        Erased::NotFound
    );
    assert_eq!(
        t.accounts().user(user.id).await.unwrap().as_ref(),
        Some(&user),
        "nothing changed"
    );
    let answers = all_at_once((0..8).map(|seed| {
        let (store, hash, now) = (t.store.clone(), user.password_hash.clone(), t.now());
        async move {
            store
                .accounts()
                .erase_user(
                    user.id,
                    ErasedBy::User { verified: &hash },
                    &mut rng(seed),
                    now,
                )
                .await
                .unwrap()
        }
    }))
    .await;
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Erased::Now)
            .count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        count(&t, "job WHERE queue = 'erase'").await,
        2,
        "at once, and once more later"
    );
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'account_erased' AND user_id = {0} AND actor_id = {0}",
                user.id
            )
        )
        .await,
        1
    );
}

async fn nobody_signs_in_to_it(t: &TestStore, user: &UserRow, session: SessionId) {
    let (accounts, id, now) = (t.accounts(), user.id, t.now());
    assert_eq!(accounts.session_alive(session, now).await.unwrap(), None);
    assert_eq!(
        accounts
            .create_session(id, &user.password_hash, t.new_session("new"), 20, now)
            .await
            .unwrap(),
        None
    );
    let rotation = accounts
        .rotate_refresh(session, [1; 32], [2; 32], now + DAY, 365 * DAY, now)
        .await
        .unwrap();
    assert_eq!(rotation, Rotation::Invalid);
    assert_eq!(
        accounts
            .put_key_packages(id, session, &[vec![1]], None, now)
            .await
            .unwrap(),
        PutKeys::NoSession
    );
}

async fn an_erased_account_can_do_and_get_nothing(t: TestStore) {
    let (accounts, economy) = (t.accounts(), t.economy());
    let (user, session) = t.register("kedi").await;
    let rules = TestStore::quota_rules();
    t.notices()
        .set_pushes(user.id, &[])
        .await
        .unwrap()
        .expect("an account");
    assert_eq!(erase(&t, &user).await, Erased::Now);
    let (id, now) = (user.id, t.now());
    assert_eq!(accounts.user(id).await.unwrap(), None);
    assert_eq!(
        accounts.user_by_phone(&user.phone_index).await.unwrap(),
        None
    );
    nobody_signs_in_to_it(&t, &user, session.id).await;
    let grant = Grant {
        bucket: QuotaBucket::Bonus,
        amount: 5,
        reason: LedgerReason::Admin,
        reference: "x".to_owned(),
    };
    assert_eq!(economy.grant(id, &grant, &rules, now).await.unwrap(), None);
    assert_eq!(economy.quota(id, &rules, now).await.unwrap(), None);
    assert!(
        economy
            .grant_subscription(id, "monthly", now + DAY, ADMIN, &rules, now)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        accounts
            .set_password(id, None, &Secret::from("hash"), None, now)
            .await
            .unwrap(),
        None
    );
    assert_eq!(economy.billing_token(id, "token", now).await.unwrap(), None);
    assert_eq!(
        economy
            .invite(id, &t.index.phone("+905309999999"), 9, now, now)
            .await
            .unwrap(),
        Invitation::NotFound
    );
    assert_eq!(t.notices().set_pushes(id, &[]).await.unwrap(), None);
    assert!(!economy.is_invite_code(&user.invite_code).await.unwrap());
    accounts.touch(id, session.id, now + DAY).await.unwrap();
    assert_eq!(count(&t, &format!("users WHERE id = {id} AND last_active = erased_at AND role = 'user' AND birth_year = 0")).await, 1);
    for table in [
        "notifications",
        "quota_ledger",
        "sessions",
        "key_packages",
        "subscriptions",
        "billing_accounts",
        "referrals",
    ] {
        assert_eq!(count(&t, table).await, 0, "{table}");
    }
    assert_eq!(
        t.jobs().totals(now).await.unwrap().users,
        0,
        "nobody is counted"
    );
}

async fn a_phone_registers_anew_unless_it_is_banned(t: TestStore) {
    let ban = NewBan {
        reason: "spam".to_owned(),
        automatic: false,
        provisional: false,
        until: None,
        created_by: None,
    };
    let new = t.new_user(1, "kedi");
    let register = async |invite: Option<String>| {
        let new = tebdil_core::store::NewUser {
            invite,
            ..t.new_user(1, "kedi")
        };
        t.accounts()
            .insert_user(&new, t.new_session("token"), &mut rng(2), t.now())
            .await
            .unwrap()
    };
    let Registration::Inserted(first, _) = register(None).await else {
        panic!("registered")
    };
    assert_eq!(erase(&t, &first).await, Erased::Now);
    let inviter = t.new_user(2, "davetci");
    let Registration::Inserted(inviter, _) = t
        .accounts()
        .insert_user(&inviter, t.new_session("t"), &mut rng(9), t.now())
        .await
        .unwrap()
    else {
        panic!("registered")
    };
    let Registration::Inserted(second, _) = register(Some(inviter.invite_code.clone())).await
    else {
        panic!("registered anew")
    };
    assert_ne!(first.id, second.id);
    assert_eq!(count(&t, "referrals").await, 0, "who comes back is not new");

    // Erased twice, and then banned for what the first account did: its tombstone still says which
    // phone that was.
    assert_eq!(erase(&t, &second).await, Erased::Now);
    let Banning::Banned { notified, .. } =
        t.store.safety().ban(first.id, &ban, t.now()).await.unwrap()
    else {
        panic!("banned")
    };
    assert_eq!(notified, None);
    assert!(
        t.safety()
            .active_ban(&new.phone_index, t.now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(matches!(register(None).await, Registration::PhoneBanned(_)));
    assert!(
        matches!(
            t.store
                .safety()
                .ban(second.id, &ban, t.now())
                .await
                .unwrap(),
            Banning::Already(_)
        ),
        "one phone, one ban"
    );
}

/// A user with a device that can be matched.
async fn ready(t: &TestStore, alias: &str) -> (UserRow, SessionId) {
    let (user, session) = t.register(alias).await;
    t.accounts()
        .put_key_packages(
            user.id,
            session.id,
            &[vec![1], vec![2], vec![3]],
            None,
            t.now(),
        )
        .await
        .unwrap();
    (user, session.id)
}

async fn an_erased_user_is_never_matched(t: TestStore) {
    let rules = TestStore::match_rules();
    let (gone, gone_session) = ready(&t, "giden").await;
    let (stays, session) = ready(&t, "kalan").await;
    assert_eq!(erase(&t, &gone).await, Erased::Now);
    let proposed = pair(
        Mode::Text,
        side(gone.id, gone_session, 1),
        side(stays.id, session, 2),
    );
    let outcomes = t
        .matches()
        .create_matches(ENDLESS_TERM, &[proposed], &rules, t.now())
        .await
        .unwrap();
    let [
        PairOutcome::Refused {
            offerer: Some(TicketRefusal::Gone),
            answerer: None,
            ..
        },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };

    // At the same time: either the match is made before, and found by the order, or not at all.
    for round in 0..12 {
        let (gone, gone_session) = ready(&t, &format!("giden{round}")).await;
        let proposed = pair(
            Mode::Text,
            side(gone.id, gone_session, 100 + round),
            side(stays.id, session, 200 + round),
        );
        let (outcomes, erased) = tokio::join!(
            t.matches().create_matches(
                ENDLESS_TERM,
                std::slice::from_ref(&proposed),
                &rules,
                t.now()
            ),
            async { erase(&t, &gone).await }
        );
        assert_eq!(erased, Erased::Now);
        let made = matches!(outcomes.unwrap()[..], [PairOutcome::Made(_)]);
        assert_eq!(
            t.accounts().unended_matches(gone.id).await.unwrap().len(),
            usize::from(made)
        );
        t.accounts()
            .put_key_packages(stays.id, session, &[vec![1]], None, t.now())
            .await
            .unwrap();
    }
}

async fn the_peer_keeps_the_match_with_nobody(t: TestStore) {
    let (gone, gone_session) = ready(&t, "giden").await;
    let (stays, session) = ready(&t, "kalan").await;
    let proposed = pair(
        Mode::Text,
        side(gone.id, gone_session, 1),
        side(stays.id, session, 2),
    );
    let outcomes = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap();
    assert!(matches!(outcomes[..], [PairOutcome::Made(_)]));
    assert_eq!(erase(&t, &gone).await, Erased::Now);
    let matches = t
        .matches()
        .matches_of(stays.id, MatchFilter::default(), 10, t.now())
        .await
        .unwrap();
    assert_eq!(
        matches[0].view(session, t.now()).peer.handle,
        "deleted#0000"
    );
    let notified = t
        .notices()
        .notify(stays.id, &Notice::PasswordReset {}, "x", t.now())
        .await
        .unwrap();
    assert!(notified.is_some(), "the others go on");
}

async fn an_admin_erases_users_and_is_named(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let (other, _) = t.register("yonetici1").await;
    let by = ErasedBy::Admin {
        id: ADMIN,
        note: "ticket 12",
    };
    t.accounts()
        .set_role_of_phone(&other.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    assert_eq!(
        t.accounts()
            .erase_user(other.id, by, &mut rng(1), t.now())
            .await
            .unwrap(),
        Erased::Forbidden
    );
    assert!(t.accounts().user(other.id).await.unwrap().is_some());
    assert_eq!(
        t.accounts()
            .erase_user(user.id, by, &mut rng(1), t.now())
            .await
            .unwrap(),
        Erased::Now
    );
    assert_eq!(
        t.accounts()
            .erase_user(user.id, by, &mut rng(1), t.now())
            .await
            .unwrap(),
        Erased::NotFound
    );
    assert_eq!(
        t.accounts()
            .erase_user(UserId(1), by, &mut rng(1), t.now())
            .await
            .unwrap(),
        Erased::NotFound
    );
    let recorded = format!(
        "system_logs WHERE action = 'account_erased' AND actor_id = 7 AND user_id = {} AND details LIKE '%ticket 12%'",
        user.id
    );
    assert_eq!(count(&t, &recorded).await, 1);
    // An admin may go too.
    let admin = t.accounts().user(other.id).await.unwrap().unwrap();
    assert_eq!(erase(&t, &admin).await, Erased::Now);
}
