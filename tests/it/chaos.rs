//! A line between two programs that breaks on demand.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{oneshot, watch},
    task::JoinSet,
};

use crate::services::free_port;

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// What the line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Forwards.
    Pass,
    /// Resets open connections, and nobody listens: new ones are refused.
    Refuse,
    /// Forwards; each piece of data waits this long, one after the other.
    Delay(Duration),
    /// Takes connections and data and gives nothing to anybody. What was lost stays lost: when the
    /// mode ends, connections that lost something or were made meanwhile are reset.
    Blackhole,
    /// What this side sends is stuck until the mode ends; what the other sends passes.
    HalfOpen(Side),
}

/// What has gone through.
#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    from_client: AtomicU64,
    from_server: AtomicU64,
}

impl Counts {
    fn bytes(&self, side: Side) -> &AtomicU64 {
        match side {
            Side::Client => &self.from_client,
            Side::Server => &self.from_server,
        }
    }
}

/// A TCP proxy on a port of its own. Dropping it resets what goes through it.
///
/// It has a thread of its own: a test that computes must not slow the line down.
#[derive(Debug)]
pub struct ChaosProxy {
    port: u16,
    mode: watch::Sender<Mode>,
    /// The mode that the listener is in.
    reached: watch::Receiver<Mode>,
    counts: Arc<Counts>,
}

impl ChaosProxy {
    /// Forwards to `127.0.0.1:target`, whether or not somebody is there yet.
    pub async fn start(target: u16) -> Self {
        let port = free_port();
        let (mode, wanted) = watch::channel(Mode::Pass);
        let (reach, reached) = watch::channel(Mode::Pass);
        let counts = Arc::new(Counts::default());
        let line = Line {
            port,
            target,
            mode: wanted,
            counts: Arc::clone(&counts),
        };
        let (listens, listening) = oneshot::channel();
        // It ends when `mode` is dropped.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = listen(port).await;
                let _ = listens.send(());
                line.run(listener, reach).await;
            });
        });
        listening.await.expect("the proxy listens");
        Self {
            port,
            mode,
            reached,
            counts,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what the line does, also for open connections. When this returns, new connections
    /// meet the new mode.
    pub async fn set(&mut self, mode: Mode) {
        self.mode.send_replace(mode);
        self.reached
            .wait_for(|reached| *reached == mode)
            .await
            .expect("the proxy runs");
    }

    /// Connections it has taken.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Bytes of this side that it has passed on.
    pub fn passed(&self, side: Side) -> u64 {
        self.counts.bytes(side).load(Ordering::Relaxed)
    }
}

async fn listen(port: u16) -> TcpListener {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free")
}

/// One end of a connection. A connection that did not finish is reset, as by a line that broke.
struct End {
    stream: TcpStream,
    finished: bool,
}

impl End {
    fn of(stream: TcpStream) -> Self {
        // It carries small pieces; on a socket that is gone already it does not matter.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            finished: false,
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.finished {
            let _ = self.stream.set_zero_linger();
        }
    }
}

/// What the tasks of a proxy know.
#[derive(Clone)]
struct Line {
    port: u16,
    target: u16,
    mode: watch::Receiver<Mode>,
    counts: Arc<Counts>,
}

