//! What a billing provider says, once per event and whatever the order it arrives in.
//!
//! Every event carries the whole state of its subscription. The newest one counts, by the time it
//! happened, then its type, then its id; an older one that comes late is kept and changes nothing.
//! So the same events lead to the same subscription in every order.

use sqlx::{FromRow, QueryBuilder};

use super::{
    Settled, Store, StoreError, SystemLog, quota::open_balances_in, subscriptions::settle_in,
    system_logs::log_in,
};
use crate::{
    backend::{read, write_tx},
    domain::{BillingEventType, BillingOutcome},
    id::{SubscriptionId, UserId},
    quota::QuotaRules,
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
        let newest = known.map(|row| (row.event_at, row.event_type, row.event_id.as_deref()));
        newest.is_none_or(|newest| {
            (
                Some(self.occurred_at),
                Some(self.kind),
                Some(self.id.as_str()),
            ) > newest
        })
    }

    /// An end needs no plan that is known.
    fn needs_plan(&self) -> bool {
        !self.kind.ends()
    }
}

const KNOWN: &str =
    "SELECT user_id, event_at, event_type, event_id FROM subscriptions WHERE external_id = $1";
const PUT: &str = "INSERT INTO subscriptions (id, user_id, plan_name, start_date, end_date, is_active, renews, due_at, external_id, event_at, event_type, \
     event_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
     ON CONFLICT (external_id) DO UPDATE SET plan_name = $3, start_date = $4, end_date = $5, is_active = $6, renews = $7, due_at = $8, event_at = $10, \
     event_type = $11, event_id = $12, checks = 0 WHERE subscriptions.user_id = $2";

