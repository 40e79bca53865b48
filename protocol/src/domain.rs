//! Words of the product that are stored and sent as text.

/// An enum whose variants are stored and sent as fixed lower-case text.
macro_rules! text_enum {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant),* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stored and sent form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            /// The value with this stored form.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        // By hand: in a macro the derive does not see the renames.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::domain::words_schema(concat!($($doc),*), Self::ALL.iter().map(|word| word.as_str()))
            }
        }

        impl utoipa::ToSchema for $name {}

        #[cfg(feature = "sqlx")]
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name where str: sqlx::Type<DB> {
            fn type_info() -> DB::TypeInfo {
                <str as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <str as sqlx::Type<DB>>::compatible(ty)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name where &'static str: sqlx::Encode<'q, DB> {
            fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                self.as_str().encode(buf)
            }
        }

        #[cfg(feature = "sqlx")]
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name where &'r str: sqlx::Decode<'r, DB> {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let text = <&'r str as sqlx::Decode<'r, DB>>::decode(value)?;
                Self::from_text(text).ok_or_else(|| format!("unknown {}: {text}", stringify!($name)).into())
            }
        }
    };
}

pub(crate) use text_enum;

/// Reads a type from a column as another, which it is made from: `TryFrom`, whose error is shown.
#[cfg(feature = "sqlx")]
#[macro_export]
macro_rules! stored_as {
    ($name:ty, $stored:ty) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            $stored: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$stored as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <$stored as sqlx::Type<DB>>::compatible(ty)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            $stored: sqlx::Decode<'r, DB>,
        {
            fn decode(value: DB::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                let stored = <$stored as sqlx::Decode<'r, DB>>::decode(value)?;
                Ok(<$name>::try_from(stored)?)
            }
        }
    };
}

/// The schema of a text that is one of `words`.
pub(crate) fn words_schema(
    description: &str,
    words: impl Iterator<Item = &'static str>,
) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
    use utoipa::openapi::{ObjectBuilder, schema::Type};
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description.trim()))
        .enum_values(Some(words))
        .into()
}

text_enum! {
    /// What a match is for.
    Mode { Text = "text", Video = "video" }
}

text_enum! {
    /// Where a match stands. Only `active` can change.
    MatchStatus {
        Active = "active",
        /// 24 hours went by.
        Expired = "expired",
        /// Ended before both sides had sent content.
        Cancelled = "cancelled",
        /// Ended after both sides had sent content.
        Completed = "completed",
    }
}

text_enum! {
    /// Why a match ended.
    EndReason { Left = "left", Blocked = "blocked", Banned = "banned", Expired = "expired", Erased = "erased", HungUp = "hung_up" }
}

text_enum! {
    /// Why a search ended without a match.
    CancelReason {
        /// A device of the account has cancelled it.
        Cancelled = "cancelled",
        /// The account searches anew, on this device or another.
        Replaced = "replaced",
        /// An earlier search of the account became a match while this one waited for its end.
        Matched = "matched",
        /// Its time in the background is over, or the account may not be matched any more.
        Ended = "ended",
    }
}

text_enum! {
    /// The part of a side in setting up encryption and calls.
    MatchRole { Offerer = "offerer", Answerer = "answerer" }
}

text_enum! {
    /// Which half of the exchange a session description is (RFC 3264).
    DescriptionKind { Offer = "offer", Answer = "answer" }
}

text_enum! {
    /// What a client says of its call.
    CallState {
        /// Media can flow.
        Connected = "connected",
        /// It could not be connected, or was lost for good.
        Failed = "failed",
        /// The user hung up; the match ends.
        Ended = "ended",
    }
}

text_enum! {
    /// What a message carries. Only `content` counts as an answer.
    MessageKind { Content = "content", Handshake = "handshake" }
}

text_enum! {
    /// Language of the texts the server writes.
    Locale { Tr = "tr", En = "en" }
}

text_enum! {
    /// What a one-time code is good for.
    CodePurpose { Registration = "registration", PasswordReset = "password_reset" }
}

text_enum! {
    /// What an account may do.
    UserRole { User = "user", Moderator = "moderator", Admin = "admin" }
}

impl UserRole {
    /// Whether it may ban an account with this role.
    pub const fn may_ban(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Admin, Self::User | Self::Moderator) | (Self::Moderator, Self::User)
        )
    }

    /// Whether it may say that a ban of an account with this role stays or goes. Reports can ban an
    /// admin too: then another admin decides.
    pub const fn may_judge(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Admin, _) | (Self::Moderator, Self::User)
        )
    }
}

text_enum! {
    /// What somebody is reported for.
    ReportReason {
        Harassment = "harassment",
        SexualContent = "sexual_content",
        Underage = "underage",
        Spam = "spam",
        Threat = "threat",
        Hate = "hate",
        Other = "other",
    }
}

