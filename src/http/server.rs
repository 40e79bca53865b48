//! Accepting connections.

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, extract::connect_info::ConnectInfo};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tower::ServiceExt as _;

use crate::lifecycle::Tasks;

/// How long the head of a request may take, also the first one: what is slower is idle or hostile.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after the system refused to accept, as when it is out of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection's place among the most there may be. Whoever takes the connection over, as the WebSocket does, takes this along.
#[derive(Debug, Clone)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Serves `router` on `listener`, to at most `most` connections at once, until the tasks close. Requests under way are finished.
pub(super) fn serve(listener: TcpListener, router: Router, most: usize, tasks: Tasks) -> impl Future<Output = ()> + Send {
    let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    async move {
        loop {
            let next = async {
                let permit = Arc::clone(&places).acquire_owned().await.expect("nobody closes it");
                (Place { _permit: Arc::new(permit) }, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                next = next => next,
                () = tasks.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // Frames are small and each is awaited.
                    let _ = stream.set_nodelay(true);
                    let (router, until) = (router.clone(), tasks.clone());
                    tasks.spawn(connection(stream, peer, router, until, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, tasks: Tasks, place: Place) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(place.clone());
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 * 1024);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    // What goes wrong here is the peer's: it hung up, or spoke something else.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = tasks.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection => {}
                () = tasks.hard.cancelled() => {}
            }
        }
    }
}
