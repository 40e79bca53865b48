//! Error and close codes of the contract.

/// A stable error code, the same over REST and WebSocket. The HTTP status belongs to the code.
macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)*) => {
        /// What went wrong, in one word a program can act on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
            /// A code this build does not know; only a client reads it.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl ErrorCode {
            /// Every code the server sends.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The text on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// The HTTP status that goes with the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// A short English sentence that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "Unknown error." }
            }
        }

        // By hand: in a macro the derive does not see the renames, and `unknown` is never sent.
        impl utoipa::PartialSchema for ErrorCode {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let description = "What went wrong, in one word a program can act on.";
                crate::domain::words_schema(description, Self::ALL.iter().map(|code| code.as_str()))
            }
        }

        impl utoipa::ToSchema for ErrorCode {}
    };
}

error_codes! {
    BadRequest = "bad_request", 400, "The request is not well-formed.";
    BadFrame = "bad_frame", 400, "The frame is not well-formed.";
    UnknownType = "unknown_type", 400, "There is no frame of this type.";
    UnexpectedFrame = "unexpected_frame", 409, "This frame is not expected now.";
    UnknownField = "unknown_field", 422, "The request has a field that does not exist.";
    InvalidField = "invalid_field", 422, "A field has a value that is not allowed.";
    Unauthorized = "unauthorized", 401, "A valid access token is needed.";
    Forbidden = "forbidden", 403, "This account may not do that.";
    NotFound = "not_found", 404, "There is no such thing.";
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here.";
    PayloadTooLarge = "payload_too_large", 413, "The request is too large.";
    UnsupportedMediaType = "unsupported_media_type", 415, "The body must be application/json.";
    PhoneTaken = "phone_taken", 409, "The phone number has an account already.";
    InvalidPhone = "invalid_phone", 422, "The phone number is not valid.";
    WeakPassword = "weak_password", 422, "The password is too weak.";
    PasswordTooLong = "password_too_long", 422, "The password is longer than 128 characters.";
    AliasInvalid = "alias_invalid", 422, "The alias is not allowed.";
    AliasFull = "alias_full", 422, "Every tag of this alias is taken.";
    Underage = "underage", 422, "The service is for adults only.";
    TermsNotAccepted = "terms_not_accepted", 422, "The terms must be accepted.";
    CodeInvalid = "code_invalid", 422, "The code is not valid, or not any more.";
    InvalidCredentials = "invalid_credentials", 401, "Phone number or password is wrong.";
    TotpRequired = "totp_required", 401, "A code of the second factor is needed.";
    TotpInvalid = "totp_invalid", 401, "The code of the second factor is not valid, or was used before.";
    TotpEnrolled = "totp_enrolled", 409, "The account has a second factor already.";
    TotpEnrolmentRequired = "totp_enrolment_required", 403, "Staff must set up a second factor first.";
    ConfirmationRequired = "confirmation_required", 403, "Show your password and second factor again first.";
    ConsentRequired = "consent_required", 403, "The current terms must be accepted first.";
    Banned = "banned", 403, "The account is banned.";
    TooManyAttempts = "too_many_attempts", 429, "Too many attempts; try again later.";
    RateLimited = "rate_limited", 429, "Too many requests; slow down.";
    RefreshInvalid = "refresh_invalid", 401, "The refresh token is not valid.";
    RefreshReused = "refresh_reused", 401, "The refresh token was used before; the session is revoked.";
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key was used with another request.";
    RequestInProgress = "request_in_progress", 409, "The first request with this idempotency key is still running.";
    NotSearching = "not_searching", 409, "The search has become a match.";
    ModeUnavailable = "mode_unavailable", 422, "This server does not offer this mode.";
    QuotaExhausted = "quota_exhausted", 429, "The daily allowance is used up.";
    KeysRequired = "keys_required", 409, "Upload key packages first.";
    TooManyMatches = "too_many_matches", 409, "Too many matches are active.";
    MatchEnded = "match_ended", 409, "The match has ended.";
    NotAVideoMatch = "not_a_video_match", 409, "The match is not for video.";
    WrongDevice = "wrong_device", 409, "This match lives on another device.";
    SignalRefused = "signal_refused", 409, "The call does not expect this signal now.";
    TooManyUndelivered = "too_many_undelivered", 429, "Too many messages wait for the peer; try again later.";
    MessageTooLarge = "message_too_large", 413, "The message is too large.";
    AlreadyBlocked = "already_blocked", 409, "The user is blocked already.";
    AlreadyInvited = "already_invited", 409, "The phone number was invited already.";
    AlreadyClaimed = "already_claimed", 409, "The match was claimed before.";
    NotEligible = "not_eligible", 422, "The match cannot be claimed.";
    AlreadyReported = "already_reported", 409, "The user was reported already.";
    NotReportable = "not_reportable", 422, "The match cannot be reported any more.";
    EvidenceInvalid = "evidence_invalid", 422, "The evidence is not what was said.";
    OutOfOrder = "out_of_order", 409, "A message before this one is missing.";
    FrankingTagMismatch = "franking_tag_mismatch", 422, "The franking tag is not the one inside the message.";
    AlreadyBanned = "already_banned", 409, "The user is banned already.";
    NotBanned = "not_banned", 409, "The user is not banned.";
    AlreadyAppealed = "already_appealed", 409, "The ban was appealed already.";
    AlreadyDecided = "already_decided", 409, "Somebody has decided already.";
    Taken = "taken", 409, "Another moderator is working on it.";
    AlreadyAnswered = "already_answered", 409, "The warning was answered already.";
    AdNotRunning = "ad_not_running", 409, "The ad is turned off, not in its time, was shown as often as it may be, or is for nobody who may be shown it.";
    JobNotDead = "job_not_dead", 409, "Only a dead job can be retried or deleted.";
    UnknownPlan = "unknown_plan", 422, "There is no plan of this name.";
    AlreadyCorrected = "already_corrected", 409, "The reference was used for this user before.";
    SignatureInvalid = "signature_invalid", 401, "The signature is not valid, or too old.";
    EventConflict = "event_conflict", 409, "The event's id was used by another event.";
    UnknownAccount = "unknown_account", 422, "The account token belongs to nobody, or the subscription to somebody else.";
    Draining = "draining", 503, "This node is going away; reconnect.";
    Unavailable = "unavailable", 503, "The service cannot do that right now; try again.";
    Internal = "internal", 500, "Something went wrong on our side.";
}

