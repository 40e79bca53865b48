//! The variant of several nodes: state and channels in one Redis (not a Redis Cluster: scripts
//! reach keys that they find on the way).
//!
//! Every key and channel begins with the prefix. Nothing has to survive: when a key is missing, the
//! nodes find out within a second and fill it again.
//!
//! | Key | Kind | What | Ends | Bytes |
//! |---|---|---|---|---|
//! | `nodes` | hash | node → `epoch:time`, rewritten by every beat; `dead` while its devices are taken out | the node ends or is found dead | 100 a node |
//! | `u:{user}` | hash | session → `node\|connection\|stamp` for each device; `said` when peers were told that the user is online | last device gone and announced; 25 h after the last device | 200 a user |
//! | `n:{node}` | set | users with a device at the node | last device gone | 35 a user |
//! | `lease:{name}` | string | `node:fence` | its time | 100 |
//! | `fence:{name}` | string | the last fence | never | 100 |
//! | `limit:{name}:{key}` | string | when the key is as good as new, microseconds | then | 120 |
//! | `tries:{name}:{key}` | hash | failures, and when the next try is let through, microseconds | all are forgotten; a success | 200 |
//!
//! Channel `node:{node}`: everything for one node; the first byte says what ([`subscriber::kind`]).
//!
//! * **No time limit on devices.** A connection may live longer than any limit, and every device is
//!   listed in `n:{node}` of a node in `nodes`: whoever outlives that node takes its devices out.
//!   Only the last word on a user who is offline has one, longer than a match lives.
//! * **Epochs.** A command that was given up may still be waiting at Redis. After every failure the
//!   node begins a new epoch, and joins, leaves and batches of an older one are refused: what was
//!   reported as lost does not happen later. The same check refuses batches while Redis has
//!   forgotten everybody.
//! * **Time.** Redis' clock makes stamps and fences, which only have to grow, and ends leases.
//!   Whether a node is dead its peers judge by their own clocks ([`peers::Peers`]).

mod beat;
mod connection;
mod devices;
mod limits;
mod online;
mod outbox;
mod peers;
mod publisher;
mod scripts;
mod subscriber;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use redis::Value;
use tokio::{
    sync::{Notify, RwLock, RwLockReadGuard, mpsc},
    task::JoinSet,
    time::{Instant, timeout},
};

use self::{
    connection::Connection,
    outbox::{Outbox, Target},
    peers::Peers,
    subscriber::Subscription,
};
use super::{BusEvent, Holder, NodeId, RealtimeError, RealtimeSettings};
use tebdil_protocol::id::UserId;

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_millis(800);

/// How long readiness waits for an answer.
const PING_TIMEOUT: Duration = Duration::from_millis(500);

/// A subscription that did not bring this node's own echo for so long is dead.
const SILENCE: Duration = Duration::from_secs(3);

/// How long it is remembered that peers believe a user online who is not: longer than a match
/// lives.
const SAID_KEPT: Duration = Duration::from_hours(25);

/// Users whose devices one call takes out: some milliseconds.
const REAP_BATCH: usize = 500;

/// How long the end waits for what is queued, and then for the devices to be taken out.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// The realtime state of one of several nodes.
pub(crate) struct Redis {
    shared: Arc<Shared>,
    /// They end when this is dropped.
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("node", &self.shared.node)
            .finish_non_exhaustive()
    }
}

/// What the tasks share.
struct Shared {
    node: NodeId,
    prefix: String,
    client: redis::Client,
    commands: Connection,
    /// Held for reading by commands that are refused under another epoch.
    epoch: RwLock<u64>,
    outbox: Mutex<Outbox>,
    /// Something is in the outbox.
    queued: Notify,
    /// Nothing is in the outbox.
    idle: Notify,
    /// Something failed; wakes the beat.
    failed: Notify,
    /// The last beat was answered and no batch failed since.
    up: AtomicBool,
    /// A presence command may not have been done.
    doubted: AtomicBool,
    /// There is no subscription.
    deaf: AtomicBool,
    heard_at: Mutex<Instant>,
    peers: Mutex<Peers>,
    /// `None` once closed, or when a task has failed.
    events: Mutex<Option<mpsc::UnboundedSender<BusEvent>>>,
}

