//! The key by which push services know this server (VAPID, RFC 8292).

use std::{fmt, sync::Arc, time::Duration};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use tebdil_protocol::{Secret, time::Timestamp};

/// How long a token is good; at most 24 hours. Only the push service it is for sees it.
const LIFE: Duration = Duration::from_hours(1);

/// A key pair on P-256.
#[derive(Clone)]
pub struct VapidKey(Arc<EcdsaKeyPair>);

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VapidKey").field(&self.public()).finish()
    }
}

impl PartialEq for VapidKey {
    fn eq(&self, other: &Self) -> bool {
        self.public() == other.public()
    }
}

impl Eq for VapidKey {}

impl VapidKey {
    /// Reads a key: PKCS #8 in base64, on one line.
    pub fn parse(text: &Secret) -> Option<Self> {
        let der = STANDARD.decode(text.expose()).ok()?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &der, &SystemRandom::new()).ok()?;
        Some(Self(Arc::new(pair)))
    }

    /// A new key, as [`Self::parse`] reads it.
    pub fn generate() -> Secret {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())
            .expect("the system gives random numbers");
        STANDARD.encode(der).into()
    }

    /// The public key: an uncompressed point, in base64url.
    pub fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.public_key())
    }

    /// The header by which the push service at `origin` knows us: a JWT signed with ES256.
    pub(super) fn authorization(
        &self,
        origin: &str,
        contact: Option<&str>,
        now: Timestamp,
    ) -> String {
        let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let mut claims = json!({ "aud": origin, "exp": (now + LIFE).seconds() });
        if let Some(contact) = contact {
            claims["sub"] = contact.into();
        }
        let header = part(json!({ "typ": "JWT", "alg": "ES256" }));
        let signed = format!("{header}.{}", part(claims));
        let signature = self
            .0
            .sign(&SystemRandom::new(), signed.as_bytes())
            .expect("the system gives random numbers");
        let signature = URL_SAFE_NO_PAD.encode(signature);
        format!("vapid t={signed}.{signature}, k={}", self.public())
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_token_is_signed_and_for_one_push_service() {
        let text = VapidKey::generate();
        let key = VapidKey::parse(&text).expect("a key");
        let now = Timestamp::from_millis(1_795_262_400_000);
        for contact in [None, Some("mailto:push@example.org")] {
            let header = key.authorization("https://push.example", contact, now);
            let (token, public) = header
                .strip_prefix("vapid t=")
                .and_then(|rest| rest.split_once(", k="))
                .expect("its two parts");
            assert_eq!(public, key.public());
            let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
            let point = decode(public);
            assert_eq!((point.len(), point[0]), (65, 4));
            let (signed, signature) = token.rsplit_once('.').expect("a JWT");
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed.as_bytes(), &decode(signature))
                .expect("its signature");
            let (head, claims) = signed.split_once('.').expect("a JWT");
            let read = |part| serde_json::from_slice::<Value>(&decode(part)).expect("JSON");
            assert_eq!(read(head), json!({ "typ": "JWT", "alg": "ES256" }));
            let mut expected = json!({ "aud": "https://push.example", "exp": 1_795_266_000 });
            if let Some(contact) = contact {
                expected["sub"] = contact.into();
            }
            assert_eq!(read(claims), expected);
        }
        assert!(!format!("{key:?}").contains(text.expose()));
    }

    #[test]
    fn a_key_of_openssl_is_read_and_others_are_refused() {
        let read = |text: &str| VapidKey::parse(&text.into());
        // As `scripts/secrets` makes it.
        let made = "\
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgSRzyK4aD8XUT78Ni\
WlxHf3zzDpFnwbYPlcKcluHcu2+hRANCAAQCbFc3FFdmbFF5tv4jQ7IwLJqoQflu\
68T97dS8yxWZYOysDTv8UyXXPme55WafWwimWq6y8BB2hHT7Bk/B6s7I";
        assert!(read(made).is_some());
        assert_ne!(read(made), VapidKey::parse(&VapidKey::generate()));
        let other_curve = "\
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCcAi/Vo/GQppZ9krCg\
RssEy5gYHDcGz6qnflsZsOQTN/qa3MqeKWk7PqCJssG1W0ihZANiAARdr5Nn+NXw\
aOJ1HrKE1OI3Ju1uXq8oIl3waLzFJvfl4HLdQWLIPRkbNv1S5DzjeRSNaLGEBpFW\
7Dp066Vz8sz4WqdQap4/FLYHjkloBEHF7pqUf+0HoPz8iwEsXUXgNLY=";
        for bad in ["", "hunter2", &made[..60], other_curve] {
            assert!(read(bad).is_none());
        }
    }
}
