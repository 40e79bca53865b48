//! The HTTP client for services outside.

use std::time::Duration;

use reqwest::{Client, redirect::Policy};

/// A client for `url` whose requests take at most `timeout`.
///
/// It follows no redirect: that would take a token, a phone or a code to where nobody has said. So
/// would `HTTP_PROXY`, which may have been set for something else: without TLS, the proxy reads all
/// of it, and is not asked.
///
/// # Errors
/// When the system's certificates cannot be read.
pub fn http_client(url: &str, timeout: Duration) -> Result<Client, reqwest::Error> {
    // reqwest brings no provider of its own. An earlier choice stays.
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
