use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use tebdil_core::{
    crypto::Sealed,
    domain::{EndReason, ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{IdGenerator, MatchId, ReportId, UserId},
    notice::Notice,
    protocol::Report,
    report::{REPORTABLE, ReportRules},
    store::{AutoBanned, NewReport, NewResolution, ReportEntry, ReportFilter, Reporting, Resolving, SessionRow, Store, UserRow},
    testing::{self, TestStore},
    time::Timestamp,
};

use crate::{
    all_at_once,
    matches::{couple, matched, searcher},
};

tebdil_core::store_conformance! {
    a_report_needs_a_match_and_counts_once_in_the_window,
    a_match_is_reportable_for_a_week_after_its_end,
    many_reports_of_one_at_once_are_one,
    the_cap_of_a_day_holds_against_many_at_once,
    enough_different_reporters_ban_once_whoever_counts,
    who_does_not_count_does_not_ban,
    staff_is_not_banned_by_reports,
    what_a_ban_dealt_with_counts_no_more,
    a_new_account_is_the_same_person,
    the_sweep_finds_who_is_much_reported,
    a_report_is_decided_once,
    a_ban_that_waits_is_confirmed,
    nobody_judges_the_own_case_or_the_superior,
    moderators_see_what_they_need,
    reports_go_when_their_time_has_come,
}

pub const DAY: Duration = Duration::from_hours(24);

type Account = (UserRow, SessionRow);

fn rules() -> ReportRules {
    ReportRules::default()
}

async fn report_as(
    store: &Store,
    match_id: MatchId,
    reporter: UserId,
    reason: ReportReason,
    rules: &ReportRules,
    now: Timestamp,
) -> Reporting {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let id = ReportId(IdGenerator::first_id_at(now) + NEXT.fetch_add(1, Ordering::Relaxed));
    let sealed = |text: &str| Some(Sealed { ciphertext: text.as_bytes().to_vec(), key_id: "k".to_owned() });
    let new = NewReport { id, match_id, reporter, reason, note: sealed("note"), evidence: sealed("[]"), evidence_count: 2 };
    let midnight = now.midnight(&TestStore::quota_rules().zone);
    store.report(&new, rules, midnight, now).await.unwrap()
}

async fn report(t: &TestStore, match_id: MatchId, reporter: UserId) -> Reporting {
    report_as(&t.store, match_id, reporter, ReportReason::Spam, &rules(), t.now()).await
}

async fn reported(t: &TestStore, match_id: MatchId, reporter: UserId) -> Report {
    match report(t, match_id, reporter).await {
        Reporting::Made(report) => report,
        refused => panic!("{refused:?}"),
    }
}

/// Everybody in a match of their own with `target`, which is over.
async fn meet(t: &TestStore, target: &Account, others: &[Account]) -> Vec<MatchId> {
    let mut matches = Vec::new();
    for other in others {
        matches.push(testing::met(&t.store, [(target.0.id, target.1.id), (other.0.id, other.1.id)], t.now()).await);
    }
    matches
}

/// So many new users.
async fn crowd(t: &TestStore, count: usize) -> Vec<Account> {
    let mut crowd = Vec::new();
    for number in 0..count {
        crowd.push(searcher(t, &format!("kisi{number}")).await);
    }
    crowd
}

async fn auto_ban(t: &TestStore, user: UserId) -> Option<AutoBanned> {
    t.auto_ban(user, &rules(), t.now()).await.unwrap()
}

async fn count(t: &TestStore, what: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {what}")).await[0]
}

/// The word of a moderator who is nobody's party.
fn word(decision: ReportDecision, until: Option<Timestamp>) -> NewResolution {
    let note = Sealed { ciphertext: b"seen".to_vec(), key_id: "k".to_owned() };
    NewResolution { decision, note, until, actor: UserId(7), actor_role: UserRole::Moderator }
}

async fn resolve(t: &TestStore, report: ReportId, decision: ReportDecision) -> Resolving {
    t.resolve_report(report, &word(decision, None), t.now()).await.unwrap()
}

async fn a_report_needs_a_match_and_counts_once_in_the_window(t: TestStore) {
    let (a, b) = couple(&t).await;
    let stranger = t.register("kus").await.0;
    let first = matched(&t, &a, &b, 1).await;
    assert_eq!(report(&t, MatchId(1), a.0.id).await, Reporting::NotFound);
    assert_eq!(report(&t, first, stranger.id).await, Reporting::NotFound, "not in the match");
    assert_eq!(count(&t, "reports").await, 0);
    assert_eq!(count(&t, "job WHERE queue = 'auto_ban'").await, 0);

    // It goes on, or the reporter ended it, or blocked: all the same.
    t.block(first, a.0.id, t.now()).await.unwrap();
    let made = reported(&t, first, a.0.id).await;
    assert_eq!((made.match_id, made.reason, made.status, made.created_at), (first, ReportReason::Spam, ReportStatus::Open, t.now()));
    assert_eq!(t.reports_of(a.0.id, None, 10).await.unwrap(), std::slice::from_ref(&made));
    assert_eq!(t.reports_of(b.0.id, None, 10).await.unwrap(), []);
    let of_b = format!("reports WHERE reporter_id = {} AND reported_id = {}", a.0.id, b.0.id);
    assert_eq!(count(&t, &of_b).await, 1);
    assert_eq!(count(&t, "job WHERE queue = 'auto_ban'").await, 1, "it was ordered to count");

    assert_eq!(report(&t, first, a.0.id).await, Reporting::Already);
    assert!(matches!(report(&t, first, b.0.id).await, Reporting::Made(_)), "the other side has its own");
    // Another match of the two is the same people.
    t.execute("DELETE FROM blocks").await;
    t.clock.advance(29 * DAY);
    for (user, session) in [&a, &b] {
        t.put_key_packages(user.id, session.id, &[], Some(b"new"), t.now()).await.unwrap();
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
    let short = ReportRules { window: DAY, ..rules() };
    assert_eq!(report_as(&t.store, second, a.0.id, ReportReason::Hate, &short, t.now()).await, Reporting::Already);
}

async fn a_match_is_reportable_for_a_week_after_its_end(t: TestStore) {
    let (a, b) = couple(&t).await;
    let left = matched(&t, &a, &b, 1).await;
    let ran_out = matched(&t, &a, &b, 3).await;
    let (began, ended) = (t.now(), t.now() + Duration::from_hours(1));
    t.clock.set(ended);
    t.end_match(left, Some(b.0.id), EndReason::Left, t.now()).await.unwrap();

    t.clock.set(ended + REPORTABLE);
    assert_eq!(report(&t, left, a.0.id).await, Reporting::TooLate);
    let subject = t.report_subject(left, a.0.id).await.unwrap().expect("a match");
    assert_eq!((subject.user_id, subject.handle()), (b.0.id, format!("kopek#{}", b.0.tag)));
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
    let outcomes = all_at_once((0..40).map(|number| {
        let (store, now) = (if number % 2 == 0 { t.store.clone() } else { other.clone() }, t.now());
        let match_id = matches[number / 2 % 4];
        async move { report_as(&store, match_id, a.0.id, ReportReason::Spam, &rules(), now).await }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Reporting::Made(_))).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reporting::Already).count(), 39);
    assert_eq!(count(&t, "reports").await, 1);
}

async fn the_cap_of_a_day_holds_against_many_at_once(t: TestStore) {
    let (a, others) = (searcher(&t, "kedi").await, crowd(&t, 5).await);
    let matches = meet(&t, &a, &others).await;
    let few = ReportRules { per_day: 3, ..rules() };
    let outcomes = all_at_once(matches.clone().into_iter().map(|id| {
        let (store, now) = (t.store.clone(), t.now());
        async move { report_as(&store, id, a.0.id, ReportReason::Other, &few, now).await }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Reporting::Made(_))).count(), 3);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Reporting::TooMany).count(), 2);
    t.clock.set(t.now().next_midnight(&TestStore::quota_rules().zone));
    let mut made = 0;
    for id in matches {
        made += usize::from(matches!(report_as(&t.store, id, a.0.id, ReportReason::Other, &few, t.now()).await, Reporting::Made(_)));
    }
    assert_eq!(made, 2);
}

