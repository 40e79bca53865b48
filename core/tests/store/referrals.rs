use std::{path::Path, str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, migrate::Migrator,
    sqlite::SqliteConnectOptions,
};
use tebdil_core::{
    crypto::{BlindIndex, Key},
    domain::{LedgerReason, ReferralStatus, ReferralVia},
    id::{ReferralId, UserId},
    notice::Notice,
    store::{Invitation, NewUser, ReferralRewards, Registration, UserRow},
    testing::{Backend, TestDatabase, TestStore},
    time::Timestamp,
};

use crate::{all_at_once, quota::assert_ledger_equals_balance, rng};

tebdil_core::store_conformance! {
    an_invited_phone_that_joins_is_rewarded_once,
    a_code_brings_its_owner_the_reward_and_beats_invitations_of_the_phone,
    an_unknown_code_makes_nothing,
    of_many_inviters_the_first_counts,
    a_phone_that_had_an_account_brings_nothing,
    nobody_invites_oneself,
    a_phone_is_invited_once_and_a_day_has_its_limit,
    a_hundred_at_once_grant_what_the_rules_say,
    invitations_nobody_followed_go_after_their_time,
}

const REWARDS: ReferralRewards = ReferralRewards {
    invited: 10,
    inviter: 2,
};

async fn invite(t: &TestStore, inviter: &UserRow, phone: &NewUser) -> Invitation {
    t.invite(
        inviter.id,
        &phone.phone_index,
        20,
        t.now().midnight(&TestStore::quota_rules().zone),
        t.now(),
    )
    .await
    .unwrap()
}

/// The account made of `new`.
async fn join(t: &TestStore, new: &NewUser) -> UserRow {
    match t
        .insert_user(new, t.new_session("a"), &mut rng(7), t.now())
        .await
        .unwrap()
    {
        Registration::Inserted(user, _) => *user,
        refused => panic!("{refused:?}"),
    }
}

/// How many bonus rights `reward_referral` gave to whom.
async fn reward(t: &TestStore, joined: UserId) -> Vec<(UserId, i64)> {
    let given = t
        .reward_referral(joined, REWARDS, &TestStore::quota_rules(), t.now())
        .await
        .unwrap();
    given.map_or_else(Vec::new, |given| {
        given
            .quotas
            .into_iter()
            .map(|(user, quota)| (user, quota.bonus))
            .collect()
    })
}

async fn bonus(t: &TestStore, user: UserId) -> i64 {
    assert_ledger_equals_balance(t, user).await.bonus
}

async fn statuses(t: &TestStore, user: UserId) -> Vec<(ReferralVia, ReferralStatus)> {
    t.referrals_of(user, None, 100)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.via, row.status()))
        .collect()
}

async fn orders(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'referral_reward'")
        .await[0]
}

async fn rows(t: &TestStore) -> i64 {
    t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM referrals")
        .await[0]
}

