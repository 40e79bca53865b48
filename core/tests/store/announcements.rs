//! Announcements reach everybody they are for, once.

use std::{collections::BTreeSet, time::Duration};

use tebdil_core::{
    store::{AdNotifying, AdRow, NewAnnouncement},
    testing::TestStore,
};
use tebdil_protocol::{
    AdPatch, AdSettings, Announcement, TargetGroup,
    domain::{Locale, NotificationType},
    id::{AdId, UserId},
    notice::Notice,
};

use crate::all_at_once;

tebdil_core::store_conformance! {
    everybody_is_told_once_in_batches,
    whom_it_is_not_for_is_not_told,
    two_nodes_tell_each_user_once,
    announcements_come_one_after_the_other,
    an_ad_reaches_those_who_take_ads,
    an_ad_that_is_turned_off_is_told_to_nobody_else,
    an_ad_that_may_not_be_shown_is_not_told,
}

async fn announce(t: &TestStore, target: &str, actor: UserId) -> Announcement {
    let new = NewAnnouncement {
        tr: "Merhaba.".to_owned(),
        en: "Hello.".to_owned(),
        target: target.parse().unwrap(),
        actor,
    };
    t.notices().announce(&new, t.now()).await.unwrap()
}

/// Everybody who is told from now on, in order.
async fn told(t: &TestStore, limit: i64) -> Vec<UserId> {
    let mut users = Vec::new();
    while let Some(batch) = t.notices().announce_next(limit, t.now()).await.unwrap() {
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
    let notices = t.notices();
    let everybody = users(&t, 5).await;
    t.execute(&format!(
        "INSERT INTO push_targets (address, user_id, session_id, platform, created_at, last_used) \
         SELECT 'token', user_id, id, 'android', created_at, created_at FROM sessions WHERE user_id = {}",
        everybody[1]
    ))
    .await;
    let made = announce(&t, "all", everybody[0]).await;
    assert_eq!(
        (made.told, made.finished_at, made.target),
        (0, None, TargetGroup::ALL)
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'announce'")
            .await,
        [1]
    );
    let log = format!(
        "SELECT actor_id FROM system_logs WHERE action = 'announcement_made' AND details LIKE '%{}%'",
        made.id
    );
    assert_eq!(t.numbers(&log).await, [everybody[0].0]);

    t.clock.advance(Duration::from_secs(1));
    let first = notices
        .announce_next(2, t.now())
        .await
        .unwrap()
        .expect("users");
    let notice = Notice::Announcement {
        tr: "Merhaba.".to_owned(),
        en: "Hello.".to_owned(),
    };
    assert_eq!(
        first.iter().map(|one| one.user_id).collect::<Vec<_>>(),
        everybody[..2]
    );
    assert!(first.iter().all(|one| one.notice == notice
        && one.locale == Locale::Tr
        && one.created_at == t.now()
        && !one.read));
    let listed = notices.announcements(None, 10).await.unwrap();
    assert_eq!(
        listed,
        [Announcement {
            told: 2,
            ..made.clone()
        }],
        "how far it has come"
    );

    let late = users(&t, 1).await;
    assert_eq!(told(&t, 2).await, everybody[2..]);
    let listed = notices.announcements(None, 10).await.unwrap();
    assert_eq!(
        listed,
        [Announcement {
            told: 5,
            finished_at: Some(t.now()),
            ..made.clone()
        }]
    );
    assert_eq!(told(&t, 2).await, [], "it is over");
    let stored = notices
        .notifications_of(everybody[3], None, 10)
        .await
        .unwrap();
    assert_eq!(
        (stored.len(), &stored[0].notice),
        (1, &notice),
        "the text stands in the announcement"
    );
    assert_eq!(
        notices.notifications_of(late[0], None, 10).await.unwrap(),
        [],
        "joined later"
    );
    let pushes = "SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'";
    assert_eq!(t.numbers(pushes).await, [1], "for the one with a device");
}

async fn whom_it_is_not_for_is_not_told(t: TestStore) {
    let everybody = users(&t, 4).await;
    t.set_banned(everybody[0], true).await;
    t.execute(&format!(
        "UPDATE users SET is_premium = TRUE WHERE id = {}",
        everybody[1]
    ))
    .await;
    t.execute(&format!(
        "UPDATE users SET locale = 'en' WHERE id = {}",
        everybody[2]
    ))
    .await;
    for (target, expected) in [
        ("all", vec![1, 2, 3]),
        ("free", vec![2, 3]),
        ("premium", vec![1]),
        ("locale:tr", vec![1, 3]),
        ("locale:en", vec![2]),
    ] {
        announce(&t, target, everybody[0]).await;
        let expected: Vec<UserId> = expected
            .into_iter()
            .map(|index: usize| everybody[index])
            .collect();
        assert_eq!(told(&t, 1).await, expected, "{target}");
    }
}

async fn two_nodes_tell_each_user_once(t: TestStore) {
    let everybody = users(&t, 30).await;
    announce(&t, "all", everybody[0]).await;
    let nodes = [t.store.clone(), t.database.open(&t.clock).await];
    let told = all_at_once((0..6).map(|number: usize| {
        let (store, now) = (nodes[number % 2].clone(), t.now());
        async move {
            let mut users = Vec::new();
            while let Some(batch) = store.notices().announce_next(3, now).await.unwrap() {
                users.extend(batch.into_iter().map(|notified| notified.user_id));
            }
            users
        }
    }))
    .await;
    let told: Vec<UserId> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), 30);
    assert_eq!(
        told.into_iter().collect::<BTreeSet<_>>(),
        everybody.into_iter().collect()
    );
}

