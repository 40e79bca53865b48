//! What is done to the balances.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};
use tebdil_core::{
    claim::ClaimRules,
    quota::QuotaRules,
    store::{
        Billed, BillingFact, Claiming, Grant, MatchRules, NewUser, PairOutcome, ReferralRules,
        Registration, Store,
    },
    testing::{ENDLESS_TERM, TestStore},
};
use tebdil_protocol::{
    domain::{BillingOutcome, LedgerReason, Mode, QuotaBucket},
    id::{MatchId, SessionId, UserId},
    time::Timestamp,
};

use crate::{billing::terms, pair, side};

/// Every match can be claimed at once.
pub const CLAIMS: ClaimRules = ClaimRules {
    wait: Duration::ZERO,
    video_wait: Duration::ZERO,
    window: Duration::from_hours(1_000_000),
    daily_cap: 1_000,
};

pub const REWARDS: ReferralRules = ReferralRules {
    invited: 10,
    inviter: 3,
    invitations_per_day: 20,
};

/// Everything that changes a balance. What is added to the store is added here, and to
/// [`Run::draw`].
#[derive(Debug, Clone)]
pub enum Operation {
    /// A match, which both pay.
    Match {
        mode: Mode,
        offerer: (UserId, SessionId),
        answerer: (UserId, SessionId),
        ticket: i64,
    },
    /// Somebody wants the right for a match back; often once more.
    Claim { user: UserId, of: MatchId },
    /// The job decides the claims that wait.
    Decide,
    /// A subscription begins, and the day's allowance changes with it.
    Subscribe { user: UserId, lasting: Duration },
    /// All of a user's end.
    Unsubscribe { user: UserId },
    /// A billing provider says something of a subscription, at times what it said before or of
    /// somebody else's.
    Bill {
        token: String,
        fact: Box<BillingFact>,
    },
    /// The job ends what ran out.
    Expire,
    /// A correction, which may take.
    Correct {
        user: UserId,
        bucket: QuotaBucket,
        amount: i64,
        reference: String,
    },
    /// Somebody joins by somebody's code.
    Join { by: UserId, phone: i64 },
    /// The reward for who joined; often asked for again.
    Reward { user: UserId },
}

/// What an operation did.
#[derive(Debug)]
pub enum Done {
    Only(&'static str),
    Joined(UserId),
    Made(MatchId, [UserId; 2]),
    /// How many claims were paid back.
    Decided(usize),
}

pub async fn perform_match(
    t: &Store,
    mode: Mode,
    offerer: (UserId, SessionId),
    answerer: (UserId, SessionId),
    ticket: i64,
    now: Timestamp,
) -> Done {
    let rules = MatchRules {
        max_active_text: 1_000_000,
        ..TestStore::match_rules()
    };
    let proposed = pair(
        mode,
        side(offerer.0, offerer.1, ticket),
        side(answerer.0, answerer.1, ticket + 1),
    );
    match t
        .matches()
        .create_matches(ENDLESS_TERM, &[proposed], &rules, now)
        .await
        .unwrap()
        .remove(0)
    {
        PairOutcome::Made(paired) => {
            if mode == Mode::Video {
                // One at a time: the next needs it ended.
                t.matches()
                    .end_match(
                        paired.id,
                        None,
                        tebdil_protocol::domain::EndReason::HungUp,
                        now,
                    )
                    .await
                    .unwrap();
            }
            Done::Made(paired.id, [offerer.0, answerer.0])
        }
        PairOutcome::Refused { .. } => Done::Only("refused match"),
        PairOutcome::Fenced => panic!("no later term has begun"),
    }
}

pub async fn perform_expiry(t: &Store, rules: &QuotaRules, now: Timestamp) -> Done {
    for renews in [false, true] {
        for due in t
            .economy()
            .due_subscriptions(renews, now, 50)
            .await
            .unwrap()
        {
            t.economy()
                .expire_subscription(&due, rules, now)
                .await
                .unwrap();
        }
    }
    Done::Only("expiry")
}

pub async fn perform_correction(
    t: &Store,
    user: UserId,
    grant: &Grant,
    rules: &QuotaRules,
    now: Timestamp,
) -> Done {
    let changed = t
        .economy()
        .grant(user, grant, rules, now)
        .await
        .unwrap()
        .is_some();
    Done::Only(if changed {
        "correction"
    } else {
        "idle correction"
    })
}

pub async fn perform_join(
    t: &Store,
    new: Option<NewUser>,
    device: tebdil_core::store::NewSession,
    now: Timestamp,
) -> Done {
    let mut rng = StdRng::from_rng(&mut rand::rng());
    match t
        .accounts()
        .insert_user(&new.expect("who joins"), device, &mut rng, now)
        .await
        .unwrap()
    {
        Registration::Inserted(user, _) => Done::Joined(user.id),
        refused => panic!("{refused:?}"),
    }
}

async fn perform_claim(
    t: &Store,
    user: UserId,
    of: MatchId,
    rules: &QuotaRules,
    now: Timestamp,
) -> Done {
    match t
        .economy()
        .claim(of, user, &CLAIMS, &rules.zone, now)
        .await
        .unwrap()
    {
        Claiming::Made(..) => Done::Only("claim"),
        Claiming::Already | Claiming::Refused(_) => Done::Only("refused claim"),
        Claiming::NotFound => panic!("the match is there"),
    }
}

/// Does one operation.
pub async fn perform(
    t: &Store,
    operation: Operation,
    new: Option<NewUser>,
    device: tebdil_core::store::NewSession,
    now: Timestamp,
) -> Done {
    let economy = t.economy();
    let rules = TestStore::quota_rules();
    match operation {
        Operation::Match {
            mode,
            offerer,
            answerer,
            ticket,
        } => perform_match(t, mode, offerer, answerer, ticket, now).await,
        Operation::Claim { user, of } => perform_claim(t, user, of, &rules, now).await,
        Operation::Decide => {
            let decided = economy
                .decide_claims(50, &rules, now)
                .await
                .unwrap()
                .decided;
            Done::Decided(decided.iter().filter(|claim| claim.quota.is_some()).count())
        }
        Operation::Subscribe { user, lasting } => {
            economy
                .grant_subscription(user, "month", now + lasting, user, &rules, now)
                .await
                .unwrap()
                .expect("the user is there");
            Done::Only("subscription")
        }
        Operation::Unsubscribe { user } => {
            economy
                .end_subscriptions(user, user, &rules, now)
                .await
                .unwrap()
                .expect("the user is there");
            Done::Only("end of subscriptions")
        }
        Operation::Bill { token, fact } => match economy
            .take_billing_event(&fact, &token, terms(&rules), now)
            .await
            .unwrap()
        {
            Billed::Done(BillingOutcome::Applied, _) => Done::Only("billing event"),
            Billed::Done(..) | Billed::Before(_) | Billed::Conflict => {
                Done::Only("idle billing event")
            }
        },
        Operation::Expire => perform_expiry(t, &rules, now).await,
        Operation::Correct {
            user,
            bucket,
            amount,
            reference,
        } => {
            let grant = Grant {
                bucket,
                amount,
                reason: LedgerReason::Admin,
                reference,
            };
            perform_correction(t, user, &grant, &rules, now).await
        }
        Operation::Join { .. } => perform_join(t, new, device, now).await,
        Operation::Reward { user } => {
            let given = economy
                .reward_referral(user, REWARDS, &rules, now)
                .await
                .unwrap();
            Done::Only(if given.is_some() {
                "reward"
            } else {
                "second reward"
            })
        }
    }
}
