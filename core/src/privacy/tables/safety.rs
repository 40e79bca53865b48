//! Blocks, reports, bans, and the record of what was done.

use super::{
    super::{
        Bound, Erasure,
        Kind::{Flag, Id, Number, Peer, Sealed, SealedJson, Text, Time, Who},
        Rows, Table,
    },
    BANS_LAST, BLOCKS_LAST, BY_ID, EVIDENCE, HASHED_PHONE, ITSELF, KEY_NAME, NO_PERSON, OWN,
    OWN_PHONE, STAFF, hidden, plain, shown,
};
use crate::store::{APPEAL_CONTEXT, WARNING_ANSWER_CONTEXT};

pub(super) const BLOCKS: Table = Table {
    name: "blocks",
    // Who blocked the user is not told.
    rows: Rows::Of("t.blocker_id = $1", BY_ID),
    erasure: Erasure::Kept,
    columns: &[
        shown("id", Id).stays(BLOCKS_LAST),
        hidden("blocker_id", ITSELF).stays(BLOCKS_LAST),
        hidden("blocked_id", "peers are known by handle and match").stays(BLOCKS_LAST),
        shown("match_id", Id).stays(BLOCKS_LAST),
        shown("blocked_alias", Text),
        shown("blocked_tag", Text),
        shown("created_at", Time).stays(BLOCKS_LAST),
        hidden("blocker_phone", HASHED_PHONE).stays(BLOCKS_LAST),
        hidden("blocked_phone", HASHED_PHONE).stays(BLOCKS_LAST),
    ],
};

pub(super) const REPORTS: Table = Table {
    name: "reports",
    // Those of others about the user are theirs.
    rows: Rows::Of("t.reporter_id = $1", BY_ID),
    erasure: Erasure::Kept,
    columns: &[
        shown("id", Id).stays(EVIDENCE),
        hidden("reporter_id", ITSELF).stays(EVIDENCE),
        shown("reported_id", Peer).stays(EVIDENCE),
        shown("match_id", Id).stays(EVIDENCE),
        shown("reason", Text).stays(EVIDENCE),
        shown("status", Text).stays(EVIDENCE),
        shown("created_at", Time).stays(EVIDENCE),
        shown("resolved_at", Time).stays(EVIDENCE),
        hidden("resolved_by", STAFF).stays(EVIDENCE),
        shown(
            "note_ciphertext",
            Sealed {
                context: "reports.note",
                key_id: "note_key_id",
                bound_to: Bound::Id,
            },
        )
        .stays(EVIDENCE),
        hidden("note_key_id", KEY_NAME).stays(EVIDENCE),
        shown(
            "evidence_ciphertext",
            SealedJson {
                context: "reports.evidence",
                key_id: "evidence_key_id",
                bound_to: Bound::Id,
            },
        )
        .stays(EVIDENCE),
        hidden("evidence_key_id", KEY_NAME).stays(EVIDENCE),
        shown("evidence_count", Number).stays(EVIDENCE),
        hidden("resolution_ciphertext", STAFF).stays(EVIDENCE),
        hidden("resolution_key_id", KEY_NAME).stays(EVIDENCE),
        hidden("severity", "follows from the reason").stays(EVIDENCE),
        hidden("taken_by", STAFF).stays(EVIDENCE),
        hidden("taken_until", STAFF).stays(EVIDENCE),
    ],
};

pub(super) const WARNING_ANSWERS: Table = Table {
    name: "warning_answers",
    rows: Rows::Of(OWN, BY_ID),
    erasure: Erasure::Deleted(OWN),
    columns: &[
        shown("id", Id),
        hidden("report_id", "it would tell when somebody reported"),
        hidden("user_id", ITSELF),
        shown(
            "text_ciphertext",
            Sealed {
                context: WARNING_ANSWER_CONTEXT,
                key_id: "text_key_id",
                bound_to: Bound::Id,
            },
        ),
        hidden("text_key_id", KEY_NAME),
        shown("created_at", Time),
    ],
};

pub(super) const BANS: Table = Table {
    name: "bans",
    rows: Rows::Of(OWN_PHONE, BY_ID),
    erasure: Erasure::Kept,
    columns: &[
        shown("id", Id).stays(BANS_LAST),
        hidden("phone_index", HASHED_PHONE).stays(BANS_LAST),
        hidden("user_id", ITSELF).stays(BANS_LAST),
        shown("reason", Text).stays(BANS_LAST),
        shown("automatic", Flag).stays(BANS_LAST),
        shown("provisional", Flag).stays(BANS_LAST),
        shown("created_at", Time).stays(BANS_LAST),
        shown("until", Time).stays(BANS_LAST),
        hidden("created_by", STAFF).stays(BANS_LAST),
        shown("lifted_at", Time).stays(BANS_LAST),
        hidden("lifted_by", STAFF).stays(BANS_LAST),
        shown("confirmed_at", Time).stays(BANS_LAST),
        hidden("confirmed_by", STAFF).stays(BANS_LAST),
        hidden("confirm_note", STAFF).stays(BANS_LAST),
        hidden("lift_note", STAFF).stays(BANS_LAST),
    ],
};

pub(super) const APPEALS: Table = Table {
    name: "appeals",
    rows: Rows::Of(OWN, BY_ID),
    erasure: Erasure::Deleted(OWN),
    columns: &[
        shown("id", Id),
        shown("ban_id", Id),
        hidden("user_id", ITSELF),
        shown(
            "text_ciphertext",
            Sealed {
                context: APPEAL_CONTEXT,
                key_id: "text_key_id",
                bound_to: Bound::Id,
            },
        ),
        hidden("text_key_id", KEY_NAME),
        shown("status", Text),
        shown("created_at", Time),
        shown("decided_at", Time),
        hidden("decided_by", STAFF),
        hidden("decision_note", STAFF),
    ],
};

pub(super) const SYSTEM_LOGS: Table = Table {
    name: "system_logs",
    rows: Rows::Of(
        // What moderators do with reports about the user would tell of them, and when they were made.
        "t.id IN (SELECT l.id FROM system_logs l WHERE l.user_id = $1 AND l.action NOT IN \
         ('report_read', 'report_taken', 'report_released', 'report_resolved') \
         UNION SELECT l.id FROM system_logs l WHERE l.actor_id = $1)",
        BY_ID,
    ),
    erasure: Erasure::Kept,
    columns: &[
        shown("id", Id).stays(NO_PERSON),
        shown("action", Text).stays(NO_PERSON),
        shown("user_id", Who).stays(NO_PERSON),
        shown("actor_id", Who).stays(NO_PERSON),
        hidden(
            "details",
            "may name others; what it says of the user stands in the other parts",
        )
        .stays("ids and settings only"),
        shown("created_at", Time).stays(NO_PERSON),
    ],
};

pub(super) const TOMBSTONES: Table = Table {
    name: "tombstones",
    rows: Rows::Nobody("written when an account is erased, for its period"),
    erasure: Erasure::Kept,
    columns: &[plain("user_id"), plain("phone_index"), plain("erased_at")],
};
