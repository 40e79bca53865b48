//! The account service: register, sign in, stay signed in, change.

use std::{io, time::Duration};

use phonenumber::country;
use rand::rngs::StdRng;
use tebdil_core::{
    crypto::{BlindIndex, CryptoError, FieldCipher, PhoneIndex, Sealed},
    domain::{Locale, UserRole},
    id::{SessionId, UserId},
    privacy::PHONE_CONTEXT,
    protocol::{
        Authenticated, BanNotice, Device, PasswordChangeRequest, ProfilePatch, Quota, Refreshed,
        RegisterRequest, Secret, User,
    },
    quota::QuotaRules,
    realtime::Denied,
    store::{
        BanRow, Erased, ErasedBy, NewSession, NewUser, ProfileChange, ProfileUpdate, ProvenCode,
        Registration, Rotation, SessionRow, Store, StoreError, UserRow,
    },
    time::{Clock, Timestamp},
};

use super::{
    Codes, Draft,
    age::{self, AgeError},
    alias,
    codes::QueueFull,
    password_text,
    passwords::{PasswordError, Passwords},
    phone::Phones,
    tokens::{RefreshSecret, Tokens},
};
use crate::{address::ClientAddress, config, profile};

const MAX_DEVICE_NAME_CHARS: usize = 64;
const MAX_PLATFORM_CHARS: usize = 32;

/// A field that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct FieldError {
    pub field: &'static str,
    /// What it must be; never the value.
    pub detail: String,
}

impl FieldError {
    fn new(field: &'static str, detail: impl Into<String>) -> Self {
        Self {
            field,
            detail: detail.into(),
        }
    }
}

/// Why the account service says no.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the phone number is not valid")]
    InvalidPhone,
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error("the alias is not allowed")]
    AliasInvalid,
    #[error("every tag of the alias is taken")]
    AliasFull,
    #[error("too young")]
    Underage,
    #[error("the terms were not accepted")]
    TermsNotAccepted,
    #[error("the phone number has an account")]
    PhoneTaken,
    #[error("phone or password is wrong")]
    InvalidCredentials,
    #[error("the account is banned")]
    Banned {
        /// Only for who knows the password, or has proven the phone: anybody can type a number.
        notice: Option<BanNotice>,
        /// Only for who knows the password.
        appeal_token: Option<Secret>,
    },
    /// Wrong, expired, used, or none was sent.
    #[error("the code is not good")]
    CodeInvalid,
    /// Others guessed so often that the code is not compared any more.
    #[error("too many codes were tried")]
    TooManyGuesses {
        /// Until then.
        wait: Duration,
    },
    /// No text may be sent for now.
    #[error("no more texts are sent for now")]
    OverBudget(Denied),
    /// No code may be sent to this phone.
    #[error("no codes are sent to this phone number")]
    PhoneNotServed,
    /// This server sends no codes.
    #[error("no codes are sent here")]
    NoCodes,
    #[error(transparent)]
    CodesBusy(#[from] QueueFull),
    /// The password was right; a code of the second factor is missing.
    #[error("a code of the second factor is needed")]
    TotpRequired,
    #[error("the code of the second factor is wrong")]
    TotpInvalid,
    #[error("there is a second factor already")]
    TotpEnrolled,
    #[error("there is no second factor")]
    NoTotp,
    #[error("this is for staff")]
    NotStaff,
    #[error("the refresh token is not valid")]
    RefreshInvalid,
    /// The session is revoked now; its sockets must be closed.
    #[error("the refresh token was used before")]
    RefreshReused {
        user_id: UserId,
        session_id: SessionId,
    },
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The account was erased while the request ran.
    #[error("the account is gone")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

/// The account service.
#[derive(Debug)]
pub struct Accounts {
    pub(super) store: Store,
    rules: QuotaRules,
    pub(super) blind: BlindIndex,
    pub(super) cipher: FieldCipher,
    pub(super) tokens: Tokens,
    pub(super) clock: Clock,
    pub(super) passwords: Passwords,
    pub(super) phones: Phones,
    pub(super) codes: Codes,
    /// Where codes are sent.
    pub(super) countries: Vec<country::Id>,
    min_age: u8,
    terms_version: String,
    refresh_ttl: Duration,
    session_lifetime: Duration,
    pub(super) max_sessions: u32,
}

/// What the service is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Store,
    pub rules: QuotaRules,
    pub blind: BlindIndex,
    pub cipher: FieldCipher,
    pub tokens: Tokens,
    pub clock: Clock,
    pub codes: Codes,
    pub countries: Vec<country::Id>,
}