/// Why the server closes a WebSocket, with the number in the close frame.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    strum::FromRepr,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[repr(u16)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CloseCode {
    GoingAway = 1001,
    /// What the client sent is not WebSocket (RFC 6455).
    ProtocolError = 1002,
    /// A text frame is not UTF-8.
    InvalidText = 1007,
    BadFrame = 4000,
    Unauthorized = 4001,
    Banned = 4003,
    HelloTimeout = 4008,
    Replaced = 4009,
    Draining = 4012,
    TooLarge = 4013,
    /// The terms have changed, and the user has not accepted them.
    ConsentRequired = 4014,
    RateLimited = 4029,
    SlowConsumer = 4030,
}

impl CloseCode {
    /// Every code the server sends.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The number in the close frame.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The text in the close frame.
    pub const fn reason(self) -> &'static str {
        self.into_str()
    }

    /// Whether a client should connect again by itself (after a token refresh for
    /// [`CloseCode::Unauthorized`]).
    pub const fn reconnect(self) -> bool {
        !matches!(
            self,
            Self::ProtocolError
                | Self::InvalidText
                | Self::BadFrame
                | Self::Banned
                | Self::Replaced
                | Self::TooLarge
                | Self::ConsentRequired
        )
    }

    /// The close code with this number.
    pub const fn from_code(code: u16) -> Option<Self> {
        Self::from_repr(code)
    }
}
