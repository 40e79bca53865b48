//! Stateless nonces: each contains when it was made, and proves with a MAC that this process made
//! it for that address.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// RFC 8656 §5 asks for at most an hour.
const LIFE_S: u64 = 3_600;
const TIME: usize = 8;
const MAC: usize = 16;

/// Makes and checks them.
pub(super) struct Nonces(Hmac<Sha256>);

impl Nonces {
    /// With a new key, so that no nonce outlives the process.
    pub fn new(rng: &mut impl rand::Rng) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Self(Hmac::new_from_slice(&key).expect("HMAC takes keys of any length"))
    }

    /// A nonce for whoever receives at `source`; presenting it proves that.
    pub fn issue(&self, source: SocketAddr, now_s: u64) -> String {
        let time = now_s.to_be_bytes();
        let mac = self.mac(source, time).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([&time[..], &mac[..MAC]].concat())
    }

    /// Whether it was issued to `source` within the last hour.
    pub fn is_fresh(&self, nonce: &[u8], source: SocketAddr, now_s: u64) -> bool {
        // The decoder needs room for the longest possible result, a little more than is expected.
        let mut bytes = [0; TIME + MAC + 3];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(nonce, &mut bytes) else {
            return false;
        };
        let Some((time, mac)) = bytes[..length].split_first_chunk::<TIME>() else {
            return false;
        };
        let age = now_s.checked_sub(u64::from_be_bytes(*time));
        mac.len() == MAC
            && age.is_some_and(|age| age < LIFE_S)
            && self.mac(source, *time).verify_truncated_left(mac).is_ok()
    }

    fn mac(&self, source: SocketAddr, time: [u8; TIME]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(&time);
        mac.update(&source.port().to_be_bytes());
        match source.ip() {
            std::net::IpAddr::V4(ip) => mac.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_one_address_one_process_and_one_hour() {
        let [nonces, others] = [0, 1].map(|_| Nonces::new(&mut rand::rng()));
        let [source, port, host] = ["192.0.2.1:5", "192.0.2.1:6", "192.0.2.2:5"]
            .map(|text| text.parse().expect("address"));
        let nonce = nonces.issue(source, 100);
        let fresh = |nonces: &Nonces, nonce: &str, source, now| {
            nonces.is_fresh(nonce.as_bytes(), source, now)
        };
        assert!(fresh(&nonces, &nonce, source, 100) && fresh(&nonces, &nonce, source, 3_699));
        assert!(!fresh(&nonces, &nonce, source, 3_700) && !fresh(&nonces, &nonce, source, 99));
        assert!(
            !fresh(&nonces, &nonce, port, 100)
                && !fresh(&nonces, &nonce, host, 100)
                && !fresh(&others, &nonce, source, 100)
        );
        for bad in [
            "",
            "AAAA",
            "not a nonce",
            &nonce[1..],
            &format!("{nonce}A"),
            &format!("{nonce}AAAAAAAAAAAAAA"),
        ] {
            assert!(!fresh(&nonces, bad, source, 100), "{bad}");
        }
    }
}
