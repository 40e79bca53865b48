//! Stands between a socket that clients send to and the `turn` crate, which sees only requests with
//! valid credentials, and data for their allocations. Everything else is answered or dropped here,
//! without remembering anything.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio_util::task::task_tracker::TaskTrackerToken;
use webrtc_util::{Conn, Error};

use super::{
    Shared,
    allocation::{Allocation, Listener, Order},
    meters::Dropped,
    question::{Exchange, Question, QuestionKind},
    wire::{ALLOCATE, Class, Message, MessageBuilder, SEND, attribute},
};

/// Number and length (RFC 8656 §12.4).
const CHANNEL_HEADER: usize = 4;

/// How long the reader waits after an error of its socket, so that a lasting error does not use up
/// a core.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// The front of one socket.
pub(super) struct Front {
    pub shared: Arc<Shared>,
    pub listener: Arc<Listener>,
    pub exchange: Arc<Exchange>,
    orders: AsyncMutex<mpsc::UnboundedReceiver<Order>>,
    /// What the crate is asked next. More than one only for permissions, which it takes one at a
    /// time.
    pub questions: Mutex<VecDeque<Question>>,
    /// Closing the relay waits for this.
    _alive: TaskTrackerToken,
}

/// What to do with a datagram that came in.
enum Next {
    /// For the crate: so many bytes of the buffer.
    Pass(usize),
    /// For the client of another allocation: so many bytes of the buffer.
    Forward(Arc<Allocation>, usize),
    Done,
}

impl Front {
    pub fn new(
        shared: Arc<Shared>,
        listener: Arc<Listener>,
        exchange: Arc<Exchange>,
        orders: mpsc::UnboundedReceiver<Order>,
        alive: TaskTrackerToken,
    ) -> Self {
        Self {
            shared,
            listener,
            exchange,
            orders: AsyncMutex::new(orders),
            questions: Mutex::default(),
            _alive: alive,
        }
    }

    fn take(&self, buffer: &mut [u8], length: usize, client: SocketAddr) -> Next {
        let taken = match buffer[..length].first().map(|byte| byte >> 6) {
            Some(0b01) => self.channel_data(buffer, length, client),
            Some(0b00) => match Message::parse(&buffer[..length]) {
                Some(message) if message.class == Class::Request => {
                    self.request(&message, client).map(|()| Next::Done)
                }
                Some(message) if (message.class, message.method) == (Class::Indication, SEND) => {
                    match self.indication(&message, client) {
                        Ok(rewritten) => {
                            buffer[..rewritten.len()].copy_from_slice(&rewritten);
                            Ok(Next::Pass(rewritten.len()))
                        }
                        Err(reason) => Err(reason),
                    }
                }
                _ => Err(Dropped::Malformed),
            },
            _ => Err(Dropped::Malformed),
        };
        taken.unwrap_or_else(|reason| {
            self.shared.meters.dropped(reason);
            Next::Done
        })
    }

    /// Data over a channel. If both ends have channels, it goes from one listening socket to the
    /// other, without an allocation's socket and without a copy.
    fn channel_data(
        &self,
        buffer: &mut [u8],
        length: usize,
        client: SocketAddr,
    ) -> Result<Next, Dropped> {
        let (header, rest) = buffer[..length]
            .split_first_chunk::<CHANNEL_HEADER>()
            .ok_or(Dropped::Malformed)?;
        let number = u16::from_be_bytes([header[0], header[1]]);
        let data = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if data > rest.len() {
            return Err(Dropped::Malformed);
        }
        let allocation = self.sender(client, data)?;
        let peer = allocation.peer_of(number).ok_or(Dropped::Unknown)?;
        if !self.shared.is_own(peer) {
            return Ok(Next::Pass(length));
        }
        let other = self.shared.ports.get(peer.port()).ok_or(Dropped::Peer)?;
        if !other.is_live() {
            return Err(Dropped::Cut);
        }
        let Some(number) = other
            .channel_to(allocation.address)
            .filter(|_| !Arc::ptr_eq(&other, &allocation))
        else {
            return Ok(Next::Pass(length));
        };
        buffer[..2].copy_from_slice(&number.to_be_bytes());
        self.shared.meters.relayed(data);
        Ok(Next::Forward(other, CHANNEL_HEADER + data))
    }

    /// A Send indication, rewritten.
    fn indication(&self, message: &Message<'_>, client: SocketAddr) -> Result<Vec<u8>, Dropped> {
        let data = message.get(attribute::DATA).ok_or(Dropped::Malformed)?;
        let peer = message
            .get(attribute::XOR_PEER_ADDRESS)
            .and_then(|value| message.xor_address(value))
            .ok_or(Dropped::Malformed)?;
        self.sender(client, data.len())?;
        if !self.shared.is_peer(peer) {
            return Err(Dropped::Peer);
        }
        let writer = MessageBuilder::new(Class::Indication, SEND, message.transaction)
            .with_address(attribute::XOR_PEER_ADDRESS, peer);
        Ok(writer.with(attribute::DATA, data).finish())
    }

