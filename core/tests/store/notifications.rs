//! What users are told: stored once with its push order, listed, read, and deleted when its time
//! has come.

use std::time::Duration;

use tebdil_core::{
    store::{MarkedRead, OldRows},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::Locale,
    id::{MatchId, NotificationId, UserId},
    notice::Notice,
};

use crate::{all_at_once, delete_old};

tebdil_core::store_conformance! {
    a_user_is_told_of_a_thing_once,
    a_list_goes_on_where_it_stopped,
    reading_is_the_readers,
    devices_that_read_at_once_do_not_hinder_each_other,
    old_notifications_go_in_batches,
}

async fn tell(t: &TestStore, user: UserId, number: i64) -> Option<NotificationId> {
    let notice = Notice::MatchFound {
        match_id: MatchId(number),
    };
    t.notices()
        .notify(user, &notice, &number.to_string(), t.now())
        .await
        .unwrap()
        .map(|notified| notified.id)
}

async fn a_user_is_told_of_a_thing_once(t: TestStore) {
    let (user, other) = (
        t.register("kedi").await.0.id,
        t.register("kopek").await.0.id,
    );
    let notice = Notice::MatchFound {
        match_id: MatchId(7),
    };
    let told = t
        .notices()
        .notify(user, &notice, "7", t.now())
        .await
        .unwrap()
        .expect("told");
    assert_eq!(
        (
            told.user_id,
            told.locale,
            &told.notice,
            told.read,
            told.created_at
        ),
        (user, Locale::Tr, &notice, false, t.now())
    );
    assert_eq!(
        t.notices()
            .notify(user, &notice, "7", t.now())
            .await
            .unwrap(),
        None
    );
    assert!(
        t.notices()
            .notify(other, &notice, "7", t.now())
            .await
            .unwrap()
            .is_some(),
        "another user"
    );
    assert!(
        t.notices()
            .notify(user, &Notice::PasswordReset {}, "7", t.now())
            .await
            .unwrap()
            .is_some(),
        "another thing"
    );
    assert_eq!(
        t.notices()
            .notify(UserId(1), &notice, "7", t.now())
            .await
            .unwrap(),
        None,
        "no such user"
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
            .await,
        [3]
    );
}

async fn a_list_goes_on_where_it_stopped(t: TestStore) {
    let (user, other) = (
        t.register("kedi").await.0.id,
        t.register("kopek").await.0.id,
    );
    let mut ids = Vec::new();
    for number in 1..=5 {
        ids.push(tell(&t, user, number).await.expect("told"));
        tell(&t, other, number).await.expect("told");
    }
    ids.reverse();
    let list = async |before, limit| -> Vec<NotificationId> {
        t.notices()
            .notifications_of(user, before, limit)
            .await
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect()
    };
    assert_eq!(list(None, 2).await, ids[..2]);
    assert_eq!(list(Some(ids[1]), 10).await, ids[2..]);
    t.execute(&format!("UPDATE users SET locale = 'en' WHERE id = {user}"))
        .await;
    let first = t
        .notices()
        .notifications_of(user, None, 1)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (first.locale, first.notice),
        (
            Locale::En,
            Notice::MatchFound {
                match_id: MatchId(5)
            }
        ),
        "the language of now"
    );
}

async fn reading_is_the_readers(t: TestStore) {
    let (user, other) = (
        t.register("kedi").await.0.id,
        t.register("kopek").await.0.id,
    );
    let mut ids = Vec::new();
    for number in 1..=4 {
        ids.push(tell(&t, user, number).await.expect("told"));
    }
    let others = tell(&t, other, 1).await.expect("told");
    assert_eq!(t.notices().unread_notifications(user).await.unwrap(), 4);
    let asked = [ids[0], others, NotificationId(1), ids[0]];
    assert_eq!(
        t.notices()
            .read_notifications(user, Some(&asked))
            .await
            .unwrap(),
        MarkedRead {
            changed: 1,
            unread: 3
        }
    );
    assert_eq!(
        t.notices()
            .read_notifications(user, Some(&asked))
            .await
            .unwrap(),
        MarkedRead {
            changed: 0,
            unread: 3
        },
        "again"
    );
    assert_eq!(
        t.notices().unread_notifications(other).await.unwrap(),
        1,
        "somebody else's"
    );
    let read: Vec<bool> = t
        .notices()
        .notifications_of(user, None, 10)
        .await
        .unwrap()
        .iter()
        .map(|row| row.read)
        .collect();
    assert_eq!(read, [false, false, false, true]);
    assert_eq!(
        t.notices().read_notifications(user, None).await.unwrap(),
        MarkedRead {
            changed: 3,
            unread: 0
        }
    );
    assert_eq!(t.notices().unread_notifications(other).await.unwrap(), 1);
}

async fn devices_that_read_at_once_do_not_hinder_each_other(t: TestStore) {
    let user = t.register("kedi").await.0.id;
    let mut ids = Vec::new();
    for number in 1..=60 {
        ids.push(tell(&t, user, number).await.expect("told"));
    }
    let changed = all_at_once((0..12).map(|number| {
        let (store, mut ids) = (t.store.clone(), ids.clone());
        if number % 2 == 0 {
            ids.reverse();
        }
        let ids = (number % 3 > 0).then_some(ids);
        async move {
            store
                .notices()
                .read_notifications(user, ids.as_deref())
                .await
                .unwrap()
                .changed
        }
    }))
    .await;
    assert_eq!(changed.iter().sum::<u64>(), 60);
}

async fn old_notifications_go_in_batches(t: TestStore) {
    let user = t.register("kedi").await.0.id;
    for number in 1..=3 {
        tell(&t, user, number).await.expect("told");
    }
    let old = t.now();
    t.clock.advance(Duration::from_hours(24));
    let kept = tell(&t, user, 4).await.expect("told");
    let before = old - Duration::from_secs(1);
    assert_eq!(delete_old(&t, &OldRows::NOTIFICATIONS, before, 10).await, 0);
    for left in [2, 1] {
        let gone = delete_old(&t, &OldRows::NOTIFICATIONS, old, 2).await;
        assert_eq!(gone, left);
    }
    let left: Vec<NotificationId> = t
        .notices()
        .notifications_of(user, None, 10)
        .await
        .unwrap()
        .iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(left, [kept]);
}