async fn an_invited_phone_that_joins_is_rewarded_once(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let new = t.new_user(5_000, "berk");
    let Invitation::Invited(row) = invite(&t, &ayse, &new).await else {
        panic!("refused")
    };
    assert_eq!(
        (row.via, row.status(), row.created_at, row.rewarded_at),
        (ReferralVia::Phone, ReferralStatus::Pending, t.now(), None)
    );
    assert_eq!(orders(&t).await, 0);

    let berk = join(&t, &new).await;
    assert_eq!(
        (orders(&t).await, berk.balances.bonus),
        (1, 0),
        "the reward is ordered with the account"
    );
    assert_eq!(
        t.unrewarded(ReferralId(0), 10).await.unwrap(),
        [(row.id, berk.id)]
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [(ReferralVia::Phone, ReferralStatus::Joined)]
    );

    t.clock.advance(Duration::from_secs(5));
    let given = t
        .reward_referral(berk.id, REWARDS, &TestStore::quota_rules(), t.now())
        .await
        .unwrap()
        .expect("it is due");
    let quotas: Vec<_> = given
        .quotas
        .iter()
        .map(|(user, quota)| (*user, quota.bonus, quota.text))
        .collect();
    assert_eq!(quotas, [(berk.id, 10, 10), (ayse.id, 2, 10)]);
    let notices: Vec<_> = given
        .notified
        .into_iter()
        .map(|told| (told.user_id, told.notice))
        .collect();
    assert_eq!(
        notices,
        [
            (berk.id, Notice::WelcomeBonus { rights: 10 }),
            (ayse.id, Notice::ReferralRewarded { rights: 2 })
        ]
    );
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM job WHERE queue = 'push'")
            .await,
        [2]
    );

    assert_eq!(reward(&t, berk.id).await, [], "once");
    assert_eq!(
        (bonus(&t, berk.id).await, bonus(&t, ayse.id).await),
        (10, 2)
    );
    assert_eq!(t.unrewarded(ReferralId(0), 10).await.unwrap(), []);
    let [row] = t.referrals_of(ayse.id, None, 10).await.unwrap()[..] else {
        panic!("one")
    };
    assert_eq!(
        (row.status(), row.rewarded_at),
        (ReferralStatus::Rewarded, Some(t.now()))
    );
    assert_eq!(t.referrals_of(ayse.id, Some(row.id), 10).await.unwrap(), []);
    assert_eq!(t.referrals_of(berk.id, None, 10).await.unwrap(), []);
    assert_eq!(reward(&t, ayse.id).await, [], "nobody invited her");
    assert_eq!(reward(&t, UserId(1)).await, []);
}

async fn a_code_brings_its_owner_the_reward_and_beats_invitations_of_the_phone(t: TestStore) {
    let ((ayse, _), (cem, _)) = (t.register("ayse").await, t.register("cem").await);
    let new = NewUser {
        invite: Some(ayse.invite_code.clone()),
        ..t.new_user(5_000, "berk")
    };
    assert!(matches!(
        invite(&t, &cem, &new).await,
        Invitation::Invited(_)
    ));
    assert!(matches!(
        invite(&t, &ayse, &new).await,
        Invitation::Invited(_)
    ));
    let berk = join(&t, &new).await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (ayse.id, 2)]);
    let (code, phone) = (
        (ReferralVia::Code, ReferralStatus::Rewarded),
        (ReferralVia::Phone, ReferralStatus::Pending),
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [code, phone],
        "what became of the phone is not told"
    );
    assert_eq!(statuses(&t, cem.id).await, [phone]);

    // A code is for as many as come.
    let deniz = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..t.new_user(5_001, "deniz")
        },
    )
    .await;
    assert_eq!(reward(&t, deniz.id).await, [(deniz.id, 10), (ayse.id, 4)]);
    // Whether this very phone came by her code cannot be found out by inviting it.
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(5_001, "x")).await,
        Invitation::Invited(_)
    ));
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(5_002, "x")).await,
        Invitation::Invited(_)
    ));
}

async fn an_unknown_code_makes_nothing(t: TestStore) {
    let new = NewUser {
        invite: Some("0000000000".to_owned()),
        ..t.new_user(5_000, "berk")
    };
    assert!(!t.is_invite_code("0000000000").await.unwrap());
    let refused = t
        .insert_user(&new, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap();
    assert_eq!(refused, Registration::InviteUnknown);
    assert_eq!(t.user_by_phone(&new.phone_index).await.unwrap(), None);
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM phones_seen")
            .await,
        [0]
    );
    // The phone is as new as before.
    let (ayse, _) = t.register("ayse").await;
    assert!(t.is_invite_code(&ayse.invite_code).await.unwrap());
    let berk = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..new
        },
    )
    .await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (ayse.id, 2)]);
}

async fn of_many_inviters_the_first_counts(t: TestStore) {
    let new = t.new_user(5_000, "berk");
    let mut inviters = Vec::new();
    for alias in ["ayse", "cem", "deniz"] {
        let (user, _) = t.register(alias).await;
        t.clock.advance(Duration::from_secs(1));
        assert!(matches!(
            invite(&t, &user, &new).await,
            Invitation::Invited(_)
        ));
        inviters.push(user.id);
    }
    let berk = join(&t, &new).await;
    assert_eq!(reward(&t, berk.id).await, [(berk.id, 10), (inviters[0], 2)]);
    assert_eq!(reward(&t, berk.id).await, []);
    for other in &inviters[1..] {
        assert_eq!(
            (bonus(&t, *other).await, statuses(&t, *other).await),
            (0, vec![(ReferralVia::Phone, ReferralStatus::Pending)])
        );
    }
}

