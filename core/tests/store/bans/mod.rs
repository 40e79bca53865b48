use std::time::Duration;

use tebdil_core::{
    store::{
        BanOrder, BanRow, Banning, JobFilter, Judged, NewBan, PairOutcome, PushTarget,
        Registration, SessionRow, StaffMember, UserRow,
    },
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    Secret,
    domain::{Mode, PushPlatform, UserRole},
    id::UserId,
};

use crate::{
    all_at_once,
    matches::{couple, matched, searcher},
    pair, rng, side,
};

mod by_staff;
mod ends;

tebdil_core::store_conformance! {
    a_ban_takes_everything_that_acts,
    of_many_who_ban_at_once_one_does,
    a_late_ban_reaches_whoever_has_the_phone_now,
    nobody_slips_in_while_the_phone_is_banned,
    banned_users_in_matches_are_found,
}

const DAY: Duration = Duration::from_hours(24);
pub const MODERATOR: StaffMember = StaffMember {
    id: UserId(1),
    role: UserRole::Moderator,
};
pub const OTHER: StaffMember = StaffMember {
    id: UserId(2),
    role: UserRole::Moderator,
};

pub fn by_reports() -> NewBan {
    NewBan {
        reason: "reports".to_owned(),
        automatic: true,
        provisional: true,
        until: None,
        created_by: None,
    }
}

pub async fn banned(t: &TestStore, user: UserId, ban: &NewBan) -> BanRow {
    match t.store.safety().ban(user, ban, t.now()).await.unwrap() {
        Banning::Banned { ban, .. } => ban,
        refused => panic!("{refused:?}"),
    }
}

pub async fn count(t: &TestStore, what: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {what}"))
        .await[0]
}

/// Registers with the phone of another account.
async fn register_again(t: &TestStore, old: &UserRow, alias: &str) -> Registration {
    let mut new = t.new_user(0, alias);
    new.phone_index = old.phone_index;
    t.accounts()
        .insert_user(&new, t.new_session("again"), &mut rng(5), t.now())
        .await
        .unwrap()
}

async fn a_banned_user_gets_nothing_and_others_do(
    t: &TestStore,
    a: &UserRow,
    a1: &SessionRow,
    b: &UserRow,
    b1: &SessionRow,
    ban: BanRow,
) {
    // Not even with a session that a write in flight had made.
    let proposed = pair(Mode::Text, side(a.id, a1.id, 1), side(b.id, b1.id, 2));
    let outcome = t
        .matches()
        .create_matches(
            ENDLESS_TERM,
            &[proposed],
            &TestStore::match_rules(),
            t.now(),
        )
        .await
        .unwrap()
        .remove(0);
    assert!(
        matches!(outcome, PairOutcome::Refused { .. }),
        "{outcome:?}"
    );
    assert_eq!(
        t.accounts()
            .create_session(
                a.id,
                &Secret::from("hash"),
                t.new_session("third"),
                20,
                t.now()
            )
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        t.store
            .safety()
            .ban(a.id, &by_reports(), t.now())
            .await
            .unwrap(),
        Banning::Already(ban)
    );
    assert_eq!(
        t.store
            .safety()
            .ban(UserId(9), &by_reports(), t.now())
            .await
            .unwrap(),
        Banning::NotFound
    );
    assert!(
        !t.safety().is_banned(b.id).await.unwrap()
            && !t.safety().is_banned(UserId(9)).await.unwrap()
    );
    assert!(
        !t.accounts()
            .session_alive(b1.id, t.now())
            .await
            .unwrap()
            .expect("lives")
            .is_banned
    );
}

async fn a_ban_takes_everything_that_acts(t: TestStore) {
    let accounts = t.accounts();
    let ((a, a1), (b, b1)) = couple(&t).await;
    let a2 = accounts
        .create_session(
            a.id,
            &Secret::from("hash"),
            t.new_session("second"),
            20,
            t.now(),
        )
        .await
        .unwrap()
        .expect("signed in")
        .session
        .id;
    let phone = PushTarget {
        platform: PushPlatform::Android,
        address: "device".into(),
        keys: None,
    };
    t.notices()
        .put_push_target(a.id, a1.id, &phone, t.now())
        .await
        .unwrap();
    let Banning::Banned { ban, notified } = t
        .store
        .safety()
        .ban(a.id, &by_reports(), t.now())
        .await
        .unwrap()
    else {
        panic!("not banned")
    };
    assert_eq!(
        (ban.automatic, ban.provisional, ban.until),
        (true, true, None)
    );
    assert_eq!(notified.expect("told").user_id, a.id);
    assert!(t.safety().is_banned(a.id).await.unwrap());
    for session in [a1.id, a2] {
        let alive = accounts
            .session_alive(session, t.now())
            .await
            .unwrap()
            .expect("the ban is what it is told");
        assert!(alive.is_banned);
    }
    assert_eq!(
        accounts.sessions_of(a.id, None, 9, t.now()).await.unwrap(),
        []
    );
    assert_eq!(
        count(&t, &format!("key_packages WHERE user_id = {}", a.id)).await,
        0
    );
    assert_eq!(count(&t, "push_targets").await, 0);
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'banned' AND user_id = {} AND actor_id IS NULL",
                a.id
            )
        )
        .await,
        1
    );
    let orders = JobFilter {
        queue: Some("ban"),
        ..JobFilter::default()
    };
    assert_eq!(t.jobs().list_jobs(orders, 9).await.unwrap().len(), 1);

    a_banned_user_gets_nothing_and_others_do(&t, &a, &a1, &b, &b1, ban).await;
}

