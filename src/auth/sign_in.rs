//! Signing a device in with a password.

use tebdil_core::{
    crypto::PhoneIndex,
    store::{SignedIn, UserRow},
};
use tebdil_protocol::{
    Authenticated, BanNotice, Device, LoginRequest, Secret, id::UserId, time::Timestamp,
};

use super::{
    AccountError, AccountService, accounts::checked_device, password_text, tokens::RefreshSecret,
};
use crate::address::ClientAddress;

impl AccountService {
    /// Signs a device in. An unknown phone gets the same answer after the same time as a wrong
    /// password; only somebody who knows the password learns of a ban or a second factor.
    pub async fn login(
        &self,
        from: ClientAddress,
        request: LoginRequest,
    ) -> Result<(Authenticated, SignedIn), AccountError> {
        let device = checked_device(request.device.clone().unwrap_or_default())?;
        let index = self.phone_index(&request.phone);
        // The stored hash may be replaced while the password is compared; then it is compared once
        // more. A second factor is good once, so it is checked once.
        let mut shown = None;
        for _ in 0..2 {
            if let Some(signed_in) = self
                .try_login(from, index, &request, &device, &mut shown)
                .await?
            {
                return Ok(signed_in);
            }
        }
        Err(AccountError::InvalidCredentials)
    }

    /// `None` when the account changed after the password was compared.
    async fn try_login(
        &self,
        from: ClientAddress,
        phone: Option<PhoneIndex>,
        request: &LoginRequest,
        device: &Device,
        shown: &mut Option<UserId>,
    ) -> Result<Option<(Authenticated, SignedIn)>, AccountError> {
        let user = match phone {
            Some(index) => self.store.accounts().user_by_phone(&index).await?,
            None => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self
            .passwords
            .verify(from, request.password.clone(), hash)
            .await?;
        let user = user
            .filter(|_| right)
            .ok_or(AccountError::InvalidCredentials)?;

        let now = self.clock.now();
        self.refuse_banned(&user, now).await?;
        if *shown != Some(user.id) {
            self.second_factor(user.id, request.totp.as_ref()).await?;
            *shown = Some(user.id);
        }
        let secret = RefreshSecret::new(&mut rand::rng());
        let new = self.new_session(&secret, device.clone(), now);
        let created = self
            .store
            .accounts()
            .create_session(
                user.id,
                &user.password_hash,
                new,
                self.settings.max_sessions,
                now,
            )
            .await?;
        let Some(made) = created else {
            // The account was banned meanwhile, or the password was changed, or it was erased.
            self.refuse_banned(&user, now).await?;
            return Ok(None);
        };
        if password_text::is_old(&user.password_hash) {
            self.store_anew(from, &user, &request.password).await;
        }
        Ok(Some((self.signed_in(&user, &made.session, &secret)?, made)))
    }

    /// Rehashes with today's scheme a password stored with an older one. If that fails, the next
    /// login does it.
    async fn store_anew(&self, from: ClientAddress, user: &UserRow, password: &Secret) {
        let stored = match self.passwords.hash(from, password.clone()).await {
            Ok(hash) => {
                self.store
                    .accounts()
                    .replace_password_hash(user.id, &user.password_hash, &hash)
                    .await
            }
            Err(_) => return,
        };
        if let Err(error) = stored {
            tracing::warn!(%error, "a password was not stored by today's scheme");
        }
    }

    /// What a banned user who knows the password is told. A ban that has run out ends here, whether
    /// or not its job has run.
    async fn refuse_banned(&self, user: &UserRow, now: Timestamp) -> Result<(), AccountError> {
        let Some(ban) = self
            .store
            .safety()
            .active_ban(&user.phone_index, now)
            .await?
        else {
            if user.is_banned {
                self.store.safety().end_ban(user.id, now).await?;
            }
            return Ok(());
        };
        let appealable = self.store.safety().appeal_of(ban.id).await?.is_none();
        let appeal_token = Some(self.tokens.issue_appeal(user.id, ban.id));
        let notice = BanNotice {
            reason: ban.reason,
            until: ban.until,
            appealable,
        };
        Err(AccountError::Banned {
            notice: Some(notice),
            appeal_token,
        })
    }
}