async fn announcements_come_one_after_the_other(t: TestStore) {
    let everybody = users(&t, 3).await;
    let first = announce(&t, "all", everybody[0]).await;
    let second = announce(&t, "all", everybody[0]).await;
    assert_eq!(told(&t, 2).await.len(), 6);
    let ids: Vec<_> = t
        .notices()
        .announcements(None, 10)
        .await
        .unwrap()
        .iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(ids, [second.id, first.id], "newest first");
    assert_eq!(
        t.notices()
            .announcements(Some(second.id), 10)
            .await
            .unwrap()[0]
            .id,
        first.id
    );
    assert_eq!(
        t.notices()
            .notifications_of(everybody[2], None, 10)
            .await
            .unwrap()
            .len(),
        2
    );
}

/// An ad for this group.
async fn ad(t: &TestStore, target: &str) -> AdRow {
    let settings = AdSettings {
        target_group: target.parse().unwrap(),
        click_url: Some("https://x.example/cay".to_owned()),
        ..AdSettings::new("Çay", "Sıcak çay.")
    };
    t.economy()
        .create_ad(UserId(7), &settings, t.now())
        .await
        .unwrap()
}

/// Has users told of an ad, where premium users may be.
async fn notify(t: &TestStore, ad: &AdRow) -> AdNotifying {
    t.notices()
        .notify_of_ad(UserId(7), ad.id, true, t.now())
        .await
        .unwrap()
}

