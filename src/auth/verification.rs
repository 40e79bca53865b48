//! What one-time codes are for: a registration that waits until its phone is proven, and a new
//! password for a forgotten one.

use serde::{Deserialize, Serialize};
use tebdil_core::{
    crypto::{PhoneIndex, Sealed},
    store::{Alias, Guess, NewCode, PasswordReset, ProvenCode, StoreError, TriedCode},
};
use tebdil_protocol::{
    Authenticated, Device, PasswordResetConfirmation, RegisterRequest, Secret, VerifyPhoneRequest,
    domain::{CodePurpose, Locale},
    id::{CodeId, UserId},
};

use super::{
    AccountError, AccountService, CodePhone,
    accounts::{banned, unknown_invite},
    codes::Drawn,
    password_text,
    phone::Phones,
};
use crate::{address::ClientAddress, limits::SpentText};

/// Binds a waiting registration to its column.
const REGISTRATION_CONTEXT: &str = "one_time_codes.registration";
const CODE_DIGITS: usize = 6;

/// A registration whose fields are right.
pub struct RegistrationDraft {
    pub(super) phone: Secret,
    pub(super) alias: Alias,
    pub(super) birth_year: i64,
    pub(super) locale: Locale,
    pub(super) terms_version: i64,
    /// The inviter's code.
    pub(super) invite: Option<String>,
    /// The first device.
    pub(super) device: Device,
}

/// A draft that waits until its phone is proven, with the password's hash. The phone is not in it:
/// whoever proves it sends it again.
#[derive(Serialize, Deserialize)]
struct PendingRegistration {
    alias: Alias,
    birth_year: i64,
    locale: Locale,
    terms_version: i64,
    invite: Option<String>,
    device: Device,
    password_hash: Secret,
}

impl AccountService {
    /// Whether this server sends codes.
    pub const fn sends_codes(&self) -> bool {
        self.codes.are_sent()
    }

    /// The phone of a request, if codes may be sent to it.
    pub fn code_phone(&self, phone: &Secret) -> Option<CodePhone> {
        let e164 = self.phones.e164(phone.expose())?;
        let served = Phones::takes_texts(e164.expose(), &self.countries);
        served.then(|| CodePhone {
            index: self.codes.context.blind.phone(e164.expose()),
            e164,
        })
    }

    /// Checks a registration as [`AccountService::register`] does, also against the store. The
    /// result is for [`AccountService::send_registration_code`].
    pub async fn check_registration(
        &self,
        request: RegisterRequest,
    ) -> Result<(CodePhone, RegistrationDraft, Secret), AccountError> {
        let (draft, password) = self.draft(request)?;
        let phone = self
            .code_phone(&draft.phone)
            .ok_or(AccountError::PhoneNotServed)?;
        if self
            .store
            .safety()
            .active_ban(&phone.index, self.clock.now())
            .await?
            .is_some()
        {
            return Err(banned(None));
        }
        if self
            .store
            .accounts()
            .user_by_phone(&phone.index)
            .await?
            .is_some()
        {
            return Err(AccountError::PhoneTaken);
        }
        // Nobody should pay for a code that cannot complete anything, or learn of the mistake only
        // after typing it in.
        if let Some(code) = &draft.invite
            && !self.store.economy().is_invite_code(code).await?
        {
            return Err(unknown_invite());
        }
        Ok((phone, draft, password))
    }

    /// Keeps a registration, encrypted, until its phone is proven, and has the code for that sent.
    ///
    /// Each registration has a code of its own, which names its alias: nobody can register somebody
    /// else's phone and have its owner complete that.
    pub async fn send_registration_code(
        &self,
        from: ClientAddress,
        phone: CodePhone,
        draft: RegistrationDraft,
        password: Secret,
    ) -> Result<(), AccountError> {
        let limiters = &self.codes.context.limiters;
        let spent = limiters
            .spend_text(CodePurpose::Registration, phone.prefix())
            .await
            .map_err(AccountError::OverBudget)?;
        let ordered = self
            .order_registration(from, phone, draft, password, spent)
            .await;
        if ordered.is_err() {
            limiters.refund_text(spent).await;
        }
        ordered
    }