async fn enough_different_reporters_ban_once_whoever_counts(t: TestStore) {
    let (target, others) = (searcher(&t, "kedi").await, crowd(&t, 10).await);
    let matches = meet(&t, &target, &others).await;
    for (id, other) in matches.iter().zip(&others).take(9) {
        reported(&t, *id, other.0.id).await;
        assert_eq!(auto_ban(&t, target.0.id).await, None);
    }
    // The tenth, while everybody counts, on two nodes.
    let last = report_as(&t.store, matches[9], others[9].0.id, ReportReason::Hate, &rules(), t.now()).await;
    assert!(matches!(last, Reporting::Made(_)), "{last:?}");
    let other = t.database.open(&t.clock).await;
    let bans = all_at_once((0..20).map(|number| {
        let (store, now) = (if number % 2 == 0 { t.store.clone() } else { other.clone() }, t.now());
        async move { store.auto_ban(target.0.id, &rules(), now).await.unwrap() }
    }))
    .await;
    let [banned] = &bans.iter().flatten().collect::<Vec<_>>()[..] else { panic!("{bans:?}") };
    assert_eq!((banned.user_id, banned.ban.until, banned.ban.reason.as_str()), (target.0.id, None, "spam"), "what most of them say");
    assert!(banned.ban.automatic && banned.ban.provisional);
    assert_eq!(banned.notified.as_ref().map(|told| &told.notice), Some(&Notice::Banned { until: None }));
    assert_eq!(t.active_ban(&target.0.phone_index, t.now()).await.unwrap().as_ref(), Some(&banned.ban));
    let row = t.user(target.0.id).await.unwrap().expect("the user");
    assert!(row.is_banned);
    let totals =
        [count(&t, "bans").await, count(&t, "job WHERE queue = 'ban'").await, count(&t, "system_logs WHERE action = 'banned'").await];
    assert_eq!(totals, [1, 1, 1]);
    assert_eq!(auto_ban(&t, target.0.id).await, None, "once");
    assert_eq!(auto_ban(&t, UserId(1)).await, None, "nobody");
}

