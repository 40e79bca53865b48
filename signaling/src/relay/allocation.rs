//! What clients hold: one port each, and the channels bound on it.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use rand::RngExt as _;
use tokio::{
    net::UdpSocket,
    sync::{Notify, mpsc, oneshot},
};

use super::{sides::Side, wire::TransactionId};

/// How long a channel stays bound (RFC 8656 §12).
pub(super) const CHANNEL_LIFE: Duration = Duration::from_mins(10);

/// How long a permission lasts (RFC 8656 §9).
const PERMISSION_LIFE: Duration = Duration::from_mins(5);

/// How far apart our clock and the crate's timers can be.
const BRINK: Duration = Duration::from_secs(2);

/// Channels one allocation may bind over its life. The other side of a call has a few dozen
/// candidates at most.
const MOST_CHANNELS: usize = 64;

/// Datagrams that wait for an allocation. Only those without a channel wait here, so this covers
/// the first second of a call.
const QUEUE: usize = 64;

/// A datagram on its way from one allocation of this process to another, and where it comes from.
pub(super) type Handed = (Box<[u8]>, SocketAddr);

/// One allocation.
pub(super) struct Allocation {
    pub side: Arc<Side>,
    pub client: SocketAddr,
    /// What the other side sends to.
    pub address: SocketAddr,
    /// Bound to the port of `address`, for datagrams from other relays.
    pub socket: UdpSocket,
    /// The socket for its client's datagrams, in and out.
    pub listener: Arc<Listener>,
    /// To the reader of `socket`, from other allocations of this process.
    handed: mpsc::Sender<Handed>,
    channels: RwLock<Vec<Channel>>,
    /// The hosts for which it has permissions, and until when. No more than there are relays.
    permissions: RwLock<HashMap<IpAddr, Instant>>,
    /// What its client was told, in case that gets lost.
    answer: OnceLock<(TransactionId, Box<[u8]>)>,
    ended: AtomicBool,
    gone: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Channel {
    number: u16,
    peer: SocketAddr,
    until: Instant,
}

impl Allocation {
    /// A new one, and the datagrams handed to it.
    pub fn new(
        side: Arc<Side>,
        client: SocketAddr,
        address: SocketAddr,
        socket: UdpSocket,
        listener: Arc<Listener>,
    ) -> (Arc<Self>, mpsc::Receiver<Handed>) {
        let (handed, queue) = mpsc::channel(QUEUE);
        let allocation = Self {
            side,
            client,
            address,
            socket,
            listener,
            handed,
            channels: RwLock::default(),
            permissions: RwLock::default(),
            answer: OnceLock::new(),
            ended: AtomicBool::new(false),
            gone: Notify::new(),
        };
        (Arc::new(allocation), queue)
    }

    /// Whether it relays.
    pub fn is_live(&self) -> bool {
        !self.ended.load(Ordering::Acquire) && !self.side.is_cut()
    }

    /// Hands it a datagram. False if it cannot keep up.
    pub fn hand(&self, data: &[u8], from: SocketAddr) -> bool {
        self.handed.try_send((data.into(), from)).is_ok()
    }

    /// Notes what its client was told.
    pub fn answered(&self, transaction: TransactionId, answer: &[u8]) {
        let _ = self.answer.set((transaction, answer.into()));
    }

    /// What its client was told, if it repeats the request.
    pub fn answer_to(&self, transaction: TransactionId) -> Option<&[u8]> {
        self.answer
            .get()
            .filter(|(asked, _)| *asked == transaction)
            .map(|(_, answer)| &**answer)
    }

    /// Whether this channel may be bound, for the first time or again.
    pub fn may_bind(&self, number: u16) -> bool {
        let channels = self.channels.read();
        channels.len() < MOST_CHANNELS || channels.iter().any(|channel| channel.number == number)
    }

