//! Second factors of staff.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Secret;

/// `POST /v1/me/totp`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpRequest {
    pub password: Secret,
}

/// A second factor before its first code. It is shown once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpSetup {
    /// 160 bits in base32, to be typed into an app.
    pub secret: Secret,
    /// `otpauth://totp/…`, to be shown as a QR code: SHA-1, six digits, 30 seconds.
    pub uri: Secret,
}

/// `POST /v1/me/totp/confirm`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpConfirmation {
    /// The six digits that the app shows.
    pub code: Secret,
}

/// Codes to sign in without the app, each good once. They are shown once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// Ten of them.
    pub recovery_codes: Vec<Secret>,
}

/// `POST /v1/admin/confirm`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConfirmRequest {
    pub password: Secret,
    /// The six digits that the app shows, or a recovery code; needed by those who have a second factor.
    #[serde(default)]
    pub totp: Option<Secret>,
}

/// `DELETE /v1/me/totp`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpRemoval {
    pub password: Secret,
    /// The six digits that the app shows, or a recovery code.
    pub code: Secret,
}