/// Ten reports about a new user, made ready to ban.
async fn ten_reports(t: &TestStore) -> (Account, Vec<Account>, Vec<Report>) {
    let (target, others) = (searcher(t, "hedef").await, crowd(t, 10).await);
    let matches = meet(t, &target, &others).await;
    let mut reports = Vec::new();
    for (id, other) in matches.iter().zip(&others) {
        reports.push(reported(t, *id, other.0.id).await);
    }
    (target, others, reports)
}

async fn who_does_not_count_does_not_ban(t: TestStore) {
    let (target, others, reports) = ten_reports(&t).await;
    // Marked by a moderator.
    assert_eq!(t.set_unreliable(others[0].0.id, true, UserId(7), t.now()).await.unwrap(), Some(false));
    assert_eq!(t.set_unreliable(others[0].0.id, true, UserId(7), t.now()).await.unwrap(), Some(true));
    assert_eq!(count(&t, "system_logs WHERE action = 'reliability_changed' AND actor_id = 7").await, 1);
    assert_eq!(t.set_unreliable(UserId(1), true, UserId(7), t.now()).await.unwrap(), None);
    assert_eq!(auto_ban(&t, target.0.id).await, None);
    t.set_unreliable(others[0].0.id, false, UserId(7), t.now()).await.unwrap();

    // Often wrong about others.
    let innocent = crowd(&t, 3).await;
    for id in meet(&t, &others[1], &innocent).await {
        let wrong = reported(&t, id, others[1].0.id).await;
        assert!(matches!(resolve(&t, wrong.id, ReportDecision::Dismiss).await, Resolving::Done { .. }));
    }
    assert_eq!(auto_ban(&t, target.0.id).await, None);
    let lenient = ReportRules { max_dismissed_share: 1.0, ..rules() };
    let strict = ReportRules { min_decided: 4, ..rules() };
    t.ban(&others[2].0.phone_index, "spam", Some(t.now() + DAY)).await;
    for rules in [lenient, strict] {
        assert_eq!(t.auto_ban(target.0.id, &rules, t.now()).await.unwrap(), None, "another one is banned");
    }
    // One report less by its own outcome.
    t.clock.advance(DAY);
    resolve(&t, reports[3].id, ReportDecision::Dismiss).await;
    assert_eq!(t.auto_ban(target.0.id, &lenient, t.now()).await.unwrap(), None);
    let nine = ReportRules { auto_ban_reporters: 9, ..lenient };
    assert_eq!(t.auto_ban(target.0.id, &nine, t.now() + 30 * DAY).await.unwrap(), None, "they are too old");
    assert!(t.auto_ban(target.0.id, &nine, t.now()).await.unwrap().is_some(), "the ban of the third is over");
}

async fn staff_is_not_banned_by_reports(t: TestStore) {
    let (target, ..) = ten_reports(&t).await;
    for role in [UserRole::Moderator, UserRole::Admin] {
        t.set_role_of_phone(&target.0.phone_index, role, t.now()).await.unwrap();
        assert_eq!(auto_ban(&t, target.0.id).await, None);
    }
    assert_eq!(count(&t, "reports WHERE status = 'open'").await, 10, "moderators see them");
    t.set_role_of_phone(&target.0.phone_index, UserRole::User, t.now()).await.unwrap();
    assert!(auto_ban(&t, target.0.id).await.is_some());
}

