//! A balance is the sum of its ledger, whatever happens in whatever order, at once and with a clock that jumps.

use std::{collections::HashMap, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use tebdil_core::{
    domain::{LedgerReason, Mode, QuotaBucket},
    id::{SessionId, UserId},
    store::{Grant, MatchRules, NewUser, PairOutcome, ReferralRewards, Registration, Store},
    testing::{Backend, TestStore},
    time::Timestamp,
};

use crate::{all_at_once, pair, quota::assert_ledger_equals_balance, side};

const OPERATIONS: usize = 10_000;
/// Run at once, between two moves of the clock.
const AT_ONCE: usize = 50;
const USERS: usize = 12;
const REWARDS: ReferralRewards = ReferralRewards { invited: 10, inviter: 3 };

/// Everything that changes a balance. What is added to the store is added here, and to [`Run::draw`].
#[derive(Debug, Clone)]
enum Operation {
    /// A match, which both pay.
    Match { mode: Mode, offerer: (UserId, SessionId), answerer: (UserId, SessionId), ticket: i64 },
    /// A right back for a match; a second one for the same finds its reference used.
    Refund { user: UserId, mode: Mode, reference: String },
    /// A subscription begins or ends, and the day's allowance changes with it.
    Premium { user: UserId, text: i64, video: i64, reference: String },
    /// A correction, which may take.
    Correct { user: UserId, bucket: QuotaBucket, amount: i64, reference: String },
    /// Somebody joins by somebody's code.
    Join { by: UserId, phone: i64 },
    /// The reward for who joined; often asked for again.
    Reward { user: UserId },
}

#[derive(Debug, Default)]
struct Tally(HashMap<&'static str, usize>);

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }
}

/// What a run is made of.
struct Run {
    t: TestStore,
    rng: StdRng,
    /// With the devices that search.
    users: Vec<(UserId, SessionId)>,
    codes: HashMap<UserId, String>,
    joined: Vec<UserId>,
    /// Of tickets, phones and references.
    next: i64,
}

impl Run {
    async fn start(t: TestStore, seed: u64) -> Self {
        let (mut users, mut codes) = (Vec::new(), HashMap::new());
        for number in 0..USERS {
            let (user, session) = t.register(&format!("kedi{number}")).await;
            t.put_key_packages(user.id, session.id, &[], Some(b"last"), t.now()).await.unwrap();
            users.push((user.id, session.id));
            codes.insert(user.id, user.invite_code);
        }
        Self { t, rng: StdRng::seed_from_u64(seed), users, codes, joined: Vec::new(), next: 10_000 }
    }

    fn anybody(&mut self) -> (UserId, SessionId) {
        *self.users.choose(&mut self.rng).unwrap()
    }

