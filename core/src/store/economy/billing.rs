//! What a billing provider says, once per event and whatever the order it arrives in.
//!
//! Every event carries the whole state of its subscription. The newest one counts, by the time it
//! happened, then its type, then its id; an older one that comes late is kept and changes nothing.
//! So the same events lead to the same subscription in every order.

use serde_json::json;
use sqlx_macros::FromRow;

use super::{Economy, Settled, quota::open_balances, subscriptions::settle};
use crate::{
    db::Tx,
    quota::QuotaRules,
    store::{StoreError, SystemLog, jobs::system_logs::log},
};
use tebdil_protocol::{
    domain::{BillingEventType, BillingOutcome},
    id::{SubscriptionId, UserId},
    time::Timestamp,
};

/// An event of a billing provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillingFact {
    pub id: String,
    /// SHA-256 of all that it says.
    pub hash: [u8; 32],
    pub kind: BillingEventType,
    pub occurred_at: Timestamp,
    /// The provider's id of the subscription.
    pub external_id: String,
    /// As the provider calls it.
    pub plan: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

/// What the settings say of a fact.
#[derive(Debug, Clone, Copy)]
pub struct BillingTerms<'a> {
    /// Our name of the fact's plan; `None` when there is no such plan.
    pub plan: Option<&'a str>,
    /// How long a subscription that renews stays active after its end when nothing more is heard.
    pub grace: std::time::Duration,
    pub quota: &'a QuotaRules,
}

/// What became of an event that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Billed {
    /// It is kept, with this outcome.
    Done(BillingOutcome, Settled),
    /// It was handled before; nothing changed.
    Before(BillingOutcome),
    /// Its id belongs to an event that says something else; nothing changed.
    Conflict,
}

#[derive(FromRow)]
struct KnownRow {
    user_id: UserId,
    event_at: Option<Timestamp>,
    event_type: Option<BillingEventType>,
    event_id: Option<String>,
}

#[derive(FromRow)]
struct EventRow {
    id: String,
    hash: Vec<u8>,
    user_id: UserId,
    #[sqlx(rename = "type")]
    kind: BillingEventType,
    external_id: String,
    plan_name: String,
    start_date: Timestamp,
    end_date: Timestamp,
    occurred_at: Timestamp,
}

impl BillingFact {
    /// Whether it is newer than what the subscription `known` stands by.
    fn supersedes(&self, known: Option<&KnownRow>) -> bool {
        let (at, kind, id) = (self.occurred_at, self.kind, self.id.as_str());
        known.is_none_or(|row| {
            (Some(at), Some(kind), Some(id))
                > (row.event_at, row.event_type, row.event_id.as_deref())
        })
    }
}

const KNOWN: &str =
    "SELECT user_id, event_at, event_type, event_id FROM subscriptions WHERE external_id = $1";

/// Makes the subscription of a fact what it says, in this transaction, in which `user` is locked:
/// `false` when it is somebody else's.
async fn put(
    tx: &mut Tx,
    user: UserId,
    fact: &BillingFact,
    terms: BillingTerms<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const PUT: &str = "INSERT INTO subscriptions (id, user_id, plan_name, start_date, end_date, \
         is_active, renews, due_at, external_id, event_at, event_type, event_id, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (external_id) DO UPDATE SET plan_name = $3, start_date = $4, end_date = $5, \
         is_active = $6, renews = $7, due_at = $8, event_at = $10, event_type = $11, \
         event_id = $12, checks = 0 WHERE subscriptions.user_id = $2";
    let ends_at = if fact.kind.ends() {
        fact.ends_at.min(fact.occurred_at)
    } else {
        fact.ends_at
    };
    let renews = matches!(
        fact.kind,
        BillingEventType::Purchased | BillingEventType::Renewed
    );
    let lasts_until = if renews {
        ends_at + terms.grace
    } else {
        ends_at
    };
    let is_active = !fact.kind.ends() && now < lasts_until;
    let id: SubscriptionId = tx.id();
    let params = (
        id,
        user,
        terms.plan.unwrap_or(&fact.plan),
        fact.starts_at,
        ends_at,
        is_active,
        renews,
        is_active.then_some(ends_at),
        &fact.external_id,
        fact.occurred_at,
        fact.kind,
        &fact.id,
        now,
    );
    Ok(tx.execute(PUT, params).await? == 1)
}

