use std::time::Duration;

use tebdil_core::{
    store::{APPEAL_CONTEXT, Appealing, BanRow, Judged, NewAppeal, NewBan, OldRows, StaffMember},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::{AppealDecision, AppealStatus, UserRole},
    id::{AppealId, BanId, UserId},
};

use crate::{
    all_at_once,
    bans::{MODERATOR, OTHER, banned, by_reports, count},
    delete_old,
};

tebdil_core::store_conformance! {
    a_ban_is_appealed_once,
    nobody_appeals_against_what_is_over_or_another_s,
    whoever_banned_or_is_banned_does_not_decide,
    of_many_who_decide_at_once_one_does,
    upholding_confirms_a_provisional_ban,
    a_lifted_ban_settles_its_appeal,
    appeals_are_listed_by_status,
}

const DAY: Duration = Duration::from_hours(24);

fn new(t: &TestStore, id: i64, ban: BanId, user: UserId) -> NewAppeal {
    let id = AppealId(id);
    NewAppeal {
        id,
        ban,
        user,
        text: t.cipher.seal(
            APPEAL_CONTEXT,
            &id.0.to_be_bytes(),
            b"not me",
            &mut rand::rng(),
        ),
    }
}

/// A banned user who has appealed.
async fn appealed(t: &TestStore, id: i64, ban: &NewBan) -> (UserId, BanRow) {
    let (user, _) = t.register("kedi").await;
    let ban = banned(t, user.id, ban).await;
    assert!(matches!(
        t.safety()
            .appeal(&new(t, id, ban.id, user.id), t.now())
            .await
            .unwrap(),
        Appealing::Made(_)
    ));
    (user.id, ban)
}

fn by_moderator() -> NewBan {
    NewBan {
        automatic: false,
        provisional: false,
        created_by: Some(MODERATOR.id),
        ..by_reports()
    }
}

async fn a_ban_is_appealed_once(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let ban = banned(&t, user.id, &by_reports()).await;
    assert_eq!(t.safety().appeal_of(ban.id).await.unwrap(), None);
    let tries = (1..9).map(|id| {
        let (store, now, new) = (t.store.clone(), t.now(), new(&t, id, ban.id, user.id));
        async move { store.safety().appeal(&new, now).await.unwrap() }
    });
    let outcomes = all_at_once(tries).await;
    let mut made = outcomes.iter().filter_map(|outcome| {
        if let Appealing::Made(appeal) = outcome {
            Some(appeal)
        } else {
            None
        }
    });
    let appeal = made.next().expect("one");
    assert_eq!((appeal.status, made.next()), (AppealStatus::Open, None));
    assert_eq!(
        t.safety().appeal_of(ban.id).await.unwrap().as_ref(),
        Some(appeal)
    );
    let row = t.safety().appeals(None, None, 9).await.unwrap().remove(0);
    let plain = t
        .cipher
        .open(
            APPEAL_CONTEXT,
            &row.id.0.to_be_bytes(),
            &row.text_key_id,
            &row.text_ciphertext,
        )
        .unwrap();
    assert_eq!(*plain, b"not me");
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'appealed' AND actor_id = {}",
                user.id
            )
        )
        .await,
        1
    );
}

