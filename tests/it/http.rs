//! HTTP as the tests speak it.

use reqwest::{Client, ClientBuilder, IntoUrl, Response, Result};

/// A client with a provider of TLS: reqwest brings none of its own. It trusts nobody yet, which
/// spares each test the reading of the system's certificates.
pub fn builder() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().tls_certs_only([])
}

pub fn client() -> Client {
    builder().build().expect("a client")
}

pub async fn get(url: impl IntoUrl) -> Result<Response> {
    client().get(url).send().await
}
