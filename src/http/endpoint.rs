//! One type for all handlers.

use std::sync::Arc;

use axum::{extract::Request, handler::Handler, response::Response};
use futures_util::future::BoxFuture;

use super::Api;

/// A type-erased handler, so that axum's code is compiled once for all routes of the table.
/// Otherwise that took a quarter of this crate's build time.
#[derive(Clone)]
pub(super) struct Endpoint(
    Arc<dyn Fn(Request, Arc<Api>) -> BoxFuture<'static, Response> + Send + Sync>,
);

impl Endpoint {
    pub(super) fn new<H, T>(handler: H) -> Self
    where
        H: Handler<T, Arc<Api>, Future = BoxFuture<'static, Response>>,
    {
        Self(Arc::new(move |request, api| {
            handler.clone().call(request, api)
        }))
    }
}

impl Handler<(), Arc<Api>> for Endpoint {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, api: Arc<Api>) -> Self::Future {
        (self.0)(request, api)
    }
}
