//! What a client has to know of a server before anybody signs in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Locale, Mode};

/// `GET /v1/meta`: the same for everybody, and as long as the server runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Meta {
    /// What the service calls itself.
    pub name: String,
    /// In years.
    pub minimum_age: u8,
    /// The version of the terms that users have to accept.
    #[schema(minimum = 1)]
    pub terms_version: i64,
    pub texts: MetaTexts,
    /// Whether a new account needs a code that is sent to its phone.
    pub phone_verification: bool,
    /// The region of phone numbers without a country code, such as `TR`.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub phone_region: String,
    /// Only mobile numbers of these regions may register; null: any number.
    #[schema(required = true)]
    pub phone_countries: Option<Vec<String>>,
    /// Whether a forgotten password can be set anew by a code.
    pub password_reset: bool,
    /// What can be searched for.
    pub modes: Vec<Mode>,
    /// The zone at whose midnight daily allowances and limits begin anew, such as
    /// `Europe/Istanbul`.
    pub time_zone: String,
    pub limits: MetaLimits,
    /// First `free`, then what can be subscribed to, by the names that `GET /v1/subscription` uses.
    pub plans: Vec<MetaPlan>,
    pub invitations: InvitationRules,
    /// An e-mail address or `https://` address; null: none was given.
    #[schema(required = true)]
    pub support_contact: Option<String>,
    /// Clients of an older version should ask to be updated; null: any may be used.
    #[schema(required = true)]
    pub minimum_client_version: Option<String>,
    /// The key with which browsers subscribe to pushes, base64url; null: there is no Web Push.
    #[schema(required = true)]
    pub vapid_public_key: Option<String>,
}

/// Where the texts are that everybody may read, as paths of this server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetaTexts {
    pub terms: Translations,
    pub privacy: Translations,
    pub community: Translations,
    pub delete_account: Translations,
}

/// Where a text is in each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Translations {
    #[schema(pattern = "^/legal/tr/[a-z-]+$")]
    pub tr: String,
    #[schema(pattern = "^/legal/en/[a-z-]+$")]
    pub en: String,
}

impl Translations {
    /// The one for a reader of this language.
    pub fn of(&self, language: Locale) -> &str {
        match language {
            Locale::Tr => &self.tr,
            Locale::En => &self.en,
        }
    }
}

/// What is bounded, where the bound is a setting of the server. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetaLimits {
    /// How long a match lasts, and its messages at most.
    pub match_ttl_s: u64,
    /// Text matches that one user may have at once.
    pub active_text_matches: u32,
    /// How long a search in the background goes on after its connection is lost.
    pub background_search_s: u64,
    /// How long a device in a call may be without a connection before the match ends.
    pub call_absence_s: u64,
    /// When a text match without an answer can be claimed, after its beginning.
    pub claim_after_s: u64,
    /// When a call that does not connect can be claimed, after its beginning.
    pub claim_video_after_s: u64,
    /// How long after its end a match can be claimed.
    pub claim_window_s: u64,
    pub claims_per_day: u32,
    /// How long after its end a match can be reported.
    pub report_window_s: u64,
    pub reports_per_day: u32,
    /// Messages that can be shown with a report.
    pub report_messages: usize,
    /// Devices that may be connected at once; with one more the oldest connection is closed.
    pub devices: usize,
    /// How long a code that was sent to a phone is good.
    pub code_s: u64,
}

/// What a user may do per day on a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetaPlan {
    pub name: String,
    /// How long it lasts; null: `free` has no end.
    #[schema(required = true)]
    pub days: Option<u32>,
    /// Text matches a day.
    pub daily_text: u32,
    /// Video matches a day.
    pub daily_video: u32,
}

/// What invitations bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationRules {
    /// Extra matches for who joins.
    pub invited_reward: u32,
    /// Extra matches for who invited.
    pub inviter_reward: u32,
    /// Phone numbers one user may invite per day.
    pub per_day: u32,
}

/// `POST /v1/me/consent`
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConsentRequest {
    /// The version that the user has read and accepts: the `terms_version` of `GET /v1/meta`.
    #[serde(deserialize_with = "super::whole_number::read")]
    #[schema(minimum = 1)]
    pub terms_version: i64,
}
