use std::time::Duration;

use tebdil_core::{
    domain::{Mode, PushPlatform, UserRole},
    id::{BanId, UserId},
    notice::PushOrder,
    protocol::Secret,
    store::{
        Actor, BanFilter, BanOrder, BanRow, Banning, JobFilter, Judged, NewBan, PairOutcome,
        PushAudience, Registration, SessionRow, StaffBan, UserRow,
    },
    testing::{ENDLESS_TERM, TestStore},
    time::Timestamp,
};

use crate::{
    all_at_once,
    matches::{couple, matched, searcher},
    pair, rng, side,
};

tebdil_core::store_conformance! {
    a_ban_takes_everything_that_acts,
    of_many_who_ban_at_once_one_does,
    a_late_ban_reaches_whoever_has_the_phone_now,
    nobody_slips_in_while_the_phone_is_banned,
    staff_ban_and_judge_by_rank,
    a_provisional_ban_is_settled_once,
    a_lift_frees_only_where_no_ban_is_left,
    a_lifted_ban_wakes_nobody_and_waits_in_the_list,
    a_ban_ends_by_itself_and_only_then,
    banned_users_in_matches_are_found,
    bans_are_listed_by_what_they_are,
    old_bans_go_and_others_stay,
}

const DAY: Duration = Duration::from_hours(24);
pub const MODERATOR: Actor = Actor {
    id: UserId(1),
    role: UserRole::Moderator,
};
pub const OTHER: Actor = Actor {
    id: UserId(2),
    role: UserRole::Moderator,
};
const ADMIN: Actor = Actor {
    id: UserId(3),
    role: UserRole::Admin,
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
    match t.store.ban(user, ban, t.now()).await.unwrap() {
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
    t.insert_user(&new, t.new_session("again"), &mut rng(5), t.now())
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
        t.create_session(
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
        t.store.ban(a.id, &by_reports(), t.now()).await.unwrap(),
        Banning::Already(ban)
    );
    assert_eq!(
        t.store
            .ban(UserId(9), &by_reports(), t.now())
            .await
            .unwrap(),
        Banning::NotFound
    );
    assert!(!t.is_banned(b.id).await.unwrap() && !t.is_banned(UserId(9)).await.unwrap());
    assert!(
        !t.session_alive(b1.id, t.now())
            .await
            .unwrap()
            .expect("lives")
            .is_banned
    );
}

async fn a_ban_takes_everything_that_acts(t: TestStore) {
    let ((a, a1), (b, b1)) = couple(&t).await;
    let a2 = t
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
    t.put_push_token(
        a.id,
        a1.id,
        &Secret::from("device"),
        PushPlatform::Android,
        t.now(),
    )
    .await
    .unwrap();
    let Banning::Banned { ban, notified } =
        t.store.ban(a.id, &by_reports(), t.now()).await.unwrap()
    else {
        panic!("not banned")
    };
    assert_eq!(
        (ban.automatic, ban.provisional, ban.until),
        (true, true, None)
    );
    assert_eq!(notified.expect("told").user_id, a.id);
    assert!(t.is_banned(a.id).await.unwrap());
    for session in [a1.id, a2] {
        let alive = t
            .session_alive(session, t.now())
            .await
            .unwrap()
            .expect("the ban is what it is told");
        assert!(alive.is_banned);
    }
    assert_eq!(t.sessions_of(a.id, None, 9, t.now()).await.unwrap(), []);
    assert_eq!(
        count(&t, &format!("key_packages WHERE user_id = {}", a.id)).await,
        0
    );
    assert_eq!(count(&t, "push_tokens").await, 0);
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
    let orders = t
        .jobs(
            JobFilter {
                queue: Some("ban"),
                ..JobFilter::default()
            },
            9,
        )
        .await
        .unwrap();
    assert_eq!(orders.len(), 1);

    a_banned_user_gets_nothing_and_others_do(&t, &a, &a1, &b, &b1, ban).await;
}

async fn of_many_who_ban_at_once_one_does(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let tries = (0..12).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move { store.ban(a.id, &by_reports(), now).await.unwrap() }
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
    let Banning::Banned { notified, .. } =
        t.store.ban(old.id, &by_reports(), t.now()).await.unwrap()
    else {
        panic!("not banned")
    };
    assert_eq!(notified.expect("told").user_id, new.id);
    assert!(
        t.session_alive(session.id, t.now())
            .await
            .unwrap()
            .expect("known")
            .is_banned
    );
    assert!(t.is_banned(new.id).await.unwrap());
    let orders = t
        .jobs(
            JobFilter {
                queue: Some("ban"),
                ..JobFilter::default()
            },
            9,
        )
        .await
        .unwrap();
    assert_eq!(orders.len(), 2, "both accounts");
    assert!(matches!(
        t.unban(new.id, MODERATOR, "a mistake", t.now())
            .await
            .unwrap(),
        Judged::Done(Some(_))
    ));
    assert!(!t.is_banned(new.id).await.unwrap() && !t.is_banned(old.id).await.unwrap());

    // Erased once more: nobody has the phone, and nobody gets in with it.
    t.erase(&new).await;
    let Banning::Banned { notified, .. } =
        t.store.ban(new.id, &by_reports(), t.now()).await.unwrap()
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
        let ban = async move { store.ban(old.id, &by_reports(), now).await.unwrap() };
        let (registration, ban) = tokio::join!(register_again(&t, &old, "yeni"), ban);
        assert!(matches!(ban, Banning::Banned { .. }));
        match registration {
            Registration::PhoneBanned(_) => {}
            Registration::Inserted(new, session) => {
                assert!(
                    t.is_banned(new.id).await.unwrap(),
                    "it came first, so the ban found it"
                );
                assert!(
                    t.session_alive(session.id, t.now())
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

async fn staff_ban_and_judge_by_rank(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let mut staff = Vec::new();
    for role in ["moderator", "admin"] {
        let (member, _) = t.register(role).await;
        t.execute(&format!(
            "UPDATE users SET role = '{role}' WHERE id = {}",
            member.id
        ))
        .await;
        staff.push(member.id);
    }
    let ban = async |actor: Actor, user| {
        t.ban_by_staff(user, actor, "spam", None, t.now())
            .await
            .unwrap()
    };
    for (actor, user) in [
        (MODERATOR, staff[0]),
        (MODERATOR, staff[1]),
        (ADMIN, staff[1]),
    ] {
        assert_eq!(ban(actor, user).await, StaffBan::Forbidden, "{actor:?}");
        assert!(!t.is_banned(user).await.unwrap());
    }
    assert_eq!(
        ban(
            Actor {
                id: staff[0],
                role: UserRole::Admin
            },
            staff[0]
        )
        .await,
        StaffBan::Forbidden,
        "oneself"
    );
    assert_eq!(ban(ADMIN, UserId(9)).await, StaffBan::NotFound);
    for (actor, user) in [(MODERATOR, user.id), (ADMIN, staff[0])] {
        assert!(matches!(ban(actor, user).await, StaffBan::Banned { .. }));
        assert_eq!(ban(ADMIN, user).await, StaffBan::Already);
    }
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'banned' AND actor_id = {}",
                MODERATOR.id
            )
        )
        .await,
        1
    );

    // Reports may ban an admin: then another admin decides.
    banned(&t, staff[1], &by_reports()).await;
    let unban = async |actor, user| t.unban(user, actor, "no reason", t.now()).await.unwrap();
    assert_eq!(unban(MODERATOR, staff[0]).await, Judged::Forbidden);
    assert_eq!(unban(MODERATOR, staff[1]).await, Judged::Forbidden);
    assert_eq!(
        unban(
            Actor {
                id: staff[1],
                role: UserRole::Admin
            },
            staff[1]
        )
        .await,
        Judged::Forbidden,
        "oneself"
    );
    assert!(matches!(
        unban(ADMIN, staff[1]).await,
        Judged::Done(Some(_))
    ));
    assert_eq!(unban(ADMIN, staff[1]).await, Judged::NotBanned);
    assert_eq!(unban(ADMIN, UserId(9)).await, Judged::NotFound);
}

/// A moderator who bans over a provisional one decides it.
async fn who_bans_over_a_provisional_ban_decides_it(t: &TestStore, until: Timestamp) {
    let (b, _) = t.register("pars").await;
    let ban = banned(t, b.id, &by_reports()).await;
    let StaffBan::Confirmed(confirmed) = t
        .ban_by_staff(b.id, OTHER, "spam", Some(until), t.now())
        .await
        .unwrap()
    else {
        panic!("not confirmed")
    };
    assert_eq!(
        (
            confirmed.id,
            confirmed.reason.as_str(),
            confirmed.until,
            confirmed.provisional
        ),
        (ban.id, "spam", Some(until), false)
    );
    assert!(matches!(
        t.unban(b.id, OTHER, "no", t.now()).await.unwrap(),
        Judged::Done(_)
    ));
    assert_eq!(
        t.confirm_ban(ban.id, OTHER, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::NotBanned
    );
}

async fn a_provisional_ban_is_settled_once(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let ban = banned(&t, a.id, &by_reports()).await;
    let until = t.now() + DAY;
    let tries = (0..8).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .confirm_ban(ban.id, MODERATOR, Some(until), "seen", now)
                .await
                .unwrap()
        }
    });
    let outcomes = all_at_once(tries).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Judged::Done(_)))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Judged::Done(_) | Judged::Already))
    );
    let shown = t
        .ban_record(ban.id, t.now())
        .await
        .unwrap()
        .expect("the ban");
    assert_eq!(
        (shown.provisional, shown.until, shown.confirmed_by),
        (false, Some(until), Some(MODERATOR.id))
    );
    assert_eq!(shown.reason, "reports", "as it was");
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'ban_confirmed' AND actor_id = {}",
                MODERATOR.id
            )
        )
        .await,
        1
    );
    assert_eq!(
        t.confirm_ban(ban.id, OTHER, None, "seen", t.now() + DAY)
            .await
            .unwrap(),
        Judged::NotBanned,
        "it ran out"
    );
    assert_eq!(
        t.confirm_ban(BanId(9), OTHER, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::NotFound
    );

    who_bans_over_a_provisional_ban_decides_it(&t, until).await;
}