impl Shared {
    fn nodes_key(&self) -> String {
        format!("{}nodes", self.prefix)
    }

    fn user_key(&self, user: UserId) -> String {
        format!("{}u:{user}", self.prefix)
    }

    fn node_key(&self, node: NodeId) -> String {
        format!("{}n:{node}", self.prefix)
    }

    fn channel(&self, node: NodeId) -> String {
        format!("{}node:{node}", self.prefix)
    }

    /// The epoch, which stays while the guard is held.
    async fn epoch(&self) -> Result<RwLockReadGuard<'_, u64>, RealtimeError> {
        timeout(TIMEOUT, self.epoch.read())
            .await
            .map_err(|_| RealtimeError::Unavailable)
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock()
    }

    fn peers(&self) -> MutexGuard<'_, Peers> {
        self.peers.lock()
    }

    fn tell(&self, event: BusEvent) {
        if let Some(events) = &*self.events.lock() {
            // Whoever listened is gone at the end of the process only.
            let _ = events.send(event);
        }
    }

    fn heard(&self) {
        *self.heard_at.lock() = Instant::now();
    }

    fn heard_at(&self) -> Instant {
        *self.heard_at.lock()
    }

    fn deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
        self.show();
    }

    fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    fn is_presence_doubted(&self) -> bool {
        self.doubted.load(Ordering::Acquire)
    }

    fn is_well(&self) -> bool {
        self.is_up() && !self.is_presence_doubted()
    }

    /// Redis failed: from now on nothing is sent, until a beat is answered.
    fn went_down(&self, error: &RealtimeError) {
        self.outbox().went_down();
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(%error, "Redis failed; messages to other nodes wait");
            self.show();
        }
        self.failed.notify_one();
    }

    /// A beat was answered.
    fn came_up(&self) {
        if self.up.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::info!("Redis answers");
        self.show();
        let lost = self.outbox().recovered();
        if let Some(lost) = lost {
            self.tell(BusEvent::Undelivered(lost));
        }
        self.queued.notify_one();
    }

    /// What presence knows of this node's devices may be wrong: they are registered anew.
    fn doubt_presence(&self) {
        self.doubted.store(true, Ordering::Release);
        self.failed.notify_one();
    }

    fn believe_presence(&self) {
        self.doubted.store(false, Ordering::Release);
    }

    fn show(&self) {
        let up = self.is_up() && !self.deaf.load(Ordering::Relaxed);
        metrics::gauge!("tebdil_bus_up").set(f64::from(u8::from(up)));
    }
}

/// Closes the events when a task ends, so that whoever takes them learns of a failure.
struct EndOfTask(Arc<Shared>);

impl Drop for EndOfTask {
    fn drop(&mut self) {
        self.0.events.lock().take();
    }
}

