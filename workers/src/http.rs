//! The HTTP client for external services.

use std::time::Duration;

use reqwest::{Client, redirect::Policy};

/// A client for `url` whose requests take at most `timeout`.
///
/// It follows no redirect, which could carry a token, a phone or a code anywhere. It ignores
/// `HTTP_PROXY`, which may have been set for something else: without TLS, that proxy would read
/// everything.
///
/// # Errors
/// When the system's certificates cannot be read.
pub fn http_client(url: &str, timeout: Duration) -> Result<Client, reqwest::Error> {
    // reqwest brings no TLS provider of its own. An earlier choice stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .timeout(timeout)
        .redirect(Policy::none())
        .user_agent("tebdil");
    if url.starts_with("http://") {
        client.no_proxy().build()
    } else {
        client.build()
    }
}