/// Keeps an event whose id is new, and records when its plan or its account is not known: `false`
/// when there is one with this id.
async fn keep(
    tx: &mut Tx,
    fact: &BillingFact,
    about: Option<UserId>,
    outcome: BillingOutcome,
    now: Timestamp,
) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO billing_events (id, hash, user_id, type, external_id, \
         plan_name, start_date, end_date, occurred_at, outcome, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
    let params = (
        &fact.id,
        fact.hash.as_slice(),
        about,
        fact.kind,
        &fact.external_id,
        &fact.plan,
        fact.starts_at,
        fact.ends_at,
        fact.occurred_at,
        outcome,
        now,
    );
    if tx.execute(INSERT, params).await? == 0 {
        return Ok(false);
    }
    let action = match outcome {
        BillingOutcome::UnknownPlan => "billing_unknown_plan",
        BillingOutcome::UnknownAccount => "billing_unknown_account",
        _ => return Ok(true),
    };
    let unknown = SystemLog {
        action,
        user: about,
        actor: None,
        details: json!({ "event": fact.id, "type": fact.kind, "plan": fact.plan }),
    };
    log(tx, &unknown, now).await?;
    Ok(true)
}

/// Gives an event that is kept, with nothing new to it, its answer. What contradicts the first with
/// its id is recorded.
async fn repeated(
    tx: &mut Tx,
    fact: &BillingFact,
    about: Option<UserId>,
    now: Timestamp,
) -> Result<Billed, StoreError> {
    const FIRST: &str = "SELECT hash, outcome FROM billing_events WHERE id = $1";
    let (hash, outcome): (Vec<u8>, BillingOutcome) = tx.one(FIRST, (&fact.id,)).await?;
    if hash == fact.hash {
        return Ok(Billed::Before(outcome));
    }
    let conflict = SystemLog {
        action: "billing_event_conflict",
        user: about,
        actor: None,
        details: json!({ "event": fact.id, "type": fact.kind }),
    };
    log(tx, &conflict, now).await?;
    Ok(Billed::Conflict)
}

