//! Subscriptions, and what the provider of payments says of them.

use super::{
    super::{
        Erasure,
        Kind::{Flag, Id, Number, Text, Time},
        Rows, Table,
    },
    BY_ID, ITSELF, OWN, hidden, shown,
};

const BOOKS: &str = "what was paid, for its period; names nobody here";

pub(super) const SUBSCRIPTIONS: Table = Table {
    name: "subscriptions",
    rows: Rows::Of(OWN, BY_ID),
    erasure: Erasure::Deleted(OWN),
    columns: &[
        shown("id", Id),
        hidden("user_id", ITSELF),
        shown("plan_name", Text),
        shown("start_date", Time),
        shown("end_date", Time),
        shown("is_active", Flag),
        shown("external_id", Text),
        shown("created_at", Time),
        shown("event_at", Time),
        shown("event_type", Text),
        shown("event_id", Text),
        shown("renews", Flag),
        shown("due_at", Time),
        shown("checks", Number),
    ],
};

pub(super) const BILLING_ACCOUNTS: Table = Table {
    name: "billing_accounts",
    rows: Rows::Of(OWN, None),
    erasure: Erasure::Deleted(OWN),
    columns: &[
        hidden("user_id", ITSELF),
        shown("token", Text),
        shown("created_at", Time),
    ],
};

pub(super) const BILLING_EVENTS: Table = Table {
    name: "billing_events",
    rows: Rows::Of(OWN, None),
    erasure: Erasure::Kept,
    columns: &[
        shown("id", Text).stays(BOOKS),
        hidden("hash", "a hash of the rest").stays(BOOKS),
        hidden("user_id", ITSELF),
        shown("type", Text).stays(BOOKS),
        shown("external_id", Text).stays(BOOKS),
        shown("plan_name", Text).stays(BOOKS),
        shown("start_date", Time).stays(BOOKS),
        shown("end_date", Time).stays(BOOKS),
        shown("occurred_at", Time).stays(BOOKS),
        shown("outcome", Text).stays(BOOKS),
        shown("received_at", Time).stays(BOOKS),
    ],
};
