//! The days for the overview.

use std::time::Duration;

use tebdil_core::{
    store::{DayCounts, DayRow, NewBan, Totals},
    testing::TestStore,
};
use tebdil_protocol::{domain::EndReason, id::ClaimId};
use tebdil_workers::{Hooks, Workers, jobs::Statistics};

use crate::harness::{DAY, Database, MINUTE, on_both, settings};

on_both! {
    what_happens_on_a_day_is_counted_there,
    a_message_counts_on_its_day_whenever_its_match_began,
    days_without_a_worker_are_counted_later,
    counts_never_get_less_and_counting_twice_changes_nothing,
    a_clock_that_was_ahead_spoils_no_day,
    what_there_is_now,
}

fn workers(db: &Database) -> Workers {
    Workers::new(
        db.store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    )
}

async fn run(db: &Database) {
    workers(db)
        .run_now(Statistics::default())
        .await
        .expect("run");
}

async fn days(db: &Database) -> Vec<DayRow> {
    db.store.jobs().days("0000", "9999").await.expect("days")
}

fn day(day: &str, complete: bool, counts: DayCounts) -> DayRow {
    DayRow {
        day: day.to_owned(),
        counts,
        // Whoever came today is here for the first time.
        active_users: if complete { 0 } else { counts.registrations },
        complete,
    }
}

/// A claim of one side, approved at once or not.
async fn claim(db: &Database, approved: bool) {
    let (match_id, [user, _]) = db.a_match().await;
    let status = if approved { "approved" } else { "pending" };
    db.claim(
        db.ids.next::<ClaimId>(),
        user,
        match_id,
        status,
        approved.then(|| db.now()),
    )
    .await;
}

async fn what_happens_on_a_day_is_counted_there(db: &Database) {
    let zone = TestStore::quota_rules().zone;
    // The last and the first moment of a day, and the middle of it.
    let midnight = db.now().next_midnight(&zone);
    let moments = [
        midnight - Duration::from_millis(1),
        midnight,
        midnight + 12 * 60 * MINUTE,
        midnight + DAY - Duration::from_millis(1),
    ];
    for moment in moments {
        db.clock.set(moment);
        let (id, [one, other]) = db.a_match().await;
        db.message(id, [one, other]).await;
        db.message(id, [other, one]).await;
        claim(db, moment == midnight).await;
    }
    let (id, _) = db.a_match().await;
    db.execute(&format!(
        "UPDATE matches SET type = 'video' WHERE id = {id}"
    ))
    .await;
    db.execute("UPDATE message_logs SET kind = 'handshake' WHERE seq = (SELECT MAX(seq) FROM message_logs)").await;
    db.clock.set(midnight + DAY + Duration::from_hours(5));
    claim(db, true).await;
    run(db).await;
    let first = DayCounts {
        registrations: 4,
        text_matches: 2,
        messages: 2,
        claims: 1,
        ..DayCounts::default()
    };
    let second = DayCounts {
        registrations: 14,
        text_matches: 6,
        video_matches: 1,
        messages: 5,
        claims: 3,
        claims_approved: 1,
        ..DayCounts::default()
    };
    let third = DayCounts {
        registrations: 2,
        text_matches: 1,
        claims: 1,
        claims_approved: 1,
        ..DayCounts::default()
    };
    let [a, b, c] = [0_u32, 1, 2]
        .map(|number| (midnight - Duration::from_millis(1) + number * DAY).local_day(&zone));
    assert_eq!(
        days(db).await,
        [
            day(&c, false, third),
            day(&b, true, second),
            day(&a, true, first)
        ]
    );
    assert_eq!(db.store.jobs().days(&b, &b).await.expect("days").len(), 1);

    // A claim of yesterday that is approved today counts today.
    db.approve_claims().await;
    run(db).await;
    let third = DayCounts {
        claims_approved: 4,
        ..third
    };
    assert_eq!(
        days(db).await,
        [
            day(&c, false, third),
            day(&b, true, second),
            day(&a, true, first)
        ]
    );
}

async fn a_message_counts_on_its_day_whenever_its_match_began(db: &Database) {
    let zone = TestStore::quota_rules().zone;
    let midnight = db.now().next_midnight(&zone);
    // A match that lasts almost all of the next day, and one that begins when that ends.
    db.clock.set(midnight - Duration::from_millis(1));
    let (early, users) = db.a_match().await;
    db.message(early, users).await;
    for moment in [midnight, midnight + DAY - Duration::from_millis(2)] {
        db.clock.set(moment);
        db.message(early, users).await;
    }
    db.clock.set(midnight + DAY - Duration::from_millis(1));
    let (late, others) = db.a_match().await;
    db.message(late, others).await;
    db.clock.set(midnight + DAY);
    for _ in 0..4 {
        db.message(late, others).await;
    }
    run(db).await;
    let messages: Vec<i64> = days(db)
        .await
        .iter()
        .map(|day| day.counts.messages)
        .collect();
    assert_eq!(messages, [4, 3, 1]);
}

