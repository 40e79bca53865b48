//! The process: its parts, by role, and how it ends.
//!
//! | file | what |
//! |---|---|
//! | `base` | what every process has: database, bus, hub, clock, tasks |
//! | `node` | what one that serves users has beside it |
//! | `router` | what other processes say, and where it goes |

mod base;
mod node;
mod router;

use std::time::Duration;

use tebdil_core::{realtime::Realtime, store::Store};
use tebdil_protocol::time::Clock;
use tokio::net::TcpListener;

pub(crate) use self::base::{Base, Role};
pub use self::node::{Node, run};
use crate::{config::Config, error::RunError, lifecycle::Tasks};

/// How long tasks have to notice that they are aborted, and then the database to close.
const ABORT_TIME: Duration = Duration::from_secs(2);

/// Bound sockets. Tests bind port 0 and read the address before they hand them over.
#[derive(Debug)]
pub struct Listeners {
    /// The API and the WebSocket.
    pub http: TcpListener,
    /// `GET /metrics`, when there is one.
    pub metrics: Option<TcpListener>,
}

impl Listeners {
    /// Binds the addresses in the settings.
    pub async fn bind(config: &Config) -> Result<Self, RunError> {
        Ok(Self {
            http: bind("http.listen", &config.http.listen).await?,
            metrics: Self::bind_metrics(config).await?,
        })
    }

    /// Binds only the address for the metrics.
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

/// Connects to the database the settings name and brings its schema up to date.
pub async fn open_store(config: &Config, clock: Clock) -> Result<Store, RunError> {
    if config.database.url.expose().is_empty() {
        let dir = &config.data_dir;
        crate::config::make_private_dir(dir).map_err(|source| RunError::Io {
            what: format!("data_dir: cannot make {}", dir.display()),
            source,
        })?;
    }
    Ok(Store::open(
        config.database_url().expose(),
        config.database.max_connections,
        clock,
    )
    .await?)
}

/// The end of a process whose tasks are closing: `farewell` and the tasks within `grace`, then what
/// it `shares` with others: first the other nodes are told, then the database is closed.
pub(crate) async fn wind_down(
    tasks: &Tasks,
    farewell: impl Future<Output = ()>,
    grace: Duration,
    shares: Option<(&Realtime, &Store)>,
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
    if let Some((realtime, store)) = shares {
        // Nobody sends to other nodes any more.
        let goodbye = async {
            realtime.close(in_order).await;
            tasks.last_ended().await;
        };
        if tokio::time::timeout(ABORT_TIME, goodbye).await.is_err() {
            tracing::warn!("the other nodes were not told goodbye in time; they will notice");
        }
        // A statement to a silent database would be waited for without end.
        if tokio::time::timeout(ABORT_TIME, store.close())
            .await
            .is_err()
        {
            tracing::warn!("the database did not close in time");
        }
    }
    match tasks.failure() {
        Some(why) => Err(RunError::Failed(why.to_owned())),
        None => Ok(()),
    }
}
