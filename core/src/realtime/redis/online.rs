//! Who is online.

use super::{RealtimeError, Redis, TIMEOUT, scripts};
use tebdil_protocol::id::{SessionId, UserId};

/// Users that one call looks up.
const ONLINE_BATCH: usize = 500;

impl Redis {
    pub async fn online(&self, users: &[UserId]) -> Result<Vec<bool>, RealtimeError> {
        // Whoever does without an answer may tell somebody what is not true.
        self.sure(self.try_online(users).await)
    }

    async fn try_online(&self, users: &[UserId]) -> Result<Vec<bool>, RealtimeError> {
        self.ready()?;
        let mut online = Vec::with_capacity(users.len());
        for batch in users.chunks(ONLINE_BATCH) {
            let mut call = scripts::ONLINE.prepare_invoke();
            for user in batch {
                call.key(self.shared.user_key(*user));
            }
            online.extend(
                self.shared
                    .commands
                    .invoke::<Vec<bool>>(TIMEOUT, &call)
                    .await?,
            );
        }
        Ok(online)
    }

    pub async fn present(
        &self,
        devices: &[(UserId, SessionId)],
    ) -> Result<Vec<bool>, RealtimeError> {
        // Whoever looked while nobody was there believes what is not true.
        self.sure(self.try_present(devices).await)
    }

    async fn try_present(
        &self,
        devices: &[(UserId, SessionId)],
    ) -> Result<Vec<bool>, RealtimeError> {
        self.ready()?;
        let mut present = Vec::with_capacity(devices.len());
        for batch in devices.chunks(ONLINE_BATCH) {
            let mut call = scripts::PRESENT.prepare_invoke();
            for (user, session) in batch {
                call.key(self.shared.user_key(*user)).arg(session.0);
            }
            present.extend(
                self.shared
                    .commands
                    .invoke::<Vec<bool>>(TIMEOUT, &call)
                    .await?,
            );
        }
        Ok(present)
    }
}
