//! Bans by many reports.

use tebdil_core::{
    report::ReportRules,
    store::{Judged, Reporting, Resolving},
    testing::TestStore,
};
use tebdil_protocol::{
    Report,
    domain::{ReportDecision, ReportReason, UserRole},
    id::UserId,
    notice::Notice,
};

use crate::{
    all_at_once,
    matches::searcher,
    reports::{
        Account, DAY, SOMEBODY, auto_ban, count, crowd, meet, report_as, reported, resolve, rules,
    },
};

tebdil_core::store_conformance! {
    enough_different_reporters_ban_once_whoever_counts,
    who_does_not_count_does_not_ban,
    staff_is_not_banned_by_reports,
    what_a_ban_dealt_with_counts_no_more,
    a_new_account_is_the_same_person,
    nobody_gets_rid_of_a_bad_record_by_coming_back,
    the_sweep_finds_who_is_much_reported,
}

async fn enough_different_reporters_ban_once_whoever_counts(t: TestStore) {
    let (target, others) = (searcher(&t, "kedi").await, crowd(&t, 10).await);
    let matches = meet(&t, &target, &others).await;
    for (id, other) in matches.iter().zip(&others).take(9) {
        reported(&t, *id, other.0.id).await;
        assert_eq!(auto_ban(&t, target.0.id).await, None);
    }
    // The tenth, while everybody counts, on two nodes.
    let last = report_as(
        &t.store,
        matches[9],
        others[9].0.id,
        ReportReason::Hate,
        &rules(),
        t.now(),
    )
    .await;
    assert!(matches!(last, Reporting::Made(_)), "{last:?}");
    let other = t.database.open(&t.clock).await;
    let bans = all_at_once((0..20).map(|number| {
        let (store, now) = (
            if number % 2 == 0 {
                t.store.clone()
            } else {
                other.clone()
            },
            t.now(),
        );
        async move {
            store
                .safety()
                .auto_ban(target.0.id, &rules(), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let [banned] = &bans.iter().flatten().collect::<Vec<_>>()[..] else {
        panic!("{bans:?}")
    };
    assert_eq!(
        (banned.user_id, banned.ban.until, banned.ban.reason.as_str()),
        (target.0.id, None, "spam"),
        "what most of them say"
    );
    assert!(banned.ban.automatic && banned.ban.provisional);
    assert_eq!(
        banned.notified.as_ref().map(|told| &told.notice),
        Some(&Notice::Banned { until: None })
    );
    assert_eq!(
        t.safety()
            .active_ban(&target.0.phone_index, t.now())
            .await
            .unwrap()
            .as_ref(),
        Some(&banned.ban)
    );
    let row = t
        .accounts()
        .user(target.0.id)
        .await
        .unwrap()
        .expect("the user");
    assert!(row.is_banned);
    let totals = [
        count(&t, "bans").await,
        count(&t, "job WHERE queue = 'ban'").await,
        count(&t, "system_logs WHERE action = 'banned'").await,
    ];
    assert_eq!(totals, [1, 1, 1]);
    assert_eq!(auto_ban(&t, target.0.id).await, None, "once");
    assert_eq!(auto_ban(&t, UserId(1)).await, None, "nobody");
}

/// Ten reports about a new user, made ready to ban.
pub async fn ten_reports(t: &TestStore) -> (Account, Vec<Account>, Vec<Report>) {
    let (target, others) = (searcher(t, "hedef").await, crowd(t, 10).await);
    let matches = meet(t, &target, &others).await;
    let mut reports = Vec::new();
    for (id, other) in matches.iter().zip(&others) {
        reports.push(reported(t, *id, other.0.id).await);
    }
    (target, others, reports)
}

async fn a_mark_of_a_moderator_counts_until_it_is_taken_back(
    t: &TestStore,
    target: &Account,
    others: &[Account],
) {
    // Marked by a moderator.
    assert_eq!(
        t.safety()
            .set_unreliable(others[0].0.id, true, SOMEBODY, t.now())
            .await
            .unwrap(),
        Judged::Done(false)
    );
    assert_eq!(
        t.safety()
            .set_unreliable(others[0].0.id, true, SOMEBODY, t.now())
            .await
            .unwrap(),
        Judged::Done(true)
    );
    assert_eq!(
        count(
            t,
            "system_logs WHERE action = 'reliability_changed' AND actor_id = 7"
        )
        .await,
        1
    );
    assert_eq!(
        t.safety()
            .set_unreliable(UserId(1), true, SOMEBODY, t.now())
            .await
            .unwrap(),
        Judged::NotFound
    );
    assert_eq!(auto_ban(t, target.0.id).await, None);
    t.safety()
        .set_unreliable(others[0].0.id, false, SOMEBODY, t.now())
        .await
        .unwrap();
}

async fn who_does_not_count_does_not_ban(t: TestStore) {
    let (target, others, reports) = ten_reports(&t).await;
    a_mark_of_a_moderator_counts_until_it_is_taken_back(&t, &target, &others).await;

    // Often wrong about others.
    let innocent = crowd(&t, 3).await;
    for id in meet(&t, &others[1], &innocent).await {
        let wrong = reported(&t, id, others[1].0.id).await;
        assert!(matches!(
            resolve(&t, wrong.id, ReportDecision::Dismiss).await,
            Resolving::Done { .. }
        ));
    }
    assert_eq!(auto_ban(&t, target.0.id).await, None);
    let lenient = ReportRules {
        max_dismissed_share: 1.0,
        ..rules()
    };
    let strict = ReportRules {
        min_decided: 4,
        ..rules()
    };
    t.ban(&others[2].0.phone_index, "spam", Some(t.now() + DAY))
        .await;
    for rules in [lenient, strict] {
        assert_eq!(
            t.safety()
                .auto_ban(target.0.id, &rules, t.now())
                .await
                .unwrap(),
            None,
            "another one is banned"
        );
    }
    // One report less by its own outcome.
    t.clock.advance(DAY);
    resolve(&t, reports[3].id, ReportDecision::Dismiss).await;
    assert_eq!(
        t.safety()
            .auto_ban(target.0.id, &lenient, t.now())
            .await
            .unwrap(),
        None
    );
    let nine = ReportRules {
        auto_ban_reporters: 9,
        ..lenient
    };
    assert_eq!(
        t.safety()
            .auto_ban(target.0.id, &nine, t.now() + 30 * DAY)
            .await
            .unwrap(),
        None,
        "they are too old"
    );
    assert!(
        t.safety()
            .auto_ban(target.0.id, &nine, t.now())
            .await
            .unwrap()
            .is_some(),
        "the ban of the third is over"
    );
}

async fn staff_is_not_banned_by_reports(t: TestStore) {
    let (target, ..) = ten_reports(&t).await;
    for role in [UserRole::Moderator, UserRole::Admin] {
        t.accounts()
            .set_role_of_phone(&target.0.phone_index, role, t.now())
            .await
            .unwrap();
        assert_eq!(auto_ban(&t, target.0.id).await, None);
    }
    assert_eq!(
        count(&t, "reports WHERE status = 'open'").await,
        10,
        "moderators see them"
    );
    t.accounts()
        .set_role_of_phone(&target.0.phone_index, UserRole::User, t.now())
        .await
        .unwrap();
    assert!(auto_ban(&t, target.0.id).await.is_some());
}

async fn what_a_ban_dealt_with_counts_no_more(t: TestStore) {
    let (target, ..) = ten_reports(&t).await;
    let more = crowd(&t, 10).await;
    let matches = meet(&t, &target, &more).await;
    assert!(auto_ban(&t, target.0.id).await.is_some());
    t.clock.advance(DAY);
    // An appeal.
    t.execute("UPDATE bans SET lifted_at = (SELECT MAX(run_at) FROM job), lifted_by = 7")
        .await;
    t.set_banned(target.0.id, false).await;
    assert_eq!(
        auto_ban(&t, target.0.id).await,
        None,
        "the same reports do not ban twice"
    );
    for (id, other) in matches.iter().zip(&more).take(9) {
        reported(&t, *id, other.0.id).await;
    }
    assert_eq!(auto_ban(&t, target.0.id).await, None, "nine new ones");
    reported(&t, matches[9], more[9].0.id).await;
    assert!(auto_ban(&t, target.0.id).await.is_some());
}

async fn a_new_account_is_the_same_person(t: TestStore) {
    let (old, others) = (searcher(&t, "eski").await, crowd(&t, 10).await);
    for (id, other) in meet(&t, &old, &others[..6]).await.iter().zip(&others) {
        reported(&t, *id, other.0.id).await;
    }
    // Erased, and registered anew with the same phone.
    let new = searcher(&t, "yeni").await;
    let [gone, come] = [old.0.id, new.0.id];
    t.erase(&old.0).await;
    t.execute(&format!("UPDATE users SET phone_index = (SELECT phone_index FROM tombstones WHERE user_id = {gone}) WHERE id = {come}"))
        .await;
    let matches = meet(&t, &new, &others[6..]).await;
    for (id, other) in matches.iter().zip(&others[6..]) {
        reported(&t, *id, other.0.id).await;
    }
    assert_eq!(
        t.safety()
            .much_reported(UserId(0), 10, &rules(), t.now())
            .await
            .unwrap(),
        [new.0.id]
    );
    // An order for either bans the account that is used now.
    let banned = auto_ban(&t, old.0.id).await.expect("ten people");
    assert_eq!(banned.user_id, new.0.id);
    assert!(
        t.accounts()
            .user(new.0.id)
            .await
            .unwrap()
            .expect("the user")
            .is_banned
    );
    assert_eq!(
        t.safety()
            .active_ban(&old.0.phone_index, t.now())
            .await
            .unwrap(),
        Some(banned.ban)
    );
    assert_eq!(auto_ban(&t, new.0.id).await, None);

    // A reporter who comes back is the same as well.
    let (target, others) = (searcher(&t, "hedef").await, crowd(&t, 10).await);
    for (id, other) in meet(&t, &target, &others).await.iter().zip(&others) {
        reported(&t, *id, other.0.id).await;
    }
    let [one, two] = [others[0].0.id, others[1].0.id];
    t.execute(&format!(
        "INSERT INTO tombstones (user_id, phone_index, erased_at) SELECT {one}, phone_index, created_at FROM users WHERE id = {two}"
    ))
    .await;
    assert_eq!(auto_ban(&t, target.0.id).await, None, "nine people");
}

async fn the_sweep_finds_who_is_much_reported(t: TestStore) {
    let (first, ..) = ten_reports(&t).await;
    let (second, _, reports) = ten_reports(&t).await;
    let (few, some) = (searcher(&t, "az").await, crowd(&t, 3).await);
    for (id, other) in meet(&t, &few, &some).await.iter().zip(&some) {
        reported(&t, *id, other.0.id).await;
    }
    let found = async |after: i64, limit| {
        t.safety()
            .much_reported(UserId(after), limit, &rules(), t.now())
            .await
            .unwrap()
    };
    assert_eq!(found(0, 10).await, [first.0.id, second.0.id]);
    assert_eq!(found(0, 1).await, [first.0.id]);
    assert_eq!(found(first.0.id.0, 10).await, [second.0.id]);
    resolve(&t, reports[0].id, ReportDecision::Dismiss).await;
    assert_eq!(found(0, 10).await, [first.0.id]);
    auto_ban(&t, first.0.id).await.expect("a ban");
    assert_eq!(found(0, 10).await, []);
    assert_eq!(
        t.safety()
            .much_reported(UserId(0), 10, &rules(), t.now() + 30 * DAY)
            .await
            .unwrap(),
        []
    );
}

async fn nobody_gets_rid_of_a_bad_record_by_coming_back(t: TestStore) {
    let (target, others, _) = ten_reports(&t).await;
    // One of them had another account before, of the same phone, which was erased.
    let gone = t.register("eski").await.0.id;
    let now = others[0].0.id;
    t.execute(&format!(
        "INSERT INTO tombstones (user_id, phone_index, erased_at) SELECT {gone}, phone_index, created_at FROM users WHERE id = {now}"
    ))
    .await;
    t.safety()
        .set_unreliable(gone, true, SOMEBODY, t.now())
        .await
        .unwrap();
    assert_eq!(auto_ban(&t, target.0.id).await, None);
    t.safety()
        .set_unreliable(gone, false, SOMEBODY, t.now())
        .await
        .unwrap();
    for number in 1..=3 {
        t.execute(&format!(
            "INSERT INTO reports (id, reporter_id, reported_id, match_id, reason, severity, status, created_at) \
             SELECT {number}, {gone}, 5, {number}, 'spam', 2, 'dismissed', created_at FROM users WHERE id = {now}"
        ))
        .await;
    }
    assert_eq!(auto_ban(&t, target.0.id).await, None);
    t.execute("UPDATE reports SET status = 'warned' WHERE reported_id = 5")
        .await;
    assert!(auto_ban(&t, target.0.id).await.is_some(), "a good one");
}