impl Accounts {
    /// Starts the password threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: &config::Auth, parts: Parts) -> io::Result<Self> {
        let Parts {
            store,
            rules,
            blind,
            cipher,
            tokens,
            clock,
            codes,
            countries,
        } = parts;
        Ok(Self {
            store,
            rules,
            blind,
            cipher,
            tokens,
            clock,
            passwords: Passwords::start(
                settings.bcrypt_cost,
                settings.hash_threads,
                settings.hash_queue,
            )?,
            phones: Phones::new(&settings.default_region),
            codes,
            countries,
            min_age: settings.min_age,
            terms_version: settings.terms_version.clone(),
            refresh_ttl: settings.refresh_ttl(),
            session_lifetime: settings.session_lifetime(),
            max_sessions: settings.max_sessions,
        })
    }

    /// Loads tables that make the first request slow. Blocks for about 0.2 s.
    pub fn warm(&self) {
        self.phones.warm();
    }

    /// What a phone number is found by; `None` when it is no phone number.
    pub fn phone_index(&self, phone: &Secret) -> Option<PhoneIndex> {
        self.phones
            .e164(phone.expose())
            .map(|phone| self.blind.phone(phone.expose()))
    }

    /// Makes an account and signs its first device in. Everything that can be refused without the
    /// store is checked before the password is hashed.
    pub async fn register(
        &self,
        from: ClientAddress,
        request: RegisterRequest,
    ) -> Result<Authenticated, AccountError> {
        let (draft, password) = self.draft(request)?;
        let password_hash = self.passwords.hash(from, password).await?;
        self.insert(draft, password_hash, None).await
    }

    /// Checks all of a registration that can be checked without the store.
    pub(super) fn draft(&self, request: RegisterRequest) -> Result<(Draft, Secret), AccountError> {
        let phone = self
            .phones
            .e164(request.phone.expose())
            .ok_or(AccountError::InvalidPhone)?;
        let alias = alias::parse(&request.alias).ok_or(AccountError::AliasInvalid)?;
        password_text::check(
            &request.password,
            &[
                &alias.text,
                &request.alias,
                phone.expose(),
                request.phone.expose(),
            ],
        )?;
        let today = self
            .clock
            .now()
            .local_day(&self.rules.zone)
            .parse()
            .map_err(|_| StoreError::Corrupt { what: "clock" })?;
        let birth_year = age::birth_year(request.birth_date.expose(), today, self.min_age)
            .map_err(|error| match error {
                AgeError::Invalid => {
                    FieldError::new("birth_date", "must be a past day as YYYY-MM-DD").into()
                }
                AgeError::Underage => AccountError::Underage,
            })?;
        let device = checked_device(request.device.unwrap_or_default())?;
        if !request.accept_terms {
            return Err(AccountError::TermsNotAccepted);
        }
        // Codes are lower case; a keyboard may begin with a capital and end with a space.
        let invite = request.invite.map(|code| code.trim().to_ascii_lowercase());
        // Others nobody has, and PostgreSQL would fail at a NUL.
        if invite.as_ref().is_some_and(|code| {
            code.len() > 32 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }) {
            return Err(unknown_invite());
        }
        let draft = Draft {
            phone,
            alias,
            birth_year: birth_year.into(),
            locale: request.locale.unwrap_or(Locale::Tr),
            terms_version: self.terms_version.clone(),
            invite,
            device,
        };
        Ok((draft, request.password))
    }

    /// Makes the account of a draft. `code` has proven its phone, where codes are asked for.
    pub(super) async fn insert(
        &self,
        draft: Draft,
        password_hash: Secret,
        code: Option<&ProvenCode>,
    ) -> Result<Authenticated, AccountError> {
        let now = self.clock.now();
        let phone_index = self.blind.phone(draft.phone.expose());
        let mut rng: StdRng = rand::make_rng();
        let new = NewUser {
            phone_index,
            phone: self.cipher.seal(
                PHONE_CONTEXT,
                phone_index.as_bytes(),
                draft.phone.expose().as_bytes(),
                &mut rng,
            ),
            password_hash,
            alias: draft.alias,
            birth_year: draft.birth_year,
            locale: draft.locale,
            terms_version: draft.terms_version,
            invite: draft.invite,
        };
        let secret = RefreshSecret::new(&mut rng);
        let session = self.new_session(&secret, draft.device, now);
        let registration = match code {
            Some(code) => {
                self.store
                    .insert_verified_user(code, &new, session, &mut rng, now)
                    .await?
            }
            None => self.store.insert_user(&new, session, &mut rng, now).await?,
        };
        match registration {
            Registration::Inserted(user, session) => self.signed_in(&user, &session, &secret),
            Registration::PhoneTaken => Err(AccountError::PhoneTaken),
            Registration::InviteUnknown => Err(unknown_invite()),
            Registration::PhoneBanned(ban) => Err(banned(code.map(|_| ban))),
            Registration::AliasFull => Err(AccountError::AliasFull),
            Registration::CodeUsed => Err(AccountError::CodeInvalid),
        }
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
            .rotate_refresh(
                session_id,
                presented,
                secret.hash(),
                now + self.refresh_ttl,
                self.session_lifetime,
                now,
            )
            .await?;
        match rotation {
            Rotation::Rotated(session) => {
                let alive = self
                    .store
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
        let row = self.store.user(user).await?.ok_or(AccountError::Gone)?;
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

    /// Erases the account of a user who knows its password; making it take effect is the caller's.
    pub async fn erase(
        &self,
        user: UserId,
        from: ClientAddress,
        password: Secret,
    ) -> Result<(), AccountError> {
        let row = self.store.user(user).await?.ok_or(AccountError::Gone)?;
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

    /// The user's own account; `None` when it is gone.
    pub async fn user(&self, user: UserId) -> Result<Option<User>, AccountError> {
        self.store
            .user(user)
            .await?
            .map(|row| self.shown(&row))
            .transpose()
    }

    /// What remains today.
    pub async fn quota(&self, user: UserId) -> Result<Quota, AccountError> {
        let row = self.store.user(user).await?.ok_or(AccountError::Gone)?;
        Ok(self.quota_of(&row))
    }

    /// Changes parts of the profile; nothing changes when one of them is refused.
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
        match self.store.update_profile(user, &update, &mut rng).await? {
            ProfileChange::Updated(row) => self.shown(&row),
            ProfileChange::AliasFull => Err(AccountError::AliasFull),
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
            refresh_expires_at: now + self.refresh_ttl,
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
    ) -> tebdil_core::protocol::Tokens {
        let (access_token, access_expires_at) = self.tokens.issue_access(
            session.user_id,
            session.id,
            role,
            session.refresh_expires_at,
        );
        tebdil_core::protocol::Tokens {
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
            interests: row.interests.clone(),
            languages: row.languages.clone(),
            quota: self.quota_of(row),
        })
    }
}

pub(super) fn unknown_invite() -> AccountError {
    FieldError::new("invite", "must be the invite code of a user").into()
}

pub(super) fn checked_device(device: Device) -> Result<Device, FieldError> {
    let check = |text: &str, most: usize, field, detail| {
        let fits = text.chars().count() <= most && !text.chars().any(char::is_control);
        if fits {
            Ok(())
        } else {
            Err(FieldError::new(field, detail))
        }
    };
    check(
        &device.name,
        MAX_DEVICE_NAME_CHARS,
        "device.name",
        "at most 64 characters without control characters",
    )?;
    check(
        &device.platform,
        MAX_PLATFORM_CHARS,
        "device.platform",
        "at most 32 characters without control characters",
    )?;
    Ok(device)
}

/// What somebody is told who cannot sign in and types a banned phone; `told` where a code has
/// proven that it is the own one. A category of abuse beside a number is nothing for whoever tries
/// numbers.
pub(super) fn banned(told: Option<BanRow>) -> AccountError {
    let notice = told.map(|ban| BanNotice {
        reason: ban.reason,
        until: ban.until,
        appealable: false,
    });
    AccountError::Banned {
        notice,
        appeal_token: None,
    }
}