async fn days_without_a_worker_are_counted_later(db: &Database) {
    let zone = TestStore::quota_rules().zone;
    let start = db.now();
    assert_eq!(days(db).await, []);
    for number in 0..6_u32 {
        db.clock.set(start + number * DAY);
        db.user().await;
        // On the second day it ran, and the others are made up for.
        if number == 1 {
            run(db).await;
        }
    }
    run(db).await;
    let counted = days(db).await;
    assert_eq!(counted.len(), 6);
    for (number, row) in counted.iter().rev().enumerate() {
        let number = u32::try_from(number).expect("few");
        assert_eq!(
            (&*row.day, row.counts.registrations),
            (&*(start + number * DAY).local_day(&zone), 1)
        );
        assert_eq!(row.complete, number < 5);
    }

    // By the schedule, once an hour.
    let scheduled = workers(db);
    db.user().await;
    scheduled.run_due_once().await.expect("run");
    db.user().await;
    scheduled.run_due_once().await.expect("run");
    assert_eq!(days(db).await[0].counts.registrations, 2);
    db.clock.advance(60 * MINUTE);
    scheduled.run_due_once().await.expect("run");
    assert_eq!(days(db).await[0].counts.registrations, 3);
}

async fn counts_never_get_less_and_counting_twice_changes_nothing(db: &Database) {
    let (id, users) = db.a_match().await;
    for _ in 0..3 {
        db.message(id, users).await;
    }
    // Their ids have to be of now, too.
    db.execute(
        "INSERT INTO reports (id, reporter_id, reported_id, match_id, reason, severity, created_at) \
         SELECT id, user1_id, user2_id, id, 'spam', 2, created_at FROM matches",
    )
    .await;
    db.execute(
        "INSERT INTO bans (id, phone_index, reason, automatic, provisional, created_at) \
         SELECT id, phone_index, 'spam', FALSE, FALSE, created_at FROM users",
    )
    .await;
    run(db).await;
    let counted = days(db).await;
    assert_eq!(
        counted[0].counts,
        DayCounts {
            registrations: 2,
            text_matches: 1,
            messages: 3,
            reports: 1,
            bans: 2,
            ..DayCounts::default()
        }
    );
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let workers = workers(db);
        set.spawn(async move { workers.run_now(Statistics::default()).await.expect("run") });
    }
    set.join_all().await;
    assert_eq!(days(db).await, counted);
    // Who counted first may be the last to write.
    let early = DayRow {
        counts: DayCounts {
            messages: 1,
            ..DayCounts::default()
        },
        ..counted[0].clone()
    };
    db.store.jobs().keep_day(&early).await.expect("keep");
    db.execute("DELETE FROM message_logs").await;
    run(db).await;
    assert_eq!(days(db).await, counted);
}

async fn a_clock_that_was_ahead_spoils_no_day(db: &Database) {
    let start = db.now();
    db.user().await;
    db.clock.set(start + 10 * DAY);
    run(db).await;
    assert_eq!(
        days(db).await.iter().filter(|day| day.complete).count(),
        10,
        "as far as it knew"
    );
    // The right time, at which those days come. This node made no id meanwhile.
    for number in 1..=5_u32 {
        db.clock.set(start + number * DAY - MINUTE);
        db.user().await;
        db.clock.set(start + number * DAY);
        run(db).await;
    }
    let registrations: Vec<i64> = days(db)
        .await
        .iter()
        .rev()
        .map(|day| day.counts.registrations)
        .collect();
    assert_eq!(registrations, [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]);
}

async fn what_there_is_now(db: &Database) {
    claim(db, true).await;
    claim(db, false).await;
    let (id, users) = db.a_match().await;
    db.store
        .matches()
        .end_match(id, Some(users[0]), EndReason::Left, db.now())
        .await
        .expect("end");
    let now = Totals {
        users: 6,
        active_matches: 2,
        pending_claims: 1,
        ..Totals::default()
    };
    assert_eq!(db.store.jobs().totals(db.now()).await.expect("totals"), now);

    let ban = |provisional| NewBan {
        reason: "spam".to_owned(),
        automatic: true,
        provisional,
        until: Some(db.now() + MINUTE),
        created_by: None,
    };
    for (user, provisional) in users.into_iter().zip([true, false]) {
        db.store
            .safety()
            .ban(user, &ban(provisional), db.now())
            .await
            .expect("ban");
    }
    assert_eq!(
        db.store.jobs().totals(db.now()).await.expect("totals"),
        Totals {
            provisional_bans: 1,
            ..now
        }
    );
    assert_eq!(
        db.store
            .jobs()
            .totals(db.now() + MINUTE)
            .await
            .expect("totals"),
        now,
        "it is over"
    );
}
