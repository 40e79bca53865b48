//! Every table and column, and whose it is.

mod ads;
mod money;
mod safety;

use super::{
    Bound, Column, Erasure, Kind,
    Kind::{Bytes, Flag, Id, Json, Number, OfSender, Peer, Real, Sealed, Text, Time, Who},
    PHONE_CONTEXT, Rows, Shown, Table,
};

const fn shown(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        shown: Shown::As(kind),
        stays: None,
    }
}

const fn hidden(name: &'static str, why: &'static str) -> Column {
    Column {
        name,
        shown: Shown::Not(why),
        stays: None,
    }
}

/// A column of a table of nobody.
const fn plain(name: &'static str) -> Column {
    hidden(name, "of nobody").stays("of nobody")
}

const ITSELF: &str = "the user itself";
const SECRET: &str = "a secret's hash";
const HASHED_PHONE: &str = "a keyed hash of a phone; the user's own is shown in clear";
const KEY_NAME: &str = "names a key of the server";
const STAFF: &str = "who of the staff it was, and what they wrote for each other";
const NO_PERSON: &str = "an id, a time or a word that leads to no person any more";
const EVIDENCE: &str =
    "what a report says of somebody else outlives its author, for its own period";
const BANS_LAST: &str = "bans outlive the account, or erasing it would lift them";
const BLOCKS_LAST: &str = "a block outlives the accounts of both, or erasing one would lift it";

const OWN: &str = "t.user_id = $1";
const OWN_PHONE: &str = "t.phone_index = (SELECT u.phone_index FROM users u WHERE u.id = $1)";
const BY_ID: Option<&str> = Some("id");

