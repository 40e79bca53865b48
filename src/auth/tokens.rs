//! Access and refresh tokens.
//!
//! An access token is a JWT (HS256) that names user and session; each use asks the store whether
//! the session still lives. A refresh token is `<session>.<random and seal>`: the store keeps a
//! hash of the random part, and the seal shows that the token was issued here, so that a made-up
//! token for a guessed session cannot pass for a reused one and end it. An appeal token is a JWT
//! for an audience of its own, so that neither passes for the other; it names a ban and its user.

mod refresh;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tebdil_core::crypto::KeyRing;
use tebdil_protocol::{
    Secret,
    domain::UserRole,
    id::{BanId, SessionId, UserId},
    time::{Clock, Timestamp},
};

pub(super) use self::refresh::RefreshSecret;
use super::{hs256, settings::Auth};

const ISSUER: &str = "tebdil";
const AUDIENCE: &str = "tebdil-api";
const APPEAL_AUDIENCE: &str = "tebdil-appeal";
/// How long an appeal token is good.
const APPEAL_TTL: std::time::Duration = std::time::Duration::from_hours(1);

/// Why a token is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It was not issued here, or not as a token of this kind.
    #[error("the token is not valid")]
    Invalid,
}

/// What a good access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub expires_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    role: UserRole,
    /// Seconds since the Unix epoch.
    iat: i64,
    /// Seconds since the Unix epoch.
    exp: i64,
    jti: String,
}

/// What a good appeal token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appellant {
    pub user_id: UserId,
    pub ban_id: BanId,
}

#[derive(Debug, Serialize, Deserialize)]
struct AppealClaims {
    iss: String,
    aud: String,
    sub: UserId,
    ban: BanId,
    /// Seconds since the Unix epoch.
    iat: i64,
    /// Seconds since the Unix epoch.
    exp: i64,
    jti: String,
}

/// Issues and checks tokens. Clones are the same.
#[derive(Clone)]
pub struct TokenIssuer {
    ring: KeyRing,
    access_ttl: std::time::Duration,
    clock: Clock,
}

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("kid", &self.ring.current().0)
            .finish_non_exhaustive()
    }
}

impl TokenIssuer {
    /// The ring's current key signs, all keys verify. When a key is removed, the refresh tokens it
    /// sealed end: keep it for `auth.refresh_ttl_s`.
    pub fn new(ring: KeyRing, settings: &Auth, clock: Clock) -> Self {
        hs256::install();
        Self {
            ring,
            access_ttl: settings.access_ttl,
            clock,
        }
    }

    /// An access token, and when it expires (a full second): not after `session_ends`, so that no
    /// socket outlives its session.
    pub fn issue_access(
        &self,
        user_id: UserId,
        session_id: SessionId,
        role: UserRole,
        session_ends: Timestamp,
    ) -> (Secret, Timestamp) {
        let now = self.clock.now();
        let exp = (now + self.access_ttl).min(session_ends).seconds();
        let claims = AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id,
            sid: session_id,
            role,
            iat: now.seconds(),
            exp,
            jti: uuid::Uuid::new_v4().simple().to_string(),
        };
        (self.sign(&claims), Timestamp::from_millis(exp * 1000))
    }

    /// A token that is good for appeals of this user against this ban, for an hour.
    pub fn issue_appeal(&self, user_id: UserId, ban_id: BanId) -> Secret {
        let now = self.clock.now();
        self.sign(&AppealClaims {
            iss: ISSUER.to_owned(),
            aud: APPEAL_AUDIENCE.to_owned(),
            sub: user_id,
            ban: ban_id,
            iat: now.seconds(),
            exp: (now + APPEAL_TTL).seconds(),
            jti: uuid::Uuid::new_v4().simple().to_string(),
        })
    }

    fn sign(&self, claims: &impl Serialize) -> Secret {
        let (kid, key) = self.ring.current();
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        Secret::from(
            jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(key.bytes()))
                .expect("plain claims and an HMAC key always encode"),
        )
    }

    /// What the token says, if it was issued here and has not expired.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn verify_access(&self, token: &str) -> Result<Access, TokenError> {
        let access = self.issued(token).ok_or(TokenError::Invalid)?;
        if self.clock.now() >= access.expires_at {
            Err(TokenError::Expired)
        } else {
            Ok(access)
        }
    }

    /// What an access token that was issued here says, even if it has expired.
    pub fn issued(&self, token: &str) -> Option<Access> {
        let claims: AccessClaims = self.read(token, AUDIENCE).ok()?;
        Some(Access {
            user_id: claims.sub,
            session_id: claims.sid,
            expires_at: expiry(claims.exp),
        })
    }

    /// What the appeal token says, if it was issued here and has not expired.
    ///
    /// # Errors
    /// [`TokenError`]
    pub fn verify_appeal(&self, token: &str) -> Result<Appellant, TokenError> {
        let claims: AppealClaims = self.read(token, APPEAL_AUDIENCE)?;
        if self.clock.now() >= expiry(claims.exp) {
            return Err(TokenError::Expired);
        }
        Ok(Appellant {
            user_id: claims.sub,
            ban_id: claims.ban,
        })
    }

    fn read<C: DeserializeOwned>(&self, token: &str, audience: &str) -> Result<C, TokenError> {
        // Far longer than ours; megabytes of base64 are not worth decoding.
        if token.len() > 2048 {
            return Err(TokenError::Invalid);
        }
        let kid = jsonwebtoken::decode_header(token)
            .ok()
            .and_then(|header| header.kid)
            .ok_or(TokenError::Invalid)?;
        let key = self.ring.get(&kid).ok_or(TokenError::Invalid)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked against our own clock, below.
        rules.validate_exp = false;
        Ok(
            jsonwebtoken::decode::<C>(token, &DecodingKey::from_secret(key.bytes()), &rules)
                .map_err(|_| TokenError::Invalid)?
                .claims,
        )
    }
}

