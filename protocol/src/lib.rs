//! The client contract: REST bodies, WebSocket frames, error and close codes. One place for server
//! and client.

mod ads;
mod bans;
mod billing;
mod bounds;
mod client_frame;
mod codes;
pub mod domain;
mod evidence;
pub mod franking;
pub mod id;
mod jobs;
mod meta;
pub mod notice;
mod notification;
mod overview;
mod placement;
mod privacy;
mod problem;
mod referral;
mod report;
mod rest;
mod server_frame;
mod signal;
#[cfg(test)]
mod snapshots;
mod staff;
pub mod strict_json;
mod target;
pub mod time;
mod totp;
mod whole_number;

pub use ads::{Ad, AdDay, AdDays, AdEvent, AdEventKind, AdPatch, AdRefused, AdSettings, AdminAd};
pub use bans::{
    AdminAppeal, AdminBan, Appeal, AppealDecisionRequest, AppealRequest, AppealedBan,
    BanConfirmation, BanRequest, UnbanRequest,
};
pub use billing::{
    BilledSubscription, BillingEvent, BillingReceipt, QuotaCorrectionRequest, SubscriptionGrant,
    SubscriptionGrantRequest, SubscriptionStatus,
};
pub use client_frame::{
    ClientFrame, DeviceInfo, FrameError, FrameId, Hello, MAX_SEQ, MatchFind, MatchRef, MessageAck,
    MessageSend, MessageSync, ResumePoint, TokenRefresh, Typing, parse_client_frame,
};
pub use codes::{CloseCode, ErrorCode};
pub use evidence::{Evidence, Frank};
pub use jobs::{AdminJob, JobQueue, JobQueues};
pub use meta::{
    ConsentRequest, InvitationRules, Meta, MetaLimits, MetaPlan, MetaTexts, Translations,
};
pub use notification::{
    Announcement, AnnouncementRequest, Notification, NotificationsRead, ReadRequest, Unread,
};
pub use overview::{DayStatistics, Live, LiveQueue, Overview, OverviewTotals};
pub use placement::{InvalidPlacement, Placement};
pub use privacy::{AccountErasureRequest, ErasureRequest};
pub use problem::{BanNotice, FieldProblem, Problem};
pub use referral::{Referral, ReferralRequest, Referrals};
pub use report::{
    AdminReport, AnswerRequest, MAX_EVIDENCE, MAX_NOTE, REPORTABLE, ReasonCount,
    ReliabilityRequest, Report, ReportDetails, ReportQueue, ReportRequest, ReportedUser,
    ReportingUser, Resolution, ResolveRequest, Taken, VerifiedMessage, WarningAnswer,
};
pub use rest::*;
pub use server_frame::{
    MatchCancelled, MatchEnded, MatchFound, MessageAccepted, MessageNew, PeerPresence,
    RunningSearch, ServerFrame, ServerMessage, SessionLimits, Welcome, WhoEnded,
};
pub use signal::{RtcCandidate, RtcDescription, RtcState, Signal};
pub use staff::{
    AdminMatch, AdminMatchSide, AdminUser, AdminUserCounts, AdminUserDetail, FindUsersRequest,
    FoundUsers, RoleRequest, SystemLogEntry,
};
pub use target::{InvalidTarget, TargetGroup};
pub use totp::{
    ConfirmRequest, RecoveryCodes, TotpConfirmation, TotpRemoval, TotpRequest, TotpSetup,
};

/// The WebSocket subprotocol of this version of the contract.
pub const SUBPROTOCOL: &str = "tebdil.v1";

/// Largest WebSocket frame a client may send, bytes.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// Largest ciphertext of one message, bytes after base64 decoding.
pub const MAX_CIPHERTEXT_BYTES: usize = 16 * 1024;

/// Largest key package, bytes after base64 decoding.
pub const MAX_KEY_PACKAGE_BYTES: usize = 4 * 1024;

/// Longest address of a device at a push service, bytes: a token or an endpoint.
pub const MAX_PUSH_ADDRESS_BYTES: usize = 2048;

/// Most one-time key packages a session may have at the server.
pub const MAX_KEY_PACKAGES: usize = 100;

/// Bytes as standard base64 text on the wire.
pub mod base64_bytes {
    use std::borrow::Cow;

    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes `bytes` as base64 text.
    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    /// Reads base64 text.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        STANDARD
            .decode(text.as_bytes())
            .map_err(|_| de::Error::custom("not standard base64"))
    }

    /// The same for a field that may be absent.
    pub mod optional {
        use base64::Engine as _;

        use super::{Cow, Deserialize, Deserializer, STANDARD, Serializer, de};

        /// Writes `bytes` as base64 text, or null.
        pub fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
            match bytes {
                Some(bytes) => super::serialize(bytes, to),
                None => to.serialize_none(),
            }
        }

        /// Reads base64 text or null.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Vec<u8>>, D::Error> {
            let text = Option::<Cow<'de, str>>::deserialize(from)?;
            text.map(|text| {
                STANDARD
                    .decode(text.as_bytes())
                    .map_err(|_| de::Error::custom("not standard base64"))
            })
            .transpose()
        }
    }
}
