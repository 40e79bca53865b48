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

use crate::{
    config::TrustedProxies,
    lifecycle::Tasks,
    limits::{ConnectionPermit, Connections},
};

/// How long the header of a request may take, including the first one: whatever is slower is idle
/// or hostile.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after the system refused to accept, for example because it ran out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection's place within the bound. Whatever takes over the connection, such as the
/// WebSocket, takes this along.
#[derive(Debug, Clone)]
pub struct ConnectionSlot {
    _permit: Arc<OwnedSemaphorePermit>,
    /// Its place among those of its address; none for a proxy.
    of_address: Option<Arc<ConnectionPermit>>,
}

/// Who may connect.
pub(super) struct ConnectionLimits {
    /// Connections at once.
    pub(super) most: usize,
    pub(super) connections: Connections,
    /// Proxies, whose connections carry many clients.
    pub(super) trusted: TrustedProxies,
}

/// Serves `router` on `listener` until the tasks close. Requests under way are finished.
pub(super) fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    tasks: Tasks,
) -> impl Future<Output = ()> + Send {
    let places = Arc::new(Semaphore::new(limits.most.min(Semaphore::MAX_PERMITS)));
    async move {
        loop {
            let next = async {
                let permit = Arc::clone(&places)
                    .acquire_owned()
                    .await
                    .expect("nobody closes it");
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                next = next => next,
                () = tasks.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let is_proxy = limits.trusted.contains(peer.ip());
                    let of_address = if is_proxy {
                        None
                    } else {
                        limits.connections.enter(peer.ip().into())
                    };
                    if of_address.is_none() && !is_proxy {
                        // Reset, since an orderly close would cost this side some waiting.
                        let _ = stream.set_zero_linger();
                        metrics::counter!("tebdil_connections_refused_total", "at" => "accept")
                            .increment(1);
                        continue;
                    }
                    // Frames are small, and a client waits for each.
                    let _ = stream.set_nodelay(true);
                    let (router, until) = (router.clone(), tasks.clone());
                    let place = ConnectionSlot {
                        of_address: of_address.map(Arc::new),
                        _permit: Arc::new(permit),
                    };
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

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    tasks: Tasks,
    place: ConnectionSlot,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        // The whole header has arrived.
        if let Some(permit) = &place.of_address {
            permit.finish();
        }
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(place.clone());
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024);
    let mut connection = pin!(
        http.serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    // Errors here are the peer's: it hung up, or did not speak HTTP.
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
