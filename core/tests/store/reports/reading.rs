//! What moderators read of reports.

use tebdil_core::{
    crypto::Sealed,
    store::{ReportEntry, ReportFilter, Reporting},
    testing::TestStore,
};
use tebdil_protocol::{
    Report,
    domain::{ReportDecision, ReportReason, ReportStatus},
    id::{ReportId, UserId},
};

use super::{Account, count, crowd, meet, report_as, reported, resolve, rules};
use crate::{
    bans::{banned, by_reports},
    matches::searcher,
};

tebdil_core::store_conformance! {
    moderators_see_what_they_need,
}

async fn list(t: &TestStore, filter: ReportFilter, limit: i64) -> Vec<ReportEntry> {
    t.safety()
        .reports(UserId(7), filter, limit, &rules(), t.now())
        .await
        .unwrap()
}

fn ids(entries: &[ReportEntry]) -> Vec<ReportId> {
    entries.iter().map(|entry| entry.report.id).collect()
}

async fn reports_are_filtered(
    t: &TestStore,
    made: &[Report],
    back: &Report,
    others: &[Account],
) -> Vec<ReportEntry> {
    let mut newest: Vec<ReportId> = made
        .iter()
        .map(|report| report.id)
        .chain([back.id])
        .collect();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let all = list(t, ReportFilter::default(), 10).await;
    assert_eq!(ids(&all), newest);
    assert_eq!(
        ids(&list(
            t,
            ReportFilter {
                before: Some(newest[0]),
                ..ReportFilter::default()
            },
            2
        )
        .await),
        newest[1..3]
    );
    assert_eq!(
        ids(&list(
            t,
            ReportFilter {
                status: Some(ReportStatus::Dismissed),
                ..ReportFilter::default()
            },
            10
        )
        .await),
        [made[0].id]
    );
    assert_eq!(
        ids(&list(
            t,
            ReportFilter {
                reason: Some(ReportReason::Hate),
                ..ReportFilter::default()
            },
            10
        )
        .await),
        [back.id]
    );
    assert_eq!(
        ids(&list(
            t,
            ReportFilter {
                reported: Some(others[0].0.id),
                ..ReportFilter::default()
            },
            10
        )
        .await),
        [back.id]
    );
    assert_eq!(
        ids(&list(
            t,
            ReportFilter {
                reporter: Some(others[1].0.id),
                ..ReportFilter::default()
            },
            10
        )
        .await),
        [made[1].id]
    );
    let both = ReportFilter {
        reporter: Some(others[1].0.id),
        status: Some(ReportStatus::Dismissed),
        ..ReportFilter::default()
    };
    assert_eq!(list(t, both, 10).await, []);
    all
}

async fn an_entry_says_who_is_concerned(
    t: &TestStore,
    all: &[ReportEntry],
    report: &Report,
    target: &Account,
    others: &[Account],
) {
    let entry = all
        .iter()
        .find(|entry| entry.report.id == report.id)
        .expect("listed");
    assert_eq!(
        (entry.reported_id, entry.reporter_id),
        (target.0.id, others[0].0.id)
    );
    assert_eq!(
        (&entry.reported.alias, &entry.reporter.alias),
        (&target.0.alias, &others[0].0.alias)
    );
    assert_eq!(
        (
            entry.reliability.decided,
            entry.reliability.dismissed,
            entry.reliability.unreliable
        ),
        (1, 1, false)
    );
    assert_eq!(
        (
            entry.reporters,
            entry.evidence_count,
            entry.provisional_ban,
            entry.is_banned
        ),
        (2, 2, None, false)
    );
    assert_eq!(
        entry.note.as_ref().map(|note| note.ciphertext.as_slice()),
        Some(&b"note"[..])
    );
    assert_eq!(
        t.safety()
            .report_entry(report.id, &rules(), t.now())
            .await
            .unwrap()
            .as_ref(),
        Some(entry)
    );
    assert_eq!(
        t.safety()
            .report_entry(ReportId(1), &rules(), t.now())
            .await
            .unwrap(),
        None
    );

    assert!(!entry.reporter_is_banned);
    banned(t, others[0].0.id, &by_reports()).await;
    let after = t
        .safety()
        .report_entry(report.id, &rules(), t.now())
        .await
        .unwrap()
        .expect("it stays");
    assert!(after.reporter_is_banned && !after.is_banned);
}

async fn reading_evidence_is_recorded(t: &TestStore, report: ReportId, target: &Account) {
    let read = t
        .safety()
        .read_evidence(report, UserId(7), t.now())
        .await
        .unwrap();
    assert_eq!(
        read,
        Some(Sealed {
            ciphertext: b"[]".to_vec(),
            key_id: "k".to_owned()
        })
    );
    assert_eq!(
        t.safety()
            .read_evidence(ReportId(1), UserId(7), t.now())
            .await
            .unwrap(),
        None
    );
    let logged = format!(
        "system_logs WHERE action = 'report_read' AND actor_id = 7 AND user_id = {}",
        target.0.id
    );
    assert_eq!(count(t, &logged).await, 1);
}

async fn moderators_see_what_they_need(t: TestStore) {
    let (target, others) = (searcher(&t, "kedi").await, crowd(&t, 3).await);
    let matches = meet(&t, &target, &others).await;
    let mut made = Vec::new();
    for (id, other) in matches.iter().zip(&others) {
        made.push(reported(&t, *id, other.0.id).await);
    }
    let back = report_as(
        &t.store,
        matches[0],
        target.0.id,
        ReportReason::Hate,
        &rules(),
        t.now(),
    )
    .await;
    let Reporting::Made(back) = back else {
        panic!("{back:?}")
    };
    resolve(&t, made[0].id, ReportDecision::Dismiss).await;

    let all = reports_are_filtered(&t, &made, &back, &others).await;

    an_entry_says_who_is_concerned(&t, &all, &made[0], &target, &others).await;

    // Nobody reads who reported him.
    let own = t
        .safety()
        .reports(target.0.id, ReportFilter::default(), 10, &rules(), t.now())
        .await
        .unwrap();
    assert_eq!(ids(&own), [back.id]);

    reading_evidence_is_recorded(&t, made[1].id, &target).await;
    assert_eq!(t.jobs().totals(t.now()).await.unwrap().open_reports, 3);
}
