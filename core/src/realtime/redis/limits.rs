//! What is counted by all nodes together.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use redis::ScriptInvocation;

use super::{Redis, TIMEOUT, scripts};
use crate::realtime::{BackoffRule, Rate, micros};

/// How long the limiter waits for an answer that it can do without.
const LIMIT_TIMEOUT: Duration = Duration::from_millis(100);

impl Redis {
    /// Counts one try; `None` when Redis does not say in time. `patient` waits for as long as a
    /// command may take, and connects.
    pub async fn count(
        &self,
        name: &str,
        key: &[u8; 32],
        rate: Rate,
        patient: bool,
    ) -> Option<Result<(), Duration>> {
        self.ready().ok()?;
        let mut call = scripts::LIMIT.key(self.counter("limit", name, key));
        call.arg(micros(rate.step())).arg(rate.burst.max(1));
        let commands = &self.shared.commands;
        let answer = if patient {
            commands.invoke(TIMEOUT, &call).await
        } else {
            commands.invoke_soon(LIMIT_TIMEOUT, &call).await
        };
        Some(match answer.ok()? {
            0 => Ok(()),
            wait => Err(Duration::from_micros(wait)),
        })
    }

    /// Gives a counted try back if Redis answers; nobody else counts.
    pub async fn give_back(&self, name: &str, key: &[u8; 32], rate: Rate) {
        let mut call = scripts::GIVE_BACK.key(self.counter("limit", name, key));
        self.forgive(call.arg(micros(rate.step()))).await;
    }

    /// Forgets all tries if Redis answers; nobody else counts.
    pub async fn clear_limit(&self, name: &str, key: &[u8; 32]) {
        self.forgive(&scripts::FORGIVE.key(self.counter("limit", name, key)))
            .await;
    }

    /// Counts one try as a failure: how many are remembered, and what the next one waits for.
    /// `None` when Redis does not say in time.
    pub async fn try_once(
        &self,
        name: &str,
        key: &[u8; 32],
        rule: &BackoffRule,
    ) -> Option<Result<(u32, u64), Duration>> {
        self.ready().ok()?;
        let mut call = scripts::TRY.key(self.counter("tries", name, key));
        call.arg(rule.free)
            .arg(micros(rule.first))
            .arg(micros(rule.most))
            .arg(micros(rule.forget))
            .arg(rule.counted());
        let (wait, failures, until) = self.shared.commands.invoke(TIMEOUT, &call).await.ok()?;
        Some(if wait == 0 {
            Ok((failures, until))
        } else {
            Err(Duration::from_micros(wait))
        })
    }

    /// Takes a try back if Redis answers; nobody else counts.
    pub async fn take_try_back(&self, name: &str, key: &[u8; 32], until: u64) {
        let mut call = scripts::UNTRY.key(self.counter("tries", name, key));
        self.forgive(call.arg(until)).await;
    }

    /// Forgets all failures if Redis answers; nobody else counts.
    pub async fn clear_tries(&self, name: &str, key: &[u8; 32]) {
        self.forgive(&scripts::FORGIVE.key(self.counter("tries", name, key)))
            .await;
    }

    async fn forgive(&self, call: &ScriptInvocation<'_>) {
        if self.ready().is_ok()
            && self
                .shared
                .commands
                .invoke::<()>(TIMEOUT, call)
                .await
                .is_err()
        {
            tracing::debug!("a try that came to nothing stays counted: Redis does not answer");
        }
    }

    fn counter(&self, kind: &str, name: &str, key: &[u8; 32]) -> String {
        let (prefix, key) = (&self.shared.prefix, URL_SAFE_NO_PAD.encode(key));
        format!("{prefix}{kind}:{name}:{key}")
    }
}
