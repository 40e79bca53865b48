//! A wire that keeps what the server sends.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Stands between one client and the server. Frames of a server are not masked, so their text lies
/// open in the bytes.
pub struct Tap {
    pub url: String,
    heard: Arc<Mutex<Vec<u8>>>,
    _tasks: JoinSet<()>,
}

impl Tap {
    pub async fn start(server: &str) -> Self {
        let server: SocketAddr = server
            .strip_prefix("http://")
            .expect("plain HTTP")
            .parse()
            .expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let (mut tasks, keep) = (JoinSet::new(), Arc::clone(&heard));
        tasks.spawn(async move {
            let mut wires = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server)
                    .await
                    .expect("the server listens");
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                wires.spawn(pass(from_client, to_server, None));
                wires.spawn(pass(from_server, to_client, Some(Arc::clone(&keep))));
            }
        });
        Self {
            url,
            heard,
            _tasks: tasks,
        }
    }

    /// What the server has sent from byte `from` on, in every answer and frame.
    pub fn heard(&self, from: usize) -> String {
        String::from_utf8_lossy(&self.heard.lock().expect("nobody panics with it")[from..])
            .into_owned()
    }

    /// How many bytes the server has sent.
    pub fn len(&self) -> usize {
        self.heard.lock().expect("nobody panics with it").len()
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    keep: Option<Arc<Mutex<Vec<u8>>>>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let Some(keep) = &keep {
            keep.lock()
                .expect("nobody panics with it")
                .extend_from_slice(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown().await;
}
