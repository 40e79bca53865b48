//! The REST API.
//!
//! A request's way: [`mod@router`] → extractors ([`auth`], [`body`], [`paging`]) → a handler → a
//! service or one store method. To add an endpoint: its body in `tebdil_protocol`, its
//! handler in the file of its family, one line in `router.rs`; `openapi` completes its part of the
//! API document.

mod account;
pub mod admin;
mod ads;
mod api;
mod appeals;
mod asyncapi;
pub mod auth;
mod billing;
mod blocks;
mod body;
mod claims;
mod client_ip;
mod document;
mod endpoint;
mod headers;
mod health;
mod host;
mod idempotency;
mod keys;
mod legal;
mod matches;
mod me;
mod meta;
mod notifications;
mod observe;
mod openapi;
mod paging;
mod privacy;
pub mod problem;
mod push;
mod referrals;
mod reports;
mod router;
mod rtc;
mod server;
mod totp;
mod unread_body;
mod verification;
mod web;

use std::sync::Arc;

pub use api::Api;
pub use asyncapi::document as asyncapi;
use axum::routing::MethodRouter;
pub use client_ip::client;
pub use document::Document;
pub use health::DatabaseCheck;
pub use legal::LegalPages;
pub use meta::document as meta;
pub use router::{openapi, router};
pub use server::ConnectionSlot;

use self::server::ConnectionLimits;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::{config::TrustedProxies, lifecycle::Tasks, limits::Connections};

/// Starts to serve requests, and sockets by the route `socket`; the task ends when the tasks close.
pub fn start(api: &Arc<Api>, socket: MethodRouter<Arc<Api>>, listener: TcpListener) {
    let http = &api.config.http;
    let limits = ConnectionLimits {
        most: http.max_connections,
        connections: Connections::new(&api.config.limits),
        trusted: http.trusted_proxies.clone(),
    };
    let router = router(Arc::clone(api), socket);
    let serving = server::serve(listener, router, limits, api.tasks.clone());
    api.tasks.supervise("http", serving);
    let accounts = Arc::clone(&api.accounts);
    drop(tokio::task::spawn_blocking(move || accounts.warm()));
}

/// Starts to serve the metrics; the task ends when the tasks close.
pub(crate) fn serve_metrics(listener: TcpListener, numbers: PrometheusHandle, tasks: &Tasks) {
    // There are only a few scrapers; the bound is against accidents.
    let limits = ConnectionLimits {
        most: 64,
        connections: Connections::unbounded(),
        trusted: TrustedProxies::default(),
    };
    tasks.supervise(
        "metrics",
        server::serve(
            listener,
            health::metrics_router(numbers),
            limits,
            tasks.clone(),
        ),
    );
}
