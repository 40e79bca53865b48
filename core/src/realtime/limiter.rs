//! How often something may be tried, on all nodes together.

use std::time::Duration;

use super::{Realtime, link::Link};
use crate::limiter::KeyedLimiter;

/// A limit per key: `burst` at once, and again one by one so that `burst` fit into the period. All
/// nodes count together.
///
/// While Redis does not answer within 100 ms, each node counts for itself: a limit per node is
/// better than none, and than refusing everybody. Where it is not, because each pass costs money,
/// there is [`Limiter::check_strictly`].
#[derive(Debug)]
pub struct Limiter {
    link: Link,
    name: &'static str,
    /// At least 1; `None` lets everything through.
    rule: Option<Rule>,
    here: KeyedLimiter<Box<[u8]>>,
}

#[derive(Debug, Clone, Copy)]
struct Rule {
    burst: u32,
    step: Duration,
}

/// Why a try that is counted strictly is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// How long to wait until the next one is allowed.
    Wait(Duration),
    /// Nobody knows how many there were: Redis does not answer.
    Unknown,
}

impl Realtime {
    /// A limit of at most `burst` (at least 1) in `period`. Limiters of one name on all nodes count
    /// together, and must have the same rule for a key.
    pub fn limiter(&self, name: &'static str, burst: u32, period: Duration) -> Limiter {
        let burst = burst.max(1);
        let step = (period / burst).max(Duration::from_micros(1));
        Limiter {
            link: self.bus.0.clone(),
            name,
            rule: Some(Rule { burst, step }),
            here: KeyedLimiter::new(burst, period),
        }
    }

    /// A limiter that lets everything through.
    pub fn no_limiter(&self) -> Limiter {
        Limiter {
            link: self.bus.0.clone(),
            name: "",
            rule: None,
            here: KeyedLimiter::off(),
        }
    }
}

impl Limiter {
    /// Counts one try. The key can be read in Redis: it must be a keyed hash where it would tell
    /// who somebody is.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub async fn check(&self, key: &[u8]) -> Result<(), Duration> {
        let Some(Rule { burst, step }) = self.rule else {
            return Ok(());
        };
        if let Some(redis) = self.link.shared()
            && let Some(outcome) = redis.limit(self.name, key, burst, step, false).await
        {
            return outcome;
        }
        self.here.check(&key.into())
    }

    /// Counts one try on all nodes together or not at all: while Redis does not answer within 800
    /// ms, none is allowed.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn check_strictly(&self, key: &[u8]) -> Result<(), Denied> {
        let Some(Rule { burst, step }) = self.rule else {
            return Ok(());
        };
        let outcome = match self.link.shared() {
            Some(redis) => redis
                .limit(self.name, key, burst, step, true)
                .await
                .ok_or(Denied::Unknown)?,
            None => self.here.check(&key.into()),
        };
        outcome.map_err(Denied::Wait)
    }

    /// Counts one try on this node only, where every try counts and asking others would take longer
    /// than what is tried.
    ///
    /// # Errors
    /// How long to wait until the next one is allowed.
    pub fn check_here(&self, key: &[u8]) -> Result<(), Duration> {
        self.here.check(&key.into())
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
