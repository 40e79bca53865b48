//! HTTP as the tests speak it.

use reqwest::{Client, ClientBuilder};

/// A client with a provider of TLS: reqwest brings none of its own.
pub fn builder() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

pub fn client() -> Client {
    builder().build().expect("a client")
}