impl Economy<'_> {
    /// The name by which a billing provider knows the user; `fresh`, which nobody can guess,
    /// becomes it where there is none. `None` when there is no such user.
    pub async fn billing_token(
        self,
        user: UserId,
        fresh: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const SELECT: &str = "SELECT token FROM billing_accounts WHERE user_id = $1";
        const INSERT: &str = "INSERT INTO billing_accounts (user_id, token, created_at) \
             SELECT u.id, $1, $2 FROM users u WHERE u.id = $3 AND u.erased_at IS NULL \
             ON CONFLICT DO NOTHING";
        let known: Option<String> = self.db.optional_value(SELECT, (user,)).await?;
        if known.is_some() {
            return Ok(known);
        }
        let mut tx = self.begin().await?;
        tx.execute(INSERT, (fresh, now, user)).await?;
        let token = tx.optional_value(SELECT, (user,)).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// Takes an event about the subscription of whoever has `token`. Once per id: a repeat changes
    /// nothing, unless its plan or account was unknown before.
    pub async fn take_billing_event(
        self,
        fact: &BillingFact,
        token: &str,
        terms: BillingTerms<'_>,
        now: Timestamp,
    ) -> Result<Billed, StoreError> {
        const ACCOUNT: &str = "SELECT user_id FROM billing_accounts WHERE token = $1";
        const AGAIN: &str = "UPDATE billing_events SET outcome = $1, user_id = $2 \
             WHERE id = $3 AND hash = $4 AND outcome IN ('unknown_plan', 'unknown_account')";
        let mut tx = self.begin().await?;
        let user: Option<UserId> = tx.optional_value(ACCOUNT, (token,)).await?;
        let opened = match user {
            Some(user) => open_balances(&mut tx, user, terms.quota, now)
                .await?
                .map(|opened| (user, opened)),
            None => None,
        };
        let known: Option<KnownRow> = tx.optional(KNOWN, (&fact.external_id,)).await?;
        let owner =
            opened.filter(|(user, _)| known.as_ref().is_none_or(|known| known.user_id == *user));
        let outcome = if owner.is_none() {
            BillingOutcome::UnknownAccount
        } else if !fact.kind.ends() && terms.plan.is_none() {
            // An end needs no plan that is known.
            BillingOutcome::UnknownPlan
        } else if fact.supersedes(known.as_ref()) {
            BillingOutcome::Applied
        } else {
            BillingOutcome::Stale
        };
        let about = owner.as_ref().map(|(user, _)| *user);
        let again = (outcome, about, &fact.id, fact.hash.as_slice());
        let handled =
            keep(&mut tx, fact, about, outcome, now).await? || tx.execute(AGAIN, again).await? == 1;
        let billed = if handled {
            let settled = match owner {
                Some((user, opened)) if outcome == BillingOutcome::Applied => {
                    if !put(&mut tx, user, fact, terms, now).await? {
                        // Two accounts claimed a new subscription at the same moment. Nothing is
                        // kept; a repeat finds whose it is.
                        return Ok(Billed::Conflict);
                    }
                    settle(&mut tx, user, opened, terms.quota, now).await?
                }
                _ => Settled::default(),
            };
            Billed::Done(outcome, settled)
        } else {
            repeated(&mut tx, fact, about, now).await?
        };
        tx.commit().await?;
        Ok(billed)
    }

    /// Up to `limit` events, oldest first, that wait for one of these plans.
    pub async fn waiting_billing_events(
        self,
        plans: &[&str],
        limit: i64,
    ) -> Result<Vec<(UserId, BillingFact)>, StoreError> {
        const SQL: &str = "SELECT id, hash, user_id, type, external_id, plan_name, start_date, \
             end_date, occurred_at FROM billing_events WHERE outcome = 'unknown_plan' \
             AND user_id IS NOT NULL AND plan_name IN ({list}) ORDER BY received_at, id LIMIT $1";
        let query = self.read(SQL).list(plans.iter().copied());
        let rows: Vec<EventRow> = query.bind(limit).all().await?;
        rows.into_iter().map(EventRow::fact).collect()
    }

    /// Applies an event of [`Self::waiting_billing_events`] whose plan is known by now, once.
    /// `None` when somebody else was faster.
    pub async fn apply_waiting_billing_event(
        self,
        user: UserId,
        fact: &BillingFact,
        terms: BillingTerms<'_>,
        now: Timestamp,
    ) -> Result<Option<(BillingOutcome, Settled)>, StoreError> {
        const TAKE: &str =
            "UPDATE billing_events SET outcome = $1 WHERE id = $2 AND outcome = 'unknown_plan'";
        let mut tx = self.begin().await?;
        let Some(opened) = open_balances(&mut tx, user, terms.quota, now).await? else {
            return Ok(None);
        };
        let known: Option<KnownRow> = tx.optional(KNOWN, (&fact.external_id,)).await?;
        let outcome = match &known {
            Some(known) if known.user_id != user => BillingOutcome::UnknownAccount,
            known if fact.supersedes(known.as_ref()) => BillingOutcome::Applied,
            _ => BillingOutcome::Stale,
        };
        if tx.execute(TAKE, (outcome, &fact.id)).await? == 0 {
            return Ok(None);
        }
        let settled = if outcome == BillingOutcome::Applied {
            if !put(&mut tx, user, fact, terms, now).await? {
                return Ok(None);
            }
            settle(&mut tx, user, opened, terms.quota, now).await?
        } else {
            Settled::default()
        };
        tx.commit().await?;
        Ok(Some((outcome, settled)))
    }
}

impl EventRow {
    fn fact(self) -> Result<(UserId, BillingFact), StoreError> {
        let hash = self.hash.try_into().map_err(|_| StoreError::Corrupt {
            what: "billing_events.hash",
        })?;
        let fact = BillingFact {
            id: self.id,
            hash,
            kind: self.kind,
            occurred_at: self.occurred_at,
            external_id: self.external_id,
            plan: self.plan_name,
            starts_at: self.start_date,
            ends_at: self.end_date,
        };
        Ok((self.user_id, fact))
    }
}
