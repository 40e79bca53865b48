//! Whether the server lives and should get work, and its metrics.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router, extract::State, http::StatusCode, http::header, response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tebdil_core::store::Store;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;

use super::Api;
use crate::observability;

/// How long the database may take before it counts as away.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the database whether it answers, one question at a time, so that health checks cannot use
/// up its connections.
#[derive(Debug, Default)]
pub struct DatabaseCheck {
    /// When it was asked last, and whether it answered.
    last: Mutex<Option<(Instant, bool)>>,
}

impl DatabaseCheck {
    /// The answer is no older than this call, which takes at most twice as long as the database may
    /// take.
    async fn answers(&self, store: &Store) -> bool {
        let came = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((asked, answers)) = *last
            && asked >= came
        {
            return answers;
        }
        let asked = Instant::now();
        let answers = matches!(
            tokio::time::timeout(PING_TIMEOUT, store.ping()).await,
            Ok(Ok(()))
        );
        *last = Some((asked, answers));
        answers
    }
}

/// Whether this node should get work, and which part says no.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says one thing in the answer"
)]
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct Readiness {
    ready: bool,
    /// The database answers.
    database: bool,
    /// The other nodes can be reached: Redis answers and delivers messages. Always true for a node
    /// that is alone.
    redis: bool,
    /// The clock of this machine and that of the database agree; else no jobs run here.
    clock: bool,
    /// The node is about to end.
    draining: bool,
}

/// The process answers.
#[utoipa::path(get, operation_id = "get_health", path = "/healthz", tag = "service", security(()), responses((status = 200, body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok"
}

/// Whether a load balancer should send work here.
#[utoipa::path(get, operation_id = "get_readiness", path = "/readyz", tag = "service", security(()), responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, Json<Readiness>) {
    let (database, redis) =
        tokio::join!(api.database_check.answers(&api.store), api.realtime.ping());
    let redis = redis.is_ok();
    let (clock, draining) = (api.guard.is_right(), api.tasks.is_draining());
    let ready = database && redis && clock && !draining;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(Readiness {
            ready,
            database,
            redis,
            clock,
            draining,
        }),
    )
}

/// The metrics, on a listener of their own.
pub(super) fn metrics_router(numbers: PrometheusHandle) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(numbers)
}

async fn metrics(State(numbers): State<PrometheusHandle>) -> impl IntoResponse {
    observability::record_process();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        numbers.render(),
    )
}
