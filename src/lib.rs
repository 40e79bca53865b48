//! The Tebdil server: the one place that wires its parts.
//!
//! [`run`] is what `main` and the tests both call. [`app::App`] holds every part; `http/router.rs`
//! shows the API on one page.

pub mod address;
mod admin;
pub mod ads;
pub mod app;
pub mod auth;
pub mod billing;
pub mod calls;
pub mod chat;
pub mod cli;
pub mod config;
pub mod ends;
pub mod evidence;
pub mod http;
pub mod hub;
pub mod lifecycle;
pub mod matching;
pub mod notifications;
pub mod observability;
pub mod presence;
pub mod profile;
pub mod push;
pub mod relay;
pub mod turn;
mod vitals;
pub mod worker;
pub mod ws;

rust_i18n::i18n!("locales", fallback = "en");

use std::{sync::Arc, time::Duration};

use app::App;
use config::{Config, Secrets, SecretsError};
use lifecycle::{Shutdown, Tasks};
use tebdil_core::{
    realtime::{Realtime, RealtimeError},
    store::{Store, StoreError},
};
use tebdil_protocol::time::Clock;
use tebdil_workers::VerifierError;
use tokio::net::TcpListener;

/// How long tasks have to notice that they are aborted, and then the database to close.
const ABORT_TIME: Duration = Duration::from_secs(2);

/// The server could not start, or could not go on. No text here holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("the database cannot be used: {0}")]
    Store(#[from] StoreError),
    #[error("redis.url: {0}")]
    Realtime(#[from] RealtimeError),
    #[error(transparent)]
    Verifier(#[from] VerifierError),
    #[error("{what}: {source}")]
    Io {
        what: String,
        source: std::io::Error,
    },
    /// Pushes were asked for and cannot be sent.
    #[error("push.fcm_credentials: {0}")]
    Push(String),
    /// A worker needs nodes to work for.
    #[error(
        "database.url must name a PostgreSQL database: with the embedded one, the server runs its background jobs itself"
    )]
    Alone,
    /// A part failed; the text names it.
    #[error("{0}")]
    Failed(String),
}

/// Bound sockets. Tests bind port 0 and read the address before they hand them over.
#[derive(Debug)]
pub struct Listeners {
    /// The API and the WebSocket.
    pub http: TcpListener,
    /// `GET /metrics`, when there is one.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds what the settings name.
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        Ok(Self {
            http: bind("http.listen", &config.http.listen).await?,
            metrics: Self::bind_metrics(config).await?,
        })
    }

    /// Binds what the settings name for the numbers alone.
    pub async fn bind_metrics(config: &Config) -> Result<Option<TcpListener>, RunError> {
        match config.metrics.listen.as_str() {
            "" => Ok(None),
            address => bind("metrics.listen", address).await.map(Some),
        }
    }
}

async fn bind(field: &str, address: &str) -> Result<TcpListener, RunError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|source| RunError::Io {
        what: format!("{field}: cannot listen on {address}"),
        source,
    })
}

/// Serves until `shutdown` says so or a part fails.
///
/// Returns `Ok` when the server was asked to end, also when the grace ran out. Every task has ended
/// and the database is closed by then, unless one of them hung for longer than 2 seconds after
/// that.
pub async fn run(
    config: Config,
    listeners: Listeners,
    clock: Clock,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let secrets = Secrets::load(&config, &mut rand::rng())?;
    let app = App::start(config, &secrets, clock, Tasks::new(&shutdown)).await?;
    serve(app, listeners).await
}

/// The second half of [`run`], for those who want to look into the [`App`].
pub async fn serve(app: Arc<App>, listeners: Listeners) -> Result<(), RunError> {
    let tasks = app.tasks.clone();
    http::start(&app, listeners);

    tasks.soft.cancelled().await;
    if tasks.failure().is_none() {
        tracing::info!("draining");
    }
    let settings = &app.config.shutdown;
    let (delay, grace) = (settings.ready_delay, settings.grace);
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = tasks.hard.cancelled() => {}
    }
    tasks.close();
    // Half of the grace to say goodbye, the other half for what is still under way. Calls end with
    // the connections that signal for them.
    let farewell = async {
        app.hub.drain(grace / 2).await;
        app.relays.close().await;
    };
    wind_down(&tasks, farewell, grace, &app.realtime, Some(&app.store)).await
}

/// The end of a process whose tasks are closing: `farewell` and the tasks within `grace`, then the
/// other nodes, then the database.
async fn wind_down(
    tasks: &Tasks,
    farewell: impl Future<Output = ()>,
    grace: Duration,
    realtime: &Realtime,
    store: Option<&Store>,
) -> Result<(), RunError> {
    let orderly = async {
        farewell.await;
        tasks.ended().await;
    };
    let in_order = tokio::select! {
        () = orderly => tasks.failure().is_none(),
        () = tasks.hard.cancelled() => false,
        () = tokio::time::sleep(grace) => {
            tracing::warn!(tasks = tasks.running(), "the grace ran out");
            false
        }
    };
    tasks.abort();
    if tokio::time::timeout(ABORT_TIME, tasks.ended())
        .await
        .is_err()
    {
        tracing::warn!(tasks = tasks.running(), "tasks did not end");
    }
    // Nobody speaks to other nodes any more.
    let goodbye = async {
        realtime.close(in_order).await;
        tasks.last_ended().await;
    };
    if tokio::time::timeout(ABORT_TIME, goodbye).await.is_err() {
        tracing::warn!("the other nodes were not told goodbye in time; they will notice");
    }
    // A statement whose database went silent would be waited for without end.
    if let Some(store) = store
        && tokio::time::timeout(ABORT_TIME, store.close())
            .await
            .is_err()
    {
        tracing::warn!("the database did not close in time");
    }
    match tasks.failure() {
        Some(why) => Err(RunError::Failed(why.to_owned())),
        None => Ok(()),
    }
}