impl Redis {
    /// Connects, subscribes, registers, and starts the tasks.
    pub async fn connect(
        settings: &RealtimeSettings,
        node: NodeId,
    ) -> Result<(Self, mpsc::UnboundedReceiver<BusEvent>), RealtimeError> {
        let client = connection::client(&settings.redis_url)?;
        let (events, received) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            node,
            prefix: settings.prefix.clone(),
            commands: Connection::new(client.clone()),
            client,
            epoch: RwLock::new(0),
            outbox: Mutex::default(),
            queued: Notify::new(),
            idle: Notify::new(),
            failed: Notify::new(),
            up: AtomicBool::new(true),
            doubted: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            heard_at: Mutex::new(Instant::now()),
            peers: Mutex::new(Peers::new()),
            events: Mutex::new(Some(events)),
        });
        // First the subscription: once the node is registered, others send to it.
        let subscription = Subscription::open(&shared).await?;
        beat::beat(&shared, true).await?;
        shared.show();
        let mut tasks = JoinSet::new();
        tasks.spawn(supervised(
            Arc::clone(&shared),
            publisher::run(Arc::clone(&shared)),
        ));
        tasks.spawn(supervised(
            Arc::clone(&shared),
            subscriber::run(Arc::clone(&shared), subscription),
        ));
        tasks.spawn(supervised(
            Arc::clone(&shared),
            beat::run(Arc::clone(&shared)),
        ));
        Ok((
            Self {
                shared,
                tasks: Mutex::new(tasks),
            },
            received,
        ))
    }

    pub fn to_user(&self, user: UserId, message: impl FnOnce() -> Bytes) {
        self.queue(Target::User(user), &message());
    }

    pub fn to_node(&self, node: NodeId, message: Bytes) {
        if node == self.shared.node {
            self.shared.tell(BusEvent::Message(message));
        } else {
            self.queue(Target::Node(node), &message);
        }
    }

    pub fn to_others(&self, message: impl FnOnce() -> Bytes) {
        self.queue(Target::Others, &message());
    }

    fn queue(&self, target: Target, message: &Bytes) {
        let mut marked = Vec::with_capacity(message.len() + 1);
        marked.push(subscriber::kind::MESSAGE);
        marked.extend_from_slice(message);
        let queued = self.shared.outbox().push(target, marked.into());
        if queued {
            self.shared.queued.notify_one();
        }
    }

    /// While Redis is known to be away nobody waits for it.
    fn ready(&self) -> Result<(), RealtimeError> {
        if self.shared.is_up() {
            Ok(())
        } else {
            Err(RealtimeError::Unavailable)
        }
    }

    /// Hands on the outcome of a presence command. One that failed may have been done or not, or be
    /// done later.
    fn sure<T>(&self, outcome: Result<T, RealtimeError>) -> Result<T, RealtimeError> {
        if outcome.is_err() {
            self.shared.doubt_presence();
        }
        outcome
    }

    pub async fn hold(
        &self,
        name: &str,
        ttl: Duration,
        candidate: bool,
    ) -> Result<Option<Holder>, RealtimeError> {
        let mut call = scripts::HOLD.key(format!("{}lease:{name}", self.shared.prefix));
        call.key(format!("{}fence:{name}", self.shared.prefix))
            .arg(self.shared.node.to_string());
        call.arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1))
            .arg(if candidate { "1" } else { "0" });
        let answer: Vec<String> = self.shared.commands.invoke(TIMEOUT, &call).await?;
        let [node, fence] = answer.as_slice() else {
            return Ok(None);
        };
        Ok(node
            .parse()
            .ok()
            .zip(fence.parse().ok())
            .map(|(node, fence)| Holder { node, fence }))
    }

    pub async fn release(&self, name: &str) -> Result<(), RealtimeError> {
        let mut call = scripts::RELEASE.key(format!("{}lease:{name}", self.shared.prefix));
        call.arg(self.shared.node.to_string());
        self.shared.commands.invoke(TIMEOUT, &call).await
    }

    pub async fn ping(&self) -> Result<(), RealtimeError> {
        self.shared.commands.ping(PING_TIMEOUT).await?;
        let deaf =
            self.shared.deaf.load(Ordering::Relaxed) || self.shared.heard_at().elapsed() >= SILENCE;
        if deaf || !self.shared.is_up() {
            Err(RealtimeError::Unavailable)
        } else {
            Ok(())
        }
    }

    pub async fn close(&self, in_order: bool) {
        let shared = &self.shared;
        shared.outbox().close();
        let _ = timeout(CLOSE_TIMEOUT, async {
            loop {
                let idle = shared.idle.notified();
                if shared.outbox().is_idle() {
                    break;
                }
                idle.await;
            }
        })
        .await;
        let sent_all = in_order && shared.outbox().sent_all();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        tasks.shutdown().await;
        shared.events.lock().take();
        // What fails here the others do when they find the node dead.
        let _ = timeout(CLOSE_TIMEOUT, async {
            self.reset().await?;
            let kind = if sent_all {
                subscriber::kind::LEFT
            } else {
                subscriber::kind::GONE
            };
            let mut call = scripts::BYE.key(shared.nodes_key());
            call.key(shared.node_key(shared.node))
                .arg(&shared.prefix)
                .arg(shared.node.to_string())
                .arg(&[kind][..]);
            shared.commands.invoke::<Value>(TIMEOUT, &call).await
        })
        .await;
    }
}

async fn supervised(shared: Arc<Shared>, task: impl Future<Output = ()>) {
    let _end = EndOfTask(shared);
    task.await;
}