async fn a_lift_frees_only_where_no_ban_is_left(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let first = banned(&t, a.id, &by_reports()).await;
    // As from a time when bans did not look for each other.
    t.ban(&a.phone_index, "another", Some(t.now() + DAY)).await;
    let other: i64 = t
        .numbers(&format!("SELECT id FROM bans WHERE id <> {}", first.id))
        .await[0];
    let Judged::Done(notified) = t
        .unban(a.id, MODERATOR, "a mistake", t.now())
        .await
        .unwrap()
    else {
        panic!("not lifted")
    };
    assert_eq!(notified.expect("told").user_id, a.id);
    assert!(!t.is_banned(a.id).await.unwrap());
    assert_eq!(t.active_ban(&a.phone_index, t.now()).await.unwrap(), None);
    for ban in [first.id, BanId(other)] {
        let shown = t.ban_record(ban, t.now()).await.unwrap().expect("the ban");
        assert_eq!(
            (shown.active, shown.lifted_by, shown.lift_note.as_deref()),
            (false, Some(MODERATOR.id), Some("a mistake"))
        );
    }
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'ban_lifted' AND actor_id = {}",
                MODERATOR.id
            )
        )
        .await,
        2
    );
    assert_eq!(
        count(&t, "notifications WHERE code = 'ban_lifted'").await,
        1
    );
    assert!(
        t.create_session(
            a.id,
            &Secret::from("hash"),
            t.new_session("back"),
            20,
            t.now()
        )
        .await
        .unwrap()
        .is_some()
    );
}

