//! Moderators who are cut off in the middle, as by a node that is killed: each report is decided
//! whole or not at all.

use std::{future::poll_fn, pin::pin, task::Poll};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tebdil_core::{
    crypto::Sealed,
    report::TAKEN_FOR,
    store::{NewAnswer, NewResolution, Store},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::ReportDecision,
    id::{NotificationId, ReportId, UserId},
    time::Timestamp,
};
use tokio::task::JoinSet;

use super::{count, crowd, meet, reported, word};
use crate::matches::searcher;

tebdil_core::store_conformance! {
    decisions_that_are_cut_off_are_whole,
    answers_that_are_cut_off_are_whole,
}

const REPORTS: usize = 24;
const DECISIONS: [ReportDecision; 3] = [
    ReportDecision::Dismiss,
    ReportDecision::Warn,
    ReportDecision::Ban,
];

/// A report of somebody else each.
async fn many_reports(t: &TestStore) -> Vec<ReportId> {
    let others = crowd(t, REPORTS).await;
    let mut reports = Vec::new();
    for other in &others {
        let target = searcher(t, "hedef").await;
        let matches = meet(t, &target, std::slice::from_ref(other)).await;
        reports.push(reported(t, matches[0], other.0.id).await.id);
    }
    reports
}

/// What it gives if it is done when it has been looked at so many times; it goes no further.
async fn within<F: Future>(looks: usize, work: F) -> Option<F::Output> {
    let (mut work, mut left) = (pin!(work), looks);
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Takes and decides all of them in an order of its own, and is cut off at whichever await it has
/// come to; how often that was before its turn had ended.
async fn work(store: Store, who: UserId, mut reports: Vec<ReportId>, now: Timestamp) -> usize {
    let mut rng = StdRng::seed_from_u64(u64::try_from(who.0).expect("positive"));
    let mut cut = 0;
    for round in 0..6 {
        for at in (1..reports.len()).rev() {
            reports.swap(at, rng.random_range(0..=at));
        }
        for (number, report) in reports.iter().enumerate() {
            let new = NewResolution {
                actor: who,
                ..word(DECISIONS[(number + round) % 3], None)
            };
            let turn = async {
                store.safety().take_report(*report, who, now).await?;
                store.safety().resolve_report(*report, &new, now).await
            };
            cut += usize::from(within(rng.random_range(0..20), turn).await.is_none());
        }
    }
    cut
}

async fn decisions_that_are_cut_off_are_whole(t: TestStore) {
    let reports = many_reports(&t).await;
    let mut moderators = JoinSet::new();
    for who in [UserId(7), UserId(8)] {
        let store = t.database.open(&t.clock).await;
        moderators.spawn(work(store, who, reports.clone(), t.now()));
    }
    let cut: usize = moderators.join_all().await.into_iter().sum();
    assert!(cut > 10, "they were cut off: {cut} times");
    // What nobody has come to the end of, somebody else does once the lease is over.
    t.clock.advance(TAKEN_FOR);
    for (number, report) in reports.iter().enumerate() {
        let new = word(DECISIONS[number % 3], None);
        t.safety()
            .resolve_report(*report, &new, t.now())
            .await
            .unwrap();
    }
    let all = i64::try_from(REPORTS).expect("few");
    assert_eq!(count(&t, "reports WHERE status = 'open'").await, 0);
    let with = async |status: &str| count(&t, &format!("reports WHERE status = '{status}'")).await;
    for (what, expected) in [
        ("system_logs WHERE action = 'report_resolved'", all),
        ("notifications WHERE code = 'report_resolved'", all),
        ("bans", with("banned").await),
        ("users WHERE is_banned", with("banned").await),
        ("notifications WHERE code = 'warned'", with("warned").await),
        // Nobody decided what the other one had decided.
        (
            "reports r JOIN system_logs l ON l.user_id = r.reported_id \
             AND l.actor_id = r.resolved_by AND l.action = 'report_resolved'",
            all,
        ),
    ] {
        assert_eq!(count(&t, what).await, expected, "{what}");
    }
}

async fn answers_that_are_cut_off_are_whole(t: TestStore) {
    let reports = many_reports(&t).await;
    let mut rng = StdRng::seed_from_u64(1);
    for report in &reports {
        t.safety()
            .resolve_report(*report, &word(ReportDecision::Warn, None), t.now())
            .await
            .unwrap();
    }
    let warnings = t
        .numbers("SELECT id FROM notifications WHERE code = 'warned'")
        .await;
    let (mut cut, mut waiting) = (0, warnings.clone());
    while let Some(id) = waiting.pop() {
        let user = t
            .numbers(&format!(
                "SELECT user_id FROM notifications WHERE id = {id}"
            ))
            .await[0];
        let new = NewAnswer {
            id: NotificationId(id),
            user: UserId(user),
            text: Sealed {
                ciphertext: b"hayir".to_vec(),
                key_id: "k".to_owned(),
            },
        };
        let answered = t.safety().answer_warning(&new, t.now());
        if within(rng.random_range(0..10), answered).await.is_none() {
            cut += 1;
            waiting.insert(0, id);
        }
    }
    assert!(cut > 0, "some were cut off");
    let answered = i64::try_from(warnings.len()).expect("few");
    assert_eq!(count(&t, "warning_answers").await, answered);
}
