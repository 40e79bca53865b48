//! The daily reset is lazy: midnight writes nothing, whoever looks sees the new day, and the
//! ledger's row comes with the next change.

use std::time::Duration;

use tebdil_core::{store::Grant, testing::TestStore};
use tebdil_protocol::{
    domain::{LedgerReason, QuotaBucket},
    id::UserId,
    time::Timestamp,
};
use tebdil_workers::{Hooks, Workers};

use crate::harness::{DAY, Database, on_both, settings};

on_both! {
    midnight_writes_no_user_and_everybody_sees_the_new_day,
}

const USERS: usize = 2_000;
/// Every column that anything could change.
const ROWS: &str = "SELECT CAST(id AS TEXT) || '|' || CAST(daily_chat_balance AS TEXT) || '|' || CAST(daily_video_balance AS TEXT) || '|' || \
     CAST(bonus_balance AS TEXT) || '|' || quota_day || '|' || CAST(is_premium AS TEXT) || '|' || CAST(is_banned AS TEXT) || '|' || \
     CAST(last_active AS TEXT) || '|' || password_hash || alias || tag || locale || role || interests || languages || invite_code \
     FROM users ORDER BY id";
const LEDGER: &str = "SELECT CAST(id AS TEXT) || '|' || CAST(user_id AS TEXT) || '|' || bucket || '|' || CAST(delta AS TEXT) || '|' || \
     CAST(balance_after AS TEXT) || '|' || reason || '|' || reference FROM quota_ledger ORDER BY id";

fn grant(bucket: QuotaBucket, amount: i64) -> Grant {
    Grant {
        bucket,
        amount,
        reason: LedgerReason::Admin,
        reference: format!("{bucket}{amount}"),
    }
}

async fn everybody_sees_the_new_day(db: &Database, users: &[UserId], midnight: Timestamp) {
    let rules = TestStore::quota_rules();
    for (number, user) in users.iter().enumerate() {
        let seen = db
            .store
            .economy()
            .quota(*user, &rules, db.now())
            .await
            .expect("quota")
            .expect("user");
        let allowance = if number < 300 { (100, 30) } else { (10, 3) };
        let bonus = if number % 5 == 1 { 3 } else { 0 };
        assert_eq!(
            (seen.text, seen.video, seen.bonus),
            (allowance.0, allowance.1, bonus),
            "user {number}"
        );
        assert_eq!(seen.resets_at, midnight + DAY);
    }
}

async fn midnight_writes_no_user_and_everybody_sees_the_new_day(db: &Database) {
    let (rules, store) = (TestStore::quota_rules(), &db.store);
    let economy = store.economy();
    let mut users: Vec<UserId> = Vec::with_capacity(USERS);
    for _ in 0..USERS {
        users.push(db.user().await);
    }
    db.execute("UPDATE users SET is_premium = TRUE WHERE id IN (SELECT id FROM users ORDER BY id LIMIT 300)").await;
    // A part used something two days ago, a part today, a part has never done anything.
    for user in users.iter().step_by(5) {
        economy
            .grant(*user, &grant(QuotaBucket::Text, -4), &rules, db.now())
            .await
            .expect("grant");
    }
    db.clock.advance(2 * DAY);
    for user in users.iter().skip(1).step_by(5) {
        economy
            .grant(*user, &grant(QuotaBucket::Video, -2), &rules, db.now())
            .await
            .expect("grant");
        economy
            .grant(*user, &grant(QuotaBucket::Bonus, 3), &rules, db.now())
            .await
            .expect("grant");
    }
    let used = economy
        .quota(users[1], &rules, db.now())
        .await
        .expect("quota")
        .expect("user");
    assert_eq!((used.text, used.video, used.bonus), (100, 28, 3));

    let before = (db.texts(ROWS).await, db.texts(LEDGER).await);
    assert!(before.0.len() == USERS && before.1.len() > USERS / 2);
    let workers = Workers::new(
        store.clone(),
        db.clock.clone(),
        Hooks::default(),
        settings(),
    );
    let midnight = db.now().next_midnight(&rules.zone);
    while db.now() < midnight + Duration::from_hours(2) {
        let ran = workers.run_due_once().await.expect("run");
        assert!(ran.done > 0, "the jobs of the hour");
        db.clock.advance(Duration::from_hours(1));
    }
    db.clock.set(midnight);
    workers.run_due_once().await.expect("run");
    everybody_sees_the_new_day(db, &users, midnight).await;
    assert!(
        (db.texts(ROWS).await, db.texts(LEDGER).await) == before,
        "neither midnight nor looking writes"
    );

    // The next change books the new day, of this user alone.
    economy
        .grant(users[1], &grant(QuotaBucket::Bonus, 1), &rules, db.now())
        .await
        .expect("grant")
        .expect("changed");
    let after = (db.texts(ROWS).await, db.texts(LEDGER).await);
    let changed = before
        .0
        .iter()
        .zip(&after.0)
        .filter(|(one, other)| one != other)
        .count();
    assert_eq!(changed, 1);
    let day = rules.day(db.now());
    let booked: Vec<String> = after.1[before.1.len()..]
        .iter()
        .map(|row| row.split('|').skip(1).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(after.1[..before.1.len()], before.1, "the ledger only grows");
    let id = users[1];
    assert_eq!(
        booked,
        [
            format!("{id}|video|2|30|daily_reset|{day}"),
            format!("{id}|bonus|1|4|admin|bonus1")
        ]
    );
}
