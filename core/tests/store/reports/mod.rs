use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tebdil_core::{
    crypto::Sealed,
    ids::IdGenerator,
    report::ReportRules,
    store::{
        AutoBanned, NewReport, NewResolution, OldRows, Reporting, Resolving, SessionRow,
        StaffMember, Store, UserRow,
    },
    testing::{self, TestStore},
};
use tebdil_protocol::{
    REPORTABLE, Report,
    domain::{EndReason, ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{MatchId, ReportId, UserId},
    time::Timestamp,
};

use crate::{
    all_at_once, delete_old,
    matches::{couple, matched, searcher},
};

mod alerts;
mod cut_off;
mod decisions;
mod queue;
mod reading;
mod warnings;

tebdil_core::store_conformance! {
    a_report_needs_a_match_and_counts_once_in_the_window,
    a_match_is_reportable_for_a_week_after_its_end,
    many_reports_of_one_at_once_are_one,
    the_cap_of_a_day_holds_against_many_at_once,
    reports_go_when_their_time_has_come,
}

pub const DAY: Duration = Duration::from_hours(24);
pub const SOMEBODY: StaffMember = StaffMember {
    id: UserId(7),
    role: UserRole::Moderator,
};

pub type Account = (UserRow, SessionRow);

pub fn rules() -> ReportRules {
    ReportRules::default()
}

pub async fn report_as(
    store: &Store,
    match_id: MatchId,
    reporter: UserId,
    reason: ReportReason,
    rules: &ReportRules,
    now: Timestamp,
) -> Reporting {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let id = ReportId(IdGenerator::first_id_at(now) + NEXT.fetch_add(1, Ordering::Relaxed));
    let sealed = |text: &str| {
        Some(Sealed {
            ciphertext: text.as_bytes().to_vec(),
            key_id: "k".to_owned(),
        })
    };
    let new = NewReport {
        id,
        match_id,
        reporter,
        reason,
        note: sealed("note"),
        evidence: sealed("[]"),
        evidence_count: 2,
    };
    let midnight = now.midnight(&TestStore::quota_rules().zone);
    store
        .safety()
        .report(&new, rules, midnight, now)
        .await
        .unwrap()
}

pub async fn report(t: &TestStore, match_id: MatchId, reporter: UserId) -> Reporting {
    report_as(
        &t.store,
        match_id,
        reporter,
        ReportReason::Spam,
        &rules(),
        t.now(),
    )
    .await
}

pub async fn reported(t: &TestStore, match_id: MatchId, reporter: UserId) -> Report {
    match report(t, match_id, reporter).await {
        Reporting::Made(report) => report,
        refused => panic!("{refused:?}"),
    }
}

/// Everybody in a match of their own with `target`, which is over.
pub async fn meet(t: &TestStore, target: &Account, others: &[Account]) -> Vec<MatchId> {
    let mut matches = Vec::new();
    for other in others {
        matches.push(
            testing::met(
                &t.store,
                [(target.0.id, target.1.id), (other.0.id, other.1.id)],
                t.now(),
            )
            .await,
        );
    }
    matches
}

/// So many new users.
pub async fn crowd(t: &TestStore, count: usize) -> Vec<Account> {
    let mut crowd = Vec::new();
    for number in 0..count {
        crowd.push(searcher(t, &format!("kisi{number}")).await);
    }
    crowd
}

pub async fn auto_ban(t: &TestStore, user: UserId) -> Option<AutoBanned> {
    t.safety().auto_ban(user, &rules(), t.now()).await.unwrap()
}

pub async fn count(t: &TestStore, what: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {what}"))
        .await[0]
}

/// The word of a moderator who is nobody's party.
pub fn word(decision: ReportDecision, until: Option<Timestamp>) -> NewResolution {
    let note = Sealed {
        ciphertext: b"seen".to_vec(),
        key_id: "k".to_owned(),
    };
    NewResolution {
        decision,
        note,
        until,
        alias: None,
        actor: UserId(7),
        actor_role: UserRole::Moderator,
    }
}

pub async fn resolve(t: &TestStore, report: ReportId, decision: ReportDecision) -> Resolving {
    t.safety()
        .resolve_report(report, &word(decision, None), t.now())
        .await
        .unwrap()
}

async fn a_report_needs_a_match_and_counts_once_in_the_window(t: TestStore) {
    let (a, b) = couple(&t).await;
    let stranger = t.register("kus").await.0;
    let first = matched(&t, &a, &b, 1).await;
    assert_eq!(report(&t, MatchId(1), a.0.id).await, Reporting::NotFound);
    assert_eq!(
        report(&t, first, stranger.id).await,
        Reporting::NotFound,
        "not in the match"
    );
    assert_eq!(count(&t, "reports").await, 0);
    assert_eq!(count(&t, "job WHERE queue = 'auto_ban'").await, 0);

    // It goes on, or the reporter ended it, or blocked: all the same.
    t.safety().block(first, a.0.id, t.now()).await.unwrap();
    let made = reported(&t, first, a.0.id).await;
    assert_eq!(
        (made.match_id, made.reason, made.status, made.created_at),
        (first, ReportReason::Spam, ReportStatus::Open, t.now())
    );
    assert_eq!(
        t.safety().reports_of(a.0.id, None, 10).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(t.safety().reports_of(b.0.id, None, 10).await.unwrap(), []);
    let of_b = format!(
        "reports WHERE reporter_id = {} AND reported_id = {}",
        a.0.id, b.0.id
    );
    assert_eq!(count(&t, &of_b).await, 1);
    assert_eq!(
        count(&t, "job WHERE queue = 'auto_ban'").await,
        1,
        "it was ordered to count"
    );

    assert_eq!(report(&t, first, a.0.id).await, Reporting::Already);
    assert!(
        matches!(report(&t, first, b.0.id).await, Reporting::Made(_)),
        "the other side has its own"
    );
    // Another match of the two is the same people.
    t.execute("DELETE FROM blocks").await;
    t.clock.advance(29 * DAY);
    for (user, session) in [&a, &b] {
        t.accounts()
            .put_key_packages(user.id, session.id, &[], Some(b"new"), t.now())
            .await
            .unwrap();
    }
    let second = matched(&t, &a, &b, 3).await;
    assert_eq!(report(&t, second, a.0.id).await, Reporting::Already);
    // Also by a clock that was set back.
    t.clock.set(made.created_at - DAY);
    assert_eq!(report(&t, second, a.0.id).await, Reporting::Already);
    t.clock.set(made.created_at + 30 * DAY);
    let again = reported(&t, second, a.0.id).await;
    assert_eq!(
        t.safety().reports_of(a.0.id, None, 1).await.unwrap().len(),
        1
    );
    assert_ne!(again.id, made.id);
    assert_eq!(count(&t, &of_b).await, 2);
    // A shorter window does not let the same match be reported twice.
    t.clock.advance(2 * DAY);
    let short = ReportRules {
        window: DAY,
        ..rules()
    };
    assert_eq!(
        report_as(
            &t.store,
            second,
            a.0.id,
            ReportReason::Hate,
            &short,
            t.now()
        )
        .await,
        Reporting::Already
    );
}

async fn a_match_is_reportable_for_a_week_after_its_end(t: TestStore) {
    let (a, b) = couple(&t).await;
    let left = matched(&t, &a, &b, 1).await;
    let ran_out = matched(&t, &a, &b, 3).await;
    let (began, ended) = (t.now(), t.now() + Duration::from_hours(1));
    t.clock.set(ended);
    t.matches()
        .end_match(left, Some(b.0.id), EndReason::Left, t.now())
        .await
        .unwrap();

    t.clock.set(ended + REPORTABLE);
    assert_eq!(report(&t, left, a.0.id).await, Reporting::TooLate);
    let subject = t
        .safety()
        .report_subject(left, a.0.id)
        .await
        .unwrap()
        .expect("a match");
    assert_eq!(
        (subject.user_id, subject.handle()),
        (b.0.id, format!("kopek#{}", b.0.tag))
    );
    assert!(!subject.is_reportable(t.now()));
    t.clock.set(ended + REPORTABLE - Duration::from_millis(1));
    assert!(subject.is_reportable(t.now()));
    reported(&t, left, a.0.id).await;

    // One that ran out ended by itself, whether or not the job came by.
    let over = began + DAY + REPORTABLE;
    t.clock.set(over);
    assert_eq!(report(&t, ran_out, b.0.id).await, Reporting::TooLate);
    t.clock.set(over - Duration::from_millis(1));
    reported(&t, ran_out, b.0.id).await;
    assert_eq!(
        t.safety().report_subject(ran_out, UserId(1)).await.unwrap(),
        None
    );
}

async fn many_reports_of_one_at_once_are_one(t: TestStore) {
    let (a, b) = couple(&t).await;
    let mut matches = Vec::new();
    for ticket in 0..4 {
        matches.push(matched(&t, &a, &b, 2 * ticket + 1).await);
    }
    let other = t.database.open(&t.clock).await;
    let outcomes =
        all_at_once(
            (0..40).map(|number| {
                let (store, now) = (
                    if number % 2 == 0 {
                        t.store.clone()
                    } else {
                        other.clone()
                    },
                    t.now(),
                );
                let match_id = matches[number / 2 % 4];
                async move {
                    report_as(&store, match_id, a.0.id, ReportReason::Spam, &rules(), now).await
                }
            }),
        )
        .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Reporting::Made(_)))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Reporting::Already)
            .count(),
        39
    );
    assert_eq!(count(&t, "reports").await, 1);
}

