use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tebdil_core::{
    crypto::Sealed,
    domain::{AppealDecision, EndReason, ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{AppealId, IdGenerator, MatchId, ReportId, UserId},
    notice::Notice,
    protocol::Report,
    report::{REPORTABLE, ReportRules},
    store::{
        APPEAL_CONTEXT, Actor, Appealing, AutoBanned, Judged, NewAppeal, NewReport, NewResolution,
        ReportEntry, ReportFilter, Reporting, Resolving, SessionRow, StaffBan, Store, UserRow,
    },
    testing::{self, TestStore},
    time::Timestamp,
};

use crate::{
    all_at_once,
    auto_bans::ten_reports,
    bans::{banned, by_reports},
    matches::{couple, matched, searcher},
};

tebdil_core::store_conformance! {
    a_report_needs_a_match_and_counts_once_in_the_window,
    a_match_is_reportable_for_a_week_after_its_end,
    many_reports_of_one_at_once_are_one,
    the_cap_of_a_day_holds_against_many_at_once,
    a_report_is_decided_once,
    a_ban_that_waits_is_confirmed,
    nobody_judges_the_own_case_or_the_superior,
    whoever_accuses_does_not_ban,
    nobody_says_of_oneself_or_the_superior_who_is_reliable,
    moderators_see_what_they_need,
    reports_go_when_their_time_has_come,
}

pub const DAY: Duration = Duration::from_hours(24);
pub const SOMEBODY: Actor = Actor {
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
    store.report(&new, rules, midnight, now).await.unwrap()
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
    t.auto_ban(user, &rules(), t.now()).await.unwrap()
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
        actor: UserId(7),
        actor_role: UserRole::Moderator,
    }
}

