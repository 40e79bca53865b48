//! Errors as RFC 9457 problem details.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tebdil_core::{claim::NotEligible, store::StoreError};
use tebdil_protocol::{
    BanNotice, ErrorCode, FieldProblem, Problem, Secret, strict_json::JsonError, time::Timestamp,
};

use crate::{
    auth::{AccountError, PasswordError},
    limits::Limited,
};

/// When a client should try again after something was unavailable.
const RETRY_AFTER_MS: u64 = 1_000;

/// A request that was refused or failed.
#[derive(Debug, Clone)]
pub struct Failure(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    code: ErrorCode,
    detail: String,
    errors: Vec<FieldProblem>,
    retry_after_ms: Option<u64>,
    resets_at: Option<Timestamp>,
    ban: Option<BanNotice>,
    appeal_token: Option<Secret>,
    not_eligible: Option<NotEligible>,
}

/// What handlers return.
pub type Answer<T> = Result<T, Failure>;

impl Failure {
    /// With a sentence about this occurrence; it must not quote what the client sent.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retry_after_ms = (code.status() == 503).then_some(RETRY_AFTER_MS);
        Self(Box::new(Details {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_ms,
            resets_at: None,
            ban: None,
            appeal_token: None,
            not_eligible: None,
        }))
    }

    /// One field was refused.
    pub fn field(code: ErrorCode, field: impl Into<String>, detail: impl Into<String>) -> Self {
        let (field, detail) = (field.into(), detail.into());
        let shown = if field.is_empty() {
            detail.clone()
        } else {
            format!("{field}: {detail}")
        };
        let errors = if field.is_empty() {
            Vec::new()
        } else {
            vec![FieldProblem {
                field,
                code,
                detail,
            }]
        };
        let mut failure = Self::new(code, shown);
        failure.0.errors = errors;
        failure
    }

    /// With the time after which repeating makes sense, at least 1 ms.
    pub fn retry_after(code: ErrorCode, wait: std::time::Duration) -> Self {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut failure = Self::from(code);
        failure.0.retry_after_ms = Some(millis);
        failure
    }

    /// A match cannot be claimed.
    pub fn not_eligible(why: NotEligible) -> Self {
        let mut failure = Self::from(ErrorCode::NotEligible);
        failure.0.not_eligible = Some(why);
        failure
    }

    /// It does not exist, or is somebody else's.
    pub fn not_found() -> Self {
        Self::from(ErrorCode::NotFound)
    }

    /// Which error it is.
    pub const fn code(&self) -> ErrorCode {
        self.0.code
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, code.title())
    }
}

impl From<JsonError> for Failure {
    fn from(refused: JsonError) -> Self {
        Self::field(refused.code, refused.field, refused.detail)
    }
}

impl From<Limited> for Failure {
    fn from(Limited { code, wait }: Limited) -> Self {
        Self::retry_after(code, wait)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a request could not be handled");
        Self::from(if error.is_transient() {
            ErrorCode::Unavailable
        } else {
            ErrorCode::Internal
        })
    }
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        let refused = |code: ErrorCode, field: &str| Self::field(code, field, code.title());
        match error {
            AccountError::InvalidPhone => refused(ErrorCode::InvalidPhone, "phone"),
            AccountError::Password(PasswordError::Weak) => {
                refused(ErrorCode::WeakPassword, "password")
            }
            AccountError::Password(PasswordError::TooLong) => {
                refused(ErrorCode::PasswordTooLong, "password")
            }
            AccountError::Password(PasswordError::Busy) | AccountError::CodesBusy(_) => {
                Self::from(ErrorCode::Unavailable)
            }
            AccountError::AliasInvalid => refused(ErrorCode::AliasInvalid, "alias"),
            AccountError::AliasFull => refused(ErrorCode::AliasFull, "alias"),
            AccountError::Underage => refused(ErrorCode::Underage, "birth_date"),
            AccountError::TermsNotAccepted => refused(ErrorCode::TermsNotAccepted, "accept_terms"),
            AccountError::PhoneTaken => Self::from(ErrorCode::PhoneTaken),
            AccountError::InvalidCredentials => Self::from(ErrorCode::InvalidCredentials),
            AccountError::Banned {
                notice,
                appeal_token,
            } => {
                let mut failure = Self::from(ErrorCode::Banned);
                failure.0.ban = notice;
                failure.0.appeal_token = appeal_token;
                failure
            }
            AccountError::CodeInvalid => refused(ErrorCode::CodeInvalid, "code"),
            AccountError::TooManyGuesses { wait } => {
                Self::retry_after(ErrorCode::TooManyAttempts, wait)
            }
            AccountError::OverBudget(limited) => limited.into(),
            AccountError::PhoneNotServed => {
                Self::field(ErrorCode::InvalidPhone, "phone", error.to_string())
            }
            AccountError::NoCodes => Self::new(ErrorCode::NotFound, error.to_string()),
            AccountError::TotpRequired => Self::from(ErrorCode::TotpRequired),
            AccountError::TotpInvalid => Self::from(ErrorCode::TotpInvalid),
            AccountError::TotpEnrolled => Self::from(ErrorCode::TotpEnrolled),
            AccountError::NoTotp => Self::not_found(),
            AccountError::NotStaff => Self::from(ErrorCode::Forbidden),
            AccountError::RefreshInvalid => Self::from(ErrorCode::RefreshInvalid),
            AccountError::RefreshReused { .. } => Self::from(ErrorCode::RefreshReused),
            AccountError::Field(refused) => {
                Self::field(ErrorCode::InvalidField, refused.field, refused.detail)
            }
            AccountError::Gone => Self::from(ErrorCode::Unauthorized),
            AccountError::Store(error) => error.into(),
            AccountError::Crypto(error) => {
                tracing::error!(%error, "a stored value could not be read");
                Self::from(ErrorCode::Internal)
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Details {
            code,
            detail,
            errors,
            retry_after_ms,
            resets_at,
            ban,
            appeal_token,
            not_eligible,
        } = *self.0;
        let status =
            StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem {
            type_uri: "about:blank".to_owned(),
            title: code.title().to_owned(),
            status: status.as_u16(),
            detail,
            code,
            errors,
            retry_after_ms,
            resets_at,
            ban,
            appeal_token,
            reason: not_eligible.map(|why| why.reason),
            eligible_at: not_eligible.and_then(|why| why.eligible_at),
        };
        let mut response = (status, Json(problem)).into_response();
        // For the middleware that keeps answers.
        response.extensions_mut().insert(code);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(millis) = retry_after_ms {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(millis.div_ceil(1_000)),
            );
        }
        // A signature does not sign anybody in.
        if status == StatusCode::UNAUTHORIZED && code != ErrorCode::SignatureInvalid {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_and_its_headers() {
        for code in ErrorCode::ALL {
            let response = Failure::from(*code).into_response();
            assert_eq!(response.status().as_u16(), code.status(), "{code:?}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "application/problem+json"
            );
            assert_eq!(
                response.headers().contains_key(header::RETRY_AFTER),
                code.status() == 503,
                "{code:?}"
            );
        }
        let waiting = Failure::retry_after(
            ErrorCode::TooManyAttempts,
            std::time::Duration::from_millis(1_001),
        )
        .into_response();
        assert_eq!(waiting.headers()[header::RETRY_AFTER], "2");
    }
}
