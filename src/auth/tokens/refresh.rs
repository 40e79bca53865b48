//! Refresh tokens: a secret whose hash the store keeps, and our seal.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::CryptoRng;
use sha2::Sha256;
use tebdil_core::crypto::{Key, hash_token};
use tebdil_protocol::{Secret, id::SessionId};
use zeroize::Zeroizing;

use super::TokenIssuer;

const RANDOM_BYTES: usize = 32;
const SEAL_BYTES: usize = 16;

/// The secret part of a refresh token.
#[derive(Debug, Clone)]
pub(in crate::auth) struct RefreshSecret([u8; RANDOM_BYTES]);

impl RefreshSecret {
    /// A new one.
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        let mut random = [0; RANDOM_BYTES];
        rng.fill_bytes(&mut random);
        Self(random)
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        hash_token(&self.0)
    }
}

impl TokenIssuer {
    /// The refresh token of a session.
    pub(in crate::auth) fn refresh_token(
        &self,
        session: SessionId,
        secret: &RefreshSecret,
    ) -> Secret {
        let seal = seal(self.ring.current().1, session, &secret.0);
        let sealed = seal.finalize().into_bytes();
        let bytes = Zeroizing::new([&secret.0[..], &sealed[..SEAL_BYTES]].concat());
        Secret::from(format!(
            "{session}.{}",
            URL_SAFE_NO_PAD.encode(bytes.as_slice())
        ))
    }

    /// Session and stored hash of a refresh token that was issued here.
    pub(in crate::auth) fn read_refresh(&self, token: &Secret) -> Option<(SessionId, [u8; 32])> {
        let (session, rest) = token.expose().split_once('.')?;
        let session: SessionId = session.parse().ok()?;
        if rest.len() > 128 {
            return None;
        }
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(rest).ok()?);
        let (random, sealed) = bytes.split_first_chunk::<RANDOM_BYTES>()?;
        let issued_here = sealed.len() == SEAL_BYTES
            && self.ring.iter().any(|(_, key)| {
                seal(key, session, random)
                    .verify_truncated_left(sealed)
                    .is_ok()
            });
        issued_here.then(|| (session, hash_token(random)))
    }
}

fn seal(key: &Key, session: SessionId, random: &[u8; RANDOM_BYTES]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of any length");
    // A label keeps it apart from the signatures of access tokens under the same key; those begin
    // with base64 of `{`.
    mac.update(b"\0tebdil.refresh.v1\0");
    mac.update(&session.0.to_be_bytes());
    mac.update(random);
    mac
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{clock, tokens},
        *,
    };

    #[test]
    fn a_refresh_token_belongs_to_its_session() {
        let tokens = tokens(&[("a", 1)], &clock());
        let secret = RefreshSecret::new(&mut rand::rng());
        let token = tokens.refresh_token(SessionId(7), &secret);
        assert_eq!(
            tokens.read_refresh(&token),
            Some((SessionId(7), secret.hash()))
        );
        let moved = token.expose().replacen("7.", "8.", 1);
        let made_up = format!(
            "7.{}",
            URL_SAFE_NO_PAD.encode([0; RANDOM_BYTES + SEAL_BYTES])
        );
        let short = format!("7.{}", URL_SAFE_NO_PAD.encode([0; RANDOM_BYTES]));
        for bad in [
            moved.as_str(),
            &made_up,
            &short,
            "",
            "7.",
            "7",
            "x.y",
            &"7.".repeat(10_000),
        ] {
            assert_eq!(tokens.read_refresh(&bad.into()), None, "{bad}");
        }
    }
}
