//! Reads what is left of a request's body once its answer is known.
//!
//! A request that is refused early leaves its body unread. Closing a connection on unread data
//! resets it, and the client may lose the answer; keeping it open requires reading that data. So a
//! bounded rest is read and dropped. A client that sends more may see the closed connection before
//! the answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;

/// Most bytes that are read and dropped.
const MAX_REST: usize = 1024 * 1024;

/// How long the rest may take.
const PATIENCE: Duration = Duration::from_secs(2);

type Slot = Arc<Mutex<Option<Body>>>;

/// A body that goes back to its slot when it is dropped before its end.
struct Kept {
    body: Option<Body>,
    slot: Slot,
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| http_body::SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        *self.slot.lock() = rest;
    }
}

/// The middleware.
pub(super) async fn drop_rest(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let waits = request.headers().contains_key(header::EXPECT);
    let slot = Slot::default();
    let kept = Arc::clone(&slot);
    let mut response = next
        .run(request.map(|body| {
            Body::new(Kept {
                body: Some(body),
                slot: kept,
            })
        }))
        .await;

    let rest = slot.lock().take();
    if let Some(rest) = rest {
        // A client that waits for `100 Continue` learns from the answer not to send the body.
        let gone = !waits
            && tokio::time::timeout(PATIENCE, read_away(rest))
                .await
                .unwrap_or(false);
        if !gone {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// Reads to the end; false if that is too far.
async fn read_away(mut rest: Body) -> bool {
    let mut read = 0;
    while let Some(frame) = rest.frame().await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MAX_REST {
            return false;
        }
    }
    true
}
