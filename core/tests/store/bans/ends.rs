//! How a ban ends, and what is left of it.

use std::time::Duration;

use tebdil_core::{
    notice::PushOrder,
    store::{BanFilter, Judged, NewBan, OldRows, PushAudience, PushTarget},
    testing::TestStore,
};
use tebdil_protocol::{
    Secret,
    domain::PushPlatform,
    id::{BanId, UserId},
    time::Timestamp,
};

use super::{DAY, MODERATOR, banned, by_reports, count};
use crate::{all_at_once, delete_old};

tebdil_core::store_conformance! {
    a_lift_frees_only_where_no_ban_is_left,
    a_lifted_ban_wakes_nobody_and_waits_in_the_list,
    a_ban_ends_by_itself_and_only_then,
    old_bans_go_and_others_stay,
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
        .safety()
        .unban(a.id, MODERATOR, "a mistake", t.now())
        .await
        .unwrap()
    else {
        panic!("not lifted")
    };
    assert_eq!(notified.expect("told").user_id, a.id);
    assert!(!t.safety().is_banned(a.id).await.unwrap());
    assert_eq!(
        t.safety()
            .active_ban(&a.phone_index, t.now())
            .await
            .unwrap(),
        None
    );
    for ban in [first.id, BanId(other)] {
        let shown = t
            .safety()
            .ban_record(ban, t.now())
            .await
            .unwrap()
            .expect("the ban");
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
        t.accounts()
            .create_session(
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
    let phone = PushTarget {
        platform: PushPlatform::Android,
        address: "device".into(),
        keys: None,
    };
    t.notices()
        .put_push_target(user.id, session.id, &phone, t.now())
        .await
        .unwrap();
    banned(&t, user.id, &by_reports()).await;
    assert_eq!(count(&t, "push_targets").await, 0);
    let Judged::Done(Some(told)) = t
        .safety()
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
        t.notices().push_audience(&order, t.now()).await.unwrap(),
        PushAudience::Devices(Vec::new())
    );
    assert_eq!(
        t.notices()
            .notifications_of(user.id, None, 9)
            .await
            .unwrap()[0],
        told
    );
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
    let freed = async |now: Timestamp| t.safety().freed_users(now, 9).await.unwrap();
    let end = t.now() + DAY;
    assert_eq!(freed(end - Duration::from_millis(1)).await, []);
    assert!(
        !t.safety()
            .end_ban(a.id, end - Duration::from_millis(1))
            .await
            .unwrap()
    );
    assert_eq!(freed(end).await, [a.id]);

    // Two nodes at once, and banned again just before: the flag follows the bans.
    t.ban(&a.phone_index, "another", Some(end + DAY)).await;
    assert!(!t.safety().end_ban(a.id, end).await.unwrap());
    assert!(t.safety().is_banned(a.id).await.unwrap());
    let ends = (0..6).map(|_| {
        let store = t.store.clone();
        async move { store.safety().end_ban(a.id, end + DAY).await.unwrap() }
    });
    assert_eq!(
        all_at_once(ends)
            .await
            .into_iter()
            .filter(|ended| *ended)
            .count(),
        1
    );
    assert!(!t.safety().is_banned(a.id).await.unwrap());
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
    assert!(!t.safety().end_ban(UserId(9), end).await.unwrap());
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
    t.safety()
        .unban(users[1], MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    let before = t.now() - Duration::from_millis(1);
    assert_eq!(delete_old(&t, &OldRows::BANS, before, 9).await, 0);
    for limit in [1, 9] {
        let gone = delete_old(&t, &OldRows::BANS, t.now() + DAY, limit).await;
        assert_eq!(gone, 1);
    }
    let left: Vec<Option<UserId>> = t
        .safety()
        .bans(BanFilter::default(), t.now(), 9)
        .await
        .unwrap()
        .into_iter()
        .map(|ban| ban.user_id)
        .collect();
    assert_eq!(left, [Some(users[3]), Some(users[2])]);
}
