//! In which order reports are looked at, and by whom.

use std::time::Duration;

use tebdil_core::{
    report::TAKEN_FOR,
    store::{ProfileChange, ProfileUpdate, Queue, Resolving, Taking},
    testing::TestStore,
};
use tebdil_protocol::{
    ReasonCount,
    domain::{ReportDecision, ReportReason, ReportStatus},
    id::{ReportId, UserId},
    notice::Notice,
};

use super::{Account, count, crowd, meet, report_as, reported, resolve, rules, word};
use crate::{
    all_at_once,
    matches::{couple, matched, searcher},
    rng,
};

tebdil_core::store_conformance! {
    the_severest_and_the_oldest_come_first,
    a_taken_report_is_nobody_elses_for_its_time,
    many_who_take_one_at_once_are_one,
    nobody_keeps_many_from_the_others,
    a_report_gives_its_subject_another_alias,
    a_moderator_renames_nobody_of_the_staff,
}

const OTHER: UserId = UserId(8);

async fn queue(t: &TestStore, reader: UserId, reason: Option<ReportReason>) -> Queue {
    t.safety()
        .report_queue(reader, reason, 50, &rules(), t.now())
        .await
        .unwrap()
}

fn reasons(queue: &Queue) -> Vec<ReportReason> {
    let reason = |entry: &tebdil_core::store::ReportEntry| entry.report.reason;
    queue.entries.iter().map(reason).collect()
}

async fn take(t: &TestStore, report: ReportId, who: UserId) -> Taking {
    t.safety().take_report(report, who, t.now()).await.unwrap()
}

/// A report of `target` for each reason, each by another.
async fn reports_for(t: &TestStore, target: &Account, reasons: &[ReportReason]) -> Vec<Account> {
    let others = crowd(t, reasons.len()).await;
    let matches = meet(t, target, &others).await;
    for ((id, by), reason) in matches.into_iter().zip(&others).zip(reasons) {
        report_as(&t.store, id, by.0.id, *reason, &rules(), t.now()).await;
        t.clock.advance(Duration::from_mins(1));
    }
    others
}

async fn the_severest_and_the_oldest_come_first(t: TestStore) {
    use ReportReason::{Harassment, Other, Spam, Threat, Underage};
    let target = searcher(&t, "kedi").await;
    let began = t.now();
    let others = reports_for(&t, &target, &[Spam, Harassment, Underage, Other, Threat]).await;
    let all = queue(&t, UserId(7), None).await;
    assert_eq!(
        reasons(&all),
        [Underage, Threat, Harassment, Spam, Other],
        "the oldest of those that are equally severe"
    );
    let one = |reason| ReasonCount { reason, count: 1 };
    let counts = [Threat, Underage, Harassment, Other, Spam].map(one);
    assert_eq!((&all.open[..], all.oldest), (&counts[..], Some(began)));
    let spam = queue(&t, UserId(7), Some(Spam)).await;
    assert_eq!((reasons(&spam), spam.open.len()), (vec![Spam], 5));

    let own = queue(&t, others[0].0.id, None).await;
    assert_eq!(reasons(&own), [Underage, Threat, Harassment, Other]);
    assert_eq!((own.open.len(), own.oldest > Some(began)), (4, true));
    assert_eq!(queue(&t, target.0.id, None).await.oldest, None);

    resolve(&t, all.entries[0].report.id, ReportDecision::Dismiss).await;
    assert_eq!(
        reasons(&queue(&t, UserId(7), None).await),
        [Threat, Harassment, Spam, Other]
    );
}