/// When a token's `exp` is.
const fn expiry(exp: i64) -> Timestamp {
    Timestamp::from_millis(exp.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::Sha512;

    use super::*;
    use crate::config::{Config, Secrets};

    /// A session that goes on for long.
    const FAR: Timestamp = Timestamp::from_millis(4_000_000_000_000);

    pub(super) fn tokens(keys: &[(&str, u8)], clock: &Clock) -> TokenIssuer {
        use base64::engine::general_purpose::STANDARD;
        let ring = keys
            .iter()
            .map(|(id, byte)| format!("{id}:{}", STANDARD.encode([*byte; 32])))
            .collect::<Vec<_>>()
            .join(",");
        let key = STANDARD.encode([9; 32]);
        let environment = [
            ("PHONE_INDEX_KEY", key.clone()),
            ("FIELD_KEYS", format!("k:{key}")),
            ("JWT_KEYS", ring),
        ];
        let config = Config::load(
            None,
            environment.map(|(name, value)| (format!("TEBDIL_SECRETS__{name}"), value)),
        )
        .expect("settings");
        let secrets = Secrets::load(&config, &mut rand::rng()).expect("keys");
        TokenIssuer::new(secrets.jwt_keys, &config.auth, clock.clone())
    }

    pub(super) fn clock() -> Clock {
        Clock::manual("2026-11-21T10:00:00Z".parse().expect("time"))
    }

    #[test]
    fn an_access_token_is_good_for_its_time() {
        let clock = clock();
        let tokens = tokens(&[("a", 1)], &clock);
        let (token, expires_at) = tokens.issue_access(UserId(1), SessionId(2), UserRole::User, FAR);
        assert_eq!(expires_at, clock.now() + Duration::from_mins(15));
        assert_eq!(
            tokens.verify_access(token.expose()),
            Ok(Access {
                user_id: UserId(1),
                session_id: SessionId(2),
                expires_at
            })
        );
        clock.advance(Duration::from_millis(899_999));
        assert!(tokens.verify_access(token.expose()).is_ok());
        clock.advance(Duration::from_millis(1));
        assert_eq!(
            tokens.verify_access(token.expose()),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn no_access_token_outlives_its_session() {
        let clock = clock();
        let tokens = tokens(&[("a", 1)], &clock);
        let (token, expires_at) = tokens.issue_access(
            UserId(1),
            SessionId(2),
            UserRole::User,
            clock.now() + Duration::from_millis(60_999),
        );
        assert_eq!(expires_at, clock.now() + Duration::from_mins(1));
        clock.advance(Duration::from_mins(1));
        assert_eq!(
            tokens.verify_access(token.expose()),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn keys_rotate() {
        let clock = clock();
        let (token, _) = tokens(&[("old", 1)], &clock).issue_access(
            UserId(1),
            SessionId(2),
            UserRole::User,
            FAR,
        );
        assert!(
            tokens(&[("new", 2), ("old", 1)], &clock)
                .verify_access(token.expose())
                .is_ok()
        );
        assert_eq!(
            tokens(&[("new", 2)], &clock).verify_access(token.expose()),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            tokens(&[("old", 2)], &clock).verify_access(token.expose()),
            Err(TokenError::Invalid),
            "same id, other key"
        );
    }

    #[test]
    fn what_was_not_signed_here_is_refused() {
        let tokens = tokens(&[("a", 1)], &clock());
        let claims = serde_json::json!({"iss": "tebdil", "aud": "tebdil-api", "sub": "1", "sid": "2", "role": "user", "iat": 0, "exp": 9_999_999_999_i64, "jti": "x"});
        let key = EncodingKey::from_secret(&[1; 32]);
        let with = |header: &Header, claims: &serde_json::Value| {
            jsonwebtoken::encode(header, claims, &key).expect("token")
        };
        let named = |algorithm| Header {
            kid: Some("a".to_owned()),
            ..Header::new(algorithm)
        };
        assert!(
            tokens
                .verify_access(&with(&named(Algorithm::HS256), &claims))
                .is_ok()
        );
        let part = |json: String| URL_SAFE_NO_PAD.encode(json);
        let header = part(serde_json::to_string(&named(Algorithm::HS512)).expect("JSON"));
        let stronger = format!("{header}.{}", part(claims.to_string()));
        let mac = Hmac::<Sha512>::new_from_slice(&[1; 32])
            .expect("a key")
            .chain_update(&stronger)
            .finalize();
        let stronger = format!("{stronger}.{}", URL_SAFE_NO_PAD.encode(mac.into_bytes()));
        assert!(
            tokens.verify_access(&stronger).is_err(),
            "another algorithm"
        );
        assert!(
            tokens
                .verify_access(&with(&Header::new(Algorithm::HS256), &claims))
                .is_err(),
            "no key id"
        );
        for (claim, value) in [
            ("iss", "other"),
            ("aud", "other"),
            ("sub", "-1"),
            ("sid", "x"),
        ] {
            let mut wrong = claims.clone();
            wrong[claim] = value.into();
            assert!(
                tokens
                    .verify_access(&with(&named(Algorithm::HS256), &wrong))
                    .is_err(),
                "{claim}"
            );
            wrong.as_object_mut().expect("object").remove(claim);
            assert!(
                tokens
                    .verify_access(&with(&named(Algorithm::HS256), &wrong))
                    .is_err(),
                "without {claim}"
            );
        }
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"a"}"#),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        for bad in ["", "a.b.c", &none, &"x".repeat(100_000)] {
            assert_eq!(tokens.verify_access(bad), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn an_appeal_token_is_no_access_token_nor_the_other_way_round() {
        let clock = clock();
        let tokens = tokens(&[("a", 1)], &clock);
        let appeal = tokens.issue_appeal(UserId(1), BanId(2));
        let appellant = Appellant {
            user_id: UserId(1),
            ban_id: BanId(2),
        };
        assert_eq!(tokens.verify_appeal(appeal.expose()), Ok(appellant));
        assert_eq!(
            tokens.verify_access(appeal.expose()),
            Err(TokenError::Invalid)
        );
        assert_eq!(tokens.read_refresh(&appeal), None);
        let (access, _) = tokens.issue_access(UserId(1), SessionId(2), UserRole::Admin, FAR);
        assert_eq!(
            tokens.verify_appeal(access.expose()),
            Err(TokenError::Invalid)
        );
        clock.advance(Duration::from_millis(3_599_999));
        assert!(tokens.verify_appeal(appeal.expose()).is_ok());
        clock.advance(Duration::from_millis(1));
        assert_eq!(
            tokens.verify_appeal(appeal.expose()),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(
            format!("{:?}", tokens(&[("a", 1)], &clock())),
            "TokenIssuer { kid: \"a\", .. }"
        );
    }
}
