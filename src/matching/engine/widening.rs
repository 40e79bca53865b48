//! How wishes give way to waiting time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a ticket insists on from a given waiting time on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Waiting time at which the step begins, in milliseconds.
    pub after_ms: u64,
    /// A peer who lists interests must share one.
    #[serde(default)]
    pub same_interest: bool,
    /// A peer who lists languages must share one.
    #[serde(default)]
    pub same_language: bool,
    /// A peer must be within `max_distance_km` times this; absent: anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_factor: Option<f64>,
}

impl Step {
    fn insists(&self) -> bool {
        self.same_interest || self.same_language || self.distance_factor.is_some()
    }

    fn is_stricter_than(&self, earlier: &Self) -> bool {
        let factor = |step: &Self| step.distance_factor.unwrap_or(f64::INFINITY);
        (self.same_interest && !earlier.same_interest)
            || (self.same_language && !earlier.same_language)
            || factor(self) < factor(earlier)
    }
}

/// Why a list of steps is no widening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWidening {
    #[error("widening needs at least one step")]
    Empty,
    #[error("the first widening step begins at after_ms = 0")]
    FirstNotAtZero,
    #[error("widening step {0} (counted from 0) does not begin after the step before it")]
    NotIncreasing(usize),
    #[error("widening step {0} (counted from 0) is stricter than the step before it")]
    Stricter(usize),
    #[error("widening step {0} (counted from 0): distance_factor is a positive number")]
    BadFactor(usize),
    #[error(
        "the last widening step permits everything: no same_interest, no same_language, no distance_factor"
    )]
    LastInsists,
}

/// The steps, checked: they begin at 0, follow each other, never get stricter, and the last one
/// insists on nothing.
///
/// The last step is also the only one at which partners of the last 24 hours are paired again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Step>", into = "Vec<Step>")]
pub struct Widening(Vec<Step>);

impl Widening {
    /// The step of a ticket that waited this long.
    pub(super) fn step_after(&self, waited: Duration) -> usize {
        let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        self.0
            .partition_point(|step| step.after_ms <= waited)
            .saturating_sub(1)
    }

    pub(super) fn last(&self) -> usize {
        self.0.len() - 1
    }

    pub(super) fn step(&self, index: usize) -> &Step {
        &self.0[index]
    }

    /// The waiting time at which a ticket at `step` is due for the next one; `None` at the last.
    pub(super) fn next_after(&self, step: usize) -> Option<Duration> {
        self.0
            .get(step + 1)
            .map(|next| Duration::from_millis(next.after_ms))
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl TryFrom<Vec<Step>> for Widening {
    type Error = InvalidWidening;

    fn try_from(steps: Vec<Step>) -> Result<Self, InvalidWidening> {
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(InvalidWidening::Empty);
        };
        if first.after_ms != 0 {
            return Err(InvalidWidening::FirstNotAtZero);
        }
        if let Some(at) = steps.iter().position(|step| {
            step.distance_factor
                .is_some_and(|by| !by.is_finite() || by <= 0.0)
        }) {
            return Err(InvalidWidening::BadFactor(at));
        }
        for (at, two) in steps.windows(2).enumerate() {
            if two[1].after_ms <= two[0].after_ms {
                return Err(InvalidWidening::NotIncreasing(at + 1));
            }
            if two[1].is_stricter_than(&two[0]) {
                return Err(InvalidWidening::Stricter(at + 1));
            }
        }
        if last.insists() {
            return Err(InvalidWidening::LastInsists);
        }
        Ok(Self(steps))
    }
}

impl From<Widening> for Vec<Step> {
    fn from(widening: Widening) -> Self {
        widening.0
    }
}

impl Default for Widening {
    /// All wishes for 5 s, then language and twice the distance, from 15 s language and five times
    /// the distance, from 30 s anybody.
    fn default() -> Self {
        let step = |after_ms, same_interest, same_language, distance_factor| Step {
            after_ms,
            same_interest,
            same_language,
            distance_factor,
        };
        Self(vec![
            step(0, true, true, Some(1.0)),
            step(5_000, false, true, Some(2.0)),
            step(15_000, false, true, Some(5.0)),
            step(30_000, false, false, None),
        ])
    }
}
