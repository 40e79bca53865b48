//! Errors in the user's language.

use rust_i18n::t;
use tebdil_client::{chat::ChatError, connection::RequestError, mls::MlsError, rest::ApiError};
use tebdil_core::protocol::ErrorCode;

/// What went wrong and, where it helps, what to do.
pub fn describe(error: &ChatError) -> String {
    match error {
        ChatError::Api(ApiError::Problem(problem)) => {
            let fields = problem.errors.iter().map(|field| code(field.code));
            let ban = problem.ban.iter().flat_map(|ban| {
                let until = ban.until.map(|until| t!("ban.until", until = until).into_owned());
                std::iter::once(super::screen::printable(&ban.reason)).chain(until)
            });
            let parts: Vec<String> = std::iter::once(code(problem.code)).chain(fields).chain(ban).collect();
            parts.join(" ")
        }
        ChatError::Api(ApiError::Transport(_)) => t!("error.unreachable").into(),
        ChatError::Api(ApiError::SignedOut) => t!("error.signed_out").into(),
        ChatError::Api(ApiError::VerificationRequired) => t!("error.verification").into(),
        ChatError::Api(ApiError::Address) => t!("error.address").into(),
        ChatError::Request(RequestError::Timeout | RequestError::Disconnected) => t!("error.no_answer").into(),
        ChatError::Mls(MlsError::TooLong) => t!("error.message_too_large").into(),
        ChatError::OtherDevice => t!("error.other_device").into(),
        ChatError::NoSuchMatch => t!("error.match_ended").into(),
        other => other.code().map_or_else(|| other.to_string(), code),
    }
}

/// The sentence for a code of the contract; its English title where there is no translation.
pub fn code(code: ErrorCode) -> String {
    let key = format!("error.{}", code.as_str());
    let text = t!(&key);
    if text == key { code.title().to_owned() } else { text.into() }
}