pub async fn resolve(t: &TestStore, report: ReportId, decision: ReportDecision) -> Resolving {
    t.resolve_report(report, &word(decision, None), t.now())
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
    t.block(first, a.0.id, t.now()).await.unwrap();
    let made = reported(&t, first, a.0.id).await;
    assert_eq!(
        (made.match_id, made.reason, made.status, made.created_at),
        (first, ReportReason::Spam, ReportStatus::Open, t.now())
    );
    assert_eq!(
        t.reports_of(a.0.id, None, 10).await.unwrap(),
        std::slice::from_ref(&made)
    );
    assert_eq!(t.reports_of(b.0.id, None, 10).await.unwrap(), []);
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
        t.put_key_packages(user.id, session.id, &[], Some(b"new"), t.now())
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
    assert_eq!(t.reports_of(a.0.id, None, 1).await.unwrap().len(), 1);
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
    t.end_match(left, Some(b.0.id), EndReason::Left, t.now())
        .await
        .unwrap();

    t.clock.set(ended + REPORTABLE);
    assert_eq!(report(&t, left, a.0.id).await, Reporting::TooLate);
    let subject = t
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
    assert_eq!(t.report_subject(ran_out, UserId(1)).await.unwrap(), None);
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

async fn decide_twelve_times_at_once(
    t: &TestStore,
    other: &Store,
    report: ReportId,
    decisions: [ReportDecision; 3],
) -> Vec<(usize, Resolving)> {
    let outcomes = all_at_once((0..12).map(|number| {
        let (store, now) = (
            if number % 2 == 0 {
                t.store.clone()
            } else {
                other.clone()
            },
            t.now(),
        );
        async move {
            (
                number,
                store
                    .resolve_report(report, &word(decisions[number / 2 % 3], None), now)
                    .await
                    .unwrap(),
            )
        }
    }))
    .await;
    outcomes
}

async fn a_decision_is_recorded(
    t: &TestStore,
    made: &Report,
    a: &Account,
    b: &Account,
    status: ReportStatus,
) {
    let entry = t
        .report_entry(made.id, &rules(), t.now())
        .await
        .unwrap()
        .expect("a report");
    assert_eq!(
        (entry.report.status, entry.resolved),
        (status, Some((UserId(7), t.now())))
    );
    assert_eq!(
        entry.resolution,
        Some(Sealed {
            ciphertext: b"seen".to_vec(),
            key_id: "k".to_owned()
        })
    );
    assert_eq!(
        t.reports_of(a.0.id, None, 10).await.unwrap()[0].status,
        status
    );
    let logged = format!(
        "system_logs WHERE action = 'report_resolved' AND actor_id = 7 AND user_id = {}",
        b.0.id
    );
    assert_eq!(count(t, &logged).await, 1);
    assert_eq!(
        count(
            t,
            &format!("{logged} AND details LIKE '%\"before\":{{\"status\":\"open\"}}%'")
        )
        .await,
        1
    );
}

async fn a_report_is_decided_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    assert_eq!(
        resolve(&t, ReportId(1), ReportDecision::Warn).await,
        Resolving::NotFound
    );
    let other = t.database.open(&t.clock).await;
    let decisions = [
        ReportDecision::Dismiss,
        ReportDecision::Warn,
        ReportDecision::Ban,
    ];
    let outcomes = decide_twelve_times_at_once(&t, &other, made.id, decisions).await;
    let (number, done) = outcomes
        .iter()
        .find(|(_, outcome)| matches!(outcome, Resolving::Done { .. }))
        .expect("one")
        .clone();
    assert_eq!(
        outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == Resolving::Decided)
            .count(),
        11
    );
    let Resolving::Done { notified, banned } = done else {
        panic!("done")
    };
    let told: Vec<_> = notified
        .iter()
        .map(|told| (told.user_id, told.notice.clone()))
        .collect();
    let status = match decisions[number / 2 % 3] {
        ReportDecision::Dismiss => {
            assert_eq!(
                (&told[..], &banned),
                (
                    &[(a.0.id, Notice::ReportResolved { acted: false })][..],
                    &None
                )
            );
            ReportStatus::Dismissed
        }
        ReportDecision::Warn => {
            let warned = (
                b.0.id,
                Notice::Warned {
                    reason: ReportReason::Spam,
                },
            );
            assert_eq!(
                (&told[..], &banned),
                (
                    &[warned, (a.0.id, Notice::ReportResolved { acted: true })][..],
                    &None
                )
            );
            ReportStatus::Warned
        }
        ReportDecision::Ban => {
            assert_eq!(told, [(a.0.id, Notice::ReportResolved { acted: true })]);
            assert_eq!(
                banned.map(|(user, told)| (user, told.is_some())),
                Some((b.0.id, true))
            );
            ReportStatus::Banned
        }
    };
    a_decision_is_recorded(&t, &made, &a, &b, status).await;
}

async fn a_ban_that_waits_is_confirmed(t: TestStore) {
    let (target, _, reports) = ten_reports(&t).await;
    let waiting = auto_ban(&t, target.0.id).await.expect("a ban").ban;
    let entry = t
        .report_entry(reports[0].id, &rules(), t.now())
        .await
        .unwrap()
        .expect("a report");
    assert_eq!(
        (entry.provisional_ban, entry.is_banned, entry.reporters),
        (Some(waiting.id), true, 10)
    );
    let until = Some(t.now() + 3 * DAY);
    let outcome = t
        .resolve_report(reports[0].id, &word(ReportDecision::Ban, until), t.now())
        .await
        .unwrap();
    assert!(
        matches!(&outcome, Resolving::Done { banned: None, .. }),
        "{outcome:?}"
    );
    let ban = async || {
        t.active_ban(&target.0.phone_index, t.now())
            .await
            .unwrap()
            .expect("a ban")
    };
    let confirmed = ban().await;
    assert_eq!(
        (
            confirmed.id,
            confirmed.provisional,
            confirmed.automatic,
            confirmed.until
        ),
        (waiting.id, false, true, until)
    );
    assert_eq!(
        count(&t, "bans WHERE created_by IS NULL AND confirmed_by = 7").await,
        1
    );
    assert_eq!(
        count(
            &t,
            "system_logs WHERE action = 'ban_confirmed' AND actor_id = 7"
        )
        .await,
        1
    );
    assert_eq!(
        t.report_entry(reports[0].id, &rules(), t.now())
            .await
            .unwrap()
            .expect("a report")
            .provisional_ban,
        None
    );

    // A shorter one changes nothing, a longer one counts.
    t.resolve_report(
        reports[1].id,
        &word(ReportDecision::Ban, Some(t.now() + DAY)),
        t.now(),
    )
    .await
    .unwrap();
    assert_eq!(
        (
            ban().await,
            count(&t, "system_logs WHERE action = 'ban_confirmed'").await
        ),
        (confirmed, 1)
    );
    t.resolve_report(reports[2].id, &word(ReportDecision::Ban, None), t.now())
        .await
        .unwrap();
    assert_eq!((ban().await.until, count(&t, "bans").await), (None, 1));
    assert_eq!(count(&t, "reports WHERE status = 'banned'").await, 3);
}