    fn draw(&mut self) -> Operation {
        self.next += 2;
        let (user, session) = self.anybody();
        let mode = *Mode::ALL.choose(&mut self.rng).unwrap();
        // Of a hundred references many come again.
        let reference = format!("r{}", self.rng.random_range(0..self.next.min(10_100) - 9_900));
        match self.rng.random_range(0..100) {
            0..45 => {
                let answerer = loop {
                    let other = self.anybody();
                    if other.0 != user {
                        break other;
                    }
                };
                Operation::Match { mode, offerer: (user, session), answerer, ticket: self.next }
            }
            45..65 => Operation::Refund { user, mode, reference },
            65..75 => {
                let (text, video) = if self.rng.random() { (90, 27) } else { (-90, -27) };
                Operation::Premium { user, text, video, reference: self.next.to_string() }
            }
            75..90 => {
                let bucket = *QuotaBucket::ALL.choose(&mut self.rng).unwrap();
                Operation::Correct { user, bucket, amount: self.rng.random_range(-25..=15), reference }
            }
            90..93 => Operation::Join { by: user, phone: self.next },
            _ => match self.joined.choose(&mut self.rng) {
                Some(joined) => Operation::Reward { user: *joined },
                None => Operation::Join { by: user, phone: self.next },
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
            assert!(stored.text >= 0 && stored.video >= 0 && stored.bonus >= 0, "{stored:?}");
        }
        let wrong = "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE balance_after < 0 OR delta = 0";
        assert_eq!(self.t.numbers(wrong).await, [0]);
    }
}

/// Does one operation; says what it was, and who joined.
async fn perform(
    t: &Store,
    operation: Operation,
    new: Option<NewUser>,
    device: tebdil_core::store::NewSession,
    now: Timestamp,
) -> (&'static str, Option<UserId>) {
    let rules = TestStore::quota_rules();
    let grant = async |user: UserId, bucket: QuotaBucket, amount: i64, reason: LedgerReason, reference: &str| {
        let grant = Grant { bucket, amount, reason, reference: reference.to_owned() };
        t.grant(user, &grant, &rules, now).await.unwrap().is_some()
    };
    match operation {
        Operation::Match { mode, offerer, answerer, ticket } => {
            let rules = MatchRules { max_active_text: 1_000_000, ..TestStore::match_rules() };
            let proposed = pair(mode, side(offerer.0, offerer.1, ticket), side(answerer.0, answerer.1, ticket + 1));
            match t.create_matches(&[proposed], &rules, now).await.unwrap().remove(0) {
                PairOutcome::Made(made) => {
                    if mode == Mode::Video {
                        // One at a time: the next needs it ended.
                        t.end_match(made.id, None, tebdil_core::domain::EndReason::HungUp, now).await.unwrap();
                    }
                    ("match", None)
                }
                PairOutcome::Refused { .. } => ("refused match", None),
            }
        }
        Operation::Refund { user, mode, reference } => {
            (if grant(user, mode.bucket(), 1, LedgerReason::Claim, &reference).await { "refund" } else { "second refund" }, None)
        }
        Operation::Premium { user, text, video, reference } => {
            grant(user, QuotaBucket::Text, text, LedgerReason::Premium, &reference).await;
            grant(user, QuotaBucket::Video, video, LedgerReason::Premium, &reference).await;
            ("premium", None)
        }
        Operation::Correct { user, bucket, amount, reference } => {
            (if grant(user, bucket, amount, LedgerReason::Admin, &reference).await { "correction" } else { "idle correction" }, None)
        }
        Operation::Join { .. } => {
            let mut rng = StdRng::from_rng(&mut rand::rng());
            match t.insert_user(&new.expect("who joins"), device, &mut rng, now).await.unwrap() {
                Registration::Inserted(user, _) => ("join", Some(user.id)),
                refused => panic!("{refused:?}"),
            }
        }
        Operation::Reward { user } => {
            let given = t.reward_referral(user, REWARDS, &rules, now).await.unwrap();
            (if given.is_some() { "reward" } else { "second reward" }, None)
        }
    }
}

/// `TEBDIL_TEST_SEED` draws the same operations again; which of those at once comes first is not drawn.
#[expect(clippy::print_stdout, reason = "shown when the test fails")]
async fn ten_thousand_operations(backend: Backend) {
    let Some(t) = TestStore::create(backend).await else { return };
    let seed: u64 = std::env::var("TEBDIL_TEST_SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
    println!("TEBDIL_TEST_SEED={seed}");
    let mut run = Run::start(t, seed).await;
    let mut tally = Tally::default();
    for round in 0..OPERATIONS / AT_ONCE {
        let operations: Vec<Operation> = (0..AT_ONCE).map(|_| run.draw()).collect();
        let tasks: Vec<_> = operations
            .into_iter()
            .map(|operation| {
                let new = match &operation {
                    Operation::Join { by, phone } => {
                        Some(NewUser { invite: Some(run.codes[by].clone()), ..run.t.new_user(*phone, &format!("can{phone}")) })
                    }
                    _ => None,
                };
                let (store, device, now) = (run.t.store.clone(), run.t.new_session("a"), run.t.now());
                async move { perform(&store, operation, new, device, now).await }
            })
            .collect();
        for (what, joined) in all_at_once(tasks).await {
            tally.count(what);
            run.joined.extend(joined);
        }
        run.move_clock();
        if round % 10 == 9 {
            run.check().await;
        }
    }
    run.check().await;
    assert_eq!(tally.0.values().sum::<usize>(), OPERATIONS);
    // A run in which something never happens shows nothing of it.
    for what in
        ["match", "refused match", "refund", "second refund", "premium", "correction", "idle correction", "join", "reward", "second reward"]
    {
        assert!(tally.0.get(what).is_some_and(|times| *times > 20), "{what}: {tally:?}");
    }
    let resets = "SELECT CAST(COUNT(*) AS BIGINT) FROM quota_ledger WHERE reason = 'daily_reset'";
    assert!(run.t.numbers(resets).await[0] > 100, "the days went by");
    // Each exactly once, whatever was asked for at once.
    let bonus = "SELECT CAST(SUM(delta) AS BIGINT) FROM quota_ledger WHERE reason = 'referral'";
    assert_eq!(run.t.numbers(bonus).await, [i64::try_from(tally.0["reward"]).unwrap() * 13]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_operations_on_sqlite() {
    ten_thousand_operations(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_operations_on_postgres() {
    ten_thousand_operations(Backend::Postgres).await;
}