/// Every table there is.
pub const TABLES: &[Table] = &[
    Table {
        name: "users",
        rows: Rows::Of("t.id = $1", None),
        erasure: Erasure::Kept,
        columns: &[
            shown("id", Id).stays(NO_PERSON),
            hidden("phone_index", HASHED_PHONE),
            shown(
                "phone_ciphertext",
                Sealed {
                    context: PHONE_CONTEXT,
                    key_id: "phone_key_id",
                    bound_to: Bound::Phone,
                },
            ),
            hidden("phone_key_id", KEY_NAME),
            hidden("password_hash", SECRET),
            shown("alias", Text),
            hidden("alias_key", "the alias, folded"),
            hidden("alias_skeleton", "the alias, as it looks"),
            hidden("refused_skeleton", "an earlier alias, as it looks"),
            shown("tag", Text),
            shown("birth_year", Number),
            shown("locale", Text),
            shown("role", Text),
            shown("interests", Json),
            shown("languages", Json),
            shown("location_lat", Real),
            shown("location_lon", Real),
            shown("is_banned", Flag).stays(BANS_LAST),
            shown("is_premium", Flag),
            shown("daily_chat_balance", Number),
            shown("daily_video_balance", Number),
            shown("bonus_balance", Number),
            shown("quota_day", Text),
            shown("terms_version", Number),
            shown("terms_accepted_at", Time),
            shown("invite_code", Text),
            shown("created_at", Time).stays("registrations are counted by day"),
            shown("last_active", Time),
            shown("overdraft_day", Text),
            shown("overdraft_text", Number),
            shown("overdraft_video", Number),
            hidden(
                "unreliable",
                "how moderators weigh reports: whoever knew would report from another account",
            )
            .stays(EVIDENCE),
            hidden("erased_at", "empty while there is an account").stays(NO_PERSON),
        ],
    },
    Table {
        name: "sessions",
        rows: Rows::Of(OWN, BY_ID),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            shown("id", Id),
            hidden("user_id", ITSELF),
            hidden("refresh_hash", SECRET),
            shown("refresh_expires_at", Time),
            shown("device_name", Text),
            shown("device_platform", Text),
            shown("created_at", Time),
            shown("last_active", Time),
            shown("confirmed_at", Time),
            shown("revoked_at", Time),
        ],
    },
    Table {
        name: "key_packages",
        rows: Rows::Of(OWN, BY_ID),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            shown("id", Id),
            hidden("user_id", ITSELF),
            shown("session_id", Id),
            shown("package", Bytes),
            hidden("digest", "follows from the package"),
            shown("last_resort", Flag),
            shown("created_at", Time),
        ],
    },
    Table {
        name: "quota_ledger",
        rows: Rows::Of(OWN, BY_ID),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            shown("id", Id),
            hidden("user_id", ITSELF),
            shown("bucket", Text),
            shown("delta", Number),
            shown("balance_after", Number),
            shown("reason", Text),
            shown("reference", Text),
            shown("created_at", Time),
        ],
    },
    money::SUBSCRIPTIONS,
    Table {
        name: "push_targets",
        rows: Rows::Of(OWN, None),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            hidden(
                "address",
                "an address at the push service, which the device itself knows",
            ),
            hidden("user_id", ITSELF),
            shown("session_id", Id),
            shown("platform", Text),
            hidden("p256dh", "a key that the browser itself made"),
            hidden("auth", "a secret that the browser itself made"),
            shown("created_at", Time),
            shown("last_used", Time),
        ],
    },
    Table {
        name: "matches",
        rows: Rows::Of(
            "t.id IN (SELECT s.match_id FROM match_sides s WHERE s.user_id = $1)",
            BY_ID,
        ),
        erasure: Erasure::Kept,
        columns: &[
            shown("id", Id).stays(NO_PERSON),
            shown("user1_id", Who).stays(NO_PERSON),
            shown("user2_id", Who).stays(NO_PERSON),
            shown("type", Text).stays(NO_PERSON),
            shown("status", Text).stays(NO_PERSON),
            shown("created_at", Time).stays(NO_PERSON),
            shown("expired_at", Time).stays(NO_PERSON),
            shown("ended_at", Time).stays(NO_PERSON),
            shown("ended_reason", Text).stays(NO_PERSON),
            shown("ended_by", Who).stays(NO_PERSON),
            shown("shared_interests", Json),
            shown("connected_at", Time).stays(NO_PERSON),
            shown("call_failed_at", Time).stays(NO_PERSON),
            hidden("forgotten", "whether its messages are deleted").stays(NO_PERSON),
        ],
    },
    Table {
        name: "match_sides",
        rows: Rows::Of(OWN, Some("match_id")),
        erasure: Erasure::Kept,
        columns: &[
            shown("match_id", Id).stays(NO_PERSON),
            hidden("user_id", ITSELF).stays(NO_PERSON),
            shown("peer_id", Peer).stays(NO_PERSON),
            shown("ticket_id", Id).stays(NO_PERSON),
            shown("role", Text).stays(NO_PERSON),
            shown("session_id", Id).stays(NO_PERSON),
            shown("open", Flag).stays(NO_PERSON),
            shown("created_at", Time).stays(NO_PERSON),
            shown("read_seq", Number).stays(NO_PERSON),
            hidden("peer_key_package", "the peer's keys"),
            shown("pushed_at", Time).stays(NO_PERSON),
            shown("absent_since", Time).stays(NO_PERSON),
            shown("absent_seen_at", Time).stays(NO_PERSON),
        ],
    },
    Table {
        name: "searches",
        rows: Rows::Of(OWN, None),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            hidden("user_id", ITSELF),
            shown("ticket_id", Id),
            shown("session_id", Id),
            shown("wish", Json),
            shown("created_at", Time),
            shown("expires_at", Time),
        ],
    },
    Table {
        name: "messages",
        rows: Rows::OfMatches { open: true },
        erasure: Erasure::DeletedApart,
        columns: &[
            shown("match_id", Id),
            shown("sender_id", Who),
            shown("seq", Number),
            shown("kind", Text),
            shown("content", Bytes),
            shown("franking_tag", Bytes),
            shown("sent_at", Time),
            hidden(
                "total_bytes",
                "how much was sent until then, which the messages tell",
            ),
        ],
    },
    Table {
        name: "message_logs",
        rows: Rows::OfMatches { open: false },
        erasure: Erasure::Kept,
        columns: &[
            shown("match_id", Id).stays(NO_PERSON),
            shown("sender_id", Who).stays(NO_PERSON),
            shown("seq", Number).stays(NO_PERSON),
            shown("receiver_id", Who).stays(NO_PERSON),
            shown("kind", Text).stays(NO_PERSON),
            shown("sent_at", Time).stays(NO_PERSON),
            shown("delivered_at", Time).stays(NO_PERSON),
            shown("device_info", OfSender),
            shown("connection_type", Text).stays(NO_PERSON),
        ],
    },
    Table {
        name: "claims",
        rows: Rows::Of(OWN, BY_ID),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            shown("id", Id),
            hidden("user_id", ITSELF),
            shown("match_id", Id),
            shown("claim_time", Time),
            shown("status", Text),
            shown("reason", Text),
            shown("processed_at", Time),
        ],
    },
    safety::BLOCKS,
    safety::REPORTS,
    safety::WARNING_ANSWERS,
    safety::BANS,
    safety::APPEALS,
    safety::SYSTEM_LOGS,
    ads::ADS,
    Table {
        name: "notifications",
        rows: Rows::Of(OWN, BY_ID),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            shown("id", Id),
            hidden("user_id", ITSELF),
            shown("type", Text),
            shown("code", Text),
            shown("notice", Json),
            // That of a warning is the id of the report, which begins with the time it was made: it
            // would tell by whom.
            hidden("reference", "what keeps it from being told twice"),
            shown("read", Flag),
            shown("created_at", Time),
            shown("announcement_id", Id),
        ],
    },
    Table {
        name: "job",
        rows: Rows::Nobody("wake-ups: their payloads are ids, never personal data"),
        erasure: Erasure::Kept,
        columns: &[
            plain("id"),
            plain("queue"),
            plain("payload"),
            plain("state"),
            plain("attempts"),
            plain("max_attempts"),
            plain("run_at"),
            plain("lease_until"),
            plain("dedupe"),
            plain("error"),
            plain("created_at"),
            plain("finished_at"),
        ],
    },
    Table {
        name: "idempotency_keys",
        rows: Rows::Of("t.scope = 'user:' || CAST($1 AS TEXT)", None),
        erasure: Erasure::DeletedApart,
        columns: &[
            hidden("scope", ITSELF),
            shown("key", Text),
            hidden("request_hash", SECRET),
            shown("status", Number),
            hidden(
                "response",
                "an answer the client had, which can hold tokens",
            ),
            hidden("response_key_id", KEY_NAME),
            shown("created_at", Time),
        ],
    },
    Table {
        name: "phones_seen",
        rows: Rows::Of(OWN_PHONE, None),
        erasure: Erasure::Kept,
        columns: &[
            hidden("phone_index", HASHED_PHONE)
                .stays("who comes back is not rewarded as a new user"),
            shown("first_seen", Time).stays("stands beside nothing but a keyed hash"),
        ],
    },
    Table {
        name: "referrals",
        rows: Rows::Of("t.inviter_id = $1 OR t.invited_user_id = $1", BY_ID),
        erasure: Erasure::Deleted("t.inviter_id = $1"),
        columns: &[
            shown("id", Id),
            shown("inviter_id", Who),
            hidden("inviter_phone", HASHED_PHONE),
            hidden("invited_phone", HASHED_PHONE),
            shown("via", Text),
            shown("invited_user_id", Who),
            shown("reward_given", Flag),
            shown("created_at", Time),
            shown("rewarded_at", Time),
        ],
    },
    Table {
        name: "announcements",
        // An admin's.
        rows: Rows::Of("t.created_by = $1", BY_ID),
        erasure: Erasure::Kept,
        columns: &[
            shown("id", Id).stays(NO_PERSON),
            shown("tr", Text).stays(NO_PERSON),
            shown("en", Text).stays(NO_PERSON),
            shown("target_group", Text).stays(NO_PERSON),
            hidden("created_by", ITSELF).stays(NO_PERSON),
            shown("created_at", Time).stays(NO_PERSON),
            hidden("position", "how far its job has come").stays(NO_PERSON),
            shown("told", Number).stays(NO_PERSON),
            shown("finished_at", Time).stays(NO_PERSON),
            shown("ad", Json).stays(NO_PERSON),
        ],
    },
    Table {
        name: "push_muted",
        rows: Rows::Of(OWN, None),
        erasure: Erasure::Deleted(OWN),
        columns: &[hidden("user_id", ITSELF), shown("type", Text)],
    },
    money::BILLING_ACCOUNTS,
    money::BILLING_EVENTS,
    Table {
        name: "one_time_codes",
        rows: Rows::Of("t.user_id = $1", BY_ID),
        erasure: Erasure::DeletedApart,
        columns: &[
            shown("id", Id),
            shown("purpose", Text),
            hidden("phone_index", HASHED_PHONE),
            hidden("user_id", ITSELF),
            hidden("code_hash", SECRET),
            hidden(
                "registration",
                "waits for its code, before there is an account",
            ),
            hidden("registration_key_id", KEY_NAME),
            shown("tries", Number),
            shown("created_at", Time),
            shown("expires_at", Time),
        ],
    },
    Table {
        name: "totps",
        rows: Rows::Of(OWN, None),
        erasure: Erasure::Deleted(OWN),
        columns: &[
            hidden("user_id", ITSELF),
            hidden(
                "secret_ciphertext",
                "whoever has it makes the codes; its user has it in an app",
            ),
            hidden("secret_key_id", KEY_NAME),
            shown("confirmed_at", Time),
            shown("last_step", Number),
            hidden("recovery_hashes", SECRET),
            shown("created_at", Time),
        ],
    },
    Table {
        name: "daily_statistics",
        rows: Rows::Nobody("counts"),
        erasure: Erasure::Kept,
        columns: &[
            plain("day"),
            plain("registrations"),
            plain("text_matches"),
            plain("video_matches"),
            plain("messages"),
            plain("claims"),
            plain("claims_approved"),
            plain("reports"),
            plain("bans"),
            plain("active_users"),
            plain("complete"),
        ],
    },
    ads::AD_IMPRESSIONS,
    ads::AD_EVENTS,
    ads::AD_DAYS,
    Table {
        name: "matchmaker_term",
        rows: Rows::Nobody("counts who led the matching"),
        erasure: Erasure::Kept,
        columns: &[plain("id"), plain("term")],
    },
    Table {
        name: "id_nodes",
        rows: Rows::Nobody("of processes of the server"),
        erasure: Erasure::Kept,
        columns: &[
            plain("part"),
            plain("holder"),
            plain("expires_at"),
            plain("last_id"),
        ],
    },
    Table {
        name: "live_counts",
        rows: Rows::Nobody("counts"),
        erasure: Erasure::Kept,
        columns: &[
            plain("part"),
            plain("counted_at"),
            plain("online"),
            plain("leads"),
            plain("text_searching"),
            plain("text_oldest_ms"),
            plain("video_searching"),
            plain("video_oldest_ms"),
        ],
    },
    safety::TOMBSTONES,
];