async fn nobody_judges_the_own_case_or_the_superior(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let by = async |actor, actor_role, decision| {
        let new = NewResolution {
            actor,
            actor_role,
            ..word(decision, None)
        };
        t.resolve_report(made.id, &new, t.now()).await.unwrap()
    };
    for party in [a.0.id, b.0.id] {
        for decision in [
            ReportDecision::Dismiss,
            ReportDecision::Warn,
            ReportDecision::Ban,
        ] {
            assert_eq!(
                by(party, UserRole::Admin, decision).await,
                Resolving::Forbidden
            );
        }
    }
    t.set_role_of_phone(&b.0.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    for role in [UserRole::Moderator, UserRole::Admin] {
        assert_eq!(
            by(UserId(7), role, ReportDecision::Ban).await,
            Resolving::Forbidden
        );
    }
    t.set_role_of_phone(&b.0.phone_index, UserRole::Moderator, t.now())
        .await
        .unwrap();
    assert_eq!(
        by(UserId(7), UserRole::Moderator, ReportDecision::Ban).await,
        Resolving::Forbidden
    );
    assert_eq!(
        (
            count(&t, "bans").await,
            count(&t, "system_logs WHERE actor_id IS NOT NULL").await
        ),
        (0, 0)
    );
    assert_eq!(count(&t, "reports WHERE status = 'open'").await, 1);
    assert!(matches!(
        by(UserId(7), UserRole::Admin, ReportDecision::Ban).await,
        Resolving::Done {
            banned: Some(_),
            ..
        }
    ));
}

async fn whoever_accuses_does_not_ban(t: TestStore) {
    let (target, others, reports) = ten_reports(&t).await;
    let ban = auto_ban(&t, target.0.id).await.expect("enough").ban;
    let id = AppealId(1);
    let text = t.cipher.seal(
        APPEAL_CONTEXT,
        &id.0.to_be_bytes(),
        b"not me",
        &mut rand::rng(),
    );
    let made = t
        .appeal(
            &NewAppeal {
                id,
                ban: ban.id,
                user: target.0.id,
                text,
            },
            t.now(),
        )
        .await
        .unwrap();
    assert!(matches!(made, Appealing::Made(_)), "{made:?}");

    let accuser = Actor {
        id: others[0].0.id,
        role: UserRole::Admin,
    };
    assert_eq!(
        t.confirm_ban(ban.id, accuser, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    assert_eq!(
        t.ban_by_staff(target.0.id, accuser, "seen", None, t.now())
            .await
            .unwrap(),
        StaffBan::Forbidden
    );
    let of_another = NewResolution {
        actor: accuser.id,
        actor_role: accuser.role,
        ..word(ReportDecision::Ban, None)
    };
    assert_eq!(
        t.resolve_report(reports[1].id, &of_another, t.now())
            .await
            .unwrap(),
        Resolving::Forbidden
    );
    let decided = t
        .decide_appeal(id, AppealDecision::Uphold, accuser, "seen", t.now())
        .await
        .unwrap();
    assert_eq!(decided, Judged::Forbidden);
    assert_eq!(count(&t, "bans WHERE provisional").await, 1);

    let decided = t
        .decide_appeal(id, AppealDecision::Uphold, SOMEBODY, "seen", t.now())
        .await
        .unwrap();
    assert!(matches!(decided, Judged::Done(_)), "{decided:?}");
}

async fn nobody_says_of_oneself_or_the_superior_who_is_reliable(t: TestStore) {
    let (user, _) = searcher(&t, "kedi").await;
    let oneself = Actor {
        id: user.id,
        role: UserRole::Admin,
    };
    assert_eq!(
        t.set_unreliable(user.id, true, oneself, t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    t.set_role_of_phone(&user.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    assert_eq!(
        t.set_unreliable(user.id, true, SOMEBODY, t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    let admin = Actor {
        role: UserRole::Admin,
        ..SOMEBODY
    };
    assert_eq!(
        t.set_unreliable(user.id, true, admin, t.now())
            .await
            .unwrap(),
        Judged::Done(false)
    );
}

async fn list(t: &TestStore, filter: ReportFilter, limit: i64) -> Vec<ReportEntry> {
    t.reports(UserId(7), filter, limit, &rules(), t.now())
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
        t.report_entry(report.id, &rules(), t.now())
            .await
            .unwrap()
            .as_ref(),
        Some(entry)
    );
    assert_eq!(
        t.report_entry(ReportId(1), &rules(), t.now())
            .await
            .unwrap(),
        None
    );

    assert!(!entry.reporter_is_banned);
    banned(t, others[0].0.id, &by_reports()).await;
    let after = t
        .report_entry(report.id, &rules(), t.now())
        .await
        .unwrap()
        .expect("it stays");
    assert!(after.reporter_is_banned && !after.is_banned);
}

async fn reading_evidence_is_recorded(t: &TestStore, report: ReportId, target: &Account) {
    let read = t.read_evidence(report, UserId(7), t.now()).await.unwrap();
    assert_eq!(
        read,
        Some(Sealed {
            ciphertext: b"[]".to_vec(),
            key_id: "k".to_owned()
        })
    );
    assert_eq!(
        t.read_evidence(ReportId(1), UserId(7), t.now())
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
        .reports(target.0.id, ReportFilter::default(), 10, &rules(), t.now())
        .await
        .unwrap();
    assert_eq!(ids(&own), [back.id]);

    reading_evidence_is_recorded(&t, made[1].id, &target).await;
    assert_eq!(t.totals(t.now()).await.unwrap().open_reports, 3);
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
    assert_eq!(
        t.erase_dismissed_evidence(decided - Duration::from_millis(1), 10)
            .await
            .unwrap(),
        0
    );
    assert_eq!(t.erase_dismissed_evidence(decided, 10).await.unwrap(), 1);
    assert_eq!(
        t.erase_dismissed_evidence(decided + DAY, 10).await.unwrap(),
        0,
        "once"
    );
    assert_eq!(count(&t, written).await, 2, "those that were not dismissed");
    let entry = t
        .report_entry(made[0].id, &rules(), t.now())
        .await
        .unwrap()
        .expect("it stays");
    assert_eq!(
        (entry.note, entry.resolution, entry.evidence_count),
        (None, None, 2)
    );

    let before = decided - DAY;
    assert_eq!(
        t.delete_old_reports(before - Duration::from_millis(1), 10)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        t.delete_old_reports(before, 10).await.unwrap(),
        1,
        "nobody decided it"
    );
    assert_eq!(
        t.delete_old_reports(decided - Duration::from_millis(1), 10)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        (
            t.delete_old_reports(decided, 1).await.unwrap(),
            t.delete_old_reports(decided, 10).await.unwrap()
        ),
        (1, 1)
    );
    assert_eq!(count(&t, "reports").await, 0);
}
