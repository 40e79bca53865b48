//! Rewards for invitations, by job and by sweep.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{SeedableRng as _, rngs::StdRng};
use tebdil_core::{
    store::{NewUser, ReferralRules, Registration, RewardOrder, UserRow},
    testing::TestStore,
};
use tebdil_protocol::{id::UserId, notice::Notice};
use tebdil_workers::{Hooks, Settings, Workers};

use crate::harness::settings;

tebdil_core::store_conformance! {
    who_joins_by_invitation_gets_its_rights_and_hears_once,
    a_lost_order_is_found_by_the_sweep,
    workers_at_once_reward_each_once,
    without_a_reward_nobody_is_told,
}

#[derive(Debug, Clone, Default)]
struct Heard {
    quotas: Arc<Mutex<Vec<(UserId, i64)>>>,
    notices: Arc<Mutex<Vec<(UserId, Notice)>>>,
}

impl Heard {
    fn quotas(&self) -> Vec<(UserId, i64)> {
        std::mem::take(&mut *self.quotas.lock().expect("lock"))
    }

    fn notices(&self) -> Vec<(UserId, Notice)> {
        std::mem::take(&mut *self.notices.lock().expect("lock"))
    }
}

fn workers(t: &TestStore, rewards: ReferralRules) -> (Workers, Heard) {
    let heard = Heard::default();
    let (quotas, notices) = (heard.quotas.clone(), heard.notices.clone());
    let hooks = Hooks {
        on_quota: Arc::new(move |user, quota| {
            quotas.lock().expect("lock").push((user, quota.bonus));
        }),
        on_notified: Arc::new(move |told| {
            notices
                .lock()
                .expect("lock")
                .push((told.user_id, told.notice));
        }),
        ..Hooks::default()
    };
    let settings = Settings {
        referrals: rewards,
        ..settings()
    };
    (
        Workers::new(t.store.clone(), t.clock.clone(), hooks, settings),
        heard,
    )
}

async fn join(t: &TestStore, phone: i64, code: &str) -> UserRow {
    let new = NewUser {
        invite: Some(code.to_owned()),
        ..t.new_user(phone, "berk")
    };
    let mut rng = StdRng::seed_from_u64(phone.unsigned_abs());
    match t
        .accounts()
        .insert_user(&new, t.new_session("a"), &mut rng, t.now())
        .await
        .expect("insert")
    {
        Registration::Inserted(user, _) => *user,
        refused => panic!("{refused:?}"),
    }
}

async fn bonus(t: &TestStore, user: UserId) -> i64 {
    t.economy()
        .quota(user, &TestStore::quota_rules(), t.now())
        .await
        .expect("quota")
        .expect("user")
        .bonus
}

async fn who_joins_by_invitation_gets_its_rights_and_hears_once(t: TestStore) {
    let (workers, heard) = workers(
        &t,
        ReferralRules {
            invited: 10,
            inviter: 2,
            ..ReferralRules::default()
        },
    );
    let (ayse, _) = t.register("ayse").await;
    let berk = join(&t, 5_000, &ayse.invite_code).await;
    for _ in 0..3 {
        workers.run_due_once().await.expect("run");
        // What is twice in the queue, as after a crash, is done once.
        tebdil_workers::push(
            &t.store,
            &RewardOrder { user_id: berk.id },
            None,
            t.now(),
            t.now(),
        )
        .await
        .expect("push");
    }
    assert_eq!(heard.quotas(), [(berk.id, 10), (ayse.id, 2)]);
    assert_eq!(
        heard.notices(),
        [
            (berk.id, Notice::WelcomeBonus { rights: 10 }),
            (ayse.id, Notice::ReferralRewarded { rights: 2 })
        ]
    );
    assert_eq!(
        (bonus(&t, berk.id).await, bonus(&t, ayse.id).await),
        (10, 2)
    );
}

async fn a_lost_order_is_found_by_the_sweep(t: TestStore) {
    let (workers, heard) = workers(
        &t,
        ReferralRules {
            invited: 10,
            inviter: 0,
            ..ReferralRules::default()
        },
    );
    let (ayse, _) = t.register("ayse").await;
    let mut joined = Vec::new();
    // More than a batch.
    for phone in 0..103 {
        joined.push((join(&t, 5_000 + phone, &ayse.invite_code).await.id, 10));
    }
    t.execute("DELETE FROM job WHERE queue = 'referral_reward'")
        .await;
    workers.run_due_once().await.expect("run");
    assert_eq!(heard.quotas(), joined);
    t.clock.advance(Duration::from_mins(10));
    workers.run_due_once().await.expect("run");
    assert_eq!(heard.quotas(), [], "once");
}

async fn workers_at_once_reward_each_once(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let mut joined = Vec::new();
    for phone in 0..40 {
        joined.push(join(&t, 5_000 + phone, &ayse.invite_code).await.id);
    }
    let rewards = ReferralRules {
        invited: 10,
        inviter: 1,
        ..ReferralRules::default()
    };
    let mut set = tokio::task::JoinSet::new();
    let all: Vec<_> = (0..4).map(|_| workers(&t, rewards)).collect();
    for (workers, _) in &all {
        let workers = workers.clone();
        set.spawn(async move { workers.run_due_once().await.expect("run") });
    }
    let ran = set.join_all().await;
    assert_eq!(ran.iter().map(|ran| ran.dead).sum::<u64>(), 0);
    // What failed, because it met the other, runs again; the sweep is later than that.
    t.clock.advance(Duration::from_mins(10));
    all[0].0.run_due_once().await.expect("run");
    let quotas: Vec<_> = all.iter().flat_map(|(_, heard)| heard.quotas()).collect();
    assert_eq!(quotas.len(), 80, "each is told once");
    for user in joined {
        assert_eq!(bonus(&t, user).await, 10);
    }
    assert_eq!(bonus(&t, ayse.id).await, 40);
}

async fn without_a_reward_nobody_is_told(t: TestStore) {
    let (workers, heard) = workers(
        &t,
        ReferralRules {
            invited: 0,
            inviter: 0,
            ..ReferralRules::default()
        },
    );
    let (ayse, _) = t.register("ayse").await;
    let berk = join(&t, 5_000, &ayse.invite_code).await;
    workers.run_due_once().await.expect("run");
    assert_eq!(
        (heard.quotas(), heard.notices(), bonus(&t, berk.id).await),
        (vec![], vec![], 0)
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger")
            .await,
        [0]
    );
}
