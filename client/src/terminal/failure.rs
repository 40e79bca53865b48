//! Errors in the user's language.

use rust_i18n::t;
use tebdil_client::{chat::ChatError, connection::RequestError, mls::MlsError, rest::ApiError};
use tebdil_protocol::{BanNotice, ErrorCode, Problem, domain::ReportReason};

use super::screen;

/// What went wrong and, where it helps, what to do.
pub fn describe(error: &ChatError) -> String {
    match error {
        ChatError::Api(ApiError::Problem(problem)) => refusal(problem),
        ChatError::Api(ApiError::Transport(_)) => t!("error.unreachable").into(),
        ChatError::Api(ApiError::SignedOut) => t!("error.signed_out").into(),
        ChatError::Api(ApiError::VerificationRequired) => t!("error.verification").into(),
        ChatError::Api(ApiError::Address) => t!("error.address").into(),
        ChatError::Request(RequestError::Timeout | RequestError::Disconnected) => {
            t!("error.no_answer").into()
        }
        ChatError::Mls(MlsError::TooLong) => t!("error.message_too_large").into(),
        ChatError::OtherDevice => code(ErrorCode::WrongDevice),
        ChatError::NoSuchMatch => t!("error.match_ended").into(),
        other => other.code().map_or_else(|| other.to_string(), code),
    }
}

/// The sentence for a code of the contract; its English title where there is no translation.
pub fn code(code: ErrorCode) -> String {
    let key = format!("error.{}", code.as_str());
    let text = t!(&key);
    if text == key {
        code.title().to_owned()
    } else {
        text.into()
    }
}

fn refusal(problem: &Problem) -> String {
    // A refused field often has the code of the whole: once is enough.
    let fields = problem
        .errors
        .iter()
        .map(|field| field.code)
        .filter(|field| *field != problem.code);
    let mut parts: Vec<_> = std::iter::once(problem.code)
        .chain(fields)
        .map(code)
        .collect();
    parts.extend(problem.ban.iter().map(ban));
    if let (ErrorCode::TooManyAttempts, Some(millis)) = (problem.code, problem.retry_after_ms) {
        parts.push(wait(millis.div_ceil(1000)));
    }
    parts.join(" ")
}

fn ban(ban: &BanNotice) -> String {
    let reason = match ReportReason::from_text(&ban.reason) {
        Some(reason) => {
            let key = format!("ban.reason.{reason}");
            t!(&key).into_owned()
        }
        None => screen::printable(ban.reason.trim_end_matches('.')),
    };
    let reason = t!("ban.reason", reason = reason).into_owned();
    let Some(until) = ban.until else {
        return reason;
    };
    let until = t!("ban.until", until = screen::moment(until));
    format!("{reason} {until}")
}

fn wait(seconds: u64) -> String {
    if seconds < 120 {
        t!("error.wait.seconds", count = seconds)
    } else {
        t!("error.wait.minutes", count = seconds.div_ceil(60))
    }
    .into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(code: &str, more: &[(&str, Value)]) -> String {
        let mut problem = json!({ "type": "about:blank", "title": "", "status": 403, "detail": "", "code": code });
        for (name, value) in more {
            problem[name] = value.clone();
        }
        describe(&ChatError::Api(ApiError::Problem(
            serde_json::from_value(problem).expect("a problem"),
        )))
    }

    #[test]
    fn a_refused_field_is_told_once() {
        let field = |code: &str| json!([{ "field": "alias", "code": code, "detail": "" }]);
        let alone = said("alias_invalid", &[]);
        assert_eq!(
            said("alias_invalid", &[("errors", field("alias_invalid"))]),
            alone
        );
        assert_eq!(
            said("invalid_field", &[("errors", field("alias_invalid"))]),
            format!("{} {alone}", said("invalid_field", &[]))
        );
    }

    #[test]
    fn who_has_to_wait_is_told_how_long() {
        let wait = |millis: u64| said("too_many_attempts", &[("retry_after_ms", json!(millis))]);
        assert!(wait(1_001).ends_with("Wait 2 s."), "{}", wait(1_001));
        assert!(wait(840_001).ends_with("Wait 15 min."), "{}", wait(840_001));
    }

    #[test]
    fn a_ban_is_told_in_words() {
        let ban = |reason: &str, until: Option<&str>| {
            said(
                "banned",
                &[(
                    "ban",
                    json!({ "reason": reason, "until": until, "appealable": true }),
                )],
            )
        };
        assert!(
            ban("threat", None).ends_with("Reason: threats."),
            "{}",
            ban("threat", None)
        );
        assert!(ban("Two \u{1b}[31mwarnings", None).ends_with("Reason: Two \u{fffd}[31mwarnings."));
        let until = ban("spam", Some("2027-01-15T12:00:00.000Z"));
        assert!(
            until.contains("Reason: spam. Until 2027-01-15 ") && !until.contains('Z'),
            "{until}"
        );
    }
}