async fn nobody_appeals_against_what_is_over_or_another_s(t: TestStore) {
    let ((a, _), (b, _)) = (t.register("kedi").await, t.register("pars").await);
    let until = Some(t.now() + DAY);
    let ban = banned(
        &t,
        a.id,
        &NewBan {
            until,
            ..by_reports()
        },
    )
    .await;
    for (ban, user, now) in [
        (ban.id, b.id, t.now()),
        (ban.id, UserId(9), t.now()),
        (BanId(9), a.id, t.now()),
        (ban.id, a.id, t.now() + DAY),
    ] {
        assert_eq!(
            t.safety()
                .appeal(&new(&t, 1, ban, user), now)
                .await
                .unwrap(),
            Appealing::NotBanned
        );
    }
    t.safety()
        .unban(a.id, MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    assert_eq!(
        t.safety()
            .appeal(&new(&t, 1, ban.id, a.id), t.now())
            .await
            .unwrap(),
        Appealing::NotBanned
    );
    assert_eq!(count(&t, "appeals").await, 0);
}

async fn whoever_banned_or_is_banned_does_not_decide(t: TestStore) {
    let (user, _) = appealed(&t, 1, &by_moderator()).await;
    let decide = async |id: i64, actor| {
        t.safety()
            .decide_appeal(AppealId(id), AppealDecision::Lift, actor, "no", t.now())
            .await
            .unwrap()
    };
    for actor in [
        MODERATOR,
        StaffMember {
            role: UserRole::Admin,
            ..MODERATOR
        },
        StaffMember {
            id: user,
            role: UserRole::Admin,
        },
    ] {
        assert_eq!(decide(1, actor).await, Judged::Forbidden);
    }
    assert!(t.safety().is_banned(user).await.unwrap());
    // Whoever confirmed has banned too.
    let (_, ban) = appealed(&t, 2, &by_reports()).await;
    t.safety()
        .confirm_ban(ban.id, OTHER, None, "seen", t.now())
        .await
        .unwrap();
    assert_eq!(decide(2, OTHER).await, Judged::Forbidden);
    assert!(matches!(decide(2, MODERATOR).await, Judged::Done(_)));
    // That of one of the staff is not for a moderator to say.
    let (staff, _) = appealed(&t, 3, &by_reports()).await;
    t.execute(&format!(
        "UPDATE users SET role = 'moderator' WHERE id = {staff}"
    ))
    .await;
    assert_eq!(decide(3, OTHER).await, Judged::Forbidden);
    assert!(matches!(
        decide(
            3,
            StaffMember {
                id: OTHER.id,
                role: UserRole::Admin
            }
        )
        .await,
        Judged::Done(_)
    ));
    assert_eq!(decide(9, OTHER).await, Judged::NotFound);
}

async fn of_many_who_decide_at_once_one_does(t: TestStore) {
    let (user, _) = appealed(&t, 1, &by_moderator()).await;
    let tries = (0..10_i64).map(|number| {
        let (store, now) = (t.store.clone(), t.now());
        let decision = if number % 2 == 0 {
            AppealDecision::Lift
        } else {
            AppealDecision::Uphold
        };
        let actor = StaffMember {
            id: UserId(100 + number),
            role: UserRole::Moderator,
        };
        async move {
            (
                actor.id,
                store
                    .safety()
                    .decide_appeal(AppealId(1), decision, actor, "seen", now)
                    .await
                    .unwrap(),
            )
        }
    });
    let outcomes = all_at_once(tries).await;
    let mut done = outcomes.iter().filter_map(|(actor, outcome)| {
        if let Judged::Done(done) = outcome {
            Some((actor, done))
        } else {
            None
        }
    });
    let (actor, decided) = done.next().expect("one");
    assert_eq!(done.next(), None);
    assert!(
        outcomes
            .iter()
            .all(|(_, outcome)| matches!(outcome, Judged::Done(_) | Judged::Already))
    );
    let row = t.safety().appeals(None, None, 9).await.unwrap().remove(0);
    assert_eq!(
        (row.status, row.decided_by, row.decision_note.as_deref()),
        (decided.status, Some(*actor), Some("seen"))
    );
    assert_eq!(
        t.safety().is_banned(user).await.unwrap(),
        decided.status == AppealStatus::Upheld
    );
    assert_eq!(
        count(
            &t,
            &format!("system_logs WHERE action = 'appeal_decided' AND actor_id = {actor}")
        )
        .await,
        1
    );
    assert_eq!(
        count(&t, "system_logs WHERE action = 'appeal_decided'").await,
        1
    );
    assert_eq!(
        count(
            &t,
            "notifications WHERE code IN ('ban_lifted', 'appeal_upheld')"
        )
        .await,
        1
    );
}

async fn upholding_confirms_a_provisional_ban(t: TestStore) {
    let (user, ban) = appealed(&t, 1, &by_reports()).await;
    let decided = t
        .safety()
        .decide_appeal(AppealId(1), AppealDecision::Uphold, OTHER, "seen", t.now())
        .await
        .unwrap();
    let Judged::Done(decided) = decided else {
        panic!("{decided:?}")
    };
    assert_eq!(
        (decided.status, decided.notified.expect("told").user_id),
        (AppealStatus::Upheld, user)
    );
    let shown = t
        .safety()
        .ban_record(ban.id, t.now())
        .await
        .unwrap()
        .expect("the ban");
    assert_eq!(
        (shown.provisional, shown.confirmed_by, shown.appeal),
        (false, Some(OTHER.id), Some(AppealStatus::Upheld))
    );
    assert!(t.safety().is_banned(user).await.unwrap());
    assert_eq!(
        t.safety()
            .appeal(&new(&t, 2, ban.id, user), t.now())
            .await
            .unwrap(),
        Appealing::Already,
        "no second time"
    );
}

async fn a_lifted_ban_settles_its_appeal(t: TestStore) {
    let (user, ban) = appealed(&t, 1, &by_moderator()).await;
    t.safety()
        .unban(user, MODERATOR, "a mistake", t.now())
        .await
        .unwrap();
    assert_eq!(
        t.safety()
            .appeal_of(ban.id)
            .await
            .unwrap()
            .map(|appeal| appeal.status),
        Some(AppealStatus::Lifted)
    );
    assert_eq!(
        t.safety()
            .decide_appeal(AppealId(1), AppealDecision::Uphold, OTHER, "no", t.now())
            .await
            .unwrap(),
        Judged::Already
    );
    assert!(!t.safety().is_banned(user).await.unwrap());
    // With its ban it goes.
    assert_eq!(delete_old(&t, &OldRows::BANS, t.now(), 9).await, 1);
    assert_eq!(count(&t, "appeals").await, 0);
}

async fn appeals_are_listed_by_status(t: TestStore) {
    for id in 1..=3 {
        appealed(&t, id, &by_moderator()).await;
    }
    t.safety()
        .decide_appeal(AppealId(2), AppealDecision::Uphold, OTHER, "seen", t.now())
        .await
        .unwrap();
    let listed = async |status, before: Option<i64>, limit| {
        t.safety()
            .appeals(status, before.map(AppealId), limit)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(listed(None, None, 9).await, [3, 2, 1]);
    assert_eq!(listed(None, Some(3), 1).await, [2]);
    assert_eq!(listed(Some(AppealStatus::Open), None, 9).await, [3, 1]);
    assert_eq!(listed(Some(AppealStatus::Upheld), None, 9).await, [2]);
    assert_eq!(listed(Some(AppealStatus::Lifted), None, 9).await, [0; 0]);
}