async fn of_many_who_ban_at_once_one_does(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let tries = (0..12).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move { store.safety().ban(a.id, &by_reports(), now).await.unwrap() }
    });
    let outcomes = all_at_once(tries).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Banning::Banned { .. }))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert_eq!(
        (
            count(&t, "bans").await,
            count(&t, "notifications").await,
            count(&t, "system_logs").await
        ),
        (1, 1, 1)
    );
}

async fn a_late_ban_reaches_whoever_has_the_phone_now(t: TestStore) {
    let (old, _) = t.register("kedi").await;
    t.erase(&old).await;
    let Registration::Inserted(new, session) = register_again(&t, &old, "yeni").await else {
        panic!("refused")
    };
    let Banning::Banned { notified, .. } = t
        .store
        .safety()
        .ban(old.id, &by_reports(), t.now())
        .await
        .unwrap()
    else {
        panic!("not banned")
    };
    assert_eq!(notified.expect("told").user_id, new.id);
    assert!(
        t.accounts()
            .session_alive(session.id, t.now())
            .await
            .unwrap()
            .expect("known")
            .is_banned
    );
    assert!(t.safety().is_banned(new.id).await.unwrap());
    let orders = t
        .jobs()
        .list_jobs(
            JobFilter {
                queue: Some("ban"),
                ..JobFilter::default()
            },
            9,
        )
        .await
        .unwrap();
    assert_eq!(orders.len(), 1);
    let shut_out = async |user| t.safety().banned_accounts(user).await.unwrap();
    assert_eq!(shut_out(old.id).await, [old.id, new.id], "both accounts");
    assert_eq!(shut_out(new.id).await, [new.id]);
    assert!(matches!(
        t.safety()
            .unban(new.id, MODERATOR, "a mistake", t.now())
            .await
            .unwrap(),
        Judged::Done(Some(_))
    ));
    assert!(
        !t.safety().is_banned(new.id).await.unwrap()
            && !t.safety().is_banned(old.id).await.unwrap()
    );
    assert_eq!(shut_out(old.id).await, []);

    // Erased once more: nobody has the phone, and nobody gets in with it.
    t.erase(&new).await;
    let Banning::Banned { notified, .. } = t
        .store
        .safety()
        .ban(new.id, &by_reports(), t.now())
        .await
        .unwrap()
    else {
        panic!("not banned")
    };
    assert_eq!(notified, None);
    assert!(matches!(
        register_again(&t, &old, "dahayeni").await,
        Registration::PhoneBanned(_)
    ));
}

async fn nobody_slips_in_while_the_phone_is_banned(t: TestStore) {
    for round in 0..15 {
        let (old, _) = t.register(&format!("kedi{round}")).await;
        t.erase(&old).await;
        let (store, now) = (t.store.clone(), t.now());
        let ban = async move {
            store
                .safety()
                .ban(old.id, &by_reports(), now)
                .await
                .unwrap()
        };
        let (registration, ban) = tokio::join!(register_again(&t, &old, "yeni"), ban);
        assert!(matches!(ban, Banning::Banned { .. }));
        match registration {
            Registration::PhoneBanned(_) => {}
            Registration::Inserted(new, session) => {
                assert!(
                    t.safety().is_banned(new.id).await.unwrap(),
                    "it came first, so the ban found it"
                );
                assert!(
                    t.accounts()
                        .session_alive(session.id, t.now())
                        .await
                        .unwrap()
                        .expect("known")
                        .is_banned
                );
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn banned_users_in_matches_are_found(t: TestStore) {
    let (first, second) = (
        couple(&t).await,
        (searcher(&t, "pars").await, searcher(&t, "vasak").await),
    );
    matched(&t, &first.0, &first.1, 1).await;
    matched(&t, &second.0, &second.1, 3).await;
    let mut both = [first.0.0.id, second.1.0.id];
    for user in both {
        banned(&t, user, &by_reports()).await;
    }
    let found = async |after, now, limit| {
        t.safety()
            .banned_in_matches(after, now, limit)
            .await
            .unwrap()
    };
    both.sort_unstable();
    assert_eq!(found(UserId(0), t.now(), 9).await, both);
    assert_eq!(found(UserId(0), t.now(), 1).await, [both[0]]);
    assert_eq!(found(both[0], t.now(), 9).await, [both[1]]);
    assert_eq!(
        found(UserId(0), t.now() + DAY, 9).await,
        [],
        "those ran out"
    );
}

// A job that another version of the server stored is still read.
#[test]
fn an_order_keeps_its_form() {
    let order: BanOrder = serde_json::from_str(r#"{"user_id":"7"}"#).unwrap();
    assert_eq!(order.user_id, UserId(7));
}
