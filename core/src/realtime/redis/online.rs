//! Who is online.

use super::{RealtimeError, Redis, TIMEOUT, scripts};
use crate::realtime::Whom;

/// Users and devices that one call looks up.
const ONLINE_BATCH: usize = 500;

impl Redis {
    pub async fn online(&self, whom: &[Whom]) -> Result<Vec<bool>, RealtimeError> {
        // Whoever does without an answer may tell somebody what is not true.
        self.sure(self.try_online(whom).await)
    }

    async fn try_online(&self, whom: &[Whom]) -> Result<Vec<bool>, RealtimeError> {
        self.ready()?;
        let mut online = Vec::with_capacity(whom.len());
        for batch in whom.chunks(ONLINE_BATCH) {
            let mut call = scripts::ONLINE.prepare_invoke();
            for (user, session) in batch {
                let session = session.map_or_else(String::new, |session| session.to_string());
                call.key(self.shared.user_key(*user)).arg(session);
            }
            let answers: Vec<bool> = self.shared.commands.invoke(TIMEOUT, &call).await?;
            online.extend(answers);
        }
        Ok(online)
    }
}
