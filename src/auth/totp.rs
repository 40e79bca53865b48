//! Second factors of staff: codes that an app makes from a secret and the time (RFC 6238), and
//! recovery codes for those who have lost it.

use rand::CryptoRng;
use tebdil_core::{
    crypto::{RecoveryHash, Sealed},
    store::{StoreError, TOTP_CONTEXT, TotpBegun, TotpOf, TotpRemover, TotpRow, UserRow},
};
use tebdil_protocol::{
    ConfirmRequest, RecoveryCodes, Secret, TotpRemoval, TotpSetup,
    id::{SessionId, UserId},
};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use super::{AccountError, AccountService};
use crate::address::ClientAddress;

/// What apps call the service.
const ISSUER: &str = "Tebdil";
/// Every app supports these; some silently ignore other numbers of digits or seconds.
const DIGITS: usize = 6;
const STEP_SECONDS: u64 = 30;
/// How many steps clocks may be apart, each way.
const SKEW: u16 = 1;
/// The length of SHA-1's output, as RFC 4226 asks.
const SECRET_BYTES: usize = 20;

const RECOVERY_CODES: usize = 10;
/// 80 bits each: too many to guess, and 16 letters are short enough to type.
const RECOVERY_BYTES: usize = 10;
/// In base32.
const RECOVERY_CHARS: usize = 16;

impl AccountService {
    /// Makes a secret that waits for its first code, for a member of staff who knows the password.
    /// Until then it is not asked for.
    pub async fn begin_totp(
        &self,
        user: UserId,
        from: ClientAddress,
        password: Secret,
    ) -> Result<TotpSetup, AccountError> {
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::Gone)?;
        self.check_password(&row, from, password).await?;
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        let sealed = {
            let mut rng = rand::rng();
            rand::Rng::fill_bytes(&mut rng, secret.as_mut());
            self.cipher.seal(
                TOTP_CONTEXT,
                &user.0.to_be_bytes(),
                secret.as_ref(),
                &mut rng,
            )
        };
        match self
            .store
            .accounts()
            .begin_totp(user, &sealed, self.clock.now())
            .await?
        {
            TotpBegun::Waits => {}
            TotpBegun::Enrolled => return Err(AccountError::TotpEnrolled),
            TotpBegun::NotStaff => return Err(AccountError::NotStaff),
        }
        let generator = generator(secret.as_ref(), &format!("{}#{}", row.alias, row.tag))?;
        let uri = generator.to_url().map_err(|_| unusable())?;
        Ok(TotpSetup {
            secret: generator.secret().to_base32().into(),
            uri: uri.into(),
        })
    }

    /// Activates the second factor if `code` shows that an app has the secret. Returns the recovery
    /// codes, which nobody can read again, and the sessions that ended: all but `session`, since
    /// none of them has shown the factor.
    pub async fn confirm_totp(
        &self,
        user: UserId,
        session: SessionId,
        code: &Secret,
    ) -> Result<(RecoveryCodes, Vec<SessionId>), AccountError> {
        let waiting = self
            .store
            .accounts()
            .totp(user)
            .await?
            .ok_or(AccountError::NoTotp)?;
        if waiting.is_confirmed {
            return Err(AccountError::TotpEnrolled);
        }
        let step = self
            .step(user, &waiting.secret, code.expose())?
            .ok_or(AccountError::TotpInvalid)?;
        let codes: Vec<Secret> = (0..RECOVERY_CODES)
            .map(|_| recovery_code(&mut rand::rng()))
            .collect();
        let hashes: Vec<RecoveryHash> = codes
            .iter()
            .filter_map(|code| self.recovery_hash(user, code.expose()))
            .collect();
        let ended = self
            .store
            .accounts()
            .confirm_totp(
                (user, session),
                &waiting.secret,
                step,
                &hashes,
                self.clock.now(),
            )
            .await?;
        // It was begun again meanwhile.
        let ended = ended.ok_or(AccountError::TotpInvalid)?;
        Ok((
            RecoveryCodes {
                recovery_codes: codes,
            },
            ended,
        ))
    }

    /// Removes the second factor, given the password and a code. One that waits for its first code
    /// needs no code.
    pub async fn remove_totp(
        &self,
        user: UserId,
        from: ClientAddress,
        request: TotpRemoval,
    ) -> Result<(), AccountError> {
        let row = self
            .store
            .accounts()
            .user(user)
            .await?
            .ok_or(AccountError::Gone)?;
        self.check_password(&row, from, request.password).await?;
        self.second_factor(user, Some(&request.code)).await?;
        let removed = self
            .store
            .accounts()
            .remove_totp(TotpOf::User(user), TotpRemover::User, self.clock.now())
            .await?;
        if removed {
            Ok(())
        } else {
            Err(AccountError::NoTotp)
        }
    }

    /// Notes that the session's user has shown password and second factor again.
    pub async fn confirm(
        &self,
        who: (UserId, SessionId),
        from: ClientAddress,
        request: ConfirmRequest,
    ) -> Result<(), AccountError> {
        // As in `login`: the stored hash may be replaced while the password is compared, and a
        // second factor is good once.
        let mut shown = false;
        for _ in 0..2 {
            let row = self
                .store
                .accounts()
                .user(who.0)
                .await?
                .ok_or(AccountError::Gone)?;
            self.check_password(&row, from, request.password.clone())
                .await?;
            if !shown {
                self.second_factor(who.0, request.totp.as_ref()).await?;
                shown = true;
            }
            let confirmed = self
                .store
                .accounts()
                .confirm_session(who, &row.password_hash, self.clock.now())
                .await?;
            if confirmed {
                return Ok(());
            }
        }
        // The session has ended meanwhile.
        Err(AccountError::Gone)
    }

    /// Checks the second factor if there is one: a code from the app, or a recovery code. Each is
    /// good once, over all nodes.
    pub(super) async fn second_factor(
        &self,
        user: UserId,
        given: Option<&Secret>,
    ) -> Result<(), AccountError> {
        let Some(TotpRow {
            secret,
            is_confirmed: true,
        }) = self.store.accounts().totp(user).await?
        else {
            return Ok(());
        };
        let given = given.ok_or(AccountError::TotpRequired)?.expose();
        let is_right = if let Some(step) = self.step(user, &secret, given)? {
            self.store.accounts().take_totp_step(user, step).await?
        } else if let Some(hash) = self.recovery_hash(user, given) {
            self.store
                .accounts()
                .take_recovery_code(user, &hash, self.clock.now())
                .await?
                .is_some()
        } else {
            false
        };
        if is_right {
            Ok(())
        } else {
            Err(AccountError::TotpInvalid)
        }
    }

    async fn check_password(
        &self,
        row: &UserRow,
        from: ClientAddress,
        password: Secret,
    ) -> Result<(), AccountError> {
        let right = self
            .passwords
            .verify(from, password, Some(row.password_hash.clone()))
            .await?;
        if right {
            Ok(())
        } else {
            Err(AccountError::InvalidCredentials)
        }
    }

    /// The time step of this code.
    fn step(&self, user: UserId, secret: &Sealed, code: &str) -> Result<Option<i64>, AccountError> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let Ok(seconds) = u64::try_from(self.clock.now().seconds()) else {
            return Ok(None);
        };
        if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let secret = self.cipher.open(
            TOTP_CONTEXT,
            &user.0.to_be_bytes(),
            &secret.key_id,
            &secret.ciphertext,
        )?;
        Ok(generator(&secret, "")?
            .check(&code, seconds)
            .and_then(|step| i64::try_from(step).ok()))
    }

    /// The stored form of a recovery code, however it was typed; `None` if it does not look like
    /// one.
    fn recovery_hash(&self, user: UserId, typed: &str) -> Option<RecoveryHash> {
        let plain: Zeroizing<String> = Zeroizing::new(
            typed
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect(),
        );
        (plain.len() == RECOVERY_CHARS).then(|| self.blind.recovery_code(user, &plain))
    }
}