async fn what_a_ban_dealt_with_counts_no_more(t: TestStore) {
    let (target, ..) = ten_reports(&t).await;
    let more = crowd(&t, 10).await;
    let matches = meet(&t, &target, &more).await;
    assert!(auto_ban(&t, target.0.id).await.is_some());
    t.clock.advance(DAY);
    // An appeal.
    t.execute("UPDATE bans SET lifted_at = (SELECT MAX(run_at) FROM job), lifted_by = 7").await;
    t.set_banned(target.0.id, false).await;
    assert_eq!(auto_ban(&t, target.0.id).await, None, "the same reports do not ban twice");
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
    assert_eq!(t.much_reported(UserId(0), 10, &rules(), t.now()).await.unwrap(), [new.0.id]);
    // An order for either bans the account that is used now.
    let banned = auto_ban(&t, old.0.id).await.expect("ten people");
    assert_eq!(banned.user_id, new.0.id);
    assert!(t.user(new.0.id).await.unwrap().expect("the user").is_banned);
    assert_eq!(t.active_ban(&old.0.phone_index, t.now()).await.unwrap(), Some(banned.ban));
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
    let found = async |after: i64, limit| t.much_reported(UserId(after), limit, &rules(), t.now()).await.unwrap();
    assert_eq!(found(0, 10).await, [first.0.id, second.0.id]);
    assert_eq!(found(0, 1).await, [first.0.id]);
    assert_eq!(found(first.0.id.0, 10).await, [second.0.id]);
    resolve(&t, reports[0].id, ReportDecision::Dismiss).await;
    assert_eq!(found(0, 10).await, [first.0.id]);
    auto_ban(&t, first.0.id).await.expect("a ban");
    assert_eq!(found(0, 10).await, []);
    assert_eq!(t.much_reported(UserId(0), 10, &rules(), t.now() + 30 * DAY).await.unwrap(), []);
}

async fn a_report_is_decided_once(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    assert_eq!(resolve(&t, ReportId(1), ReportDecision::Warn).await, Resolving::NotFound);
    let other = t.database.open(&t.clock).await;
    let decisions = [ReportDecision::Dismiss, ReportDecision::Warn, ReportDecision::Ban];
    let outcomes = all_at_once((0..12).map(|number| {
        let (store, now) = (if number % 2 == 0 { t.store.clone() } else { other.clone() }, t.now());
        async move { (number, store.resolve_report(made.id, &word(decisions[number / 2 % 3], None), now).await.unwrap()) }
    }))
    .await;
    let (number, done) = outcomes.iter().find(|(_, outcome)| matches!(outcome, Resolving::Done { .. })).expect("one").clone();
    assert_eq!(outcomes.iter().filter(|(_, outcome)| *outcome == Resolving::Decided).count(), 11);
    let Resolving::Done { notified, banned } = done else { panic!("done") };
    let told: Vec<_> = notified.iter().map(|told| (told.user_id, told.notice.clone())).collect();
    let status = match decisions[number / 2 % 3] {
        ReportDecision::Dismiss => {
            assert_eq!((&told[..], &banned), (&[(a.0.id, Notice::ReportResolved { acted: false })][..], &None));
            ReportStatus::Dismissed
        }
        ReportDecision::Warn => {
            let warned = (b.0.id, Notice::Warned { reason: ReportReason::Spam });
            assert_eq!((&told[..], &banned), (&[warned, (a.0.id, Notice::ReportResolved { acted: true })][..], &None));
            ReportStatus::Warned
        }
        ReportDecision::Ban => {
            assert_eq!(told, [(a.0.id, Notice::ReportResolved { acted: true })]);
            assert_eq!(banned.map(|(user, told)| (user, told.is_some())), Some((b.0.id, true)));
            ReportStatus::Banned
        }
    };
    let entry = t.report_entry(made.id, &rules(), t.now()).await.unwrap().expect("a report");
    assert_eq!((entry.report.status, entry.resolved), (status, Some((UserId(7), t.now()))));
    assert_eq!(entry.resolution, Some(Sealed { ciphertext: b"seen".to_vec(), key_id: "k".to_owned() }));
    assert_eq!(t.reports_of(a.0.id, None, 10).await.unwrap()[0].status, status);
    let logged = format!("system_logs WHERE action = 'report_resolved' AND actor_id = 7 AND user_id = {}", b.0.id);
    assert_eq!(count(&t, &logged).await, 1);
    assert_eq!(count(&t, &format!("{logged} AND details LIKE '%\"before\":{{\"status\":\"open\"}}%'")).await, 1);
}

