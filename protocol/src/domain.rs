//! Words of the product that are stored and sent as text.

/// An enum whose variants are stored and sent as fixed text: their names in small letters, with
/// `_` between words. Renaming a variant changes the contract.
macro_rules! text_enum {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
            strum::Display, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case", const_into_str)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

            /// The stored and sent form.
            pub const fn as_str(self) -> &'static str {
                self.into_str()
            }

            /// The value with this stored form.
            pub fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }

        // By hand: in a macro the derive does not see the description.
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

/// Reads a type from a column that holds another one, by `TryFrom`; the error shows its text.
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
    Mode { Text, Video }
}

text_enum! {
    /// The state of a match. Only `active` can change.
    MatchStatus {
        Active,
        /// 24 hours went by.
        Expired,
        /// Ended before both sides had sent content.
        Cancelled,
        /// Ended after both sides had sent content.
        Completed,
    }
}

text_enum! {
    /// Why a match ended.
    EndReason { Left, Blocked, Banned, Expired, Erased, HungUp }
}

text_enum! {
    /// Why a search ended without a match.
    CancelReason {
        /// A device of the account has cancelled it.
        Cancelled,
        /// The account started another search, on this device or another.
        Replaced,
        /// An earlier search of the account became a match while this one waited for its end.
        Matched,
        /// Its time in the background is over, or the account may no longer be matched.
        Ended,
    }
}

text_enum! {
    /// The part of a side in setting up encryption and calls.
    MatchRole { Offerer, Answerer }
}

text_enum! {
    /// Which half of the exchange a session description is (RFC 3264).
    DescriptionKind { Offer, Answer }
}

text_enum! {
    /// What a client reports about its call.
    CallState {
        /// Media can flow.
        Connected,
        /// It could not be connected, or was lost for good.
        Failed,
        /// The user hung up; the match ends.
        Ended,
    }
}

text_enum! {
    /// What a message carries. Only `content` counts as an answer.
    MessageKind { Content, Handshake }
}

text_enum! {
    /// Language of the texts the server writes.
    Locale { Tr, En }
}

text_enum! {
    /// What a one-time code is good for.
    CodePurpose { Registration, PasswordReset }
}

text_enum! {
    /// What an account may do.
    UserRole { User, Moderator, Admin }
}

impl UserRole {
    /// Whether it may ban an account with this role.
    pub const fn may_ban(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Admin, Self::User | Self::Moderator) | (Self::Moderator, Self::User)
        )
    }

    /// Whether it may uphold or lift a ban of an account with this role. Reports can ban an admin,
    /// too; then another admin decides.
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
        Harassment,
        SexualContent,
        Underage,
        Spam,
        Threat,
        Hate,
        Other,
    }
}

impl ReportReason {
    /// How soon a moderator is to look at it: 0 before 1 before 2. Life and children come first.
    pub const fn severity(self) -> i64 {
        match self {
            Self::Threat | Self::Underage => 0,
            Self::Harassment | Self::SexualContent | Self::Hate => 1,
            Self::Spam | Self::Other => 2,
        }
    }
}

text_enum! {
    /// The state of a report.
    ReportStatus {
        /// Waits for a moderator.
        Open,
        /// It was unfounded.
        Dismissed,
        /// The reported user was warned.
        Warned,
        /// The reported user was banned.
        Banned,
        /// The reported user was given another alias.
        Renamed,
    }
}

text_enum! {
    /// A moderator's decision about a report.
    ReportDecision { Dismiss, Warn, Ban, Rename }
}

text_enum! {
    /// The state of an appeal.
    AppealStatus {
        /// Waits for a moderator other than the one who banned.
        Open,
        /// The ban stays.
        Upheld,
        /// The ban was lifted.
        Lifted,
    }
}

text_enum! {
    /// A moderator's decision about an appeal.
    AppealDecision { Uphold, Lift }
}

text_enum! {
    /// A part of a user's allowance. `bonus` survives the daily reset and is used after the daily
    /// part.
    QuotaBucket { Text, Video, Bonus }
}

text_enum! {
    /// How somebody was invited.
    ReferralVia {
        /// The inviter named the phone number.
        Phone,
        /// The invite code was given at registration.
        Code,
    }
}

text_enum! {
    /// What became of an invitation.
    ReferralStatus {
        /// Nobody has joined through it.
        Pending,
        /// Somebody has; the rewards are on their way.
        Joined,
        /// The rewards are given.
        Rewarded,
    }
}

text_enum! {
    /// What a notification is about; pushes of each type can be turned off.
    NotificationType { System, Match, Claim, Ad, Staff }
}

text_enum! {
    /// The state of a claim.
    ClaimStatus { Pending, Approved, Rejected }
}

