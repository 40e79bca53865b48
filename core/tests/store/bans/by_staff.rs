//! Bans that staff makes, decides and lists.

use tebdil_core::{
    store::{BanFilter, Judged, NewBan, Registration, StaffBan, StaffMember},
    testing::TestStore,
};
use tebdil_protocol::{
    domain::UserRole,
    id::{BanId, UserId},
    time::Timestamp,
};

use super::{DAY, MODERATOR, OTHER, banned, by_reports, count, register_again};
use crate::all_at_once;

tebdil_core::store_conformance! {
    staff_ban_and_judge_by_rank,
    a_provisional_ban_is_settled_once,
    bans_are_listed_by_what_they_are,
    bans_of_a_user_are_those_of_its_phone,
}

const ADMIN: StaffMember = StaffMember {
    id: UserId(3),
    role: UserRole::Admin,
};

async fn staff_ban_and_judge_by_rank(t: TestStore) {
    let (user, _) = t.register("kedi").await;
    let mut staff = Vec::new();
    for role in ["moderator", "admin"] {
        let (member, _) = t.register(role).await;
        t.execute(&format!(
            "UPDATE users SET role = '{role}' WHERE id = {}",
            member.id
        ))
        .await;
        staff.push(member.id);
    }
    let ban = async |actor: StaffMember, user| {
        t.safety()
            .ban_by_staff(user, actor, "spam", None, t.now())
            .await
            .unwrap()
    };
    for (actor, user) in [
        (MODERATOR, staff[0]),
        (MODERATOR, staff[1]),
        (ADMIN, staff[1]),
    ] {
        assert_eq!(ban(actor, user).await, StaffBan::Forbidden, "{actor:?}");
        assert!(!t.safety().is_banned(user).await.unwrap());
    }
    let oneself = |id| StaffMember {
        id,
        role: UserRole::Admin,
    };
    let own = ban(oneself(staff[0]), staff[0]).await;
    assert_eq!(own, StaffBan::Forbidden, "oneself");
    assert_eq!(ban(ADMIN, UserId(9)).await, StaffBan::NotFound);
    for (actor, user) in [(MODERATOR, user.id), (ADMIN, staff[0])] {
        assert!(matches!(ban(actor, user).await, StaffBan::Banned { .. }));
        assert_eq!(ban(ADMIN, user).await, StaffBan::Already);
    }
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'banned' AND actor_id = {}",
                MODERATOR.id
            )
        )
        .await,
        1
    );

    // Reports may ban an admin: then another admin decides.
    banned(&t, staff[1], &by_reports()).await;
    let unban = async |actor, user| {
        t.safety()
            .unban(user, actor, "no reason", t.now())
            .await
            .unwrap()
    };
    assert_eq!(unban(MODERATOR, staff[0]).await, Judged::Forbidden);
    assert_eq!(unban(MODERATOR, staff[1]).await, Judged::Forbidden);
    let own = unban(oneself(staff[1]), staff[1]).await;
    assert_eq!(own, Judged::Forbidden, "oneself");
    assert!(matches!(
        unban(ADMIN, staff[1]).await,
        Judged::Done(Some(_))
    ));
    assert_eq!(unban(ADMIN, staff[1]).await, Judged::NotBanned);
    assert_eq!(unban(ADMIN, UserId(9)).await, Judged::NotFound);
}

/// A moderator who bans over a provisional one decides it.
async fn who_bans_over_a_provisional_ban_decides_it(t: &TestStore, until: Timestamp) {
    let (b, _) = t.register("pars").await;
    let ban = banned(t, b.id, &by_reports()).await;
    let StaffBan::Confirmed(confirmed) = t
        .safety()
        .ban_by_staff(b.id, OTHER, "spam", Some(until), t.now())
        .await
        .unwrap()
    else {
        panic!("not confirmed")
    };
    assert_eq!(
        (
            confirmed.id,
            confirmed.reason.as_str(),
            confirmed.until,
            confirmed.provisional
        ),
        (ban.id, "spam", Some(until), false)
    );
    assert!(matches!(
        t.safety().unban(b.id, OTHER, "no", t.now()).await.unwrap(),
        Judged::Done(_)
    ));
    assert_eq!(
        t.safety()
            .confirm_ban(ban.id, OTHER, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::NotBanned
    );
}

async fn a_provisional_ban_is_settled_once(t: TestStore) {
    let (a, _) = t.register("kedi").await;
    let ban = banned(&t, a.id, &by_reports()).await;
    let until = t.now() + DAY;
    let tries = (0..8).map(|_| {
        let (store, now) = (t.store.clone(), t.now());
        async move {
            store
                .safety()
                .confirm_ban(ban.id, MODERATOR, Some(until), "seen", now)
                .await
                .unwrap()
        }
    });
    let outcomes = all_at_once(tries).await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Judged::Done(_)))
            .count(),
        1,
        "{outcomes:?}"
    );
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Judged::Done(_) | Judged::Already))
    );
    let shown = t
        .safety()
        .ban_record(ban.id, t.now())
        .await
        .unwrap()
        .expect("the ban");
    assert_eq!(
        (shown.provisional, shown.until, shown.confirmed_by),
        (false, Some(until), Some(MODERATOR.id))
    );
    assert_eq!(shown.reason, "reports", "as it was");
    assert_eq!(
        count(
            &t,
            &format!(
                "system_logs WHERE action = 'ban_confirmed' AND actor_id = {}",
                MODERATOR.id
            )
        )
        .await,
        1
    );
    assert_eq!(
        t.safety()
            .confirm_ban(ban.id, OTHER, None, "seen", t.now() + DAY)
            .await
            .unwrap(),
        Judged::NotBanned,
        "it ran out"
    );
    assert_eq!(
        t.safety()
            .confirm_ban(BanId(9), OTHER, None, "seen", t.now())
            .await
            .unwrap(),
        Judged::NotFound
    );

    who_bans_over_a_provisional_ban_decides_it(&t, until).await;
}