/// Nobody who was sent away leaves an address behind, not even to be called back.
async fn a_lifted_ban_wakes_nobody_and_waits_in_the_list(t: TestStore) {
    let (user, session) = t.register("kedi").await;
    t.put_push_token(
        user.id,
        session.id,
        &Secret::from("token"),
        PushPlatform::Android,
        t.now(),
    )
    .await
    .unwrap();
    banned(&t, user.id, &by_reports()).await;
    assert_eq!(count(&t, "push_tokens").await, 0);
    let Judged::Done(Some(told)) = t
        .unban(user.id, MODERATOR, "a mistake", t.now())
        .await
        .unwrap()
    else {
        panic!("not told")
    };
    let order = PushOrder::Notification {
        user_id: user.id,
        id: told.id,
        of: told.notice.kind(),
    };
    assert_eq!(
        t.push_audience(&order, t.now()).await.unwrap(),
        PushAudience::Devices(Vec::new())
    );
    assert_eq!(t.notifications_of(user.id, None, 9).await.unwrap()[0], told);
}

async fn a_ban_ends_by_itself_and_only_then(t: TestStore) {
    let until = |t: &TestStore, after: Duration| NewBan {
        until: Some(t.now() + after),
        provisional: false,
        ..by_reports()
    };
    let ((a, _), (b, _)) = (t.register("kedi").await, t.register("pars").await);
    banned(&t, a.id, &until(&t, DAY)).await;
    banned(&t, b.id, &by_reports()).await;
    let freed = async |now: Timestamp| t.freed_users(now, 9).await.unwrap();
    let end = t.now() + DAY;
    assert_eq!(freed(end - Duration::from_millis(1)).await, []);
    assert!(
        !t.end_ban(a.id, end - Duration::from_millis(1))
            .await
            .unwrap()
    );
    assert_eq!(freed(end).await, [a.id]);

    // Two nodes at once, and banned again just before: the flag follows the bans.
    t.ban(&a.phone_index, "another", Some(end + DAY)).await;
    assert!(!t.end_ban(a.id, end).await.unwrap());
    assert!(t.is_banned(a.id).await.unwrap());
    let ends = (0..6).map(|_| {
        let store = t.store.clone();
        async move { store.end_ban(a.id, end + DAY).await.unwrap() }
    });
    assert_eq!(
        all_at_once(ends)
            .await
            .into_iter()
            .filter(|ended| *ended)
            .count(),
        1
    );
    assert!(!t.is_banned(a.id).await.unwrap());
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'ban_ended' AND user_id = {}",
                a.id
            )
        )
        .await,
        1
    );
    assert_eq!(freed(end + DAY).await, []);
    assert!(!t.end_ban(UserId(9), end).await.unwrap());
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
    let found = async |after, now, limit| t.banned_in_matches(after, now, limit).await.unwrap();
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

