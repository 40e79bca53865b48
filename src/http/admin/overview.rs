//! `/v1/admin/overview`: how the service is doing.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use tebdil_core::store::{DayRow, QueueCounts, Totals};
use tebdil_protocol::{DayStatistics, Live, LiveQueue, Overview, OverviewTotals};

use super::Staff;
use crate::http::{Api, problem::Answer};

/// How many days are shown, today among them.
const DAYS: u64 = 30;

/// What the nodes see now, current totals, and what happened in the last 30 days.
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
        premium_users,
        active_matches,
        pending_claims,
        open_reports,
        open_appeals,
        provisional_bans,
        dead_jobs,
    } = api.store.jobs().totals(now).await?;
    let totals = OverviewTotals {
        users,
        premium_users,
        active_matches,
        pending_claims,
        open_reports,
        open_appeals,
        provisional_bans,
        dead_jobs,
    };
    // Nobody has counted yet: this node has just been started, and is the first.
    let (live, at) = api
        .store
        .jobs()
        .live(now)
        .await?
        .unwrap_or((<_>::default(), now));
    Ok(Json(Overview {
        live: Live {
            online: live.online,
            text: queue(live.text),
            video: queue(live.video),
            at,
        },
        totals,
        days: days.into_iter().map(shown).collect(),
    }))
}

fn queue(QueueCounts { searching, oldest }: QueueCounts) -> LiveQueue {
    let seconds = |wait: Duration| i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
    LiveQueue {
        searching,
        oldest_wait_s: oldest.map(seconds),
    }
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
        active_users: row.active_users,
        complete: row.complete,
    }
}