async fn four_bans(t: &TestStore) -> Vec<(UserId, BanId)> {
    let mut bans = Vec::new();
    for number in 0..4 {
        let (user, _) = t.register(&format!("kedi{number}")).await;
        let by_staff = NewBan {
            automatic: false,
            provisional: false,
            created_by: Some(MODERATOR.id),
            ..by_reports()
        };
        bans.push((
            user.id,
            banned(
                t,
                user.id,
                &if number % 2 == 0 {
                    by_reports()
                } else {
                    by_staff
                },
            )
            .await
            .id,
        ));
    }
    bans
}

async fn bans_are_listed_by_what_they_are(t: TestStore) {
    let safety = t.safety();
    let bans = four_bans(&t).await;
    for (user, _) in &bans[2..] {
        safety
            .unban(*user, MODERATOR, "a mistake", t.now())
            .await
            .unwrap();
    }
    let listed = async |filter| {
        safety
            .bans(filter, t.now(), 9)
            .await
            .unwrap()
            .into_iter()
            .map(|ban| ban.id)
            .collect::<Vec<_>>()
    };
    let all: Vec<BanId> = bans.iter().rev().map(|(_, ban)| *ban).collect();
    let none = BanFilter::default();
    assert_eq!(listed(none).await, all);
    assert_eq!(
        listed(BanFilter {
            before: Some(all[1]),
            ..none
        })
        .await,
        all[2..]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(true),
            ..none
        })
        .await,
        all[2..]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(false),
            ..none
        })
        .await,
        all[..2]
    );
    assert_eq!(
        listed(BanFilter {
            automatic: Some(false),
            ..none
        })
        .await,
        [all[0], all[2]]
    );
    assert_eq!(
        listed(BanFilter {
            active: Some(true),
            provisional: Some(true),
            automatic: Some(true),
            ..none
        })
        .await,
        [all[3]]
    );
    let shown = safety
        .ban_record(all[2], t.now())
        .await
        .unwrap()
        .expect("the ban");
    assert!(
        shown
            .handle
            .is_some_and(|handle| handle.starts_with("kedi1#"))
    );
    assert_eq!(
        (shown.active, shown.created_by, shown.appeal),
        (true, Some(MODERATOR.id), None)
    );
    assert_eq!(safety.ban_record(BanId(9), t.now()).await.unwrap(), None);
}

async fn bans_of_a_user_are_those_of_its_phone(t: TestStore) {
    let (old, _) = t.register("kedi").await;
    let (other, _) = t.register("kopek").await;
    banned(&t, other.id, &by_reports()).await;
    let first = banned(&t, old.id, &by_reports()).await.id;
    let unban = async |user| {
        let lifted = t.safety().unban(user, MODERATOR, "a mistake", t.now());
        assert!(matches!(lifted.await.unwrap(), Judged::Done(_)));
    };
    unban(old.id).await;
    t.erase(&old).await;
    let Registration::Inserted(new, _) = register_again(&t, &old, "yeni").await else {
        panic!("not registered")
    };
    let second = banned(&t, new.id, &by_reports()).await.id;
    let of = async |user| {
        let filter = BanFilter {
            user: Some(user),
            ..BanFilter::default()
        };
        let bans = t.safety().bans(filter, t.now(), 9).await.unwrap();
        let named = bans.iter().filter(|ban| ban.handle.is_some());
        assert!(named.map(|ban| ban.user_id).all(|id| id == Some(new.id)));
        let ids: Vec<BanId> = bans.into_iter().map(|ban| ban.id).collect();
        let counts = t.accounts().account_counts(user, OTHER.id, t.now());
        assert_eq!(Ok(ids.len()), usize::try_from(counts.await.unwrap().bans));
        ids
    };
    assert_eq!(of(new.id).await, [second, first], "it was banned before");
    assert_eq!(of(old.id).await, [first], "who came back is not told");
    assert_eq!(of(UserId(1)).await, []);
}