    /// Whether something that this would renew (the permission for a host, and a channel) is about
    /// to run out.
    ///
    /// The crate renews under a lock that the expiring timer also needs, and waits there for the
    /// timer. At that moment a request would make the two wait for each other, and with them
    /// everybody at that socket, for ever.
    pub fn is_on_the_brink(&self, peer: IpAddr, number: Option<u16>, now: Instant) -> bool {
        let about_now = |until: Instant| until < now + BRINK && now < until + BRINK;
        let permissions = self.permissions.read();
        let channels = self.channels.read();
        permissions
            .get(&peer)
            .is_some_and(|until| about_now(*until))
            || channels
                .iter()
                .any(|channel| Some(channel.number) == number && about_now(channel.until))
    }

    /// Notes a new or renewed permission for a host.
    pub fn permit(&self, peer: IpAddr, now: Instant) {
        self.permissions.write().insert(peer, now + PERMISSION_LIFE);
    }

    /// Notes that a channel was bound or renewed, which is also a permission.
    pub fn bind(&self, number: u16, peer: SocketAddr, now: Instant) {
        self.permit(peer.ip(), now);
        let bound = Channel {
            number,
            peer,
            until: now + CHANNEL_LIFE,
        };
        let mut channels = self.channels.write();
        match channels.iter_mut().find(|channel| channel.number == number) {
            Some(channel) => *channel = bound,
            None => channels.push(bound),
        }
    }

    /// Where a channel leads.
    pub fn peer_of(&self, number: u16) -> Option<SocketAddr> {
        self.channel(|channel| channel.number == number)
            .map(|channel| channel.peer)
    }

    /// The channel to that address.
    pub fn channel_to(&self, peer: SocketAddr) -> Option<u16> {
        self.channel(|channel| channel.peer == peer)
            .map(|channel| channel.number)
    }

    fn channel(&self, wanted: impl Fn(&Channel) -> bool) -> Option<Channel> {
        let channels = self.channels.read();
        channels
            .iter()
            .find(|channel| wanted(channel) && channel.until > Instant::now())
            .copied()
    }

    /// Asks the reader of its listener to end it, after its current work.
    pub fn end(self: &Arc<Self>) {
        // Without a reader the relay is closed, and so is this.
        let _ = self.listener.orders.send(Order::End(Arc::clone(self)));
    }

    /// Nothing is left of it.
    pub fn set_gone(&self) {
        self.ended.store(true, Ordering::Release);
        self.gone.notify_waiters();
    }

    /// Waits until it is gone.
    pub async fn wait_until_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            gone.await;
        }
    }
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocation").finish_non_exhaustive()
    }
}

/// One of the sockets that clients send to, and what those clients hold.
pub(super) struct Listener {
    pub socket: UdpSocket,
    sessions: RwLock<HashMap<SocketAddr, Arc<Allocation>>>,
    orders: mpsc::UnboundedSender<Order>,
}

/// What others ask of the reader of a listener.
pub(super) enum Order {
    /// To end an allocation.
    End(Arc<Allocation>),
    /// To report that it still reads.
    Answer(oneshot::Sender<()>),
}

impl Listener {
    /// A new one, and the requests to its reader.
    pub fn new(socket: UdpSocket) -> (Arc<Self>, mpsc::UnboundedReceiver<Order>) {
        let (orders, for_reader) = mpsc::unbounded_channel();
        (
            Arc::new(Self {
                socket,
                sessions: RwLock::default(),
                orders,
            }),
            for_reader,
        )
    }

    /// Whether its reader comes to the next datagram within that time.
    pub async fn is_read(&self, within: Duration) -> bool {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order::Answer(answer)).is_ok()
            && matches!(tokio::time::timeout(within, answered).await, Ok(Ok(())))
    }

    /// What the client at this address holds.
    pub fn session(&self, client: SocketAddr) -> Option<Arc<Allocation>> {
        self.sessions.read().get(&client).cloned()
    }

    /// Its client now holds this.
    pub fn add(&self, allocation: &Arc<Allocation>) {
        self.sessions
            .write()
            .insert(allocation.client, Arc::clone(allocation));
    }

    /// Its client no longer holds this.
    pub fn remove(&self, allocation: &Arc<Allocation>) {
        let mut sessions = self.sessions.write();
        if sessions
            .get(&allocation.client)
            .is_some_and(|held| Arc::ptr_eq(held, allocation))
        {
            sessions.remove(&allocation.client);
        }
    }
}