async fn four_bans(t: &TestStore) -> Vec<(UserId, BanId)> {
    let mut bans = Vec::new();
    for number in 0..4 {
        let (user, _) = t.register(&format!("kedi{number}")).await;
        let by_staff = NewBan {
            automatic: false,
            provisional: false,
            created_by: Some(MODERATOR.id),
            ..by_reports()
        };
        bans.push((
            user.id,
            banned(
                t,
                user.id,
                &if number % 2 == 0 {
                    by_reports()
                } else {
                    by_staff
                },
            )
            .await
            .id,
        ));
    }
    bans
}

async fn bans_are_listed_by_what_they_are(t: TestStore) {
    let bans = four_bans(&t).await;
    t.unban(bans[2].0, MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    t.unban(bans[3].0, MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    let listed = async |filter| {
        t.bans(filter, t.now(), 9)
            .await
            .unwrap()
            .into_iter()
            .map(|ban| ban.id)
            .collect::<Vec<_>>()
    };
    let all: Vec<BanId> = bans.iter().rev().map(|(_, ban)| *ban).collect();
    let none = BanFilter::default();
    assert_eq!(listed(none).await, all);
    assert_eq!(
        listed(BanFilter {
            before: Some(all[1]),
            ..none
        })
        .await,
        all[2..]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(true),
            ..none
        })
        .await,
        all[2..]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(false),
            ..none
        })
        .await,
        all[..2]
    );
    assert_eq!(
        listed(BanFilter {
            automatic: Some(false),
            ..none
        })
        .await,
        [all[0], all[2]]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(true),
            provisional: Some(true),
            automatic: Some(true),
            ..none
        })
        .await,
        [all[3]]
    );
    let shown = t
        .ban_record(all[2], t.now())
        .await
        .unwrap()
        .expect("the ban");
    assert!(
        shown
            .handle
            .is_some_and(|handle| handle.starts_with("kedi1#"))
    );
    assert_eq!(
        (shown.active, shown.created_by, shown.appeal),
        (true, Some(MODERATOR.id), None)
    );
    assert_eq!(t.ban_record(BanId(9), t.now()).await.unwrap(), None);
}

async fn old_bans_go_and_others_stay(t: TestStore) {
    let mut users = Vec::new();
    for (number, until) in [Some(t.now() + DAY), None, None, Some(t.now() + 400 * DAY)]
        .into_iter()
        .enumerate()
    {
        let (user, _) = t.register(&format!("kedi{number}")).await;
        banned(
            &t,
            user.id,
            &NewBan {
                until,
                ..by_reports()
            },
        )
        .await;
        users.push(user.id);
    }
    t.unban(users[1], MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    assert_eq!(
        t.delete_old_bans(t.now() - Duration::from_millis(1), 9)
            .await
            .unwrap(),
        0
    );
    assert_eq!(t.delete_old_bans(t.now() + DAY, 1).await.unwrap(), 1);
    assert_eq!(t.delete_old_bans(t.now() + DAY, 9).await.unwrap(), 1);
    let left: Vec<Option<UserId>> = t
        .bans(BanFilter::default(), t.now(), 9)
        .await
        .unwrap()
        .into_iter()
        .map(|ban| ban.user_id)
        .collect();
    assert_eq!(left, [Some(users[3]), Some(users[2])]);
}

// A job that another version of the server stored is still read.
#[test]
fn an_order_keeps_its_form() {
    let order: BanOrder = serde_json::from_str(r#"{"user_id":"7"}"#).unwrap();
    assert_eq!(order.user_id, UserId(7));
}
