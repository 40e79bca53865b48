//! A balance is the sum of its ledger, whatever happens in whatever order, at once and with a clock
//! that jumps.

use std::{collections::HashMap, time::Duration};

use operations::{Done, Operation, perform};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use tebdil_core::{
    store::{BillingFact, NewUser},
    testing::{Backend, TestStore},
};
use tebdil_protocol::{
    domain::{BillingEventType, Mode, QuotaBucket},
    id::{MatchId, SessionId, UserId},
};

use crate::{all_at_once, billing::fact, quota::assert_ledger_equals_balance};

mod operations;

const OPERATIONS: usize = 10_000;
/// Run at once, between two moves of the clock.
const AT_ONCE: usize = 50;
const USERS: usize = 12;

#[derive(Debug, Default)]
struct Tally(HashMap<&'static str, usize>);

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// By which the billing provider knows a user.
fn token(user: UserId) -> String {
    format!("token-{user}")
}

/// What a run is made of.
struct Run {
    t: TestStore,
    rng: StdRng,
    /// With the devices that search.
    users: Vec<(UserId, SessionId)>,
    codes: HashMap<UserId, String>,
    joined: Vec<UserId>,
    /// Made so far, with their sides.
    matches: Vec<(MatchId, [UserId; 2])>,
    /// What the billing provider has said, and of whom.
    billed: Vec<(String, Box<BillingFact>)>,
    /// Of tickets, phones and references.
    next: i64,
}

impl Run {
    async fn start(t: TestStore, seed: u64) -> Self {
        let (mut users, mut codes) = (Vec::new(), HashMap::new());
        for number in 0..USERS {
            let (user, session) = t.register(&format!("kedi{number}")).await;
            t.accounts()
                .put_key_packages(user.id, session.id, &[], Some(b"last"), t.now())
                .await
                .unwrap();
            t.economy()
                .billing_token(user.id, &token(user.id), t.now())
                .await
                .unwrap()
                .expect("the user is there");
            users.push((user.id, session.id));
            codes.insert(user.id, user.invite_code);
        }
        Self {
            t,
            rng: StdRng::seed_from_u64(seed),
            users,
            codes,
            joined: Vec::new(),
            matches: Vec::new(),
            billed: Vec::new(),
            next: 10_000,
        }
    }

    fn anybody(&mut self) -> (UserId, SessionId) {
        *self.users.choose(&mut self.rng).unwrap()
    }

    fn draw_billing(&mut self, user: UserId) -> Operation {
        if self.rng.random_ratio(1, 4)
            && let Some((token, fact)) = self.billed.choose(&mut self.rng).cloned()
        {
            return Operation::Bill { token, fact };
        }
        let kind = *BillingEventType::ALL.choose(&mut self.rng).unwrap();
        let now = self.t.now();
        let [ago, lasting] =
            [1..500, 1..5_000].map(|minutes| Duration::from_mins(self.rng.random_range(minutes)));
        let of = self.rng.random_range(0..2 * USERS);
        let owner = if self.rng.random_ratio(1, 8) {
            user
        } else {
            self.users[of % USERS].0
        };
        let fact = Box::new(fact(
            &format!("evt{}", self.next),
            kind,
            now - ago,
            &format!("sub{of}"),
            now + lasting,
        ));
        self.billed.push((token(owner), fact.clone()));
        Operation::Bill {
            token: token(owner),
            fact,
        }
    }

    fn draw(&mut self) -> Operation {
        self.next += 2;
        let (user, session) = self.anybody();
        // Of a hundred references many come again.
        let reference = format!(
            "r{}",
            self.rng.random_range(0..self.next.min(10_100) - 9_900)
        );
        match self.rng.random_range(0..100) {
            0..45 => {
                let answerer = loop {
                    let other = self.anybody();
                    if other.0 != user {
                        break other;
                    }
                };
                let mode = *Mode::ALL.choose(&mut self.rng).unwrap();
                Operation::Match {
                    mode,
                    offerer: (user, session),
                    answerer,
                    ticket: self.next,
                }
            }
            45..60 => match self.matches.choose(&mut self.rng) {
                Some((of, users)) => Operation::Claim {
                    user: *users.choose(&mut self.rng).unwrap(),
                    of: *of,
                },
                None => Operation::Decide,
            },
            60..65 => Operation::Decide,
            65..69 => Operation::Subscribe {
                user,
                lasting: Duration::from_mins(self.rng.random_range(1..5_000)),
            },
            69..72 => Operation::Unsubscribe { user },
            72..76 => self.draw_billing(user),
            76..80 => Operation::Expire,
            80..90 => {
                let bucket = *QuotaBucket::ALL.choose(&mut self.rng).unwrap();
                Operation::Correct {
                    user,
                    bucket,
                    amount: self.rng.random_range(-25..=15),
                    reference,
                }
            }
            90..93 => Operation::Join {
                by: user,
                phone: self.next,
            },
            _ => match self.joined.choose(&mut self.rng) {
                Some(joined) => Operation::Reward { user: *joined },
                None => Operation::Join {
                    by: user,
                    phone: self.next,
                },
            },
        }
    }

    /// The clock goes on, over midnight every now and then, and back at times.
    fn move_clock(&mut self) {
        let now = self.t.now();
        let minutes = self.rng.random_range(1..180);
        self.t.clock.set(match self.rng.random_range(0..10) {
            0 => now - Duration::from_mins(60 * minutes),
            1 => now + Duration::from_mins(60 * minutes),
            _ => now + Duration::from_mins(minutes),
        });
    }

    /// Every balance equals its ledger and is not below zero.
    async fn check(&self) {
        for user in self.users.iter().map(|(user, _)| user).chain(&self.joined) {
            let stored = assert_ledger_equals_balance(&self.t, *user).await;
            assert!(
                stored.text >= 0 && stored.video >= 0 && stored.bonus >= 0,
                "{stored:?}"
            );
        }
        for wrong in [
            "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE balance_after < 0 OR delta = 0",
            // Premium is who has a subscription.
            "SELECT CAST(COUNT(*) AS BIGINT) FROM users WHERE is_premium <> \
             EXISTS (SELECT 1 FROM subscriptions WHERE user_id = users.id AND is_active)",
        ] {
            assert_eq!(self.t.numbers(wrong).await, [0], "{wrong}");
        }
    }
}

/// A run in which something never happens shows nothing of it.
async fn everything_happened(run: &Run, tally: &Tally, refunds: usize) {
    for what in [
        "match",
        "refused match",
        "claim",
        "refused claim",
        "decision",
        "subscription",
        "end of subscriptions",
        "billing event",
        "idle billing event",
        "expiry",
        "correction",
        "idle correction",
        "join",
        "reward",
        "second reward",
    ] {
        assert!(
            tally.0.get(what).is_some_and(|times| *times > 20),
            "{what}: {tally:?}"
        );
    }
    let resets = "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'daily_reset'";
    assert!(run.t.numbers(resets).await[0] > 100, "the days went by");
    let premium = "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'premium'";
    assert!(
        run.t.numbers(premium).await[0] > 100,
        "subscriptions change what there is at once"
    );
    // Each exactly once, whatever was asked for at once.
    assert!(refunds > 100, "{refunds} refunds");
    let paid = "SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = 'claim'";
    assert_eq!(run.t.numbers(paid).await, [i64::try_from(refunds).unwrap()]);
    let bonus = "SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = 'referral'";
    assert_eq!(
        run.t.numbers(bonus).await,
        [i64::try_from(tally.0["reward"]).unwrap() * 13]
    );
}

/// `TEBDIL_TEST_SEED` draws the same operations again; which of those at once comes first is not
/// drawn.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
async fn ten_thousand_operations(backend: Backend) {
    let Some(t) = TestStore::create(backend).await else {
        return;
    };
    let seed: u64 = std::env::var("TEBDIL_TEST_SEED")
        .ok()
        .map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("TEBDIL_TEST_SEED={seed}");
    let mut run = Run::start(t, seed).await;
    let (mut tally, mut refunds) = (Tally::default(), 0);
    for round in 0..OPERATIONS / AT_ONCE {
        let operations: Vec<Operation> = (0..AT_ONCE).map(|_| run.draw()).collect();
        let tasks: Vec<_> = operations
            .into_iter()
            .map(|operation| {
                let new = match &operation {
                    Operation::Join { by, phone } => Some(NewUser {
                        invite: Some(run.codes[by].clone()),
                        ..run.t.new_user(*phone, &format!("can{phone}"))
                    }),
                    _ => None,
                };
                let (store, device, now) =
                    (run.t.store.clone(), run.t.new_session("a"), run.t.now());
                async move { perform(&store, operation, new, device, now).await }
            })
            .collect();
        for done in all_at_once(tasks).await {
            match done {
                Done::Only(what) => tally.count(what),
                Done::Joined(user) => {
                    run.joined.push(user);
                    tally.count("join");
                }
                Done::Made(id, users) => {
                    run.matches.push((id, users));
                    tally.count("match");
                }
                Done::Decided(paid) => {
                    refunds += paid;
                    tally.count("decision");
                }
            }
        }
        run.move_clock();
        if round % 10 == 9 {
            run.check().await;
        }
    }
    run.check().await;
    assert_eq!(tally.0.values().sum::<usize>(), OPERATIONS);
    everything_happened(&run, &tally, refunds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_operations_on_sqlite() {
    ten_thousand_operations(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_operations_on_postgres() {
    ten_thousand_operations(Backend::Postgres).await;
}
