//! What values must and should be.

mod accounts;
mod matches;
mod node;
mod retention;
#[cfg(test)]
mod tests;
mod warnings;

use std::fmt;

use super::{Config, limits, relay};

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `section.name`
    pub field: &'static str,
    /// What it must be.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl Config {
    /// Every reason why these settings cannot be used.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut check = |ok: bool, field: &'static str, detail: &str| {
            if !ok {
                found.push(Problem {
                    field,
                    detail: detail.to_owned(),
                });
            }
        };
        self.check_listeners(&mut check);
        self.check_backends(&mut check);
        self.check_auth(&mut check);
        self.check_verification(&mut check);
        self.check_quota(&mut check);
        self.check_billing(&mut check);
        self.check_matching(&mut check);
        self.check_messages(&mut check);
        self.check_claims(&mut check);
        self.check_reports(&mut check);
        self.check_ads(&mut check);
        self.check_sockets(&mut check);
        relay::check(&self.relay, &mut check);
        limits::check(&self.limits, &self.login, &mut check);
        self.check_retention(&mut check);
        self.check_referrals(&mut check);
        self.check_push(&mut check);
        self.check_clock(&mut check);
        self.check_log(&mut check);
        found
    }
}