/// The ports that this relay gives out, and who has them.
pub(super) struct Ports {
    first: u16,
    slots: Box<[RwLock<Option<Arc<Allocation>>>]>,
}

impl Ports {
    pub fn new(range: &RangeInclusive<u16>) -> Self {
        Self {
            first: *range.start(),
            slots: range.clone().map(|_| RwLock::default()).collect(),
        }
    }

    fn slot(&self, port: u16) -> Option<&RwLock<Option<Arc<Allocation>>>> {
        self.slots.get(usize::from(port.checked_sub(self.first)?))
    }

    /// Who has this port.
    pub fn get(&self, port: u16) -> Option<Arc<Allocation>> {
        self.slot(port)?.read().clone()
    }

    /// The first free port, starting at a random one, for which `make` succeeds. `None` if there is
    /// none.
    pub fn claim<T>(
        &self,
        rng: &mut impl rand::Rng,
        mut make: impl FnMut(u16) -> Option<(Arc<Allocation>, T)>,
    ) -> Option<(Arc<Allocation>, T)> {
        let count = self.slots.len();
        let start = rng.random_range(0..count);
        (0..count).find_map(|step| {
            let index = (start + step) % count;
            let mut slot = self.slots[index].write();
            if slot.is_some() {
                return None;
            }
            let claimed = make(self.first + u16::try_from(index).ok()?)?;
            *slot = Some(Arc::clone(&claimed.0));
            Some(claimed)
        })
    }

    /// Takes a port back.
    pub fn release(&self, allocation: &Arc<Allocation>) {
        let Some(slot) = self.slot(allocation.address.port()) else {
            return;
        };
        let mut slot = slot.write();
        if slot
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(held, allocation))
        {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{credentials::RelaySideId, relay::sides::Sides};

    #[tokio::test]
    async fn nothing_is_renewed_at_the_moment_it_runs_out() {
        let bound = || async { UdpSocket::bind("127.0.0.1:0").await.expect("a socket") };
        let id = RelaySideId::of_username(&format!("1:{:032x}", 1)).expect("an id");
        let side = Sides::new(1).get(id).expect("not cut");
        let (listener, _orders) = Listener::new(bound().await);
        let [client, address, peer, elsewhere] = [
            "192.0.2.9:5",
            "192.0.2.1:49160",
            "192.0.2.1:49161",
            "192.0.2.2:49161",
        ]
        .map(|text| text.parse().expect("an address"));
        let (allocation, _queue) = Allocation::new(side, client, address, bound().await, listener);

        let start = Instant::now();
        let brink = |peer: SocketAddr, number, seconds| {
            allocation.is_on_the_brink(peer.ip(), number, start + Duration::from_secs(seconds))
        };
        assert!(
            (0..900).all(|second| !brink(peer, Some(0x4000), second)),
            "there is nothing yet"
        );
        allocation.bind(0x4000, peer, start);
        // The permission after five minutes, for whatever renews it.
        for (second, expected) in [
            (0, false),
            (298, false),
            (299, true),
            (300, true),
            (301, true),
            (302, false),
        ] {
            assert_eq!(brink(peer, None, second), expected, "{second}");
            assert_eq!(brink(peer, Some(0x4001), second), expected, "{second}");
            assert!(!brink(elsewhere, Some(0x4001), second), "{second}");
        }
        // The channel after ten, for itself alone.
        allocation.permit(peer.ip(), start + Duration::from_mins(4));
        assert!(!brink(peer, None, 300) && brink(peer, None, 540), "renewed");
        for (second, expected) in [(598, false), (599, true), (601, true), (602, false)] {
            assert_eq!(brink(peer, Some(0x4000), second), expected, "{second}");
            assert!(!brink(peer, Some(0x4001), second), "{second}");
        }
    }
}