text_enum! {
    /// Why a match cannot be claimed, or a claim was rejected.
    ClaimRefusal {
        /// The other side still has time.
        TooEarly,
        /// The other side has written.
        Answered,
        /// The call was connected.
        Connected,
        /// The user ended the match before the other side's time was over.
        LeftEarly,
        /// The match ended too long ago.
        TooLate,
        /// The day's claims are used up.
        DailyCap,
        /// The match cost the user nothing.
        NotPaid,
    }
}

text_enum! {
    /// The state of a background job.
    JobState {
        /// Due, or resting until its time.
        Waiting,
        /// A worker has it.
        Leased,
        Done,
        /// It failed too often, and stays until somebody looks at it.
        Dead,
    }
}

text_enum! {
    /// The platform of a device that gets pushes.
    PushPlatform { Android, Ios, Web }
}

text_enum! {
    /// Why a balance changed.
    LedgerReason {
        /// The lazy reset at local midnight; the reference is the day.
        DailyReset,
        /// One right spent on a match; the reference is the match.
        Match,
        /// A right given back for a match; the reference is the match.
        Claim,
        Referral,
        Admin,
        /// A subscription began or ended on a day that was counted already; the reference is that
        /// change.
        Premium,
    }
}

text_enum! {
    /// What happened to a subscription at the billing provider. Of two at the same moment, the
    /// later one in this list counts.
    BillingEventType {
        Purchased,
        /// A further period was paid.
        Renewed,
        /// It runs to its end and is not renewed.
        Cancelled,
        /// It is over.
        Expired,
        /// It is over, and the money went back.
        Refunded,
    }
}

text_enum! {
    /// What became of a billing event.
    BillingOutcome {
        /// The subscription is now as the event says.
        Applied,
        /// Something newer was known already.
        Stale,
        /// Its plan is not in the settings; it is applied when it is.
        UnknownPlan,
        /// Its account token belongs to nobody, or its subscription to somebody else.
        UnknownAccount,
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

    fn join<T: Copy + Into<&'static str>>(all: &[T]) -> String {
        let words: Vec<&str> = all.iter().map(|word| (*word).into()).collect();
        words.join(" ")
    }

    /// Databases and clients hold these.
    #[test]
    fn words_stay_what_they_are() {
        for (words, kept) in [
            (join(Mode::ALL), "text video"),
            (join(MatchStatus::ALL), "active expired cancelled completed"),
            (
                join(EndReason::ALL),
                "left blocked banned expired erased hung_up",
            ),
            (join(CancelReason::ALL), "cancelled replaced matched ended"),
            (join(MatchRole::ALL), "offerer answerer"),
            (join(DescriptionKind::ALL), "offer answer"),
            (join(CallState::ALL), "connected failed ended"),
            (join(MessageKind::ALL), "content handshake"),
            (join(Locale::ALL), "tr en"),
            (join(CodePurpose::ALL), "registration password_reset"),
            (join(UserRole::ALL), "user moderator admin"),
            (
                join(ReportReason::ALL),
                "harassment sexual_content underage spam threat hate other",
            ),
            (
                join(ReportStatus::ALL),
                "open dismissed warned banned renamed",
            ),
            (join(ReportDecision::ALL), "dismiss warn ban rename"),
            (join(AppealStatus::ALL), "open upheld lifted"),
            (join(AppealDecision::ALL), "uphold lift"),
            (join(QuotaBucket::ALL), "text video bonus"),
            (join(ReferralVia::ALL), "phone code"),
            (join(ReferralStatus::ALL), "pending joined rewarded"),
            (join(NotificationType::ALL), "system match claim ad staff"),
            (join(ClaimStatus::ALL), "pending approved rejected"),
            (
                join(ClaimRefusal::ALL),
                "too_early answered connected left_early too_late daily_cap not_paid",
            ),
            (join(JobState::ALL), "waiting leased done dead"),
            (join(PushPlatform::ALL), "android ios web"),
            (
                join(LedgerReason::ALL),
                "daily_reset match claim referral admin premium",
            ),
            (
                join(BillingEventType::ALL),
                "purchased renewed cancelled expired refunded",
            ),
            (
                join(BillingOutcome::ALL),
                "applied stale unknown_plan unknown_account",
            ),
        ] {
            assert_eq!(words, kept);
        }
        assert_eq!(EndReason::from_text("hung_up"), Some(EndReason::HungUp));
        assert_eq!(EndReason::from_text("HungUp"), None);
        assert_eq!(serde_json::json!(EndReason::HungUp), "hung_up");
        assert_eq!(EndReason::HungUp.to_string(), "hung_up");
    }
}
