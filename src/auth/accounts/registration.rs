//! New accounts.

use rand::rngs::StdRng;
use tebdil_core::{
    privacy::PHONE_CONTEXT,
    store::{NewUser, ProvenCode, Registration, StoreError},
};
use tebdil_protocol::{Authenticated, Device, RegisterRequest, Secret, domain::Locale};

use super::{
    AccountError, AccountService, FieldError,
    error::{banned, unknown_invite},
};
use crate::{
    address::ClientAddress,
    auth::{
        RegistrationDraft,
        age::{self, AgeError},
        alias, password_text,
        tokens::RefreshSecret,
    },
};

const MAX_DEVICE_NAME_CHARS: usize = 64;
const MAX_PLATFORM_CHARS: usize = 32;

impl AccountService {
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
    pub(in crate::auth) fn draft(
        &self,
        request: RegisterRequest,
    ) -> Result<(RegistrationDraft, Secret), AccountError> {
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
        let birth_year = age::birth_year(request.birth_date.expose(), today, self.settings.min_age)
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
        // Nobody has any other, and PostgreSQL would fail at a NUL.
        if invite.as_ref().is_some_and(|code| {
            code.len() > 32 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }) {
            return Err(unknown_invite());
        }
        let draft = RegistrationDraft {
            phone,
            alias,
            birth_year: birth_year.into(),
            locale: request.locale.unwrap_or(Locale::Tr),
            terms_version: self.terms_version,
            invite,
            device,
        };
        Ok((draft, request.password))
    }

    /// Makes the account from a draft. `code` has proven its phone, if codes are required.
    pub(in crate::auth) async fn insert(
        &self,
        draft: RegistrationDraft,
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
                    .accounts()
                    .insert_verified_user(code, &new, session, &mut rng, now)
                    .await?
            }
            None => {
                self.store
                    .accounts()
                    .insert_user(&new, session, &mut rng, now)
                    .await?
            }
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
}

pub(in crate::auth) fn checked_device(device: Device) -> Result<Device, FieldError> {
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