text_enum! {
    /// Where a report stands.
    ReportStatus {
        /// Waits for a moderator.
        Open = "open",
        /// There was nothing to it.
        Dismissed = "dismissed",
        /// The reported user was warned.
        Warned = "warned",
        /// The reported user was banned.
        Banned = "banned",
    }
}

text_enum! {
    /// What a moderator makes of a report.
    ReportDecision { Dismiss = "dismiss", Warn = "warn", Ban = "ban" }
}

text_enum! {
    /// Where an appeal stands.
    AppealStatus {
        /// Waits for another moderator than the one who banned.
        Open = "open",
        /// The ban stays.
        Upheld = "upheld",
        /// The ban was lifted.
        Lifted = "lifted",
    }
}

text_enum! {
    /// What a moderator makes of an appeal.
    AppealDecision { Uphold = "uphold", Lift = "lift" }
}

text_enum! {
    /// A part of a user's allowance. `bonus` survives the daily reset and is used after the daily
    /// part.
    QuotaBucket { Text = "text", Video = "video", Bonus = "bonus" }
}

text_enum! {
    /// How somebody was invited.
    ReferralVia {
        /// The inviter named the phone number.
        Phone = "phone",
        /// The invite code was given at registration.
        Code = "code",
    }
}

text_enum! {
    /// What became of an invitation.
    ReferralStatus {
        /// Nobody has joined by it.
        Pending = "pending",
        /// Somebody has; the rewards are on their way.
        Joined = "joined",
        /// The rewards are given.
        Rewarded = "rewarded",
    }
}

text_enum! {
    /// What a notification is about; pushes of each type can be turned off.
    NotificationType { System = "system", Match = "match", Claim = "claim", Ad = "ad" }
}

text_enum! {
    /// Where a claim stands.
    ClaimStatus { Pending = "pending", Approved = "approved", Rejected = "rejected" }
}

text_enum! {
    /// Why a match cannot be claimed, or a claim was rejected.
    ClaimRefusal {
        /// The other side still has time.
        TooEarly = "too_early",
        /// The other side has written.
        Answered = "answered",
        /// The call was connected.
        Connected = "connected",
        /// The user ended the match before the other side's time was over.
        LeftEarly = "left_early",
        /// The match ended too long ago.
        TooLate = "too_late",
        /// As many claims as a day may have were made.
        DailyCap = "daily_cap",
        /// The match cost the user nothing.
        NotPaid = "not_paid",
    }
}

text_enum! {
    /// Where a background job stands.
    JobState {
        /// Due, or resting until its time.
        Waiting = "waiting",
        /// A worker has it.
        Leased = "leased",
        Done = "done",
        /// It failed too often, and stays until somebody looks at it.
        Dead = "dead",
    }
}

text_enum! {
    /// What a device that is pushed to runs.
    PushPlatform { Android = "android", Ios = "ios", Web = "web" }
}

text_enum! {
    /// Why a balance changed.
    LedgerReason {
        /// The lazy reset at local midnight; the reference is the day.
        DailyReset = "daily_reset",
        /// One right for a match; the reference is the match.
        Match = "match",
        /// A match that came to nothing; the reference is the match.
        Claim = "claim",
        Referral = "referral",
        Admin = "admin",
        /// A subscription began or ended on a day that was counted already; the reference is that
        /// change.
        Premium = "premium",
    }
}

text_enum! {
    /// What happened to a subscription at the billing provider. Of two at the same moment, the
    /// later one in this list counts.
    BillingEventType {
        Purchased = "purchased",
        /// A further period was paid.
        Renewed = "renewed",
        /// It runs to its end and is not renewed.
        Cancelled = "cancelled",
        /// It is over.
        Expired = "expired",
        /// It is over, and the money went back.
        Refunded = "refunded",
    }
}

text_enum! {
    /// What became of a billing event.
    BillingOutcome {
        /// The subscription stands as it says.
        Applied = "applied",
        /// Something newer was known already.
        Stale = "stale",
        /// Its plan is not in the settings; it is applied when it is.
        UnknownPlan = "unknown_plan",
        /// Its account token belongs to nobody, or its subscription to somebody else.
        UnknownAccount = "unknown_account",
    }
}

impl BillingEventType {
    /// Whether there is nothing left to be entitled to.
    pub const fn ends(self) -> bool {
        matches!(self, Self::Expired | Self::Refunded)
    }
}

impl Mode {
    /// The daily bucket a match of this mode is paid from.
    pub const fn bucket(self) -> QuotaBucket {
        match self {
            Self::Text => QuotaBucket::Text,
            Self::Video => QuotaBucket::Video,
        }
    }
}

#[cfg(test)]
mod tests {
    use utoipa::PartialSchema as _;

    use super::*;

    #[test]
    fn the_schema_names_the_words_that_are_sent() {
        let schema = serde_json::to_value(EndReason::schema()).expect("schema");
        insta::assert_snapshot!(schema, @r#"{"description":"Why a match ended.","enum":["left","blocked","banned","expired","erased","hung_up"],"type":"string"}"#);
    }
}