async fn a_phone_that_had_an_account_brings_nothing(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let new = t.new_user(5_000, "berk");
    let berk = join(&t, &new).await;
    // Of one that has an account the inviter hears what it would hear of any other.
    let Invitation::Invited(row) = invite(&t, &ayse, &new).await else {
        panic!("it must not be told")
    };
    assert_eq!(
        (row.via, row.status()),
        (ReferralVia::Phone, ReferralStatus::Pending)
    );

    t.execute(&format!("DELETE FROM users WHERE id = {}", berk.id))
        .await;
    let by_phone = join(&t, &new).await;
    assert_eq!(
        (
            orders(&t).await,
            reward(&t, by_phone.id).await.len(),
            bonus(&t, by_phone.id).await
        ),
        (0, 0, 0)
    );
    t.execute(&format!("DELETE FROM users WHERE id = {}", by_phone.id))
        .await;
    let by_code = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..new
        },
    )
    .await;
    assert_eq!(
        (
            orders(&t).await,
            reward(&t, by_code.id).await.len(),
            bonus(&t, by_code.id).await
        ),
        (0, 0, 0)
    );
    assert_eq!(
        statuses(&t, ayse.id).await,
        [(ReferralVia::Phone, ReferralStatus::Pending)]
    );
}

async fn nobody_invites_oneself(t: TestStore) {
    let new = t.new_user(5_000, "ayse");
    let ayse = join(&t, &new).await;
    assert_eq!(invite(&t, &ayse, &new).await, Invitation::Own);
    // With one's own code: it goes with the account.
    t.execute(&format!("DELETE FROM users WHERE id = {}", ayse.id))
        .await;
    let again = NewUser {
        invite: Some(ayse.invite_code.clone()),
        ..new
    };
    let refused = t
        .insert_user(&again, t.new_session("a"), &mut rng(1), t.now())
        .await
        .unwrap();
    assert_eq!(refused, Registration::InviteUnknown);
    assert_eq!(invite(&t, &ayse, &again).await, Invitation::NotFound);
    assert_eq!(rows(&t).await, 0);
}

async fn a_phone_is_invited_once_and_a_day_has_its_limit(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let zone = TestStore::quota_rules().zone;
    let invite = async |phone: i64| {
        let index = t.new_user(phone, "x").phone_index;
        t.invite(ayse.id, &index, 3, t.now().midnight(&zone), t.now())
            .await
            .unwrap()
    };
    for phone in 0..3 {
        assert!(matches!(
            invite(5_000 + phone).await,
            Invitation::Invited(_)
        ));
        assert_eq!(invite(5_000 + phone).await, Invitation::Already);
    }
    assert_eq!(invite(5_003).await, Invitation::TooMany);
    let noon = t.now();
    t.clock
        .set(noon.next_midnight(&zone) - Duration::from_millis(1));
    assert_eq!(invite(5_003).await, Invitation::TooMany);
    t.clock.set(noon - Duration::from_hours(48));
    assert_eq!(
        invite(5_003).await,
        Invitation::TooMany,
        "a clock set back gives no more"
    );
    t.clock.set(noon.next_midnight(&zone));
    assert!(matches!(invite(5_003).await, Invitation::Invited(_)));
    assert_eq!(invite(5_000).await, Invitation::Already);
    // Who comes by the code takes nobody's place.
    for phone in 0..5 {
        join(
            &t,
            &NewUser {
                invite: Some(ayse.invite_code.clone()),
                ..t.new_user(6_000 + phone, "x")
            },
        )
        .await;
    }
    assert!(matches!(invite(5_004).await, Invitation::Invited(_)));
}

