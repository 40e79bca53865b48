//! The account service: register, sign in, stay signed in, change.

mod error;
mod registration;

use std::io;

use phonenumber::country;
use rand::rngs::StdRng;
use tebdil_core::{
    crypto::{BlindIndex, FieldCipher, PhoneIndex, Sealed},
    privacy::PHONE_CONTEXT,
    quota::QuotaRules,
    store::{
        Erased, ErasedBy, NewSession, ProfileChange, ProfileUpdate, Rotation, SessionRow, Store,
        StoreError, UserRow,
    },
};
use tebdil_protocol::{
    Authenticated, Device, PasswordChangeRequest, ProfilePatch, Quota, Refreshed, Secret, User,
    domain::UserRole,
    id::{SessionId, UserId},
    time::{Clock, Timestamp},
};

pub use self::error::{AccountError, FieldError};
pub(super) use self::{
    error::{banned, unknown_invite},
    registration::checked_device,
};
use super::{
    Codes, alias, password_text,
    passwords::PasswordHasher,
    phone::Phones,
    settings,
    tokens::{RefreshSecret, TokenIssuer},
};
use crate::{address::ClientAddress, profile};

/// The account service.
#[derive(Debug)]
pub struct AccountService {
    pub(super) store: Store,
    rules: QuotaRules,
    /// The terms that a new account accepts.
    terms_version: i64,
    pub(super) blind: BlindIndex,
    pub(super) cipher: FieldCipher,
    pub(super) tokens: TokenIssuer,
    pub(super) clock: Clock,
    pub(super) passwords: PasswordHasher,
    pub(super) phones: Phones,
    pub(super) codes: Codes,
    /// Where codes are sent.
    pub(super) countries: Vec<country::Id>,
    pub(super) settings: settings::Auth,
}

/// What the service needs.
#[derive(Debug)]
pub struct AccountContext {
    pub store: Store,
    pub rules: QuotaRules,
    pub terms_version: i64,
    pub blind: BlindIndex,
    pub cipher: FieldCipher,
    pub tokens: TokenIssuer,
    pub clock: Clock,
    pub codes: Codes,
    pub countries: Vec<country::Id>,
}