    async fn order_registration(
        &self,
        from: ClientAddress,
        phone: CodePhone,
        draft: RegistrationDraft,
        password: Secret,
        spent: SpentText,
    ) -> Result<(), AccountError> {
        let password_hash = self.passwords.hash(from, password).await?;
        let Drawn { id, code, hash } = self
            .codes
            .context
            .draw(CodePurpose::Registration, &phone.index);
        let (named, locale) = (draft.alias.text.clone(), draft.locale);
        let RegistrationDraft {
            alias,
            birth_year,
            terms_version,
            invite,
            device,
            ..
        } = draft;
        let waiting = PendingRegistration {
            alias,
            birth_year,
            locale,
            terms_version,
            invite,
            device,
            password_hash,
        };
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&waiting).map_err(|_| {
            StoreError::Corrupt {
                what: "registration",
            }
        })?);
        let sealed = self.cipher.seal(
            REGISTRATION_CONTEXT,
            &identity(id, &phone.index),
            &plain,
            &mut rand::rng(),
        );
        let new = NewCode {
            id,
            purpose: CodePurpose::Registration,
            phone: phone.index,
            user: None,
            hash,
            registration: Some(&sealed),
        };
        self.store
            .accounts()
            .insert_code(new, self.clock.now())
            .await?;
        Ok(self
            .codes
            .send_registration(phone.e164, locale, named, code, spent)?)
    }

    /// Makes the account from the registration to which the code belongs, and signs its first
    /// device in.
    pub async fn verify_phone(
        &self,
        request: VerifyPhoneRequest,
    ) -> Result<Authenticated, AccountError> {
        let phone = self
            .phones
            .e164(request.phone.expose())
            .ok_or(AccountError::CodeInvalid)?;
        let (proven, tried) = self
            .prove(CodePurpose::Registration, &phone, &request.code)
            .await?;
        let Sealed { ciphertext, key_id } = tried.registration.ok_or(StoreError::Corrupt {
            what: "registration",
        })?;
        let plain = self.cipher.open(
            REGISTRATION_CONTEXT,
            &identity(proven.id, &proven.phone),
            &key_id,
            &ciphertext,
        )?;
        let waiting: PendingRegistration =
            serde_json::from_slice(&plain).map_err(|_| StoreError::Corrupt {
                what: "registration",
            })?;
        let PendingRegistration {
            alias,
            birth_year,
            locale,
            terms_version,
            invite,
            device,
            password_hash,
        } = waiting;
        let draft = RegistrationDraft {
            phone,
            alias,
            birth_year,
            locale,
            terms_version,
            invite,
            device,
        };
        self.insert(draft, password_hash, Some(&proven)).await
    }

    /// Has a code sent to whoever has this phone, if anybody does. The answer and its time do not
    /// depend on that.
    pub fn order_password_reset(&self, phone: CodePhone) -> Result<(), AccountError> {
        Ok(self.codes.send_password_reset(phone)?)
    }

    /// Sets a new password and signs every session out; returns the user, and what it must be told.
    ///
    /// What can be checked without the account is checked before the code, and costs no try. That
    /// the password is the user's alias may be told only to somebody with the code.
    pub async fn reset_password(
        &self,
        from: ClientAddress,
        request: PasswordResetConfirmation,
    ) -> Result<(UserId, PasswordReset), AccountError> {
        let phone = self
            .phones
            .e164(request.phone.expose())
            .ok_or(AccountError::CodeInvalid)?;
        password_text::check(
            &request.new_password,
            &[phone.expose(), request.phone.expose()],
        )?;
        let (proven, tried) = self
            .prove(CodePurpose::PasswordReset, &phone, &request.code)
            .await?;
        let user = tried.user.ok_or(AccountError::CodeInvalid)?;
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::CodeInvalid)?;
        if self
            .store
            .safety()
            .active_ban(&row.phone_index, self.clock.now())
            .await?
            .is_some()
        {
            return Err(AccountError::CodeInvalid);
        }
        password_text::check(&request.new_password, &[&row.alias])?;
        let hash = self.passwords.hash(from, request.new_password).await?;
        let reset = self
            .store
            .accounts()
            .reset_password(&proven, user, &hash, self.clock.now())
            .await?;
        Ok((user, reset.ok_or(AccountError::CodeInvalid)?))
    }

    /// Compares a guess with the codes of a phone, after counting it. If one of them is no longer
    /// compared because others guessed, nobody can say that the guess is wrong.
    async fn prove(
        &self,
        purpose: CodePurpose,
        phone: &Secret,
        guess: &Secret,
    ) -> Result<(ProvenCode, TriedCode), AccountError> {
        let guess = guess.expose().trim();
        // No code looks like this, so it costs nobody a try.
        if guess.len() != CODE_DIGITS || !guess.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AccountError::CodeInvalid);
        }
        let index = self.codes.context.blind.phone(phone.expose());
        let Guess { codes, wait } = self
            .store
            .accounts()
            .try_code(purpose, &index, self.clock.now())
            .await?;
        let known = self.codes.context.recognise(purpose, &index, guess, codes);
        let outcome = if known.is_some() { "right" } else { "wrong" };
        metrics::counter!("tebdil_code_tries_total", "purpose" => purpose.as_str(), "outcome" => outcome).increment(1);
        let refusal = wait.map_or(AccountError::CodeInvalid, |wait| {
            AccountError::TooManyGuesses { wait }
        });
        let known = known.ok_or(refusal)?;
        Ok((
            ProvenCode {
                id: known.id,
                purpose,
                phone: index,
            },
            known,
        ))
    }
}

/// What a waiting registration is encrypted for: its row and its phone.
fn identity(row: CodeId, phone: &PhoneIndex) -> Vec<u8> {
    [&row.0.to_be_bytes()[..], phone.as_bytes()].concat()
}
