//! `Tebdil-Signature: t=SECONDS,v1=HEX[,v1=HEX…]`: HMAC-SHA-256 with a shared secret over
//! `SECONDS.BODY`, the body exactly as it was sent.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tebdil_protocol::time::Timestamp;

/// The header.
pub const HEADER: &str = "tebdil-signature";

/// Most signatures that are checked; a sender that changes its secret needs two.
const MAX_SIGNATURES: usize = 8;

/// Why a signature is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("Tebdil-Signature: one header of the form t=SECONDS,v1=HEX")]
    Malformed,
    /// Too old, or too far ahead.
    #[error("the time of the signature is too far from ours")]
    Time,
    #[error("the signature is not of this body and any of our secrets")]
    Wrong,
}

/// Checks the value of the header for `body`: signed with one of `secrets`, within `tolerance`
/// before or after `now`.
///
/// Takes the same time wherever a signature differs.
///
/// # Errors
/// [`SignatureError`]; the time is checked last, so that it tells nothing to those who cannot sign.
pub fn verify<'a>(
    header: &str,
    body: &[u8],
    secrets: impl Iterator<Item = &'a [u8]>,
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), SignatureError> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part
            .trim()
            .split_once('=')
            .ok_or(SignatureError::Malformed)?
        {
            ("t", seconds)
                if time.is_none()
                    && seconds.len() <= 12
                    && seconds.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                time = Some(seconds);
            }
            ("v1", hex) if signatures.len() < MAX_SIGNATURES => {
                signatures.push(bytes(hex).ok_or(SignatureError::Malformed)?);
            }
            ("t" | "v1", _) => return Err(SignatureError::Malformed),
            // A later version of the scheme beside ours.
            _ => {}
        }
    }
    let time = time.ok_or(SignatureError::Malformed)?;
    let seconds: i64 = time.parse().map_err(|_| SignatureError::Malformed)?;
    if signatures.is_empty() {
        return Err(SignatureError::Malformed);
    }
    let mut good = false;
    for secret in secrets {
        for signature in &signatures {
            let mac =
                Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
            let mac = mac.chain_update(time).chain_update(b".").chain_update(body);
            // Not `||`: how many were tried must not show.
            good |= mac.verify_slice(signature).is_ok();
        }
    }
    if !good {
        return Err(SignatureError::Wrong);
    }
    let tolerance = i64::try_from(tolerance.as_secs()).unwrap_or(i64::MAX);
    if (now.seconds() - seconds).abs() > tolerance {
        Err(SignatureError::Time)
    } else {
        Ok(())
    }
}

/// 32 bytes in hexadecimal.
fn bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const SECRET: &[u8] = b"whsec_0123456789abcdef";
    // printf '1795251600.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_0123456789abcdef
    const GOOD: &str = "4dfc8ac0fe8a7046e8cdeba3d49a8dac0a89d9200a26d1a9c6bae64f55b09580";

    fn check(
        header: &str,
        body: &[u8],
        secrets: &[&[u8]],
        seconds: i64,
    ) -> Result<(), SignatureError> {
        verify(
            header,
            body,
            secrets.iter().copied(),
            Timestamp::from_millis(seconds * 1000),
            Duration::from_mins(5),
        )
    }

    #[test]
    fn what_openssl_signs_is_good_within_the_tolerance_both_ways() {
        let header = format!("t=1795251600,v1={GOOD}");
        for (seconds, expected) in [
            (1_795_251_600, Ok(())),
            (1_795_251_900, Ok(())),
            (1_795_251_300, Ok(())),
            (1_795_251_901, Err(SignatureError::Time)),
            (1_795_251_299, Err(SignatureError::Time)),
        ] {
            assert_eq!(
                check(&header, BODY, &[SECRET], seconds),
                expected,
                "{seconds}"
            );
        }
    }

    #[test]
    fn either_side_may_have_two_secrets_while_one_is_replaced() {
        let other: &[u8] = b"another secret of ours";
        let header = format!("t=1795251600,v1={},v0=ignored, v1={GOOD}", "0".repeat(64));
        assert_eq!(
            check(&header, BODY, &[other, SECRET], 1_795_251_600),
            Ok(())
        );
        assert_eq!(
            check(&header, BODY, &[other], 1_795_251_600),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            check(&header, BODY, &[], 1_795_251_600),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn another_body_time_or_signature_is_refused() {
        let header = format!("t=1795251600,v1={GOOD}");
        assert_eq!(
            check(&header, br#"{"id": "evt_1"}"#, &[SECRET], 1_795_251_600),
            Err(SignatureError::Wrong)
        );
        assert_eq!(
            check(
                &header.replace("600,", "601,"),
                BODY,
                &[SECRET],
                1_795_251_600
            ),
            Err(SignatureError::Wrong)
        );
        for bit in 0..256 {
            let mut signature = bytes(GOOD).expect("hexadecimal");
            signature[bit / 8] ^= 1 << (bit % 8);
            let hex = signature
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            assert_eq!(
                check(
                    &format!("t=1795251600,v1={hex}"),
                    BODY,
                    &[SECRET],
                    1_795_251_600
                ),
                Err(SignatureError::Wrong)
            );
        }
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let many = format!("t=1{}", format!(",v1={GOOD}").repeat(MAX_SIGNATURES + 1));
        let cases = [
            "",
            "t=1",
            "v1=",
            "garbage",
            "t=1,v1=zz",
            "t=,v1=",
            "t=-1,v1=",
            "t=99999999999999999999,v1=",
            many.as_str(),
            &format!("v1={GOOD}"),
            &format!("t=1,t=1,v1={GOOD}"),
            &format!("t=+1,v1={GOOD}"),
            &format!("t=1,v1={}", &GOOD[1..]),
            &format!("t=1,v1=+{}", &GOOD[1..]),
            &format!("t=1,v1={}ğ", &GOOD[2..]),
        ];
        for header in cases {
            assert_eq!(
                check(header, BODY, &[SECRET], 1),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
    }
}
