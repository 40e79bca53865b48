//! Why a process could not start, or could not go on.

use tebdil_core::{realtime::RealtimeError, store::StoreError};
use tebdil_workers::VerifierError;

use crate::{config::SecretsError, legal::LegalError};

/// The server could not start, or could not go on. No text here holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error(transparent)]
    Legal(#[from] LegalError),
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
    #[error("push.{0}")]
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
