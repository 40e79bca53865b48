//! Pushes to devices that are away, as configured.

use std::sync::Arc;

use tebdil_protocol::time::Clock;
use tebdil_workers::fcm::{Credentials, Fcm};

use crate::{config, error::RunError};

/// The client that pushes; `None` if pushing is off.
///
/// # Errors
/// [`RunError::Push`], when the credentials cannot be used.
pub fn client(settings: &config::Push, clock: &Clock) -> Result<Option<Arc<Fcm>>, RunError> {
    if settings.fcm_credentials.as_os_str().is_empty() {
        return Ok(None);
    }
    let refused = |error: &dyn std::fmt::Display| {
        RunError::Push(format!("{}: {error}", settings.fcm_credentials.display()))
    };
    let credentials =
        Credentials::load(&settings.fcm_credentials).map_err(|error| refused(&error))?;
    let fcm = Fcm::new(
        &settings.fcm_url,
        credentials,
        settings.timeout,
        clock.clone(),
    );
    Ok(Some(Arc::new(fcm.map_err(|error| refused(&error))?)))
}