async fn a_ban_that_waits_is_confirmed(t: TestStore) {
    let (target, _, reports) = ten_reports(&t).await;
    let waiting = auto_ban(&t, target.0.id).await.expect("a ban").ban;
    let entry = t.report_entry(reports[0].id, &rules(), t.now()).await.unwrap().expect("a report");
    assert_eq!((entry.provisional_ban, entry.is_banned, entry.reporters), (Some(waiting.id), true, 10));
    let until = Some(t.now() + 3 * DAY);
    let outcome = t.resolve_report(reports[0].id, &word(ReportDecision::Ban, until), t.now()).await.unwrap();
    assert!(matches!(&outcome, Resolving::Done { banned: None, .. }), "{outcome:?}");
    let ban = async || t.active_ban(&target.0.phone_index, t.now()).await.unwrap().expect("a ban");
    let confirmed = ban().await;
    assert_eq!((confirmed.id, confirmed.provisional, confirmed.automatic, confirmed.until), (waiting.id, false, true, until));
    assert_eq!(count(&t, "bans WHERE created_by IS NULL AND confirmed_by = 7").await, 1);
    assert_eq!(count(&t, "system_logs WHERE action = 'ban_confirmed' AND actor_id = 7").await, 1);
    assert_eq!(t.report_entry(reports[0].id, &rules(), t.now()).await.unwrap().expect("a report").provisional_ban, None);

    // A shorter one changes nothing, a longer one counts.
    t.resolve_report(reports[1].id, &word(ReportDecision::Ban, Some(t.now() + DAY)), t.now()).await.unwrap();
    assert_eq!((ban().await, count(&t, "system_logs WHERE action = 'ban_confirmed'").await), (confirmed, 1));
    t.resolve_report(reports[2].id, &word(ReportDecision::Ban, None), t.now()).await.unwrap();
    assert_eq!((ban().await.until, count(&t, "bans").await), (None, 1));
    assert_eq!(count(&t, "reports WHERE status = 'banned'").await, 3);
}

async fn nobody_judges_the_own_case_or_the_superior(t: TestStore) {
    let (a, b) = couple(&t).await;
    let made = reported(&t, matched(&t, &a, &b, 1).await, a.0.id).await;
    let by = async |actor, actor_role, decision| {
        let new = NewResolution { actor, actor_role, ..word(decision, None) };
        t.resolve_report(made.id, &new, t.now()).await.unwrap()
    };
    for party in [a.0.id, b.0.id] {
        for decision in [ReportDecision::Dismiss, ReportDecision::Warn, ReportDecision::Ban] {
            assert_eq!(by(party, UserRole::Admin, decision).await, Resolving::Forbidden);
        }
    }
    t.set_role_of_phone(&b.0.phone_index, UserRole::Admin, t.now()).await.unwrap();
    for role in [UserRole::Moderator, UserRole::Admin] {
        assert_eq!(by(UserId(7), role, ReportDecision::Ban).await, Resolving::Forbidden);
    }
    t.set_role_of_phone(&b.0.phone_index, UserRole::Moderator, t.now()).await.unwrap();
    assert_eq!(by(UserId(7), UserRole::Moderator, ReportDecision::Ban).await, Resolving::Forbidden);
    assert_eq!((count(&t, "bans").await, count(&t, "system_logs WHERE actor_id IS NOT NULL").await), (0, 0));
    assert_eq!(count(&t, "reports WHERE status = 'open'").await, 1);
    assert!(matches!(by(UserId(7), UserRole::Admin, ReportDecision::Ban).await, Resolving::Done { banned: Some(_), .. }));
}

