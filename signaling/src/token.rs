//! Small grammars that several lines share.

/// Letters, digits, `+` and `/`: an ICE foundation, user fragment or password (RFC 8839 §5.1,
/// §5.4).
pub(crate) fn is_ice_text(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

/// A token of SDP (RFC 8866 §9).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`{|}~".contains(&byte))
}

/// The name of a medium (one to three bytes by RFC 8843 §16; browsers use numbers).
pub(crate) fn is_mid(text: &str) -> bool {
    text.len() <= 32 && is_token(text)
}
