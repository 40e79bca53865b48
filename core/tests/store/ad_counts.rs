//! What was shown, seen and clicked is counted.

use std::time::Duration;

use tebdil_core::{store::OldRows, testing::TestStore};
use tebdil_protocol::{AdDay, AdEventKind, id::AdId};

use crate::{
    ads::{ADMIN, MINUTE, often, serve},
    all_at_once, delete_old,
};

tebdil_core::store_conformance! {
    a_hundred_repeats_count_once,
    counts_are_rolled_up_once_by_whoever_is_faster,
    impressions_go_when_they_are_old,
    an_ad_has_counts_for_each_day,
}

async fn a_hundred_repeats_count_once(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let ad = t
        .economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    let ads = t.economy().running_ads(t.now()).await.unwrap();
    let click = async || {
        t.economy()
            .ad_event(user.id, ad.id, AdEventKind::Click, t.now())
            .await
            .unwrap()
    };
    assert_eq!(click().await, Some(false), "it was never shown");
    assert_eq!(
        t.economy()
            .ad_event(user.id, AdId(1), AdEventKind::View, t.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(serve(&t, user.id, &ads, t.now()).await, Some(ad.id));
    assert_eq!(serve(&t, user.id, &ads, t.now()).await, Some(ad.id));
    let node = t.database.open(&t.clock).await;
    for kind in [AdEventKind::View, AdEventKind::Click] {
        let tries = (0..100).map(|n| {
            let (store, now) = (
                if n % 2 == 0 {
                    t.store.clone()
                } else {
                    node.clone()
                },
                t.now(),
            );
            async move {
                store
                    .economy()
                    .ad_event(user.id, ad.id, kind, now)
                    .await
                    .unwrap()
            }
        });
        let counted = all_at_once(tries)
            .await
            .into_iter()
            .filter(|counted| *counted == Some(true))
            .count();
        assert_eq!(counted, 2, "as often as it was shown: {kind}");
    }
    t.economy().roll_up_ads(1000).await.unwrap();
    let row = t.economy().ad(ad.id).await.unwrap().unwrap();
    assert_eq!((row.served, row.views, row.clicks), (2, 2, 2));

    assert_eq!(serve(&t, user.id, &ads, t.now()).await, Some(ad.id));
    let (stranger, _) = t.register("kus").await;
    assert_eq!(
        t.economy()
            .ad_event(stranger.id, ad.id, AdEventKind::Click, t.now())
            .await
            .unwrap(),
        Some(false),
        "somebody else's"
    );
    t.clock.advance(Duration::from_hours(24));
    assert_eq!(click().await, Some(false), "too late");
    node.close().await;
}

async fn counts_are_rolled_up_once_by_whoever_is_faster(t: TestStore) {
    let mut ads = Vec::new();
    for _ in 0..3 {
        ads.push(
            t.economy()
                .create_ad(ADMIN, &often(), t.now())
                .await
                .unwrap(),
        );
    }
    let (user, _) = t.register("kedi").await;
    for round in 0..30 {
        let one = &ads[round % 3..=round % 3];
        let id = serve(&t, user.id, one, t.now()).await.unwrap();
        if round < 12 {
            assert_eq!(
                t.economy()
                    .ad_event(user.id, id, AdEventKind::View, t.now())
                    .await
                    .unwrap(),
                Some(true)
            );
        }
    }
    t.economy()
        .delete_ad(ADMIN, ads[2].id, t.now())
        .await
        .unwrap();
    let nodes = [
        t.database.open(&t.clock).await,
        t.database.open(&t.clock).await,
    ];
    let now_and_then = (0..12).map(|n| {
        let node = nodes[n % 2].clone();
        async move { node.economy().roll_up_ads(5).await.unwrap() }
    });
    let rolled: u64 = all_at_once(now_and_then).await.into_iter().sum();
    let left = t.economy().roll_up_ads(1000).await.unwrap();
    assert_eq!(rolled + left, 42);
    assert_eq!(t.economy().roll_up_ads(1000).await.unwrap(), 0);
    for ad in &ads[..2] {
        let row = t.economy().ad(ad.id).await.unwrap().unwrap();
        assert_eq!(
            (row.served, row.views, row.clicks, row.updated_at),
            (10, 4, 0, ad.updated_at)
        );
    }
    for node in nodes {
        node.close().await;
    }
}

async fn impressions_go_when_they_are_old(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    t.economy()
        .create_ad(ADMIN, &often(), t.now())
        .await
        .unwrap();
    let ads = t.economy().running_ads(t.now()).await.unwrap();
    for _ in 0..3 {
        serve(&t, user.id, &ads, t.now()).await.unwrap();
    }
    let cutoff = t.now();
    t.clock.advance(MINUTE);
    serve(&t, user.id, &ads, t.now()).await.unwrap();
    for left in [2, 1, 0] {
        let gone = delete_old(&t, &OldRows::AD_IMPRESSIONS, cutoff, 2).await;
        assert_eq!(gone, left);
    }
    assert_eq!(t.numbers("SELECT COUNT(*) FROM ad_impressions").await, [1]);
}

async fn an_ad_has_counts_for_each_day(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let economy = t.economy();
    for _ in 0..2 {
        let made = economy.create_ad(ADMIN, &often(), t.now()).await;
        made.unwrap();
    }
    let ads = economy.running_ads(t.now()).await.unwrap();
    let ad = ads[0].id;
    let zone = TestStore::quota_rules().zone;
    let view = async || {
        let viewed = economy.ad_event(user.id, ad, AdEventKind::View, t.now());
        assert_eq!(viewed.await.unwrap(), Some(true));
    };
    let (first, before) = (t.now(), t.now().local_day(&zone));
    for _ in 0..2 {
        serve(&t, user.id, &ads[..1], t.now()).await.unwrap();
    }
    view().await;
    economy.roll_up_ads(9).await.unwrap();
    t.clock.advance(Duration::from_hours(20));
    let after = t.now().local_day(&zone);
    assert_ne!(before, after);
    serve(&t, user.id, &ads[..1], t.now()).await.unwrap();
    serve(&t, user.id, &ads[1..], t.now()).await.unwrap();
    view().await;
    while economy.roll_up_ads(2).await.unwrap() > 0 {}

    let days = async |from: &str| economy.ad_days(ad, from).await.unwrap();
    let day = |day: &str, served, views| AdDay {
        day: day.to_owned(),
        served,
        views,
        clicks: 0,
    };
    let (old, new) = (day(&before, 2, 2), day(&after, 1, 0));
    assert_eq!(
        days("2000-01-01").await,
        Some(vec![new.clone(), old]),
        "a view counts for the day of what was seen"
    );
    assert_eq!(days(&after).await, Some(vec![new.clone()]));
    assert_eq!(economy.ad_days(AdId(1), &after).await.unwrap(), None);

    let cutoff = first + Duration::from_hours(24);
    assert_eq!(delete_old(&t, &OldRows::AD_DAYS, cutoff, 9).await, 1);
    assert_eq!(days("2000-01-01").await, Some(vec![new]));
    economy.delete_ad(ADMIN, ad, t.now()).await.unwrap();
    assert_eq!(days("2000-01-01").await, None);
    assert_eq!(t.numbers("SELECT COUNT(*) FROM ad_days").await, [1]);
}
