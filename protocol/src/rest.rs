//! Bodies of the REST API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::bounds::{DayText, InterestText, LanguageCode, PackageText, PhoneText};
use crate::{
    domain::{
        ClaimRefusal, ClaimStatus, EndReason, Locale, MatchRole, MatchStatus, Mode, PushPlatform,
        UserRole,
    },
    id::{BlockId, ClaimId, MatchId, SessionId, UserId},
    time::Timestamp,
};

/// Text that must not be shown: a password or a token. `Debug` prints no part of it.
#[derive(
    Clone, Default, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop, ToSchema,
)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[cfg(feature = "sqlx")]
crate::stored_as!(Secret, String);

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// `POST /v1/auth/register`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RegisterRequest {
    /// E.164, or a national number of the default region.
    #[schema(value_type = PhoneText)]
    pub phone: Secret,
    /// 8 to 128 characters, counted in NFKC.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub password: Secret,
    /// 3 to 20 letters, digits, `_` or `.`.
    #[schema(min_length = 3, max_length = 20, format = "alias")]
    pub alias: String,
    /// `YYYY-MM-DD`; checked, and only the year is kept.
    #[schema(value_type = DayText)]
    pub birth_date: Secret,
    pub accept_terms: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// Invite code of the user who invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<String>,
    /// The device that is signed in with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
}

/// What a client says about the device that signs in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[cfg_attr(feature = "sqlx", derive(sqlx_macros::FromRow))]
pub struct Device {
    /// At most 64 characters.
    #[schema(max_length = 64)]
    #[cfg_attr(feature = "sqlx", sqlx(rename = "device_name"))]
    pub name: String,
    /// At most 32 characters, e.g. `android`, `web`, `terminal`.
    #[schema(max_length = 32)]
    #[cfg_attr(feature = "sqlx", sqlx(rename = "device_platform"))]
    pub platform: String,
}

/// `POST /v1/auth/login`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LoginRequest {
    pub phone: Secret,
    pub password: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// For an account with a second factor: the six digits that its app shows, or one of its
    /// recovery codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<Secret>,
}

/// `POST /v1/auth/refresh`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RefreshRequest {
    pub refresh_token: Secret,
}

/// `POST /v1/me/password`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordChangeRequest {
    pub current_password: Secret,
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub new_password: Secret,
}

/// Answer to register if the phone has to be verified first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VerificationRequired {
    /// Always true.
    pub verification_required: bool,
}

/// `POST /v1/auth/verify-phone`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VerifyPhoneRequest {
    /// The phone that registers.
    pub phone: Secret,
    /// Six digits, as they were sent to it.
    pub code: Secret,
}

/// `POST /v1/auth/password-reset`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordResetRequest {
    pub phone: Secret,
}

/// `POST /v1/auth/password-reset/confirm`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordResetConfirmation {
    pub phone: Secret,
    /// Six digits, as they were sent to the phone.
    pub code: Secret,
    /// 8 to 128 characters, counted in NFKC.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub new_password: Secret,
}

/// Answer to register and login.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Authenticated {
    pub user: User,
    pub tokens: Tokens,
}

/// Answer to refresh.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Refreshed {
    pub tokens: Tokens,
}

/// A session's tokens.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    pub access_token: Secret,
    pub access_expires_at: Timestamp,
    pub refresh_token: Secret,
    pub refresh_expires_at: Timestamp,
    /// Always `Bearer`.
    pub token_type: String,
}

/// The signed-in user's own account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct User {
    pub id: UserId,
    pub alias: String,
    pub tag: String,
    /// `alias#tag`
    pub handle: String,
    /// The country code and the last two digits.
    pub phone_masked: String,
    pub is_premium: bool,
    pub locale: Locale,
    pub role: UserRole,
    pub created_at: Timestamp,
    pub interests: Vec<String>,
    pub languages: Vec<String>,
    pub quota: Quota,
}

/// Rights that remain, and the daily allowance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quota {
    /// Text matches left today.
    pub text: i64,
    /// Video matches left today.
    pub video: i64,
    /// Rights for either mode that survive the reset.
    pub bonus: i64,
    /// Text matches given every day.
    pub daily_text: i64,
    /// Video matches given every day.
    pub daily_video: i64,
    pub resets_at: Timestamp,
}

/// A place in degrees; snapped to about 1 km before it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Location {
    /// -90 to 90.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// -180 to 180.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
}

