//! The WebSocket side of the contract.
//!
//! A frame's way: [`connection`] reads it → [`dispatch`] hands it to the service of its family →
//! the service answers through the connection's queue. To add a frame: its struct and variant in
//! `tebdil_protocol`, its arm in `dispatch`, its line in `docs/protocol.md`.

mod activity;
pub mod catch_up;
mod connection;
mod dispatch;
mod handshake;
mod limits;
pub mod revocations;
mod sockets;
mod welcome;

use std::{net::SocketAddr, sync::Arc, time::Duration};

pub use activity::Activity;
use axum::{
    extract::{Extension, Request, State, connect_info::ConnectInfo},
    response::{IntoResponse as _, Response},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
pub use sockets::Sockets;
use tebdil_protocol::ErrorCode;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};

use crate::{
    address::ClientAddress,
    http::{ConnectionSlot, client, problem::Failure},
};

/// Frames above this are not even read; between [`tebdil_protocol::MAX_FRAME_BYTES`] and this
/// they are read and refused.
const READ_LIMIT: usize = 128 * 1024;

/// Most bytes that may wait below the queue, in the socket's own buffer.
const WRITE_BUFFER: usize = 256 * 1024;

/// When an address with too many sockets may try again.
const CROWDED: Duration = Duration::from_secs(5);

/// A socket directly on the TCP connection, since how that ends is part of the contract.
type Socket = WebSocketStream<TcpStream>;

/// `GET /v1/ws`
async fn upgrade(
    State(sockets): State<Arc<Sockets>>,
    place: Option<Extension<ConnectionSlot>>,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let from = client(&parts, &sockets.config.http.trusted_proxies);
    let switching = match handshake::answer(&parts, &sockets.config.http.allowed_origins) {
        Ok(switching) => switching,
        Err(refused) => return refused,
    };
    if sockets.tasks.is_draining() {
        return Failure::new(ErrorCode::Draining, ErrorCode::Draining.title()).into_response();
    }
    let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() else {
        return Failure::new(
            ErrorCode::BadRequest,
            "this connection cannot become a WebSocket",
        )
        .into_response();
    };
    // A proxy that names no client stands for many.
    let peer = parts
        .extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip());
    let counted = peer.is_none_or(|peer| {
        ClientAddress::from(peer) != from || !sockets.config.http.trusted_proxies.contains(peer)
    });
    let permit = if counted {
        sockets.connections.enter(from)
    } else {
        None
    };
    if counted && permit.is_none() {
        metrics::counter!("tebdil_connections_refused_total", "at" => "upgrade").increment(1);
        return Failure::retry_after(ErrorCode::RateLimited, CROWDED).into_response();
    }
    let tasks = sockets.tasks.clone();
    tasks.spawn(async move {
        if let Some(socket) = open(upgrade).await {
            connection::run(socket, sockets, permit).await;
        }
        drop(place);
    });
    switching
}

/// The socket, when the answer was sent; `None` when the client hung up before.
async fn open(upgrade: OnUpgrade) -> Option<Socket> {
    // The listener accepts only TCP.
    let parts = upgrade.await.ok()?.downcast::<TokioIo<TcpStream>>().ok()?;
    // The library's own buffers would cost 135 KiB per connection. The read buffer is kept while
    // the connection is idle; a longer frame gets as much as it needs.
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(READ_LIMIT))
        .max_frame_size(Some(READ_LIMIT));
    Some(
        WebSocketStream::from_partially_read(
            parts.io.into_inner(),
            parts.read_buf.to_vec(),
            Role::Server,
            Some(config),
        )
        .await,
    )
}