fn generator(secret: &[u8], account: &str) -> Result<Totp, AccountError> {
    let builder = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(STEP_SECONDS)
        .with_skew(SKEW);
    builder
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(account)
        .build()
        .map_err(|_| unusable())
}

/// This needs a stored secret that is not ours.
fn unusable() -> AccountError {
    StoreError::Corrupt {
        what: "totps.secret",
    }
    .into()
}

/// Sixteen letters and digits, in groups of four.
fn recovery_code(rng: &mut impl CryptoRng) -> Secret {
    let mut random = Zeroizing::new([0; RECOVERY_BYTES]);
    rng.fill_bytes(random.as_mut());
    let plain = totp_rs::Secret::from(*random)
        .to_base32()
        .to_ascii_lowercase();
    let groups: Vec<&str> = plain
        .as_bytes()
        .chunks(4)
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    Secret::from(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The secret of RFC 6238, appendix B.
    const RFC_SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc_in_six_digits() {
        let generator = generator(RFC_SECRET, "").expect("a generator");
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(
                generator.check(code, seconds),
                Some(seconds / 30),
                "{seconds}"
            );
            for near in [seconds - 30, seconds + 30] {
                assert_eq!(
                    generator.check(code, near),
                    Some(seconds / 30),
                    "one step away"
                );
            }
            for far in [seconds.saturating_sub(60), seconds + 60] {
                assert_eq!(
                    generator.check(code, far).filter(|_| far / 30 != 0),
                    None,
                    "two steps away"
                );
            }
        }
    }

    #[test]
    fn an_app_can_read_the_address() {
        let made = generator(RFC_SECRET, "KediAdam#0042").expect("a generator");
        let uri = made.to_url().expect("an address");
        assert!(
            uri.starts_with(
                "otpauth://totp/Tebdil:KediAdam%230042?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
            ),
            "{uri}"
        );
        assert!(uri.contains("issuer=Tebdil"), "{uri}");
    }

    #[test]
    fn recovery_codes_are_eighty_bits_that_can_be_typed() {
        let codes: Vec<Secret> = (0..1_000)
            .map(|_| recovery_code(&mut rand::rng()))
            .collect();
        let distinct: HashSet<&str> = codes.iter().map(Secret::expose).collect();
        assert_eq!(distinct.len(), codes.len());
        for code in distinct {
            let groups: Vec<&str> = code.split('-').collect();
            let plain = |group: &&str| {
                group.len() == 4
                    && group
                        .bytes()
                        .all(|c| c.is_ascii_lowercase() || (b'2'..=b'7').contains(&c))
            };
            assert!(groups.len() == 4 && groups.iter().all(plain), "{code}");
        }
    }
}
