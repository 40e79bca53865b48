use std::time::Duration;

use tebdil_core::{
    ads::AdRules,
    store::{AdChange, AdRow, AdSlot, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    AdPatch, AdSettings, Placement,
    id::{AdId, MatchId, UserId},
    time::Timestamp,
};

use crate::{all_at_once, rng};

tebdil_core::store_conformance! {
    an_ad_is_made_changed_and_deleted,
    who_changed_an_ad_is_recorded,
    an_ad_is_shown_within_its_cap_on_two_nodes,
    a_match_brings_a_user_one_ad,
    premium_sees_none_at_once,
    what_was_turned_off_is_not_shown,
    an_ad_is_shown_so_often_in_all,
}

pub const MINUTE: Duration = Duration::from_mins(1);
pub const ADMIN: UserId = UserId(7);

fn rules(min_interval: Duration) -> AdRules {
    AdRules {
        min_interval,
        premium: false,
        zone: TestStore::quota_rules().zone,
    }
}

fn slot(user: UserId, match_id: Option<i64>) -> AdSlot {
    AdSlot {
        user_id: user,
        placement: Placement::match_end(),
        match_id: match_id.map(MatchId),
    }
}

/// The settings as they are stored.
pub fn often() -> AdSettings {
    AdSettings {
        daily_cap: 100,
        ..AdSettings::new("Çay", "Sıcak")
    }
}

pub async fn serve(t: &Store, user: UserId, ads: &[AdRow], now: Timestamp) -> Option<AdId> {
    t.economy()
        .serve_ad(
            &slot(user, None),
            ads,
            &rules(Duration::ZERO),
            &mut rng(1),
            now,
        )
        .await
        .unwrap()
        .map(|ad| ad.id)
}

async fn an_end_before_the_start_changes_nothing(t: &TestStore, made: &AdRow, changed: &AdRow) {
    let early = AdPatch {
        title: Some("x".to_owned()),
        ends_at: Some(Some(made.created_at)),
        ..AdPatch::default()
    };
    let AdChange::Refused(refused) = t
        .economy()
        .change_ad(ADMIN, made.id, &early, t.now())
        .await
        .unwrap()
    else {
        panic!("changed")
    };
    assert_eq!(refused.field, "ends_at", "it would end before it starts");
    assert_eq!(
        t.economy().ad(made.id).await.unwrap().as_ref(),
        Some(changed),
        "nothing of it was changed"
    );
}

async fn an_ad_is_made_changed_and_deleted(t: TestStore) {
    let economy = t.economy();
    let settings = AdSettings {
        click_url: Some("https://x.example/a".to_owned()),
        target_group: "free,locale:tr".parse().unwrap(),
        weight: 5,
        starts_at: Some(t.now()),
        ends_at: Some(t.now() + MINUTE),
        ..AdSettings::new("Çay", "Sıcak\nçay")
    };
    let made = economy.create_ad(ADMIN, &settings, t.now()).await.unwrap();
    assert_eq!(
        (&made.settings, made.served, made.views, made.clicks),
        (&settings, 0, 0, 0)
    );
    assert_eq!(economy.ad(made.id).await.unwrap().as_ref(), Some(&made));
    let second = economy.create_ad(ADMIN, &often(), t.now()).await.unwrap();
    assert_eq!(
        economy.ads(None, 10).await.unwrap(),
        [second.clone(), made.clone()],
        "newest first"
    );
    assert_eq!(
        economy.ads(Some(second.id), 10).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(
        economy.ads(None, 1).await.unwrap(),
        std::slice::from_ref(&second)
    );
    assert_eq!(
        economy.running_ads(t.now()).await.unwrap(),
        [made.clone(), second.clone()]
    );
    assert_eq!(
        economy.running_ads(t.now() + MINUTE).await.unwrap(),
        [second],
        "the other is over"
    );

    t.clock.advance(MINUTE);
    let patch = AdPatch {
        click_url: Some(None),
        weight: Some(6),
        ends_at: Some(None),
        ..AdPatch::default()
    };
    let AdChange::Changed(changed) = economy
        .change_ad(ADMIN, made.id, &patch, t.now())
        .await
        .unwrap()
    else {
        panic!("refused")
    };
    assert_eq!(
        changed.settings,
        AdSettings {
            click_url: None,
            weight: 6,
            ends_at: None,
            ..settings
        }
    );
    assert_eq!(
        (changed.created_at, changed.updated_at),
        (made.created_at, t.now())
    );
    assert_eq!(economy.ad(made.id).await.unwrap().as_ref(), Some(&changed));
    an_end_before_the_start_changes_nothing(&t, &made, &changed).await;
    assert_eq!(
        economy
            .change_ad(ADMIN, AdId(1), &patch, t.now())
            .await
            .unwrap(),
        AdChange::NotFound
    );

    assert!(economy.delete_ad(ADMIN, made.id, t.now()).await.unwrap());
    assert!(!economy.delete_ad(ADMIN, made.id, t.now()).await.unwrap());
    assert_eq!(economy.ad(made.id).await.unwrap(), None);
}

async fn who_changed_an_ad_is_recorded(t: TestStore) {
    let rows = async |action: &str| {
        t.numbers(&format!("SELECT COUNT(*) FROM system_logs WHERE actor_id = {ADMIN} AND action = '{action}' AND details LIKE '%Çay%'"))
            .await[0]
    };
    let ad = t
        .economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    t.economy()
        .change_ad(ADMIN, ad.id, &AdPatch::default(), t.now())
        .await
        .unwrap();
    assert_eq!(
        (rows("ad_created").await, rows("ad_changed").await),
        (1, 0),
        "nothing was changed"
    );
    t.economy()
        .change_ad(
            ADMIN,
            ad.id,
            &AdPatch {
                active: Some(false),
                ..AdPatch::default()
            },
            t.now(),
        )
        .await
        .unwrap();
    t.economy()
        .change_ad(
            ADMIN,
            ad.id,
            &AdPatch {
                weight: Some(0),
                ..AdPatch::default()
            },
            t.now(),
        )
        .await
        .unwrap();
    t.economy().delete_ad(ADMIN, ad.id, t.now()).await.unwrap();
    assert_eq!((rows("ad_changed").await, rows("ad_deleted").await), (1, 1));
}

async fn an_ad_is_shown_within_its_cap_on_two_nodes(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    t.economy()
        .create_ad(
            ADMIN,
            &AdSettings {
                daily_cap: 3,
                ..often()
            },
            t.now(),
        )
        .await
        .unwrap();
    let nodes = [
        t.database.open(&t.clock).await,
        t.database.open(&t.clock).await,
    ];
    let ads = t.economy().running_ads(t.now()).await.unwrap();
    let at_once = async |min_interval| {
        let tries = (0..30).map(|n| {
            let (node, ads, rules, now) = (
                nodes[n % 2].clone(),
                ads.clone(),
                rules(min_interval),
                t.now(),
            );
            async move {
                node.economy()
                    .serve_ad(&slot(user.id, None), &ads, &rules, &mut rng(1), now)
                    .await
                    .unwrap()
                    .is_some()
            }
        });
        all_at_once(tries)
            .await
            .into_iter()
            .filter(|shown| *shown)
            .count()
    };
    assert_eq!(
        at_once(MINUTE).await,
        1,
        "one keeps its distance from the others"
    );
    assert_eq!(at_once(Duration::ZERO).await, 2, "the cap");
    t.clock.advance(Duration::from_hours(12));
    assert_eq!(at_once(Duration::ZERO).await, 3, "another day");
    assert_eq!(t.numbers("SELECT COUNT(*) FROM ad_impressions").await, [6]);
    for node in nodes {
        node.close().await;
    }
}

async fn a_match_brings_a_user_one_ad(t: TestStore) {
    let users = [
        t.register("kedi").await.0.id,
        t.register("kopek").await.0.id,
    ];
    t.economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    let ads = t.economy().running_ads(t.now()).await.unwrap();
    for (match_id, expected) in [(1, 2), (1, 0), (2, 2)] {
        let tries = users.into_iter().cycle().take(20).map(|user| {
            let (store, ads, now) = (t.store.clone(), ads.clone(), t.now());
            async move {
                let slot = slot(user, Some(match_id));
                store
                    .economy()
                    .serve_ad(&slot, &ads, &rules(Duration::ZERO), &mut rng(1), now)
                    .await
                    .unwrap()
                    .is_some()
            }
        });
        assert_eq!(
            all_at_once(tries)
                .await
                .into_iter()
                .filter(|shown| *shown)
                .count(),
            expected
        );
    }
    let nobody = t
        .economy()
        .serve_ad(
            &slot(UserId(1), None),
            &ads,
            &rules(Duration::ZERO),
            &mut rng(1),
            t.now(),
        )
        .await
        .unwrap();
    assert_eq!(nobody, None);
}

async fn premium_sees_none_at_once(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    t.economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    let ads = t.economy().running_ads(t.now()).await.unwrap();
    assert!(serve(&t, user.id, &ads, t.now()).await.is_some());
    t.execute(&format!(
        "UPDATE users SET is_premium = TRUE WHERE id = {}",
        user.id
    ))
    .await;
    assert_eq!(serve(&t, user.id, &ads, t.now()).await, None);
    t.execute(&format!(
        "UPDATE users SET is_premium = FALSE WHERE id = {}",
        user.id
    ))
    .await;
    t.set_banned(user.id, true).await;
    assert_eq!(
        serve(&t, user.id, &ads, t.now()).await,
        None,
        "nor who is banned"
    );
}

async fn what_was_turned_off_is_not_shown(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let ad = t
        .economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    let known = t.economy().running_ads(t.now()).await.unwrap();
    t.economy()
        .change_ad(
            ADMIN,
            ad.id,
            &AdPatch {
                active: Some(false),
                ..AdPatch::default()
            },
            t.now(),
        )
        .await
        .unwrap();
    assert_eq!(
        serve(&t, user.id, &known, t.now()).await,
        None,
        "the node does not know it yet"
    );
    assert_eq!(t.economy().running_ads(t.now()).await.unwrap(), []);
    t.economy().delete_ad(ADMIN, ad.id, t.now()).await.unwrap();
    assert_eq!(serve(&t, user.id, &known, t.now()).await, None);
    assert_eq!(t.numbers("SELECT COUNT(*) FROM ad_events").await, [0]);
}

async fn an_ad_is_shown_so_often_in_all(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let settings = AdSettings {
        total_cap: Some(2),
        ..often()
    };
    let economy = t.economy();
    let ad = economy.create_ad(ADMIN, &settings, t.now()).await.unwrap();
    let known = economy.running_ads(t.now()).await.unwrap();
    assert_eq!(known, std::slice::from_ref(&ad));
    // Before the roll-up nobody knows.
    for _ in 0..3 {
        assert_eq!(serve(&t, user.id, &known, t.now()).await, Some(ad.id));
    }
    economy.roll_up_ads(9).await.unwrap();
    let spent = "the node does not know it yet";
    assert_eq!(serve(&t, user.id, &known, t.now()).await, None, "{spent}");
    assert_eq!(economy.running_ads(t.now()).await.unwrap(), []);
    let row = economy.ad(ad.id).await.unwrap().unwrap();
    assert!(!row.is_running(t.now()), "nor is it sent to anybody");
    let patch = AdPatch {
        total_cap: Some(None),
        ..AdPatch::default()
    };
    let changed = economy.change_ad(ADMIN, ad.id, &patch, t.now());
    let AdChange::Changed(row) = changed.await.unwrap() else {
        panic!("not changed")
    };
    assert_eq!(row.settings, often());
    let known = economy.running_ads(t.now()).await.unwrap();
    assert_eq!(serve(&t, user.id, &known, t.now()).await, Some(ad.id));
}
