//! The peer to compare with: the same WebSocket library and buffers, and nothing else. Two sockets
//! of one room get each other's frames.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    extract::{
        Path, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::get,
    serve::ListenerExt as _,
};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::Result;

type Rooms = Arc<Mutex<HashMap<u32, Vec<mpsc::UnboundedSender<Message>>>>>;

/// Listens on a free port, prints the address, and serves until killed.
pub async fn serve() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let app = Router::new()
        .route("/{room}", get(upgrade))
        .with_state(Rooms::default());
    // Small frames leave at once, as everywhere here.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, app).await?)
}

async fn upgrade(
    State(rooms): State<Rooms>,
    Path(room): Path<u32>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .on_upgrade(move |socket| relay(socket, rooms, room))
}

async fn relay(socket: WebSocket, rooms: Rooms, room: u32) {
    let (mut sink, mut stream) = socket.split();
    let (mine, mut queue) = mpsc::unbounded_channel();
    let members = |room: u32| rooms.lock().entry(room).or_default().clone();
    rooms.lock().entry(room).or_default().push(mine.clone());
    let read = async {
        while let Some(Ok(message)) = stream.next().await {
            for other in members(room)
                .iter()
                .filter(|other| !other.same_channel(&mine))
            {
                let _ = other.send(message.clone());
            }
        }
    };
    let write = async {
        while let Some(message) = queue.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
