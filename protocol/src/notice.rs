//! What the server tells a user by itself, without its text, which depends on the reader's
//! language.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Ad,
    domain::{NotificationType, ReportReason},
    id::{AdId, MatchId},
    time::Timestamp,
};

/// Something to tell a user. Stored as JSON and sent as `data` of a notification: it names no
/// person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, strum::IntoStaticStr)]
#[serde(tag = "code", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Notice {
    /// A right was given back for a match.
    ClaimApproved {
        match_id: MatchId,
    },
    /// A right was not given back; `reason` is that of the claim.
    ClaimRejected {
        match_id: MatchId,
        reason: String,
    },
    /// Somebody the user has invited joined.
    ReferralRewarded {
        rights: i64,
    },
    /// The user joined by an invitation.
    WelcomeBonus {
        rights: i64,
    },
    PremiumStarted {
        plan: String,
        until: Timestamp,
    },
    PremiumEnded {
        plan: String,
    },
    /// A match was made while the user was away.
    MatchFound {
        match_id: MatchId,
    },
    /// The password was changed by a code that was sent to the phone.
    PasswordReset {},
    /// Another device signed in to the account; what it calls itself, each possibly empty.
    NewDevice {
        name: String,
        platform: String,
    },
    /// Somebody signed in to the account, which is one of staff; what the device calls itself, each
    /// possibly empty.
    StaffSignIn {
        name: String,
        platform: String,
    },
    /// A moderator warns the user after a report.
    Warned {
        reason: ReportReason,
    },
    /// A moderator gave the user another alias after a report.
    Renamed {},
    /// The user was banned; without `until` permanently.
    Banned {
        until: Option<Timestamp>,
    },
    /// A ban was lifted early, after an appeal or by a moderator.
    BanLifted {},
    /// An appeal was decided, and the ban stays.
    AppealUpheld {},
    /// A moderator has looked at a report of the user.
    ReportResolved {
        /// Whether something was done.
        acted: bool,
    },
    /// For moderators: somebody was reported for one of the severest reasons.
    ReportWaits {
        reason: ReportReason,
    },
    /// For moderators: the oldest open report waits for so many hours.
    QueueOld {
        hours: i64,
    },
    /// What the operator has to say, in every language.
    Announcement {
        tr: String,
        en: String,
    },
    /// An ad, for users who have not turned ads off.
    Ad {
        ad_id: AdId,
        title: String,
        content: String,
        /// `https://…`, or null without a link.
        click_url: Option<String>,
    },
}

impl From<Ad> for Notice {
    fn from(ad: Ad) -> Self {
        Self::Ad {
            ad_id: ad.id,
            title: ad.title,
            content: ad.content,
            click_url: ad.click_url,
        }
    }
}

impl Notice {
    /// The stored name of the variant.
    pub const fn code(&self) -> &'static str {
        self.into_str()
    }

    /// The type a user can turn pushes off for.
    pub const fn kind(&self) -> NotificationType {
        match self {
            Self::ClaimApproved { .. } | Self::ClaimRejected { .. } => NotificationType::Claim,
            Self::MatchFound { .. } => NotificationType::Match,
            Self::Ad { .. } => NotificationType::Ad,
            Self::ReportWaits { .. } | Self::QueueOld { .. } => NotificationType::Staff,
            Self::ReferralRewarded { .. }
            | Self::WelcomeBonus { .. }
            | Self::PremiumStarted { .. }
            | Self::PremiumEnded { .. }
            | Self::PasswordReset {}
            | Self::NewDevice { .. }
            | Self::StaffSignIn { .. }
            | Self::Warned { .. }
            | Self::Renamed {}
            | Self::Banned { .. }
            | Self::BanLifted {}
            | Self::AppealUpheld {}
            | Self::ReportResolved { .. }
            | Self::Announcement { .. } => NotificationType::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_tag() {
        let id = MatchId(1);
        let notices = [
            Notice::ClaimApproved { match_id: id },
            Notice::ClaimRejected {
                match_id: id,
                reason: "answered".to_owned(),
            },
            Notice::ReferralRewarded { rights: 1 },
            Notice::WelcomeBonus { rights: 1 },
            Notice::PremiumStarted {
                plan: "month".to_owned(),
                until: Timestamp::from_millis(0),
            },
            Notice::PremiumEnded {
                plan: "month".to_owned(),
            },
            Notice::MatchFound { match_id: id },
            Notice::PasswordReset {},
            Notice::NewDevice {
                name: "Pixel".to_owned(),
                platform: "android".to_owned(),
            },
            Notice::StaffSignIn {
                name: "Pixel".to_owned(),
                platform: "android".to_owned(),
            },
            Notice::Warned {
                reason: ReportReason::Hate,
            },
            Notice::Renamed {},
            Notice::Banned { until: None },
            Notice::BanLifted {},
            Notice::AppealUpheld {},
            Notice::ReportResolved { acted: true },
            Notice::ReportWaits {
                reason: ReportReason::Threat,
            },
            Notice::QueueOld { hours: 30 },
            Notice::Announcement {
                tr: "a".to_owned(),
                en: "b".to_owned(),
            },
            Notice::Ad {
                ad_id: AdId(1),
                title: "a".to_owned(),
                content: "b".to_owned(),
                click_url: None,
            },
        ];
        for notice in notices {
            let json = serde_json::to_value(&notice).expect("JSON");
            assert_eq!(json["code"], notice.code());
            assert_eq!(
                serde_json::from_value::<Notice>(json).expect("a notice"),
                notice
            );
        }
    }
}
