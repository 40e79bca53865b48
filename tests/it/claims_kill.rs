//! A thousand claims, and whoever decides them is killed or cut off in between: each right comes
//! back once.

use std::{
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tebdil_core::{
    claim::ClaimRules,
    quota::Balances,
    store::{Claiming, NewMatch, NewSide, PairOutcome},
    testing::{Backend, ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::Mode,
    id::{MatchId, SessionId, TicketId, UserId},
    time::Clock,
};
use tebdil_workers::{Hooks, Settings, Workers, jobs::DecideClaims};
use tokio::{process::Child, task::JoinSet};

use crate::process::{KEYS, tebdil};

const USERS: usize = 100;
/// Of each user; also what a day allows.
const MATCHES: usize = 10;
const CLAIMS: i64 = 1_000;

/// A user in as many matches as a day allows, with the device that searched.
struct Account {
    user: UserId,
    session: SessionId,
    matches: Vec<MatchId>,
}

/// Users whose matches of three hours ago were never answered, and who have claimed them all.
async fn claimed(t: &TestStore) -> Vec<Account> {
    let now = Clock::system(0).now();
    t.clock.set(now - Duration::from_hours(3));
    let mut accounts = Vec::new();
    for number in 0..USERS {
        let (user, session) = t.register(&format!("kedi{number}")).await;
        t.accounts()
            .put_key_packages(user.id, session.id, &[], Some(b"last"), t.now())
            .await
            .expect("keys");
        accounts.push(Account {
            user: user.id,
            session: session.id,
            matches: Vec::new(),
        });
    }
    let mut tickets = 1..;
    let mut side = |account: &Account| NewSide {
        user_id: account.user,
        session_id: account.session,
        ticket_id: TicketId(tickets.next().expect("there is no end")),
        background: false,
    };
    for round in 0..MATCHES {
        // Everybody with somebody else each time.
        let couples: Vec<[usize; 2]> = (0..USERS / 2)
            .map(|one| [one, USERS / 2 + (one + round) % (USERS / 2)])
            .collect();
        let pairs: Vec<NewMatch> = couples
            .iter()
            .map(|[one, other]| NewMatch {
                mode: Mode::Text,
                offerer: side(&accounts[*one]),
                answerer: side(&accounts[*other]),
                shared_interests: Vec::new(),
            })
            .collect();
        let outcomes = t
            .matches()
            .create_matches(ENDLESS_TERM, &pairs, &TestStore::match_rules(), t.now())
            .await
            .expect("matches");
        for (couple, outcome) in couples.iter().zip(outcomes) {
            let PairOutcome::Made(made) = outcome else {
                panic!("{outcome:?}")
            };
            for index in couple {
                accounts[*index].matches.push(made.id);
            }
        }
    }
    t.clock.set(now);
    let rules = ClaimRules {
        wait: Duration::from_hours(2),
        video_wait: Duration::from_mins(1),
        window: Duration::from_hours(24),
        daily_cap: MATCHES.try_into().expect("few"),
    };
    let zone = TestStore::quota_rules().zone;
    join_all(accounts.iter().map(async |account| {
        for id in &account.matches {
            let made = t
                .economy()
                .claim(*id, account.user, &rules, &zone, now)
                .await
                .expect("the store");
            assert!(matches!(made, Claiming::Made(..)), "{made:?}");
        }
    }))
    .await;
    assert_eq!(waiting(t).await, CLAIMS);
    accounts
}

async fn count(t: &TestStore, what: &str) -> i64 {
    t.numbers(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {what}"))
        .await[0]
}

async fn waiting(t: &TestStore) -> i64 {
    count(t, "claims WHERE status = 'pending'").await
}

/// Every claim was approved, every right came back once, and everybody was told once.
async fn assert_each_refunded_once(t: &TestStore, accounts: &[Account]) {
    assert_eq!(count(t, "claims WHERE status = 'approved'").await, CLAIMS);
    assert_eq!(
        count(t, "quota_ledger WHERE reason = 'claim' AND delta = 1").await,
        CLAIMS
    );
    assert_eq!(
        count(t, "quota_ledger WHERE reason = 'claim'").await,
        CLAIMS
    );
    assert_eq!(
        count(
            t,
            "(SELECT DISTINCT user_id, reference FROM quota_ledger WHERE reason = 'claim') AS r"
        )
        .await,
        CLAIMS
    );
    assert_eq!(
        count(t, "notifications WHERE code = 'claim_approved'").await,
        CLAIMS
    );
    for account in accounts {
        let stored = t
            .accounts()
            .user(account.user)
            .await
            .expect("the store")
            .expect("the user")
            .balances;
        let sums = t
            .economy()
            .ledger_sums(account.user)
            .await
            .expect("the store");
        // Ten were taken of the day's ten. Where midnight came by, the new day has its own and what
        // is paid back is extra.
        assert_eq!(stored.text, 10, "{stored:?}");
        assert!(stored.bonus <= 10, "{stored:?}");
        assert_eq!(
            Balances {
                day: String::new(),
                ..stored
            },
            sums
        );
    }
}

/// A process that runs the jobs, its clock ahead by so many minutes: what its predecessor had
/// leased, and the tick of that minute, are due.
fn start(t: &TestStore, dir: &tempfile::TempDir, command: &str, minutes: usize) -> Child {
    let mut process = tebdil(dir.path());
    process
        .arg(command)
        .env("TEBDIL_DATABASE__URL", t.database.url())
        .env("TEBDIL_METRICS__LISTEN", "")
        .env("TEBDIL_CLOCK__UNSAFE_ALLOW_OFFSET", "true")
        .env("TEBDIL_CLOCK__MAX_SKEW_S", "0")
        .env("TEBDIL_CLOCK__OFFSET_S", (minutes * 61).to_string())
        .env("TEBDIL_LOG", "warn")
        .envs(KEYS)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    process.spawn().expect("the binary runs")
}

/// Has processes decide the claims and kills one whenever something was decided, in turn.
async fn killed_in_between(backend: Backend, command: &str, processes: usize) {
    const KILLS: usize = 12;
    let Some(t) = TestStore::create(backend).await else {
        return;
    };
    let accounts = claimed(&t).await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut running: Vec<Child> = (0..processes)
        .map(|number| start(&t, &dir, command, number))
        .collect();
    let (mut left, mut kills) = (CLAIMS, 0);
    let work = async {
        loop {
            let now = waiting(&t).await;
            if now == 0 {
                break;
            }
            if now < left && kills < KILLS {
                running[kills % processes]
                    .kill()
                    .await
                    .expect("it was running");
                running[kills % processes] = start(&t, &dir, command, processes + kills);
                kills += 1;
                left = now;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), work)
        .await
        .expect("all are decided in time");
    for mut process in running {
        process.kill().await.expect("it was running");
    }
    assert!(kills >= 3, "it was killed in between: {kills} times");
    assert_each_refunded_once(&t, &accounts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serving_node_that_is_killed_refunds_once_on_sqlite() {
    killed_in_between(Backend::Sqlite, "serve", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_that_are_killed_refund_once_on_postgresql() {
    killed_in_between(Backend::Postgres, "worker", 2).await;
}

/// Two engines at once, each cut off in the middle again and again, and begun anew.
async fn engines_that_are_cut_off_refund_once(t: TestStore) {
    const CUTS: usize = 20;
    let accounts = claimed(&t).await;
    let [notified, refunded] = [0, 1].map(|_| Arc::new(AtomicUsize::new(0)));
    let (told, given) = (Arc::clone(&notified), Arc::clone(&refunded));
    let hooks = Hooks {
        on_notified: Arc::new(move |_| {
            told.fetch_add(1, Ordering::Relaxed);
        }),
        on_quota: Arc::new(move |_, _| {
            given.fetch_add(1, Ordering::Relaxed);
        }),
        ..Hooks::default()
    };
    let mut engines = JoinSet::new();
    for _ in 0..2 {
        let workers = Workers::new(
            t.database.open(&t.clock).await,
            t.clock.clone(),
            hooks.clone(),
            Settings::new(TestStore::quota_rules()),
        );
        engines.spawn(async move {
            for cut in 0..CUTS {
                // Dropped at whichever await it has come to.
                let _ = tokio::time::timeout(
                    Duration::from_millis(3 + 2 * cut as u64),
                    workers.run_now(DecideClaims::default()),
                )
                .await;
            }
            workers
                .run_now(DecideClaims::default())
                .await
                .expect("it runs");
        });
    }
    while let Some(ended) = engines.join_next().await {
        ended.expect("no panic");
    }
    assert_eq!(waiting(&t).await, 0);
    assert_each_refunded_once(&t, &accounts).await;
    let told = [notified, refunded].map(|count| count.load(Ordering::Relaxed));
    assert!(
        told.iter().all(|count| *count <= USERS * MATCHES),
        "nobody hears twice: {told:?}"
    );
}

tebdil_core::store_conformance! {
    engines_that_are_cut_off_refund_once,
}
