//! Ads, and who was shown them.

use super::{
    super::{
        Erasure,
        Kind::{Flag, Id, Text, Time},
        Rows, Table,
    },
    BY_ID, ITSELF, OWN, hidden, plain, shown,
};

pub(super) const ADS: Table = Table {
    name: "ads",
    rows: Rows::Nobody("what the operator shows to all"),
    erasure: Erasure::Kept,
    columns: &[
        plain("id"),
        plain("title"),
        plain("content"),
        plain("target_group"),
        plain("placement"),
        plain("active"),
        plain("views"),
        plain("clicks"),
        plain("created_at"),
        plain("updated_at"),
        plain("click_url"),
        plain("weight"),
        plain("daily_cap"),
        plain("total_cap"),
        plain("starts_at"),
        plain("ends_at"),
        plain("served"),
    ],
};

pub(super) const AD_IMPRESSIONS: Table = Table {
    name: "ad_impressions",
    rows: Rows::Of(OWN, BY_ID),
    erasure: Erasure::Deleted(OWN),
    columns: &[
        shown("id", Id),
        hidden("user_id", ITSELF),
        shown("ad_id", Id),
        shown("match_id", Id),
        shown("day", Text),
        shown("served_at", Time),
        shown("viewed", Flag),
        shown("clicked", Flag),
    ],
};

pub(super) const AD_EVENTS: Table = Table {
    name: "ad_events",
    rows: Rows::Nobody("counts nobody's views and clicks"),
    erasure: Erasure::Kept,
    columns: &[plain("id"), plain("ad_id"), plain("day"), plain("kind")],
};

pub(super) const AD_DAYS: Table = Table {
    name: "ad_days",
    rows: Rows::Nobody("counts nobody's views and clicks"),
    erasure: Erasure::Kept,
    columns: &[
        plain("ad_id"),
        plain("day"),
        plain("served"),
        plain("views"),
        plain("clicks"),
    ],
};
