//! Whether the server lives, whether it should get work, and its numbers.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, observability};

/// How long the database may take before it counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether this node should get work, and which part says no.
#[expect(clippy::struct_excessive_bools, reason = "each says one thing in the answer")]
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// The database answers.
    database: bool,
    /// The other nodes can be reached: Redis answers and brings messages. Always true for a node that is alone.
    redis: bool,
    /// The node is about to end.
    draining: bool,
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "service", security(()), responses((status = 200, body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// Whether a load balancer should send work here.
#[utoipa::path(get, path = "/readyz", tag = "service", security(()), responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let (database, redis) = tokio::join!(tokio::time::timeout(PING_TIMEOUT, app.store.ping()), app.realtime.ping());
    let (database, redis) = (matches!(database, Ok(Ok(()))), redis.is_ok());
    let draining = app.tasks.is_draining();
    let ready = database && redis && !draining;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, database, redis, draining }))
}

/// The numbers, on a listener of their own.
pub(super) fn metrics_router(numbers: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(numbers)
}

async fn metrics(State(numbers): State<PrometheusHandle>) -> impl IntoResponse {
    observability::record_process();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], numbers.render())
}