impl Line {
    async fn run(mut self, listener: TcpListener, reached: watch::Sender<Mode>) {
        let mut listener = Some(listener);
        let mut connections = JoinSet::new();
        loop {
            let mode = *self.mode.borrow_and_update();
            if mode == Mode::Refuse {
                listener = None;
                connections.shutdown().await;
            } else if listener.is_none() {
                listener = Some(listen(self.port).await);
            }
            reached.send_replace(mode);
            let accept = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.mode.changed() => if changed.is_err() { return },
                accepted = accept => if let Ok((client, _)) = accepted {
                    self.counts.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(self.clone().connection(client));
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Carries one connection to its end.
    async fn connection(mut self, client: TcpStream) {
        let mut client = End::of(client);
        if *self.mode.borrow_and_update() == Mode::Blackhole {
            // The kernel takes what the client sends.
            let _ = self.mode.changed().await;
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.target)).await else {
            return;
        };
        let mut server = End::of(server);
        let ((from_client, to_client), (from_server, to_server)) =
            (client.stream.split(), server.stream.split());
        let carried = tokio::try_join!(
            self.clone().pump(Side::Client, from_client, to_server),
            self.clone().pump(Side::Server, from_server, to_client),
        );
        (client.finished, server.finished) = (carried.is_ok(), carried.is_ok());
    }

    /// Carries what one side sends, up to and including its end. An error means that the connection
    /// is to be reset.
    async fn pump(
        mut self,
        side: Side,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            self.let_pass(side).await?;
            if length == 0 {
                return to.shutdown().await;
            }
            // Counted first: whoever has received it has been counted.
            self.counts
                .bytes(side)
                .fetch_add(length as u64, Ordering::Relaxed);
            to.write_all(&buffer[..length]).await?;
        }
    }

    /// Waits until a piece of data may go on; an error when it is lost.
    async fn let_pass(&mut self, side: Side) -> io::Result<()> {
        loop {
            let mode = *self.mode.borrow_and_update();
            let gone = |_| io::Error::from(io::ErrorKind::ConnectionReset);
            match mode {
                Mode::Pass => return Ok(()),
                Mode::Delay(delay) => {
                    tokio::time::sleep(delay).await;
                    return Ok(());
                }
                Mode::HalfOpen(stuck) if stuck != side => return Ok(()),
                Mode::HalfOpen(_) => self.mode.changed().await.map_err(gone)?,
                Mode::Blackhole | Mode::Refuse => {
                    self.mode.changed().await.map_err(gone)?;
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
            }
        }
    }
}

/// A server that sends back what it gets, and its port.
async fn echo() -> (JoinSet<()>, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            connections.spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    (server, port)
}

async fn say(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).await.expect("sent");
}

/// What comes back within a short while: as much as `word` has, nothing, or a reset.
async fn hear(stream: &mut TcpStream, word: &[u8]) -> Option<io::Result<Vec<u8>>> {
    let mut heard = vec![0; word.len()];
    let read = tokio::time::timeout(Duration::from_millis(200), stream.read_exact(&mut heard))
        .await
        .ok()?;
    Some(read.map(|_| heard))
}

const WORD: &[u8] = b"merhaba";

/// What comes back of the word.
async fn said(stream: &mut TcpStream) -> Option<Result<Vec<u8>, io::ErrorKind>> {
    say(stream, WORD).await;
    hear(stream, WORD)
        .await
        .map(|heard| heard.map_err(|error| error.kind()))
}

async fn a_half_open_line_is_only_stuck(proxy: &mut ChaosProxy, client: &mut TcpStream) {
    for stuck in [Side::Client, Side::Server] {
        proxy.set(Mode::HalfOpen(stuck)).await;
        let before = proxy.passed(Side::Client);
        assert_eq!(said(client).await, None);
        assert_eq!(
            proxy.passed(Side::Client) > before,
            stuck == Side::Server,
            "the other direction passes"
        );
        proxy.set(Mode::Pass).await;
        assert_eq!(
            hear(client, WORD).await.map(|heard| heard.expect("read")),
            Some(WORD.to_vec()),
            "it was only stuck"
        );
    }
}

#[tokio::test]
async fn a_line_breaks_in_every_way_and_heals() {
    let (_server, target) = echo().await;
    let mut proxy = ChaosProxy::start(target).await;
    let open = async |proxy: &ChaosProxy| TcpStream::connect(("127.0.0.1", proxy.port())).await;
    let whole = Some(Ok(WORD.to_vec()));
    let reset = Some(Err(io::ErrorKind::ConnectionReset));

    let mut client = open(&proxy).await.expect("taken");
    assert_eq!(said(&mut client).await, whole);
    assert_eq!(
        (
            proxy.connections(),
            proxy.passed(Side::Client),
            proxy.passed(Side::Server)
        ),
        (1, 7, 7)
    );

    let delay = Duration::from_millis(30);
    proxy.set(Mode::Delay(delay)).await;
    let began = tokio::time::Instant::now();
    assert_eq!(said(&mut client).await, whole);
    assert!(began.elapsed() >= 2 * delay, "there and back");

    a_half_open_line_is_only_stuck(&mut proxy, &mut client).await;

    let mut idle = open(&proxy).await.expect("taken");
    assert_eq!(said(&mut idle).await, whole);
    proxy.set(Mode::Blackhole).await;
    let mut late = open(&proxy).await.expect("taken");
    for stream in [&mut client, &mut late] {
        assert_eq!(said(stream).await, None);
    }
    proxy.set(Mode::Pass).await;
    for stream in [&mut client, &mut late] {
        assert_eq!(
            hear(stream, WORD)
                .await
                .map(|heard| heard.map_err(|error| error.kind())),
            reset,
            "it lost something"
        );
    }
    assert_eq!(said(&mut idle).await, whole, "it lost nothing");

    proxy.set(Mode::Refuse).await;
    assert_eq!(
        hear(&mut idle, WORD)
            .await
            .map(|heard| heard.map_err(|error| error.kind())),
        reset
    );
    assert_eq!(
        open(&proxy).await.expect_err("refused").kind(),
        io::ErrorKind::ConnectionRefused
    );
    proxy.set(Mode::Pass).await;
    let mut client = open(&proxy).await.expect("taken again");
    assert_eq!(said(&mut client).await, whole);

    // An end in good order passes as one.
    client.shutdown().await.expect("no more to say");
    let mut last = Vec::new();
    assert_eq!(
        client
            .read_to_end(&mut last)
            .await
            .expect("the echo ends as well"),
        0
    );
}