async fn moderators_see_what_they_need(t: TestStore) {
    let (target, others) = (searcher(&t, "kedi").await, crowd(&t, 3).await);
    let matches = meet(&t, &target, &others).await;
    let mut made = Vec::new();
    for (id, other) in matches.iter().zip(&others) {
        made.push(reported(&t, *id, other.0.id).await);
    }
    let back = report_as(&t.store, matches[0], target.0.id, ReportReason::Hate, &rules(), t.now()).await;
    let Reporting::Made(back) = back else { panic!("{back:?}") };
    resolve(&t, made[0].id, ReportDecision::Dismiss).await;

    let list = async |filter, limit| t.reports(UserId(7), filter, limit, &rules(), t.now()).await.unwrap();
    let ids = |entries: &[ReportEntry]| entries.iter().map(|entry| entry.report.id).collect::<Vec<_>>();
    let mut newest: Vec<ReportId> = made.iter().map(|report| report.id).chain([back.id]).collect();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    let all = list(ReportFilter::default(), 10).await;
    assert_eq!(ids(&all), newest);
    assert_eq!(ids(&list(ReportFilter { before: Some(newest[0]), ..ReportFilter::default() }, 2).await), newest[1..3]);
    assert_eq!(ids(&list(ReportFilter { status: Some(ReportStatus::Dismissed), ..ReportFilter::default() }, 10).await), [made[0].id]);
    assert_eq!(ids(&list(ReportFilter { reason: Some(ReportReason::Hate), ..ReportFilter::default() }, 10).await), [back.id]);
    assert_eq!(ids(&list(ReportFilter { reported: Some(others[0].0.id), ..ReportFilter::default() }, 10).await), [back.id]);
    assert_eq!(ids(&list(ReportFilter { reporter: Some(others[1].0.id), ..ReportFilter::default() }, 10).await), [made[1].id]);
    let both = ReportFilter { reporter: Some(others[1].0.id), status: Some(ReportStatus::Dismissed), ..ReportFilter::default() };
    assert_eq!(list(both, 10).await, []);

    let entry = all.iter().find(|entry| entry.report.id == made[0].id).expect("listed");
    assert_eq!((entry.reported_id, entry.reporter_id), (target.0.id, others[0].0.id));
    assert_eq!((&entry.reported.alias, &entry.reporter.alias), (&target.0.alias, &others[0].0.alias));
    assert_eq!((entry.reliability.decided, entry.reliability.dismissed, entry.reliability.unreliable), (1, 1, false));
    assert_eq!((entry.reporters, entry.evidence_count, entry.provisional_ban, entry.is_banned), (2, 2, None, false));
    assert_eq!(entry.note.as_ref().map(|note| note.ciphertext.as_slice()), Some(&b"note"[..]));
    assert_eq!(t.report_entry(made[0].id, &rules(), t.now()).await.unwrap().as_ref(), Some(entry));
    assert_eq!(t.report_entry(ReportId(1), &rules(), t.now()).await.unwrap(), None);

    // Nobody reads who reported him.
    let own = t.reports(target.0.id, ReportFilter::default(), 10, &rules(), t.now()).await.unwrap();
    assert_eq!(ids(&own), [back.id]);

    let read = t.read_evidence(made[1].id, UserId(7), t.now()).await.unwrap();
    assert_eq!(read, Some(Sealed { ciphertext: b"[]".to_vec(), key_id: "k".to_owned() }));
    assert_eq!(t.read_evidence(ReportId(1), UserId(7), t.now()).await.unwrap(), None);
    let logged = format!("system_logs WHERE action = 'report_read' AND actor_id = 7 AND user_id = {}", target.0.id);
    assert_eq!(count(&t, &logged).await, 1);
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
    assert_eq!(t.erase_dismissed_evidence(decided - Duration::from_millis(1), 10).await.unwrap(), 0);
    assert_eq!(t.erase_dismissed_evidence(decided, 10).await.unwrap(), 1);
    assert_eq!(t.erase_dismissed_evidence(decided + DAY, 10).await.unwrap(), 0, "once");
    assert_eq!(count(&t, written).await, 2, "those that were not dismissed");
    let entry = t.report_entry(made[0].id, &rules(), t.now()).await.unwrap().expect("it stays");
    assert_eq!((entry.note, entry.resolution, entry.evidence_count), (None, None, 2));

    let before = decided - DAY;
    assert_eq!(t.delete_old_reports(before - Duration::from_millis(1), 10).await.unwrap(), 0);
    assert_eq!(t.delete_old_reports(before, 10).await.unwrap(), 1, "nobody decided it");
    assert_eq!(t.delete_old_reports(decided - Duration::from_millis(1), 10).await.unwrap(), 0);
    assert_eq!((t.delete_old_reports(decided, 1).await.unwrap(), t.delete_old_reports(decided, 10).await.unwrap()), (1, 1));
    assert_eq!(count(&t, "reports").await, 0);
}
