//! Pushes to devices that are away, as configured.

use std::sync::Arc;

use tebdil_protocol::time::Clock;
use tebdil_workers::{
    fcm::{Credentials, Fcm},
    web_push::{PushServices, VapidKey, WebPush},
};

use crate::{config, error::RunError};

/// The client that pushes to apps; `None` if that is off.
///
/// # Errors
/// [`RunError::Push`], when the credentials cannot be used.
pub fn fcm(settings: &config::Push, clock: &Clock) -> Result<Option<Arc<Fcm>>, RunError> {
    if settings.fcm_credentials.as_os_str().is_empty() {
        return Ok(None);
    }
    let refused = |error: &dyn std::fmt::Display| {
        let file = settings.fcm_credentials.display();
        RunError::Push(format!("fcm_credentials: {file}: {error}"))
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

/// The client that pushes to browsers; `None` if that is off, or there is no key for it.
///
/// # Errors
/// [`RunError::Push`], when there can be no client.
pub fn web(
    settings: &config::Push,
    key: Option<VapidKey>,
    clock: &Clock,
) -> Result<Option<Arc<WebPush>>, RunError> {
    // The check of the settings refused other ones.
    let services =
        PushServices::new(&settings.web_services, &settings.web_extra_origin).unwrap_or_default();
    let Some(key) = key.filter(|_| !services.is_empty()) else {
        return Ok(None);
    };
    let contact = Some(settings.web_contact.clone()).filter(|contact| !contact.is_empty());
    let web_push = WebPush::new(services, key, contact, settings.timeout, clock.clone());
    let web_push = web_push.map_err(|error| RunError::Push(format!("web_services: {error}")))?;
    Ok(Some(Arc::new(web_push)))
}