/// One inviter, one phone, a hundred times; then a hundred phones and a limit.
async fn invite_a_hundred_times_at_once(
    t: &TestStore,
    ayse: &UserRow,
    target: &NewUser,
    since: Timestamp,
) {
    let outcomes = all_at_once((0..100).map(|_| {
        let (store, phone, now, user) = (t.store.clone(), target.phone_index, t.now(), ayse.id);
        async move { store.invite(user, &phone, 20, since, now).await.unwrap() }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Invitation::Invited(_)))
            .count(),
        1
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Invitation::Already)
            .count(),
        99
    );
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, phone, now, user) = (
            t.store.clone(),
            t.new_user(7_000 + number, "x").phone_index,
            t.now(),
            ayse.id,
        );
        async move { store.invite(user, &phone, 20, since, now).await.unwrap() }
    }))
    .await;
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Invitation::Invited(_)))
            .count(),
        19
    );
    assert_eq!(
        outcomes
            .iter()
            .filter(|outcome| **outcome == Invitation::TooMany)
            .count(),
        81
    );
}

async fn register_a_hundred_times_at_once(t: &TestStore, cem: &UserRow) -> UserId {
    let outcomes = all_at_once((0..100).map(|number| {
        let (store, now, session) = (t.store.clone(), t.now(), t.new_session("a"));
        let invite = (number % 2 == 0).then(|| cem.invite_code.clone());
        let new = NewUser {
            invite,
            ..t.new_user(5_000, &format!("berk{number}"))
        };
        async move {
            store
                .insert_user(&new, session, &mut rng(number), now)
                .await
                .unwrap()
        }
    }))
    .await;
    let joined: Vec<UserId> = outcomes
        .into_iter()
        .filter_map(|outcome| match outcome {
            Registration::Inserted(user, _) => Some(user.id),
            _ => None,
        })
        .collect();
    let [berk] = joined[..] else {
        panic!("one account: {joined:?}")
    };
    berk
}

async fn a_hundred_at_once_grant_what_the_rules_say(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    let target = t.new_user(5_000, "berk");
    let since = t.now().midnight(&TestStore::quota_rules().zone);

    invite_a_hundred_times_at_once(&t, &ayse, &target, since).await;

    // The invited phone registers a hundred times at once, half of them with a code.
    let (cem, _) = t.register("cem").await;
    let berk = register_a_hundred_times_at_once(&t, &cem).await;

    // A hundred others join by one code at once, and every reward is given by eight at once.
    let others = all_at_once((0..100).map(|number| {
        let (store, now, session) = (t.store.clone(), t.now(), t.new_session("a"));
        let new = NewUser {
            invite: Some(ayse.invite_code.clone()),
            ..t.new_user(8_000 + number, &format!("can{number}"))
        };
        async move {
            match store
                .insert_user(&new, session, &mut rng(number.unsigned_abs()), now)
                .await
                .unwrap()
            {
                Registration::Inserted(user, _) => user.id,
                refused => panic!("{refused:?}"),
            }
        }
    }))
    .await;
    assert_eq!(orders(&t).await, 101);
    let joined: Vec<UserId> = others.into_iter().chain([berk]).collect();
    let given = all_at_once(
        joined
            .iter()
            .copied()
            .cycle()
            .take(8 * joined.len())
            .map(|user| {
                let (store, now) = (t.store.clone(), t.now());
                async move {
                    store
                        .reward_referral(user, REWARDS, &TestStore::quota_rules(), now)
                        .await
                        .unwrap()
                        .is_some()
                }
            }),
    )
    .await;
    assert_eq!(
        given.into_iter().filter(|given| *given).count(),
        joined.len(),
        "each once"
    );
    for user in &joined {
        assert_eq!(bonus(&t, *user).await, 10);
    }
    assert_eq!(bonus(&t, ayse.id).await + bonus(&t, cem.id).await, 2 * 101);
    let booked = format!(
        "SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = '{}'",
        LedgerReason::Referral
    );
    assert_eq!(t.numbers(&booked).await, [12 * 101]);
    assert_eq!(t.unrewarded(ReferralId(0), 10).await.unwrap(), []);
}

