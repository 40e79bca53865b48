//! Credentials for relays: each permits taking one side of one call, and identifies nobody.
//!
//! They are made with a secret that server and relays share, so that a relay need not ask anybody
//! (draft-uberti-behave-turn-rest-00, "A REST API For Access To TURN Services", as coturn's
//! `use-auth-secret`): user `expiry:id`, password `base64(HMAC-SHA-1(secret, user))`.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::Sha256;
use tebdil_protocol::{Secret, domain::MatchRole, id::MatchId, time::Timestamp};

/// One side of one call, as a relay knows it: 128 bits that only holders of the secret can trace
/// back to the match, since user names go over the network in clear text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelaySideId(u128);

impl RelaySideId {
    /// The side that a credential's user name is for.
    pub fn of_username(username: &str) -> Option<Self> {
        let (_, id) = username.split_once(':')?;
        let sane = id.len() == 32
            && id
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        sane.then(|| u128::from_str_radix(id, 16).ok().map(Self))
            .flatten()
    }

    /// The side of a credential, and until when it may allocate, in seconds since the Unix epoch.
    /// `None` if the user name is not ours.
    pub(crate) fn and_expiry(username: &str) -> Option<(Self, i64)> {
        let (expiry, _) = username.split_once(':')?;
        let sane = expiry.len() <= 12 && expiry.bytes().all(|byte| byte.is_ascii_digit());
        sane.then(|| Some((Self::of_username(username)?, expiry.parse().ok()?)))
            .flatten()
    }
}

impl fmt::Display for RelaySideId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What a client presents to a relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub username: String,
    pub password: Secret,
}

/// The secret that server and relays share.
#[derive(Debug, Clone)]
pub struct RelaySecret(Secret);

impl RelaySecret {
    /// Any text; the same at every node and relay.
    pub const fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The id of one side of a match. The same at every node.
    pub fn side(&self, match_id: MatchId, role: MatchRole) -> RelaySideId {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(b"tebdil.relay.side.v1");
        mac.update(&match_id.0.to_be_bytes());
        mac.update(role.as_str().as_bytes());
        RelaySideId(u128::from_be_bytes(
            *mac.finalize()
                .into_bytes()
                .first_chunk()
                .expect("a hash of 32 bytes has 16"),
        ))
    }

    /// A credential for one side of a match. Relays accept it for new allocations until `now +
    /// ttl`; what was allocated goes on.
    pub fn issue(
        &self,
        match_id: MatchId,
        role: MatchRole,
        now: Timestamp,
        ttl: Duration,
    ) -> Credential {
        let expiry = now.millis() / 1_000 + i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX / 2);
        let username = format!("{expiry}:{}", self.side(match_id, role));
        let password = self.password(&username);
        Credential { username, password }
    }

    /// The password of a user name. It proves that a holder of this secret made the name, so
    /// compare anything derived from it in constant time.
    pub fn password(&self, username: &str) -> Secret {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.0.expose().as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(username.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MATCH: MatchId = MatchId(7);

    #[test]
    fn a_credential_is_as_coturn_makes_it() {
        let secret = RelaySecret::new("north".into());
        // printf 1000:x | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            secret.password("1000:x").expose(),
            "ZaPZuW7mdBBaplWz7b1kHErngT0="
        );
        let credential = secret.issue(
            MATCH,
            MatchRole::Offerer,
            Timestamp::from_millis(700_999),
            Duration::from_mins(5),
        );
        assert_eq!(
            RelaySideId::of_username(&credential.username),
            Some(secret.side(MATCH, MatchRole::Offerer))
        );
        assert!(
            credential.username.starts_with("1000:"),
            "{}",
            credential.username
        );
        assert_eq!(credential.password, secret.password(&credential.username));
    }

    #[test]
    fn sides_differ_by_match_role_and_secret() {
        let [one, other] = ["north", "south"].map(|text| RelaySecret::new(text.into()));
        let sides = [
            one.side(MATCH, MatchRole::Offerer),
            one.side(MATCH, MatchRole::Answerer),
            one.side(MatchId(8), MatchRole::Offerer),
            other.side(MATCH, MatchRole::Offerer),
        ];
        assert_eq!(
            sides.iter().collect::<std::collections::HashSet<_>>().len(),
            4
        );
        assert_eq!(RelaySideId::of_username("5:x"), None);
        assert_eq!(RelaySideId::of_username("5"), None);
        assert_eq!(
            RelaySideId::of_username(&format!("5:{}", sides[0])),
            Some(sides[0])
        );
    }

    #[test]
    fn a_user_name_has_one_form() {
        let id = RelaySecret::new("north".into()).side(MATCH, MatchRole::Offerer);
        assert_eq!(
            RelaySideId::and_expiry(&format!("1700:{id}")),
            Some((id, 1_700))
        );
        for bad in [
            "",
            ":",
            "1700",
            "1700:",
            &format!(":{id}"),
            &format!("+5:{id}"),
            &format!("-5:{id}"),
            &format!("5:{id}0"),
            &format!("5:{}", "AB".repeat(16)),
            &format!("5:+{}", "a".repeat(31)),
        ] {
            assert_eq!(RelaySideId::and_expiry(bad), None, "{bad}");
        }
        assert_eq!(
            RelaySideId::and_expiry(&format!("1234567890123:{id}")),
            None
        );
    }
}