    /// The sender of data, if it may send.
    fn sender(&self, client: SocketAddr, bytes: usize) -> Result<Arc<Allocation>, Dropped> {
        let allocation = self.listener.session(client).ok_or(Dropped::Unknown)?;
        if !allocation.is_live() {
            return Err(Dropped::Cut);
        }
        let may = allocation
            .side
            .may_send(bytes, self.shared.rate, self.shared.ticks());
        may.then_some(allocation).ok_or(Dropped::Rate)
    }

    /// Gives the crate the next question, if any.
    fn ask(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let question = self.questions.lock().pop_front()?;
        let (message, client) = (question.write(&self.exchange.nonce.lock()), question.client);
        buffer.get_mut(..message.len())?.copy_from_slice(&message);
        *self.exchange.current.lock() = Some(question);
        Some((message.len(), client))
    }

    /// Has the crate end an allocation, unless it is already gone.
    fn end(&self, allocation: &Arc<Allocation>) {
        if self
            .listener
            .session(allocation.client)
            .is_some_and(|held| Arc::ptr_eq(&held, allocation))
        {
            let (client, transaction, key) = (allocation.client, [0; 12], b"relay".to_vec());
            self.questions.lock().push_back(Question {
                what: QuestionKind::End,
                client,
                transaction,
                key,
                heard: false,
                again: false,
            });
        }
    }

    /// Whether the client gets the crate's answer to a request.
    fn answered(&self, answer: &Message<'_>, raw: &[u8]) -> bool {
        let mut current = self.exchange.current.lock();
        let Some(mut question) =
            current.take_if(|question| question.transaction == answer.transaction)
        else {
            return false;
        };
        drop(current);
        if answer.error_code() == Some(438) && !question.again {
            if let Some(nonce) = answer.text(attribute::NONCE) {
                nonce.clone_into(&mut self.exchange.nonce.lock());
            }
            question.again = true;
            self.questions.lock().push_front(question);
            return false;
        }
        if answer.class == Class::Success {
            match &question.what {
                QuestionKind::Allocate { allocation, .. } if answer.method == ALLOCATE => {
                    allocation.answered(answer.transaction, raw);
                }
                QuestionKind::Permit { allocation, peer } => {
                    allocation.permit(peer.ip(), Instant::now());
                }
                QuestionKind::Bind {
                    allocation,
                    number,
                    peer,
                } => allocation.bind(*number, *peer, Instant::now()),
                _ => {}
            }
        }
        question.heard
    }
}

#[async_trait]
impl Conn for Front {
    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        // The crate is done with the last one. An allocation that it did not take is dropped with
        // it.
        drop(self.exchange.current.lock().take());
        let mut orders = self.orders.lock().await;
        loop {
            if let Some(asked) = self.ask(buffer) {
                return Ok(asked);
            }
            let (length, client) = tokio::select! {
                Some(order) = orders.recv() => {
                    match order {
                        Order::End(allocation) => self.end(&allocation),
                        // Whoever asked may be gone.
                        Order::Answer(answer) => drop(answer.send(())),
                    }
                    continue;
                }
                received = self.listener.socket.recv_from(buffer) => {
                    let Ok(received) = received else {
                        tokio::time::sleep(AFTER_ERROR).await;
                        continue;
                    };
                    received
                }
            };
            match self.take(buffer, length, client) {
                Next::Pass(length) => return Ok((length, client)),
                Next::Forward(other, length) => {
                    let _ = other
                        .listener
                        .socket
                        .send_to(&buffer[..length], other.client)
                        .await;
                }
                Next::Done => {}
            }
        }
    }

    async fn send_to(&self, data: &[u8], client: SocketAddr) -> Result<usize, Error> {
        let answer = Message::parse(data)
            .filter(|message| matches!(message.class, Class::Success | Class::Error));
        if answer.is_none_or(|answer| self.answered(&answer, data)) {
            // UDP may lose it, and the crate would log the address.
            let _ = self.listener.socket.send_to(data, client).await;
        }
        Ok(data.len())
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.listener.socket.local_addr()?)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// The crate closes its socket with every allocation. This one goes when the crate drops it.
    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }

    async fn connect(&self, _: SocketAddr) -> Result<(), Error> {
        Err(Error::ErrUseClosedNetworkConn)
    }

    async fn recv(&self, _: &mut [u8]) -> Result<usize, Error> {
        Err(Error::ErrUseClosedNetworkConn)
    }

    async fn send(&self, _: &[u8]) -> Result<usize, Error> {
        Err(Error::ErrUseClosedNetworkConn)
    }
}