impl AccountService {
    /// Starts the password threads.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(settings: &settings::Auth, context: AccountContext) -> io::Result<Self> {
        let AccountContext {
            store,
            rules,
            terms_version,
            blind,
            cipher,
            tokens,
            clock,
            codes,
            countries,
        } = context;
        Ok(Self {
            store,
            rules,
            terms_version,
            blind,
            cipher,
            tokens,
            clock,
            passwords: PasswordHasher::start(
                settings.bcrypt_cost,
                settings.hash_threads,
                settings.hash_queue,
            )?,
            phones: Phones::new(&settings.default_region),
            codes,
            countries,
            settings: settings.clone(),
        })
    }

    /// Loads tables that would slow down the first request. Blocks for about 0.2 s.
    pub fn warm(&self) {
        self.phones.warm();
    }

    /// The index by which a phone number is found; `None` if it is not a phone number.
    pub fn phone_index(&self, phone: &Secret) -> Option<PhoneIndex> {
        self.phones
            .e164(phone.expose())
            .map(|phone| self.blind.phone(phone.expose()))
    }

    /// Exchanges a refresh token for new tokens. After [`AccountError::RefreshReused`] the caller
    /// closes the session's sockets.
    pub async fn refresh(&self, token: &Secret) -> Result<Refreshed, AccountError> {
        let (session_id, presented) = self
            .tokens
            .read_refresh(token)
            .ok_or(AccountError::RefreshInvalid)?;
        let now = self.clock.now();
        let secret = RefreshSecret::new(&mut rand::rng());
        let rotation = self
            .store
            .accounts()
            .rotate_refresh(
                session_id,
                presented,
                secret.hash(),
                now + self.settings.refresh_ttl,
                self.settings.session_lifetime,
                now,
            )
            .await?;
        match rotation {
            Rotation::Rotated(session) => {
                let alive = self
                    .store
                    .accounts()
                    .session_alive(session_id, now)
                    .await?
                    .ok_or(AccountError::RefreshInvalid)?;
                Ok(Refreshed {
                    tokens: self.issue(&session, alive.role, &secret),
                })
            }
            Rotation::Reused { user_id } => Err(AccountError::RefreshReused {
                user_id,
                session_id,
            }),
            Rotation::Invalid => Err(AccountError::RefreshInvalid),
        }
    }

    /// Changes the password and signs out the user's other sessions; their sockets must be closed.
    pub async fn change_password(
        &self,
        user: UserId,
        session: SessionId,
        from: ClientAddress,
        request: PasswordChangeRequest,
    ) -> Result<Vec<SessionId>, AccountError> {
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::Gone)?;
        let phone = self.phone(&row)?;
        password_text::check(&request.new_password, &[&row.alias, phone.expose()])?;
        if !self
            .passwords
            .verify(
                from,
                request.current_password,
                Some(row.password_hash.clone()),
            )
            .await?
        {
            return Err(AccountError::InvalidCredentials);
        }
        let hash = self.passwords.hash(from, request.new_password).await?;
        let ended = self
            .store
            .accounts()
            .set_password(
                user,
                Some(&row.password_hash),
                &hash,
                Some(session),
                self.clock.now(),
            )
            .await?;
        ended.ok_or(AccountError::InvalidCredentials)
    }

    /// Erases the account of a user who knows its password; the caller makes it take effect.
    pub async fn erase(
        &self,
        user: UserId,
        from: ClientAddress,
        password: Secret,
    ) -> Result<(), AccountError> {
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::Gone)?;
        if !self
            .passwords
            .verify(from, password, Some(row.password_hash.clone()))
            .await?
        {
            return Err(AccountError::InvalidCredentials);
        }
        let mut rng: StdRng = rand::make_rng();
        match self
            .store
            .accounts()
            .erase_user(
                user,
                ErasedBy::User {
                    verified: &row.password_hash,
                },
                &mut rng,
                self.clock.now(),
            )
            .await?
        {
            Erased::Now => Ok(()),
            // The password was changed meanwhile, or another request was faster.
            Erased::NotFound | Erased::Forbidden => Err(AccountError::InvalidCredentials),
        }
    }

    /// The user's own account; `None` if it is gone.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, AccountError> {
        self.store
            .accounts()
            .user(user)
            .await?
            .map(|row| self.shown(&row))
            .transpose()
    }

    /// The allowance left today.
    pub async fn quota(&self, user: UserId) -> Result<Quota, AccountError> {
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::Gone)?;
        Ok(self.quota_of(&row))
    }

    /// Changes parts of the profile; if one is refused, nothing changes.
    pub async fn update_profile(
        &self,
        user: UserId,
        patch: ProfilePatch,
    ) -> Result<User, AccountError> {
        let alias = match patch.alias {
            Some(text) => Some(alias::parse(&text).ok_or(AccountError::AliasInvalid)?),
            None => None,
        };
        let update = ProfileUpdate {
            alias,
            locale: patch.locale,
            interests: patch
                .interests
                .map(profile::interests)
                .transpose()
                .map_err(|detail| FieldError::new("interests", detail))?,
            languages: patch
                .languages
                .map(profile::languages)
                .transpose()
                .map_err(|detail| FieldError::new("languages", detail))?,
            location: match patch.location {
                Some(Some(place)) => Some(Some(
                    profile::snapped(place)
                        .map_err(|detail| FieldError::new("location", detail))?,
                )),
                absent_or_null => absent_or_null,
            },
        };
        let mut rng: StdRng = rand::make_rng();
        match self
            .store
            .accounts()
            .update_profile(user, &update, &mut rng)
            .await?
        {
            ProfileChange::Updated(row) => self.shown(&row),
            ProfileChange::AliasFull => Err(AccountError::AliasFull),
            ProfileChange::AliasRefused => Err(AccountError::AliasInvalid),
            ProfileChange::NotFound => Err(AccountError::Gone),
        }
    }

    pub(super) fn new_session(
        &self,
        secret: &RefreshSecret,
        device: Device,
        now: Timestamp,
    ) -> NewSession {
        NewSession {
            device,
            refresh_hash: secret.hash(),
            refresh_expires_at: now + self.settings.refresh_ttl,
        }
    }

    pub(super) fn signed_in(
        &self,
        user: &UserRow,
        session: &SessionRow,
        secret: &RefreshSecret,
    ) -> Result<Authenticated, AccountError> {
        Ok(Authenticated {
            user: self.shown(user)?,
            tokens: self.issue(session, user.role, secret),
        })
    }

    fn issue(
        &self,
        session: &SessionRow,
        role: UserRole,
        secret: &RefreshSecret,
    ) -> tebdil_protocol::Tokens {
        let (access_token, access_expires_at) = self.tokens.issue_access(
            session.user_id,
            session.id,
            role,
            session.refresh_expires_at,
        );
        tebdil_protocol::Tokens {
            access_token,
            access_expires_at,
            refresh_token: self.tokens.refresh_token(session.id, secret),
            refresh_expires_at: session.refresh_expires_at,
            token_type: "Bearer".to_owned(),
        }
    }

    /// What may be shown of the phone number of an account.
    pub fn phone_masked(&self, index: &PhoneIndex, phone: &Sealed) -> Result<String, AccountError> {
        Ok(Phones::masked(self.open_phone(index, phone)?.expose()))
    }

    pub(super) fn phone(&self, row: &UserRow) -> Result<Secret, AccountError> {
        self.open_phone(&row.phone_index, &row.phone)
    }

    fn open_phone(&self, index: &PhoneIndex, phone: &Sealed) -> Result<Secret, AccountError> {
        let plain = self.cipher.open(
            PHONE_CONTEXT,
            index.as_bytes(),
            &phone.key_id,
            &phone.ciphertext,
        )?;
        let text =
            std::str::from_utf8(&plain).map_err(|_| StoreError::Corrupt { what: "phone" })?;
        Ok(Secret::from(text))
    }

    fn quota_of(&self, row: &UserRow) -> Quota {
        row.balances
            .quota(&self.rules, row.is_premium, self.clock.now())
    }

    /// The account as its user sees it.
    fn shown(&self, row: &UserRow) -> Result<User, AccountError> {
        Ok(User {
            id: row.id,
            alias: row.alias.clone(),
            tag: row.tag.clone(),
            handle: format!("{}#{}", row.alias, row.tag),
            phone_masked: self.phone_masked(&row.phone_index, &row.phone)?,
            is_premium: row.is_premium,
            locale: row.locale,
            role: row.role,
            created_at: row.created_at,
            interests: row.interests.0.clone(),
            languages: row.languages.0.clone(),
            quota: self.quota_of(row),
        })
    }
}
