//! Message encryption for Web Push (RFC 8291): one record of `aes128gcm` (RFC 8188).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    rand::{self, SystemRandom},
};
use tebdil_protocol::PushKeys;

/// An uncompressed point on P-256.
const POINT: usize = 65;
/// How long the record size says a record may be. There is one, which is shorter.
const RECORD_SIZE: u32 = 4096;
/// Every text is filled up to this length with its delimiter, so that the length does not say what
/// a push is about. The longest is half of it.
const PADDED: usize = 128;

/// What pushes to a browser are encrypted with.
#[derive(Clone)]
pub struct BrowserKeys {
    p256dh: [u8; POINT],
    auth: [u8; 16],
}

impl std::fmt::Debug for BrowserKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrowserKeys").finish_non_exhaustive()
    }
}

impl BrowserKeys {
    /// Reads the keys that a browser gave.
    ///
    /// # Errors
    /// The name of the key that is none.
    pub fn read(keys: &PushKeys) -> Result<Self, &'static str> {
        let p256dh = bytes(keys.p256dh.expose()).ok_or("p256dh")?;
        let auth = bytes(keys.auth.expose()).ok_or("auth")?;
        // Whether it is on the curve turns out when it is used.
        agree(&p256dh, &SystemRandom::new(), |_, _| ()).map_err(|Unspecified| "p256dh")?;
        Ok(Self { p256dh, auth })
    }

    pub(super) const fn auth(&self) -> &[u8] {
        &self.auth
    }

    /// The body of a push that says `text`.
    ///
    /// # Errors
    /// When the text is too long.
    pub(super) fn encrypt(&self, text: &[u8], rng: &SystemRandom) -> Result<Vec<u8>, Unspecified> {
        if text.len() >= PADDED {
            return Err(Unspecified);
        }
        let mut record = text.to_vec();
        // The delimiter of the last record, and zeros.
        record.push(2);
        record.resize(PADDED, 0);
        let salt = rand::generate::<[u8; 16]>(rng)?.expose();
        agree(&self.p256dh, rng, |shared, own| {
            self.seal(shared, own, salt, record)
        })?
    }

    /// The body, with what was agreed upon: RFC 8291, section 3.4.
    fn seal(
        &self,
        shared: &[u8],
        own: &[u8],
        salt: [u8; 16],
        mut record: Vec<u8>,
    ) -> Result<Vec<u8>, Unspecified> {
        let mut secret = [0; 32];
        Salt::new(HKDF_SHA256, &self.auth)
            .extract(shared)
            .expand(&[b"WebPush: info\0", &self.p256dh, own], HKDF_SHA256)?
            .fill(&mut secret)?;
        let keys = Salt::new(HKDF_SHA256, &salt).extract(&secret);
        let key: UnboundKey = keys
            .expand(&[b"Content-Encoding: aes128gcm\0"], &AES_128_GCM)?
            .into();
        // A nonce is what HKDF begins with.
        let mut nonce = [0; 32];
        keys.expand(&[b"Content-Encoding: nonce\0"], HKDF_SHA256)?
            .fill(&mut nonce)?;
        let nonce = Nonce::try_assume_unique_for_key(&nonce[..12])?;
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
        let length = u8::try_from(own.len()).map_err(|_| Unspecified)?;
        Ok([
            &salt[..],
            &RECORD_SIZE.to_be_bytes(),
            &[length],
            own,
            &record,
        ]
        .concat())
    }
}

/// Agrees on a secret with whoever has the private key of `peer`: `then` gets it, and the public key
/// it takes to agree on it at the other side.
fn agree<T>(
    peer: &[u8; POINT],
    rng: &SystemRandom,
    then: impl FnOnce(&[u8], &[u8]) -> T,
) -> Result<T, Unspecified> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, rng)?;
    let public = own.compute_public_key()?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, peer);
    agree_ephemeral(own, &peer, |shared| then(shared, public.as_ref()))
}

/// Exactly that many bytes.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    fn keys(p256dh: &str, auth: &str) -> Result<BrowserKeys, &'static str> {
        BrowserKeys::read(&PushKeys {
            p256dh: p256dh.into(),
            auth: auth.into(),
        })
    }

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_standard_comes_out() {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
        let shared = decode("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let own = decode(
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
        );
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").expect("16 bytes");
        let mut record = b"When I grow up, I want to be a watermelon".to_vec();
        record.push(2);
        let body = keys(P256DH, AUTH)
            .expect("keys")
            .seal(&shared, &own, salt, record)
            .expect("sealed");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(body),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn bodies_are_of_one_length_and_never_the_same() {
        let (keys, rng) = (keys(P256DH, AUTH).expect("keys"), SystemRandom::new());
        let body = |text: &[u8]| keys.encrypt(text, &rng).expect("encrypted");
        assert_eq!(body(b"a").len(), 16 + 4 + 1 + POINT + PADDED + 16);
        assert_eq!(body(b"a").len(), body(&[b'a'; PADDED - 1]).len());
        assert_ne!(body(b"a"), body(b"a"));
        assert!(keys.encrypt(&[b'a'; PADDED], &rng).is_err());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let decoded = URL_SAFE_NO_PAD.decode(P256DH).expect("base64url");
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut off_the_curve = decoded.clone();
        off_the_curve[64] ^= 1;
        let mut beyond_the_field = decoded.clone();
        beyond_the_field[1..].fill(0xff);
        let mut compressed = decoded.clone();
        compressed[0] = 3;
        let mut zero = vec![0; 65];
        zero[0] = 4;
        for bad in [
            String::new(),
            "!".to_owned(),
            format!("{P256DH}="),
            P256DH.replace('_', "/").replace('-', "+"),
            encoded(&decoded[..64]),
            encoded(&[&decoded[..], &[0]].concat()),
            encoded(&compressed[..33]),
            encoded(&compressed),
            encoded(&off_the_curve),
            encoded(&beyond_the_field),
            encoded(&zero),
            encoded(&[0]),
        ] {
            assert_eq!(keys(&bad, AUTH).err(), Some("p256dh"), "{bad}");
        }
        for bad in [
            "",
            "AAAA",
            "BTBZMqHH6r4Tts7J_aSI",
            "BTBZMqHH6r4Tts7J_aSIggAA",
            "?",
        ] {
            assert_eq!(keys(P256DH, bad).err(), Some("auth"), "{bad}");
        }
        let shown = format!("{:?}", keys(P256DH, AUTH).expect("keys"));
        assert_eq!(shown, "BrowserKeys { .. }");
    }
}
