//! Key packages at the server.

use super::Actor;
use crate::{
    chat::{ChatError, parts::Upload},
    mls::{KEY_PACKAGE_REFILL_BELOW, MlsError},
};

impl Actor {
    /// Refills the key packages at the server and waits until they are there.
    pub async fn provide_keys(&mut self, remaining: i64) -> Result<(), ChatError> {
        if let Some((packages, last_resort)) = self.make_keys(remaining)? {
            self.store().await?;
            self.account
                .put_keys(&packages, last_resort.as_deref())
                .await?;
        }
        Ok(())
    }

    fn make_keys(&mut self, remaining: i64) -> Result<Option<Upload>, MlsError> {
        let target = i64::try_from(self.key_target).unwrap_or(i64::MAX);
        // With none left the upload that brought the last-resort package may have failed too.
        let last_resort = (remaining == 0 || self.device.needs_last_resort())
            .then(|| self.device.last_resort_package())
            .transpose()?;
        let wanted = if remaining < KEY_PACKAGE_REFILL_BELOW.min(target) {
            target - remaining
        } else {
            0
        };
        if wanted == 0 && last_resort.is_none() {
            return Ok(None);
        }
        let packages = self
            .device
            .key_packages(usize::try_from(wanted).unwrap_or(0))?;
        self.dirty = true;
        Ok(Some((packages, last_resort)))
    }

    pub(super) fn refill_keys(&mut self, remaining: i64) {
        if self.putting_keys {
            return;
        }
        match self.make_keys(remaining) {
            Ok(None) => {}
            Ok(keys) => {
                self.putting_keys = true;
                self.after.keys = keys;
            }
            Err(error) => tracing::warn!(%error, "no key packages could be made"),
        }
    }
}