/// Makes the subscription of `$fact` what it says, in the open write transaction `$tx` in which
/// `$user` is locked: `false` when it is somebody else's.
macro_rules! put_in {
    ($store:expr, $tx:expr, $user:expr, $fact:expr, $terms:expr, $now:expr) => {{
        let (fact, terms): (&BillingFact, BillingTerms<'_>) = ($fact, $terms);
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
        let is_active = !fact.kind.ends() && $now < lasts_until;
        let put = sqlx::query(PUT)
            .bind($store.ids.next::<SubscriptionId>())
            .bind($user)
            .bind(terms.plan.unwrap_or(&fact.plan))
            .bind(fact.starts_at)
            .bind(ends_at)
            .bind(is_active)
            .bind(renews)
            .bind(is_active.then_some(ends_at))
            .bind(&fact.external_id)
            .bind(fact.occurred_at)
            .bind(fact.kind)
            .bind(&fact.id)
            .bind($now)
            .execute(&mut *$tx)
            .await?;
        put.rows_affected() == 1
    }};
}

impl Store {
    /// The name by which a billing provider knows the user; `fresh`, which nobody can guess,
    /// becomes it where there is none. `None` when there is no such user.
    pub async fn billing_token(
        &self,
        user: UserId,
        fresh: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const SELECT: &str = "SELECT token FROM billing_accounts WHERE user_id = $1";
        const INSERT: &str = "INSERT INTO billing_accounts (user_id, token, created_at) SELECT u.id, $1, $2 FROM users u WHERE u.id = $3 AND u.erased_at IS NULL \
             ON CONFLICT DO NOTHING";
        let known: Option<String> = read!(self, |db| sqlx::query_scalar(SELECT)
            .bind(user)
            .fetch_optional(db)
            .await?);
        if known.is_some() {
            return Ok(known);
        }
        Ok(write_tx!(self, |tx| {
            sqlx::query(INSERT)
                .bind(fresh)
                .bind(now)
                .bind(user)
                .execute(&mut *tx)
                .await?;
            sqlx::query_scalar(SELECT)
                .bind(user)
                .fetch_optional(&mut *tx)
                .await?
        }))
    }

    /// Takes an event about the subscription of whoever has `token`. Once per id: a repeat changes
    /// nothing, unless its plan or account was unknown before.
    pub async fn take_billing_event(
        &self,
        fact: &BillingFact,
        token: &str,
        terms: BillingTerms<'_>,
        now: Timestamp,
    ) -> Result<Billed, StoreError> {
        const ACCOUNT: &str = "SELECT user_id FROM billing_accounts WHERE token = $1";
        const INSERT: &str = "INSERT INTO billing_events (id, hash, user_id, type, external_id, plan_name, start_date, end_date, occurred_at, outcome, \
             received_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING";
        const AGAIN: &str = "UPDATE billing_events SET outcome = $1, user_id = $2 WHERE id = $3 AND hash = $4 \
             AND outcome IN ('unknown_plan', 'unknown_account')";
        const FIRST: &str = "SELECT hash, outcome FROM billing_events WHERE id = $1";
        Ok(write_tx!(self, |tx| {
            let user: Option<UserId> = sqlx::query_scalar(ACCOUNT)
                .bind(token)
                .fetch_optional(&mut *tx)
                .await?;
            let opened = match user {
                Some(user) => {
                    open_balances_in!(self, tx, user, terms.quota, now).map(|opened| (user, opened))
                }
                None => None,
            };
            let known: Option<KnownRow> = sqlx::query_as(KNOWN)
                .bind(&fact.external_id)
                .fetch_optional(&mut *tx)
                .await?;
            let owner = opened
                .filter(|(user, _)| known.as_ref().is_none_or(|known| known.user_id == *user));
            let outcome = if owner.is_none() {
                BillingOutcome::UnknownAccount
            } else if fact.needs_plan() && terms.plan.is_none() {
                BillingOutcome::UnknownPlan
            } else if fact.supersedes(known.as_ref()) {
                BillingOutcome::Applied
            } else {
                BillingOutcome::Stale
            };
            let about = owner.as_ref().map(|(user, _)| *user);
            let inserted = sqlx::query(INSERT)
                .bind(&fact.id)
                .bind(fact.hash.as_slice())
                .bind(about)
                .bind(fact.kind)
                .bind(&fact.external_id)
                .bind(&fact.plan)
                .bind(fact.starts_at)
                .bind(fact.ends_at)
                .bind(fact.occurred_at)
                .bind(outcome)
                .bind(now)
                .execute(&mut *tx)
                .await?;
            let fresh = inserted.rows_affected() == 1;
            let handled = fresh
                || sqlx::query(AGAIN)
                    .bind(outcome)
                    .bind(about)
                    .bind(&fact.id)
                    .bind(fact.hash.as_slice())
                    .execute(&mut *tx)
                    .await?
                    .rows_affected()
                    == 1;
            if handled {
                if fresh
                    && matches!(
                        outcome,
                        BillingOutcome::UnknownPlan | BillingOutcome::UnknownAccount
                    )
                {
                    let action = if outcome == BillingOutcome::UnknownPlan {
                        "billing_unknown_plan"
                    } else {
                        "billing_unknown_account"
                    };
                    let details = serde_json::json!({ "event": fact.id, "type": fact.kind, "plan": fact.plan });
                    log_in!(
                        self,
                        tx,
                        &SystemLog {
                            action,
                            user: about,
                            actor: None,
                            details
                        },
                        now
                    );
                }
                let settled = match owner {
                    Some((user, opened)) if outcome == BillingOutcome::Applied => {
                        if !put_in!(self, tx, user, fact, terms, now) {
                            // Two accounts claimed a new subscription at the same moment. Nothing
                            // is kept; a repeat finds whose it is.
                            return Ok(Billed::Conflict);
                        }
                        settle_in!(self, tx, user, opened, terms.quota, now)
                    }
                    _ => Settled::default(),
                };
                Billed::Done(outcome, settled)
            } else {
                let (hash, outcome): (Vec<u8>, BillingOutcome) = sqlx::query_as(FIRST)
                    .bind(&fact.id)
                    .fetch_one(&mut *tx)
                    .await?;
                if hash == fact.hash {
                    Billed::Before(outcome)
                } else {
                    let details = serde_json::json!({ "event": fact.id, "type": fact.kind });
                    log_in!(
                        self,
                        tx,
                        &SystemLog {
                            action: "billing_event_conflict",
                            user: about,
                            actor: None,
                            details
                        },
                        now
                    );
                    Billed::Conflict
                }
            }
        }))
    }

    /// Up to `limit` events, oldest first, that wait for one of these plans.
    pub async fn waiting_billing_events(
        &self,
        plans: &[&str],
        limit: i64,
    ) -> Result<Vec<(UserId, BillingFact)>, StoreError> {
        if plans.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<EventRow> = read!(self, |db| {
            let mut query = QueryBuilder::new(
                "SELECT id, hash, user_id, type, external_id, plan_name, start_date, end_date, occurred_at FROM billing_events \
                 WHERE outcome = 'unknown_plan' AND user_id IS NOT NULL AND plan_name IN (",
            );
            let mut list = query.separated(", ");
            for plan in plans {
                list.push_bind(*plan);
            }
            query
                .push(") ORDER BY received_at, id LIMIT ")
                .push_bind(limit);
            query.build_query_as().fetch_all(db).await?
        });
        rows.into_iter().map(EventRow::fact).collect()
    }

    /// Applies an event of [`Self::waiting_billing_events`] whose plan is known by now, once.
    /// `None` when somebody else was faster.
    pub async fn apply_waiting_billing_event(
        &self,
        user: UserId,
        fact: &BillingFact,
        terms: BillingTerms<'_>,
        now: Timestamp,
    ) -> Result<Option<(BillingOutcome, Settled)>, StoreError> {
        const TAKE: &str =
            "UPDATE billing_events SET outcome = $1 WHERE id = $2 AND outcome = 'unknown_plan'";
        Ok(write_tx!(self, |tx| {
            let Some(opened) = open_balances_in!(self, tx, user, terms.quota, now) else {
                return Ok(None);
            };
            let known: Option<KnownRow> = sqlx::query_as(KNOWN)
                .bind(&fact.external_id)
                .fetch_optional(&mut *tx)
                .await?;
            let outcome = match &known {
                Some(known) if known.user_id != user => BillingOutcome::UnknownAccount,
                known if fact.supersedes(known.as_ref()) => BillingOutcome::Applied,
                _ => BillingOutcome::Stale,
            };
            let taken = sqlx::query(TAKE)
                .bind(outcome)
                .bind(&fact.id)
                .execute(&mut *tx)
                .await?;
            if taken.rows_affected() == 0 {
                return Ok(None);
            }
            let settled = if outcome == BillingOutcome::Applied {
                if !put_in!(self, tx, user, fact, terms, now) {
                    return Ok(None);
                }
                settle_in!(self, tx, user, opened, terms.quota, now)
            } else {
                Settled::default()
            };
            Some((outcome, settled))
        }))
    }

    /// Deletes up to `limit` billing events that arrived at `cutoff` or before, and says how many.
    ///
    /// One that is signed and delivered anew after that changes nothing either: the subscription
    /// knows the newest event that it stands by.
    pub async fn delete_old_billing_events(
        &self,
        cutoff: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        Ok(write_tx!(self, |tx| {
            let mut query = QueryBuilder::new(
                "DELETE FROM billing_events WHERE id IN (SELECT id FROM billing_events WHERE received_at <= ",
            );
            query
                .push_bind(cutoff)
                .push(" ORDER BY received_at LIMIT ")
                .push_bind(limit)
                .push(self.db.for_update_skip_locked())
                .push(")");
            query.build().execute(&mut *tx).await?.rows_affected()
        }))
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
