//! Who decides a report, and what follows.

use tebdil_core::{
    crypto::Sealed,
    store::{
        APPEAL_CONTEXT, Appealing, Judged, NewAppeal, NewResolution, Resolving, StaffBan,
        StaffMember, Store,
    },
    testing::TestStore,
};
use tebdil_protocol::{
    Report,
    domain::{AppealDecision, ReportDecision, ReportReason, ReportStatus, UserRole},
    id::{AppealId, ReportId, UserId},
    notice::Notice,
};

use super::{Account, DAY, SOMEBODY, auto_ban, count, reported, resolve, rules, word};
use crate::{
    all_at_once,
    auto_bans::ten_reports,
    matches::{couple, matched, searcher},
};

tebdil_core::store_conformance! {
    a_report_is_decided_once,
    a_ban_that_waits_is_confirmed,
    nobody_judges_the_own_case_or_the_superior,
    whoever_accuses_does_not_ban,
    nobody_says_of_oneself_or_the_superior_who_is_reliable,
}

async fn decide_twelve_times_at_once(
    t: &TestStore,
    other: &Store,
    report: ReportId,
    decisions: [ReportDecision; 3],
) -> Vec<(usize, Resolving)> {
    all_at_once((0..12).map(|number| {
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
                    .safety()
                    .resolve_report(report, &word(decisions[number / 2 % 3], None), now)
                    .await
                    .unwrap(),
            )
        }
    }))
    .await
}

async fn a_decision_is_recorded(
    t: &TestStore,
    made: &Report,
    a: &Account,
    b: &Account,
    status: ReportStatus,
) {
    let entry = t
        .safety()
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
        t.safety().reports_of(a.0.id, None, 10).await.unwrap()[0].status,
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
        ReportDecision::Rename => unreachable!("not among them"),
    };
    a_decision_is_recorded(&t, &made, &a, &b, status).await;
}

async fn a_ban_that_waits_is_confirmed(t: TestStore) {
    let safety = t.safety();
    let (target, _, reports) = ten_reports(&t).await;
    let waiting = auto_ban(&t, target.0.id).await.expect("a ban").ban;
    let entry = async || {
        safety
            .report_entry(reports[0].id, &rules(), t.now())
            .await
            .unwrap()
            .expect("a report")
    };
    let open = entry().await;
    assert_eq!(
        (open.provisional_ban, open.is_banned, open.reporters),
        (Some(waiting.id), true, 10)
    );
    let until = Some(t.now() + 3 * DAY);
    let outcome = safety
        .resolve_report(reports[0].id, &word(ReportDecision::Ban, until), t.now())
        .await
        .unwrap();
    assert!(
        matches!(&outcome, Resolving::Done { banned: None, .. }),
        "{outcome:?}"
    );
    let ban = async || {
        safety
            .active_ban(&target.0.phone_index, t.now())
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
    assert_eq!(entry().await.provisional_ban, None);

    // A shorter one changes nothing, a longer one counts.
    safety
        .resolve_report(
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
    safety
        .resolve_report(reports[2].id, &word(ReportDecision::Ban, None), t.now())
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
        t.safety()
            .resolve_report(made.id, &new, t.now())
            .await
            .unwrap()
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
    t.accounts()
        .set_role_of_phone(&b.0.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    for role in [UserRole::Moderator, UserRole::Admin] {
        assert_eq!(
            by(UserId(7), role, ReportDecision::Ban).await,
            Resolving::Forbidden
        );
    }
    t.accounts()
        .set_role_of_phone(&b.0.phone_index, UserRole::Moderator, t.now())
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
        .safety()
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

    let accuser = StaffMember {
        id: others[0].0.id,
        role: UserRole::Admin,
    };
    assert_eq!(
        t.safety()
            .confirm_ban(ban.id, accuser, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    assert_eq!(
        t.safety()
            .ban_by_staff(target.0.id, accuser, "seen", None, t.now())
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
        t.safety()
            .resolve_report(reports[1].id, &of_another, t.now())
            .await
            .unwrap(),
        Resolving::Forbidden
    );
    let decided = t
        .safety()
        .decide_appeal(id, AppealDecision::Uphold, accuser, "seen", t.now())
        .await
        .unwrap();
    assert_eq!(decided, Judged::Forbidden);
    assert_eq!(count(&t, "bans WHERE provisional").await, 1);

    let decided = t
        .safety()
        .decide_appeal(id, AppealDecision::Uphold, SOMEBODY, "seen", t.now())
        .await
        .unwrap();
    assert!(matches!(decided, Judged::Done(_)), "{decided:?}");
}

async fn nobody_says_of_oneself_or_the_superior_who_is_reliable(t: TestStore) {
    let (user, _) = searcher(&t, "kedi").await;
    let oneself = StaffMember {
        id: user.id,
        role: UserRole::Admin,
    };
    assert_eq!(
        t.safety()
            .set_unreliable(user.id, true, oneself, t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    t.accounts()
        .set_role_of_phone(&user.phone_index, UserRole::Admin, t.now())
        .await
        .unwrap();
    assert_eq!(
        t.safety()
            .set_unreliable(user.id, true, SOMEBODY, t.now())
            .await
            .unwrap(),
        Judged::Forbidden
    );
    let admin = StaffMember {
        role: UserRole::Admin,
        ..SOMEBODY
    };
    assert_eq!(
        t.safety()
            .set_unreliable(user.id, true, admin, t.now())
            .await
            .unwrap(),
        Judged::Done(false)
    );
}