/// `PATCH /v1/me`: absent fields stay; `location: null` removes the place.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ProfilePatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 3, max_length = 20, format = "alias")]
    pub alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// At most 10, each at most 32 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<InterestText>>, max_items = 10)]
    pub interests: Option<Vec<String>>,
    /// At most 5 ISO 639-1 codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<LanguageCode>>, max_items = 5)]
    pub languages: Option<Vec<String>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    #[schema(value_type = Option<Location>)]
    pub location: Option<Option<Location>>,
}

/// Tells an explicit null (`Some(None)`) from an absent field (`None`).
#[expect(
    clippy::option_option,
    reason = "absent, null and a value are three cases"
)]
pub(super) fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// A signed-in device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Session {
    pub id: SessionId,
    pub device: Device,
    pub created_at: Timestamp,
    pub last_active: Timestamp,
    /// Whether it is the session that asks.
    pub current: bool,
}

/// What one user knows of the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Peer {
    pub alias: String,
    pub tag: String,
    pub handle: String,
}

impl Peer {
    /// A peer, with its handle composed.
    pub fn new(alias: String, tag: String) -> Self {
        let handle = format!("{alias}#{tag}");
        Self { alias, tag, handle }
    }
}

/// A match as one of its sides sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Match {
    pub id: MatchId,
    /// Whether this device searched: only there are the encryption, the messages and the call of
    /// the match.
    pub this_device: bool,
    pub mode: Mode,
    pub status: MatchStatus,
    pub peer: Peer,
    pub role: MatchRole,
    pub shared_interests: Vec<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub ended_reason: Option<EndReason>,
    /// Messages of the peer with `content` that this side has not marked read; counted up to 1,000.
    /// Handshakes do not count.
    pub unread: i64,
    /// This side's claim, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// `PUT /v1/me/push`: `android` and `ios` with `token`, `web` with `endpoint` and `keys`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PushRequest {
    pub platform: PushPlatform,
    /// The token of Firebase Cloud Messaging: 1 to 2,048 visible ASCII characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[!-~]{1,2048}$")]
    pub token: Option<Secret>,
    /// The endpoint of the browser's subscription: https, at a push service that the server knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uri", max_length = 2048)]
    pub endpoint: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<PushKeys>,
}

/// The keys of a browser's subscription (RFC 8291), in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushKeys {
    /// An uncompressed point on P-256.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{87}$")]
    pub p256dh: Secret,
    /// 16 bytes.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$")]
    pub auth: Secret,
}

/// Which notifications wake a device that is away. They are stored, and sent to open sockets, in
/// any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, in the contract"
)]
pub struct NotificationPreferences {
    pub system: bool,
    /// New matches, and messages in matches.
    #[serde(rename = "match")]
    pub matches: bool,
    pub claim: bool,
    pub ad: bool,
    /// What moderators are told of reports.
    pub staff: bool,
}

/// `PATCH /v1/me/notification-preferences`: absent fields stay.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct NotificationPreferencesPatch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<bool>,
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ad: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<bool>,
}

/// `PUT /v1/keys`
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct KeyUpload {
    /// At most 100, each base64 of at most 4 KiB.
    #[schema(value_type = Vec<PackageText>, max_items = 100)]
    pub packages: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PackageText>)]
    pub last_resort: Option<String>,
}

/// One-time key packages the session still has at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeysRemaining {
    pub remaining: i64,
}

/// `POST /v1/blocks`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BlockRequest {
    pub match_id: MatchId,
}

/// A block the signed-in user has made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Block {
    pub id: BlockId,
    /// The handle the user had when it was blocked.
    pub peer: Peer,
    pub created_at: Timestamp,
}

/// `POST /v1/claims`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    pub match_id: MatchId,
}

/// A request to get back the right that a match cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Claim {
    pub id: ClaimId,
    pub match_id: MatchId,
    pub status: ClaimStatus,
    /// With `rejected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ClaimRefusal>,
    pub created_at: Timestamp,
    /// Absent while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
}

/// A claim as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminClaim {
    #[serde(flatten)]
    pub claim: Claim,
    pub user_id: UserId,
}

/// One page of a list, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// Asks for relays for the call of a video match.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct IceServersRequest {
    pub match_id: MatchId,
}

/// Relays for a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IceServers {
    pub ice_servers: Vec<IceServer>,
    /// Seconds within which the first allocation must be made.
    pub ttl_s: u64,
    /// Always `relay`: any other policy reveals the user's address to the peer's browser.
    pub transport_policy: String,
}

/// A relay, in the form of `RTCIceServer`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IceServer {
    pub urls: Vec<String>,
    pub username: String,
    pub credential: Secret,
}
