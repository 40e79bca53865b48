//! The WebSocket side of the contract.
//!
//! A frame's way: [`connection`] reads it → [`dispatch`] hands it to the service of its family → the service answers through the connection's queue. To add a frame: its
//! struct and variant in `tebdil_core::protocol`, its arm in `dispatch`, its line in `docs/protocol.md`.

mod connection;
mod dispatch;
mod limits;
mod welcome;

use std::sync::Arc;

use axum::{
    extract::{
        Extension, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse as _, Response},
};
use tebdil_core::protocol::{ErrorCode, SUBPROTOCOL};
pub use welcome::catch_up;

use crate::{
    app::App,
    http::{Place, problem::Failure},
};

/// Frames above this are not even read; between [`tebdil_core::protocol::MAX_FRAME_BYTES`] and this they are read and refused, so that
/// the close frame is not lost in a reset.
const READ_LIMIT: usize = 128 * 1024;

/// Most bytes that may wait below the queue, in the socket's own buffer.
const WRITE_BUFFER: usize = 256 * 1024;

/// `GET /v1/ws`
pub async fn upgrade(
    State(app): State<Arc<App>>,
    place: Option<Extension<Place>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade.protocols([SUBPROTOCOL]),
        Err(_) => return Failure::new(ErrorCode::BadRequest, "this is a WebSocket endpoint").into_response(),
    };
    if upgrade.selected_protocol().is_none() {
        return Failure::new(ErrorCode::BadRequest, format!("the subprotocol must be {SUBPROTOCOL}")).into_response();
    }
    if app.tasks.is_draining() {
        return Failure::new(ErrorCode::Draining, ErrorCode::Draining.title()).into_response();
    }
    // The library's own buffers would cost 135 KiB a connection.
    upgrade
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(READ_LIMIT)
        .max_frame_size(READ_LIMIT)
        .on_upgrade(|socket| {
            let tasks = app.tasks.clone();
            tasks.track_future(async move {
                connection::run(socket, app).await;
                drop(place);
            })
        })
}
