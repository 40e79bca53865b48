//! What is counted by all nodes together.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use redis::ScriptInvocation;

use super::{Redis, TIMEOUT, scripts};
use crate::backoff::{BackoffRule, Try};

/// How long the limiter waits for an answer.
const LIMIT_TIMEOUT: Duration = Duration::from_millis(100);

impl Redis {
    /// Counts one try; `None` when Redis does not say in time. `patient` waits for as long as a
    /// command may take, and connects.
    pub async fn limit(
        &self,
        name: &str,
        key: &[u8],
        burst: u32,
        step: Duration,
        patient: bool,
    ) -> Option<Result<(), Duration>> {
        self.ready().ok()?;
        let key = URL_SAFE_NO_PAD.encode(key);
        let mut call = scripts::LIMIT.key(format!("{}limit:{name}:{key}", self.shared.prefix));
        call.arg(u64::try_from(step.as_micros()).unwrap_or(u64::MAX))
            .arg(burst);
        let commands = &self.shared.commands;
        let answer = if patient {
            commands.invoke(TIMEOUT, &call).await
        } else {
            commands.invoke_soon(LIMIT_TIMEOUT, &call).await
        };
        let wait: u64 = answer.ok()?;
        Some(if wait == 0 {
            Ok(())
        } else {
            Err(Duration::from_micros(wait))
        })
    }

    /// Counts one try as a failure; `None` when Redis does not say in time.
    pub async fn try_once(
        &self,
        name: &str,
        key: &[u8],
        rule: &BackoffRule,
    ) -> Option<Result<Try, Duration>> {
        self.ready().ok()?;
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let mut call = scripts::TRY.key(self.tries_key(name, key));
        call.arg(rule.free.max(1))
            .arg(micros(rule.first))
            .arg(micros(rule.most))
            .arg(micros(rule.forget))
            .arg(rule.counted());
        let (wait, failures, until) = self.shared.commands.invoke(TIMEOUT, &call).await.ok()?;
        Some(if wait == 0 {
            Ok(Try { failures, until })
        } else {
            Err(Duration::from_micros(wait))
        })
    }

    /// Takes a try back if Redis answers; nobody else counts.
    pub async fn take_try_back(&self, name: &str, key: &[u8], taken: Try) {
        let mut call = scripts::UNTRY.key(self.tries_key(name, key));
        self.forgive(call.arg(taken.until)).await;
    }

    /// Forgets all failures if Redis answers; nobody else counts.
    pub async fn clear_tries(&self, name: &str, key: &[u8]) {
        self.forgive(&scripts::FORGIVE.key(self.tries_key(name, key)))
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
            tracing::debug!("a try that was no failure still counts as one: Redis does not answer");
        }
    }

    fn tries_key(&self, name: &str, key: &[u8]) -> String {
        format!(
            "{}tries:{name}:{}",
            self.shared.prefix,
            URL_SAFE_NO_PAD.encode(key)
        )
    }
}
