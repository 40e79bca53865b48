//! The service account that may push.

use std::{fmt, io, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::json;
use tebdil_protocol::{Secret, time::Timestamp};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long an assertion is good, in seconds; the longest that is accepted.
const ASSERTION_LIFE: i64 = 3600;

/// The credentials cannot be used. No text here holds a part of them.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Not what the Firebase console gives out.
    #[error("it is not the JSON key of a service account: {0}")]
    Invalid(&'static str),
}

/// A service account: the key that asks for access tokens, and the project to push for.
pub struct Credentials {
    project_id: String,
    client_email: String,
    token_uri: String,
    key_id: Option<String>,
    key: RsaKeyPair,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// The fields used of the file from the Firebase console.
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    project_id: String,
    client_email: String,
    token_uri: String,
    private_key_id: Option<String>,
    private_key: Secret,
}

impl Credentials {
    /// Reads the file.
    ///
    /// # Errors
    /// [`CredentialsError`]
    pub fn load(path: &Path) -> Result<Self, CredentialsError> {
        Self::from_json(&std::fs::read(path)?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`CredentialsError::Invalid`]
    pub fn from_json(json: &[u8]) -> Result<Self, CredentialsError> {
        let invalid = CredentialsError::Invalid;
        let file: File = serde_json::from_slice(json).map_err(|_| {
            invalid("it needs type, project_id, client_email, token_uri and private_key")
        })?;
        if file.kind != "service_account" {
            return Err(invalid("type must be service_account"));
        }
        // It becomes part of a URL.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
        if file.project_id.is_empty() || !file.project_id.bytes().all(plain) {
            return Err(invalid("project_id is not one"));
        }
        if !file
            .token_uri
            .parse::<reqwest::Url>()
            .is_ok_and(|url| matches!(url.scheme(), "https" | "http"))
        {
            return Err(invalid("token_uri must be an address"));
        }
        let key = match PrivateKeyDer::from_pem_slice(file.private_key.expose().as_bytes()) {
            Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
            Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
            _ => None,
        };
        let key = key.ok_or(invalid("private_key must be an RSA key in PEM"))?;
        let File {
            project_id,
            client_email,
            token_uri,
            private_key_id: key_id,
            ..
        } = file;
        Ok(Self {
            project_id,
            client_email,
            token_uri,
            key_id,
            key,
        })
    }

    pub(super) fn project_id(&self) -> &str {
        &self.project_id
    }

    pub(super) fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// The request for an access token: a JWT, signed with RS256.
    pub(super) fn assertion(&self, now: Timestamp) -> String {
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = part(json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id }));
        let (iat, exp) = (now.seconds(), now.seconds() + ASSERTION_LIFE);
        let claims = part(
            json!({ "iss": self.client_email, "scope": SCOPE, "aud": self.token_uri, "iat": iat, "exp": exp }),
        );
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .expect("a key of at least 2048 bits signs a SHA-256");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    fn file() -> serde_json::Value {
        let pem = include_str!("../../../tests/service-account.pem");
        json!({
            "type": "service_account", "project_id": "tebdil-1", "client_email": "push@tebdil-1.iam.gserviceaccount.com", "client_id": "7",
            "token_uri": "https://oauth2.googleapis.com/token", "private_key_id": "k1", "private_key": pem,
        })
    }

    #[test]
    fn an_assertion_is_signed_and_names_us() {
        let credentials =
            Credentials::from_json(file().to_string().as_bytes()).expect("credentials");
        assert!(!format!("{credentials:?}").contains("k1"));
        let assertion = credentials.assertion(Timestamp::from_millis(1_795_262_400_000));
        let parts: Vec<&str> = assertion.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("{assertion}")
        };
        let read = |part: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON")
        };
        assert_eq!(
            read(header),
            json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" })
        );
        assert_eq!(
            read(claims),
            json!({
                "iss": "push@tebdil-1.iam.gserviceaccount.com", "scope": "https://www.googleapis.com/auth/firebase.messaging",
                "aud": "https://oauth2.googleapis.com/token", "iat": 1_795_262_400, "exp": 1_795_266_000,
            })
        );
        let public = UnparsedPublicKey::new(
            &RSA_PKCS1_2048_8192_SHA256,
            credentials.key.public().as_ref(),
        );
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        public
            .verify(format!("{header}.{claims}").as_bytes(), &signature)
            .expect("its signature");
    }

    #[test]
    fn what_is_no_service_account_key_is_refused_and_not_quoted() {
        let good = file();
        for (field, value) in [
            ("type", json!("authorized_user")),
            ("project_id", json!("../hunter2")),
            ("project_id", json!("")),
            ("token_uri", json!("hunter2")),
            ("token_uri", json!("file:///hunter2")),
            ("private_key", json!("hunter2")),
            (
                "private_key",
                json!("-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n"),
            ),
            ("private_key", json!(["hunter2"])),
        ] {
            let mut bad = good.clone();
            bad[field] = value.clone();
            let error = Credentials::from_json(bad.to_string().as_bytes())
                .expect_err("refused")
                .to_string();
            assert!(
                !error.contains("hunter2") && error.contains(field),
                "{field} {value}: {error}"
            );
        }
        assert!(
            Credentials::load(Path::new("/nonexistent"))
                .expect_err("no file")
                .to_string()
                .contains("cannot be read")
        );
    }
}