async fn invitations_nobody_followed_go_after_their_time(t: TestStore) {
    let (ayse, _) = t.register("ayse").await;
    for phone in 0..5 {
        assert!(matches!(
            invite(&t, &ayse, &t.new_user(5_000 + phone, "x")).await,
            Invitation::Invited(_)
        ));
    }
    join(&t, &t.new_user(5_000, "berk")).await;
    let cutoff = t.now();
    t.clock.advance(Duration::from_millis(1));
    assert!(matches!(
        invite(&t, &ayse, &t.new_user(6_000, "x")).await,
        Invitation::Invited(_)
    ));
    assert_eq!(t.delete_old_invitations(cutoff, 3).await.unwrap(), 3);
    assert_eq!(t.delete_old_invitations(cutoff, 3).await.unwrap(), 1);
    assert_eq!(t.delete_old_invitations(cutoff, 3).await.unwrap(), 0);
    let left = [
        (ReferralVia::Phone, ReferralStatus::Pending),
        (ReferralVia::Phone, ReferralStatus::Joined),
    ];
    assert_eq!(
        statuses(&t, ayse.id).await,
        left,
        "the young one, and the one that was followed"
    );
}

/// Accounts that are older than the note of phones had an account all the same.
async fn older_accounts_are_noted(backend: Backend) {
    const OLD: &str = "INSERT INTO users (id, phone_index, phone_ciphertext, phone_key_id, password_hash, alias, alias_key, tag, birth_year, locale, \
         terms_version, terms_accepted_at, invite_code, created_at, last_active) \
         VALUES (1, $1, $1, 'k1', 'h', 'eski', 'eski', '0000', 1990, 'tr', '1', $2, 'eskikod', $2, $2)";
    let Some(database) = TestDatabase::create(backend).await else {
        return;
    };
    let folder = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    };
    // The schema as it was.
    let before = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(folder),
    )
    .unwrap()
    {
        let (path, name) = (
            file.as_ref().unwrap().path(),
            file.as_ref().unwrap().file_name(),
        );
        if name.to_str() < Some("0008") {
            std::fs::copy(path, before.path().join(name)).unwrap();
        }
    }
    let migrator = Migrator::new(before.path()).await.unwrap();
    let (phone, then) = (
        BlindIndex::new(Key::from([1; 32])).phone("+905300005000"),
        Timestamp::from_millis(1_795_000_000_000),
    );
    match backend {
        Backend::Sqlite => {
            let mut db = SqliteConnectOptions::from_str(database.url())
                .unwrap()
                .create_if_missing(true)
                .connect()
                .await
                .unwrap();
            migrator.run(&mut db).await.unwrap();
            sqlx::query(OLD)
                .bind(phone.as_bytes())
                .bind(then)
                .execute(&mut db)
                .await
                .unwrap();
            db.close().await.unwrap();
        }
        Backend::Postgres => {
            let mut db = PgConnection::connect(database.url()).await.unwrap();
            migrator.run(&mut db).await.unwrap();
            sqlx::query(OLD)
                .bind(phone.as_bytes())
                .bind(then)
                .execute(&mut db)
                .await
                .unwrap();
            db.close().await.unwrap();
        }
    }

    let t = TestStore::on(database).await;
    assert_eq!(
        t.numbers("SELECT CAST(COUNT(*) AS BIGINT) FROM phones_seen")
            .await,
        [1]
    );
    t.execute("DELETE FROM users").await;
    let (ayse, _) = t.register("ayse").await;
    let back = join(
        &t,
        &NewUser {
            invite: Some(ayse.invite_code),
            ..t.new_user(5_000, "eski")
        },
    )
    .await;
    assert_eq!(back.phone_index, phone);
    assert_eq!((orders(&t).await, reward(&t, back.id).await.len()), (0, 0));
}

#[tokio::test]
async fn older_accounts_are_noted_on_sqlite() {
    older_accounts_are_noted(Backend::Sqlite).await;
}

#[tokio::test]
async fn older_accounts_are_noted_on_postgres() {
    older_accounts_are_noted(Backend::Postgres).await;
}
