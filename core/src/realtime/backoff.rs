//! Waiting that grows with every failure, counted by all nodes together.

use super::{Denied, Realtime, link::Link};
use crate::backoff::{BackoffRule, KeyedBackoff, Try};

/// What guessers run into: failures of a key make the next try of it wait, longer and longer
/// ([`BackoffRule`]).
///
/// A try counts as a failure from its beginning, so that many at once are no way around the rule;
/// who turns out to be right takes it back. All nodes count together or not at all: while Redis
/// does not answer within 800 ms no try is let through.
#[derive(Debug)]
pub struct Backoff {
    link: Link,
    name: &'static str,
    /// `None` lets everything through.
    rule: Option<BackoffRule>,
    here: KeyedBackoff<Box<[u8]>>,
}

impl Realtime {
    /// Counts failures by this rule, or not at all. What has one name on all nodes counts together,
    /// and must have the same rule.
    pub fn backoff(&self, name: &'static str, rule: BackoffRule, on: bool) -> Backoff {
        Backoff {
            link: self.bus.0.clone(),
            name,
            rule: on.then_some(rule),
            here: KeyedBackoff::new(rule),
        }
    }
}

impl Backoff {
    /// Lets one try through and counts it as a failure; `None` when nothing is counted. The key can
    /// be read in Redis: it must be a keyed hash where it would tell who somebody is.
    ///
    /// # Errors
    /// [`Denied`]; nothing was counted then.
    pub async fn begin(&self, key: &[u8]) -> Result<Option<Try>, Denied> {
        let Some(rule) = &self.rule else {
            return Ok(None);
        };
        let answer = match self.link.shared() {
            Some(redis) => redis
                .try_once(self.name, key, rule)
                .await
                .ok_or(Denied::Unknown)?,
            None => self.here.begin(key.into()),
        };
        answer.map(Some).map_err(Denied::Wait)
    }

    /// The try was no failure. Without Redis it stays one: nobody gets more tries than the rule
    /// gives.
    pub async fn take_back(&self, key: &[u8], taken: Try) {
        match self.link.shared() {
            Some(redis) => redis.take_try_back(self.name, key, taken).await,
            None => self.here.take_back(&key.into(), taken),
        }
    }

    /// Forgets all failures of the key. Without Redis they stay.
    pub async fn clear(&self, key: &[u8]) {
        match self.link.shared() {
            Some(redis) => redis.clear_tries(self.name, key).await,
            None => self.here.clear(&key.into()),
        }
    }

    /// How many failures cost nothing.
    pub fn free(&self) -> u32 {
        self.rule.map_or(u32::MAX, |rule| rule.free)
    }

    /// What it was made with.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Forgets keys that are as good as new. Call it now and then.
    pub fn forget_idle(&self) {
        self.here.forget_idle();
    }
}
