//! Announcements reach everybody they are for, once.

use std::{collections::BTreeSet, time::Duration};

use tebdil_core::{
    domain::{AnnouncementTarget, Locale},
    id::UserId,
    notice::Notice,
    protocol::Announcement,
    store::NewAnnouncement,
    testing::TestStore,
};

use crate::all_at_once;

tebdil_core::store_conformance! {
    everybody_is_told_once_in_batches,
    whom_it_is_not_for_is_not_told,
    two_nodes_tell_each_user_once,
    announcements_come_one_after_the_other,
}

async fn announce(t: &TestStore, target: AnnouncementTarget, actor: UserId) -> Announcement {
    let new = NewAnnouncement { tr: "Merhaba.".to_owned(), en: "Hello.".to_owned(), target, actor };
    t.announce(&new, t.now()).await.unwrap()
}

/// Everybody who is told from now on, in order.
async fn told(t: &TestStore, limit: i64) -> Vec<UserId> {
    let mut users = Vec::new();
    while let Some(batch) = t.announce_next(limit, t.now()).await.unwrap() {
        users.extend(batch.iter().map(|notified| notified.user_id));
    }
    users
}

async fn users(t: &TestStore, count: usize) -> Vec<UserId> {
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(t.register("kedi").await.0.id);
    }
    users
}

async fn everybody_is_told_once_in_batches(t: TestStore) {
    let everybody = users(&t, 5).await;
    t.execute(&format!(
        "INSERT INTO push_tokens (token, user_id, session_id, platform, created_at, last_used) \
         SELECT 'token', user_id, id, 'android', created_at, created_at FROM sessions WHERE user_id = {}",
        everybody[1]
    ))
    .await;
    let made = announce(&t, AnnouncementTarget::All, everybody[0]).await;
    assert_eq!((made.told, made.finished_at, made.target), (0, None, AnnouncementTarget::All));
    assert_eq!(t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'announce'").await, [1]);
    let log = format!("SELECT actor_id FROM system_logs WHERE action = 'announcement_made' AND details LIKE '%{}%'", made.id);
    assert_eq!(t.numbers(&log).await, [everybody[0].0]);

    t.clock.advance(Duration::from_secs(1));
    let first = t.announce_next(2, t.now()).await.unwrap().expect("users");
    let notice = Notice::Announcement { tr: "Merhaba.".to_owned(), en: "Hello.".to_owned() };
    assert_eq!(first.iter().map(|one| one.user_id).collect::<Vec<_>>(), everybody[..2]);
    assert!(first.iter().all(|one| one.notice == notice && one.locale == Locale::Tr && one.created_at == t.now() && !one.read));
    let listed = t.announcements(None, 10).await.unwrap();
    assert_eq!(listed, [Announcement { told: 2, ..made.clone() }], "how far it has come");

    let late = users(&t, 1).await;
    assert_eq!(told(&t, 2).await, everybody[2..]);
    let listed = t.announcements(None, 10).await.unwrap();
    assert_eq!(listed, [Announcement { told: 5, finished_at: Some(t.now()), ..made.clone() }]);
    assert_eq!(told(&t, 2).await, [], "it is over");
    let stored = t.notifications_of(everybody[3], None, 10).await.unwrap();
    assert_eq!((stored.len(), &stored[0].notice), (1, &notice), "the text stands in the announcement");
    assert_eq!(t.notifications_of(late[0], None, 10).await.unwrap(), [], "joined later");
    let pushes = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'";
    assert_eq!(t.numbers(pushes).await, [1], "for the one with a device");
}

async fn whom_it_is_not_for_is_not_told(t: TestStore) {
    let everybody = users(&t, 4).await;
    t.set_banned(everybody[0], true).await;
    t.execute(&format!("UPDATE users SET is_premium = TRUE WHERE id = {}", everybody[1])).await;
    t.execute(&format!("UPDATE users SET locale = 'en' WHERE id = {}", everybody[2])).await;
    for (target, expected) in [
        (AnnouncementTarget::All, vec![1, 2, 3]),
        (AnnouncementTarget::Free, vec![2, 3]),
        (AnnouncementTarget::Premium, vec![1]),
        (AnnouncementTarget::Turkish, vec![1, 3]),
        (AnnouncementTarget::English, vec![2]),
    ] {
        announce(&t, target, everybody[0]).await;
        let expected: Vec<UserId> = expected.into_iter().map(|index: usize| everybody[index]).collect();
        assert_eq!(told(&t, 1).await, expected, "{target}");
    }
}

async fn two_nodes_tell_each_user_once(t: TestStore) {
    let everybody = users(&t, 30).await;
    announce(&t, AnnouncementTarget::All, everybody[0]).await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let told = all_at_once((0..6).map(|number: usize| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        async move {
            let mut users = Vec::new();
            while let Some(batch) = store.announce_next(3, now).await.unwrap() {
                users.extend(batch.into_iter().map(|notified| notified.user_id));
            }
            users
        }
    }))
    .await;
    let told: Vec<UserId> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 30);
    assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), everybody.into_iter().collect());
}

async fn announcements_come_one_after_the_other(t: TestStore) {
    let everybody = users(&t, 3).await;
    let first = announce(&t, AnnouncementTarget::All, everybody[0]).await;
    let second = announce(&t, AnnouncementTarget::All, everybody[0]).await;
    assert_eq!(told(&t, 2).await.len(), 6);
    let ids: Vec<_> = t.announcements(None, 10).await.unwrap().iter().map(|one| one.id).collect();
    assert_eq!(ids, [second.id, first.id], "newest first");
    assert_eq!(t.announcements(Some(second.id), 10).await.unwrap()[0].id, first.id);
    assert_eq!(t.notifications_of(everybody[2], None, 10).await.unwrap().len(), 2);
}