async fn an_ad_reaches_those_who_take_ads(t: TestStore) {
    let everybody = users(&t, 5).await;
    t.set_banned(everybody[0], true).await;
    t.execute(&format!(
        "UPDATE users SET is_premium = TRUE WHERE id = {}",
        everybody[1]
    ))
    .await;
    t.execute(&format!(
        "UPDATE users SET locale = 'en' WHERE id = {}",
        everybody[2]
    ))
    .await;
    t.notices()
        .set_pushes(
            everybody[3],
            &[
                (NotificationType::Ad, false),
                (NotificationType::System, true),
            ],
        )
        .await
        .unwrap();
    t.notices()
        .set_pushes(everybody[4], &[(NotificationType::System, false)])
        .await
        .unwrap();
    // Who has turned ads off gets none, not even in the list. `all` spares premium users, as it
    // does after a match.
    for (target, expected) in [
        ("all", vec![2, 4]),
        ("free", vec![2, 4]),
        ("premium", vec![1]),
        ("locale:en", vec![2]),
        ("free,locale:tr", vec![4]),
    ] {
        let ad = ad(&t, target).await;
        let AdNotifying::Made(made) = notify(&t, &ad).await else {
            panic!("{target} is refused")
        };
        assert_eq!(
            (made.ad.as_ref(), made.target, made.tr.as_str()),
            (Some(&ad.shown()), target.parse().unwrap(), "")
        );
        let expected: Vec<UserId> = expected
            .into_iter()
            .map(|index: usize| everybody[index])
            .collect();
        assert_eq!(told(&t, 1).await, expected, "{target}");
        assert_eq!(
            t.notices().announcements(None, 1).await.unwrap()[0].told,
            i64::try_from(expected.len()).unwrap()
        );
    }
    let listed = t
        .notices()
        .notifications_of(everybody[1], None, 10)
        .await
        .unwrap();
    let [one] = listed.as_slice() else {
        panic!("{listed:?}")
    };
    let Notice::Ad {
        title,
        content,
        click_url,
        ..
    } = &one.notice
    else {
        panic!("{one:?}")
    };
    assert_eq!(
        (title.as_str(), content.as_str(), click_url.as_deref()),
        ("Çay", "Sıcak çay.", Some("https://x.example/cay"))
    );
    let kinds = "SELECT CAST(COUNT(*) AS BIGINT) FROM notifications WHERE type <> 'ad' OR code <> 'ad' OR notice LIKE '%Sıcak%'";
    assert_eq!(t.numbers(kinds).await, [0], "the text stands once");
    assert_eq!(t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM system_logs WHERE action = 'ad_announced' AND actor_id = 7").await, [5]);
}

async fn an_ad_that_is_turned_off_is_told_to_nobody_else(t: TestStore) {
    let everybody = users(&t, 4).await;
    for deleted in [false, true] {
        let ad = ad(&t, "all").await;
        assert!(matches!(notify(&t, &ad).await, AdNotifying::Made(_)));
        let first = t
            .notices()
            .announce_next(2, t.now())
            .await
            .unwrap()
            .expect("users");
        assert_eq!(first.len(), 2);
        if deleted {
            assert!(
                t.economy()
                    .delete_ad(UserId(7), ad.id, t.now())
                    .await
                    .unwrap()
            );
        } else {
            let off = AdPatch {
                active: Some(false),
                ..AdPatch::default()
            };
            t.economy()
                .change_ad(UserId(7), ad.id, &off, t.now())
                .await
                .unwrap();
        }
        assert_eq!(told(&t, 2).await, []);
        let last = t.notices().announcements(None, 1).await.unwrap().remove(0);
        assert_eq!((last.told, last.finished_at), (2, Some(t.now())));
    }
    assert_eq!(
        t.notices()
            .notifications_of(everybody[0], None, 10)
            .await
            .unwrap()
            .len(),
        2,
        "what was told stays, with its text"
    );
    assert_eq!(
        t.notices()
            .notifications_of(everybody[3], None, 10)
            .await
            .unwrap(),
        []
    );
}

async fn an_ad_that_may_not_be_shown_is_not_told(t: TestStore) {
    users(&t, 1).await;
    let gone = t
        .notices()
        .notify_of_ad(UserId(7), AdId(1), true, t.now())
        .await
        .unwrap();
    assert_eq!(gone, AdNotifying::NotFound);
    let premium = ad(&t, "premium").await;
    assert_eq!(
        t.notices()
            .notify_of_ad(UserId(7), premium.id, false, t.now())
            .await
            .unwrap(),
        AdNotifying::NotRunning
    );
    let (hour, now) = (Duration::from_hours(1), t.now());
    for (starts_at, ends_at, active) in [
        (Some(now + hour), None, true),
        (None, Some(now), true),
        (None, None, false),
    ] {
        let settings = AdSettings {
            starts_at,
            ends_at,
            active,
            ..AdSettings::new("Çay", "Sıcak")
        };
        let made = t
            .economy()
            .create_ad(UserId(7), &settings, now)
            .await
            .unwrap();
        assert_eq!(notify(&t, &made).await, AdNotifying::NotRunning);
    }
    assert_eq!(t.notices().announce_next(10, now).await.unwrap(), None);
}