async fn the_cap_of_a_day_holds_against_many_at_once(t: TestStore) {
    let (a, others) = (searcher(&t, "kedi").await, crowd(&t, 5).await);
    let matches = meet(&t, &a, &others).await;
    let few = ReportRules {
        per_day: 3,
        ..rules()
    };
    let outcomes = all_at_once(matches.clone().into_iter().map(|id| {
        let (store, now) = (t.store.clone(), t.now());
        async move { report_as(&store, id, a.0.id, ReportReason::Other, &few, now).await }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Reporting::Made(_)))
            .count(),
        3
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Reporting::TooMany)
            .count(),
        2
    );
    t.clock
        .set(t.now().next_midnight(&TestStore::quota_rules().zone));
    let mut made = 0;
    for id in matches {
        made += usize::from(matches!(
            report_as(&t.store, id, a.0.id, ReportReason::Other, &few, t.now()).await,
            Reporting::Made(_)
        ));
    }
    assert_eq!(made, 2);
}

async fn reports_go_when_their_time_has_come(t: TestStore) {
    let (target, others) = (searcher(&t, "kedi").await, crowd(&t, 3).await);
    let mut made = Vec::new();
    for (id, other) in meet(&t, &target, &others).await.iter().zip(&others) {
        made.push(reported(&t, *id, other.0.id).await);
    }
    t.clock.advance(DAY);
    resolve(&t, made[0].id, ReportDecision::Dismiss).await;
    resolve(&t, made[1].id, ReportDecision::Warn).await;
    let decided = t.now();
    let written = "reports WHERE evidence_ciphertext IS NOT NULL AND evidence_key_id IS NOT NULL AND note_ciphertext IS NOT NULL";
    let erase = async |cutoff| delete_old(&t, &OldRows::DISMISSED_EVIDENCE, cutoff, 10).await;
    assert_eq!(erase(decided - Duration::from_millis(1)).await, 0);
    assert_eq!(erase(decided).await, 1);
    assert_eq!(erase(decided + DAY).await, 0, "once");
    assert_eq!(count(&t, written).await, 2, "those that were not dismissed");
    let entry = t
        .safety()
        .report_entry(made[0].id, &rules(), t.now())
        .await
        .unwrap()
        .expect("it stays");
    assert_eq!(
        (entry.note, entry.resolution, entry.evidence_count),
        (None, None, 2)
    );

    let before = decided - DAY;
    let delete = async |cutoff, limit| delete_old(&t, &OldRows::REPORTS, cutoff, limit).await;
    assert_eq!(delete(before - Duration::from_millis(1), 10).await, 0);
    assert_eq!(delete(before, 10).await, 1, "nobody decided it");
    assert_eq!(delete(decided - Duration::from_millis(1), 10).await, 0);
    assert_eq!(
        (delete(decided, 1).await, delete(decided, 10).await),
        (1, 1)
    );
    assert_eq!(count(&t, "reports").await, 0);
}