async fn a_taken_report_is_nobody_elses_for_its_time(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let mut moderators = Vec::new();
    for name in ["biri", "öteki"] {
        moderators.push(searcher(&t, name).await.0.id);
    }
    let [one, other] = moderators[..] else {
        panic!("two")
    };
    assert_eq!(take(&t, ReportId(1), one).await, Taking::NotFound);
    for party in [a.0.id, b.0.id] {
        assert_eq!(take(&t, made.id, party).await, Taking::Forbidden);
    }
    let until = t.now() + TAKEN_FOR;
    assert_eq!(take(&t, made.id, one).await, Taking::Taken(until));
    assert_eq!(take(&t, made.id, other).await, Taking::ByAnother);
    // The moderator of `word` is a third one.
    assert_eq!(
        resolve(&t, made.id, ReportDecision::Warn).await,
        Resolving::Taken
    );
    let shown = queue(&t, other, None).await.entries[0].taken.clone();
    assert_eq!(shown.map(|holder| holder.user_id), Some(one));

    t.clock
        .advance(TAKEN_FOR.checked_sub(Duration::from_secs(1)).unwrap());
    let again = Taking::Taken(t.now() + TAKEN_FOR);
    assert_eq!(take(&t, made.id, one).await, again, "it begins anew");
    t.clock.advance(TAKEN_FOR);
    assert_eq!(queue(&t, other, None).await.entries[0].taken, None);
    assert!(matches!(take(&t, made.id, other).await, Taking::Taken(_)));
    // One that is another's is not given back.
    t.safety()
        .release_report(made.id, one, t.now())
        .await
        .unwrap();
    assert_eq!(take(&t, made.id, one).await, Taking::ByAnother);
    t.safety()
        .release_report(made.id, other, t.now())
        .await
        .unwrap();
    assert!(matches!(
        resolve(&t, made.id, ReportDecision::Warn).await,
        Resolving::Done { .. }
    ));
    assert_eq!(take(&t, made.id, one).await, Taking::Decided);
    let acts = |act: &str| format!("system_logs WHERE action = '{act}'");
    assert_eq!(
        count(&t, &acts("report_taken")).await,
        2,
        "not each renewal"
    );
    assert_eq!(count(&t, &acts("report_released")).await, 1);
}

async fn many_who_take_one_at_once_are_one(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let other = t.database.open(&t.clock).await;
    let outcomes = all_at_once((0..12).map(|number| {
        let store = if number % 2 == 0 {
            t.store.clone()
        } else {
            other.clone()
        };
        let (who, now) = (UserId(100 + number), t.now());
        async move { store.safety().take_report(made.id, who, now).await.unwrap() }
    }))
    .await;
    let got = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Taking::Taken(_)))
        .count();
    assert_eq!(got, 1, "{outcomes:?}");
}

async fn nobody_keeps_many_from_the_others(t: TestStore) {
    let target = searcher(&t, "kedi").await;
    reports_for(&t, &target, &[ReportReason::Spam; 22]).await;
    let (one, other) = (
        searcher(&t, "bir").await.0.id,
        searcher(&t, "iki").await.0.id,
    );
    let all = queue(&t, one, None).await.entries;
    for entry in &all {
        assert!(matches!(
            take(&t, entry.report.id, one).await,
            Taking::Taken(_)
        ));
        t.clock.advance(Duration::from_secs(1));
    }
    for (number, entry) in all.iter().enumerate() {
        let free = take(&t, entry.report.id, other).await != Taking::ByAnother;
        assert_eq!(free, number < 2, "{number}");
    }
}

async fn a_report_gives_its_subject_another_alias(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let mut decision = word(ReportDecision::Rename, None);
    decision.alias = Some(TestStore::alias("yolcu"));
    let done = t
        .safety()
        .resolve_report(made.id, &decision, t.now())
        .await
        .unwrap();
    let Resolving::Done { notified, banned } = done else {
        panic!("{done:?}")
    };
    assert_eq!(banned, None);
    let told: Vec<_> = notified
        .iter()
        .map(|one| (one.user_id, &one.notice))
        .collect();
    assert_eq!(
        told,
        [
            (b.0.id, &Notice::Renamed {}),
            (a.0.id, &Notice::ReportResolved { acted: true })
        ]
    );
    let user = t.accounts().user(b.0.id).await.unwrap().expect("a user");
    assert_eq!(user.alias, "yolcu");
    let back = ProfileUpdate {
        alias: Some(TestStore::alias(&b.0.alias)),
        ..ProfileUpdate::default()
    };
    let change = t
        .accounts()
        .update_profile(b.0.id, &back, &mut rng(1))
        .await;
    assert!(matches!(change.unwrap(), ProfileChange::AliasRefused));
    let entry = t
        .safety()
        .report_entry(made.id, &rules(), t.now())
        .await
        .unwrap()
        .expect("a report");
    assert_eq!(entry.report.status, ReportStatus::Renamed);
}

async fn a_moderator_renames_nobody_of_the_staff(t: TestStore) {
    let (user, staff) = (searcher(&t, "kus").await, searcher(&t, "arı").await);
    let made = reported(
        &t,
        meet(&t, &staff, std::slice::from_ref(&user)).await[0],
        user.0.id,
    )
    .await;
    t.execute("UPDATE users SET role = 'moderator' WHERE alias = 'arı'")
        .await;
    let mut decision = word(ReportDecision::Rename, None);
    decision.alias = Some(TestStore::alias("yolcu"));
    let refused = t.safety().resolve_report(made.id, &decision, t.now()).await;
    assert_eq!(refused.unwrap(), Resolving::Forbidden);
    assert!(matches!(take(&t, made.id, OTHER).await, Taking::Taken(_)));
}
