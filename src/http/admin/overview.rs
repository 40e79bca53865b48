//! `/v1/admin/overview`: how the service is doing.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use tebdil_core::store::{DayRow, Totals};
use tebdil_protocol::{DayStatistics, Overview, OverviewTotals};

use super::Staff;
use crate::http::{Api, problem::Answer};

/// How many days are shown, today among them.
const DAYS: u64 = 30;

/// Current totals, and what happened in the last 30 days.
#[utoipa::path(
    get, operation_id = "get_overview", path = "/v1/admin/overview", tag = "admin", security(("bearer" = ["moderator"])),
    responses((status = 200, body = Overview))
)]
pub(in crate::http) async fn overview(
    State(api): State<Arc<Api>>,
    _: Staff,
) -> Answer<Json<Overview>> {
    let (now, zone) = (api.clock.now(), &api.config.quota.zone);
    let first = (now - Duration::from_hours(24 * (DAYS - 1))).local_day(zone);
    let days = api.store.jobs().days(&first, &now.local_day(zone)).await?;
    let Totals {
        users,
        active_matches,
        pending_claims,
        open_reports,
        open_appeals,
        provisional_bans,
        dead_jobs,
    } = api.store.jobs().totals(now).await?;
    let totals = OverviewTotals {
        users,
        active_matches,
        pending_claims,
        open_reports,
        open_appeals,
        provisional_bans,
        dead_jobs,
    };
    Ok(Json(Overview {
        totals,
        days: days.into_iter().map(shown).collect(),
    }))
}

fn shown(row: DayRow) -> DayStatistics {
    let counts = row.counts;
    DayStatistics {
        day: row.day,
        registrations: counts.registrations,
        text_matches: counts.text_matches,
        video_matches: counts.video_matches,
        messages: counts.messages,
        claims: counts.claims,
        claims_approved: counts.claims_approved,
        reports: counts.reports,
        bans: counts.bans,
        complete: row.complete,
    }
}
