//! One type for every handler.

use std::{fmt, sync::Arc};

use axum::{extract::Request, handler::Handler, response::Response};
use futures_util::future::BoxFuture;

use crate::app::App;

/// A handler whose type is gone: axum's layers are compiled for this one alone, and not anew for
/// each route, which took a quarter of the time that a build of this crate takes.
#[derive(Clone)]
pub(super) struct Endpoint(
    Arc<dyn Fn(Request, Arc<App>) -> BoxFuture<'static, Response> + Send + Sync>,
);

impl Endpoint {
    pub(super) fn new<H, T>(handler: H) -> Self
    where
        H: Handler<T, Arc<App>, Future = BoxFuture<'static, Response>>,
    {
        Self(Arc::new(move |request, app| {
            handler.clone().call(request, app)
        }))
    }
}

impl Handler<(), Arc<App>> for Endpoint {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, app: Arc<App>) -> Self::Future {
        (self.0)(request, app)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoint")
    }
}
