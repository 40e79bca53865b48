//! What moderators are told of the queue.

use std::time::Duration;

use tebdil_core::testing::TestStore;
use tebdil_protocol::{domain::ReportReason, id::UserId, notice::Notice};

use super::{Account, meet, report_as, rules};
use crate::matches::searcher;

tebdil_core::store_conformance! {
    moderators_hear_once_of_severe_reports,
    a_report_that_is_worked_on_alerts_nobody,
    moderators_hear_once_a_day_of_an_old_queue,
}

async fn told(t: &TestStore) -> Vec<(UserId, Notice)> {
    let told = t.safety().alert_staff(&rules(), t.now()).await.unwrap();
    told.into_iter()
        .map(|one| (one.user_id, one.notice))
        .collect()
}

async fn moderator(t: &TestStore, alias: &str) -> Account {
    let made = searcher(t, alias).await;
    t.execute(&format!(
        "UPDATE users SET role = 'moderator' WHERE id = {}",
        made.0.id
    ))
    .await;
    made
}

async fn reported_for(t: &TestStore, target: &Account, by: &Account, reason: ReportReason) {
    let met = meet(t, target, std::slice::from_ref(by)).await[0];
    report_as(&t.store, met, by.0.id, reason, &rules(), t.now()).await;
}

async fn moderators_hear_once_of_severe_reports(t: TestStore) {
    let (a, b) = (moderator(&t, "bir").await, moderator(&t, "iki").await);
    let (user, other) = (searcher(&t, "kedi").await, searcher(&t, "kus").await);
    reported_for(&t, &user, &other, ReportReason::Spam).await;
    assert_eq!(told(&t).await, []);
    reported_for(&t, &other, &user, ReportReason::Threat).await;
    let threat = Notice::ReportWaits {
        reason: ReportReason::Threat,
    };
    assert_eq!(told(&t).await, [(a.0.id, threat.clone()), (b.0.id, threat)]);
    // The next is told after the pause, though it came within it; and only to those it is not about.
    t.clock.advance(Duration::from_mins(1));
    reported_for(&t, &a, &user, ReportReason::Underage).await;
    assert_eq!(told(&t).await, []);
    t.clock.advance(Duration::from_mins(10));
    let underage = Notice::ReportWaits {
        reason: ReportReason::Underage,
    };
    assert_eq!(told(&t).await, [(b.0.id, underage)]);
    t.clock.advance(Duration::from_mins(11));
    assert_eq!(told(&t).await, [], "of each once");
}

async fn a_report_that_is_worked_on_alerts_nobody(t: TestStore) {
    let a = moderator(&t, "bir").await;
    let (user, other) = (searcher(&t, "kedi").await, searcher(&t, "kus").await);
    reported_for(&t, &user, &other, ReportReason::Threat).await;
    let rules = rules();
    let queue = t.safety().report_queue(a.0.id, None, 1, &rules, t.now());
    let id = queue.await.unwrap().entries[0].report.id;
    t.safety().take_report(id, a.0.id, t.now()).await.unwrap();
    assert_eq!(told(&t).await, []);
    t.clock.advance(Duration::from_mins(6));
    assert_eq!(told(&t).await.len(), 1, "nobody does any more");
}

async fn moderators_hear_once_a_day_of_an_old_queue(t: TestStore) {
    let a = moderator(&t, "bir").await;
    let (user, other) = (searcher(&t, "kedi").await, searcher(&t, "kus").await);
    reported_for(&t, &user, &other, ReportReason::Spam).await;
    t.clock.advance(Duration::from_hours(24));
    assert_eq!(told(&t).await, []);
    t.clock.advance(Duration::from_hours(1));
    assert_eq!(told(&t).await, [(a.0.id, Notice::QueueOld { hours: 25 })]);
    assert_eq!(told(&t).await, []);
    t.clock.advance(Duration::from_hours(23));
    assert_eq!(told(&t).await, []);
    t.clock.advance(Duration::from_hours(1));
    assert_eq!(told(&t).await, [(a.0.id, Notice::QueueOld { hours: 49 })]);
}
