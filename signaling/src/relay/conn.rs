//! An allocation's socket, as the `turn` crate sees it: it sends to and receives from relays of
//! ours only.

use std::{net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use tokio::sync::{Mutex, mpsc};
use webrtc_util::{Conn, Error};

use super::{
    Shared,
    allocation::{Allocation, Handed},
    meters::Dropped,
};

/// Wraps an [`Allocation`]; when the crate drops it, the allocation is gone.
pub(super) struct RelayConn {
    allocation: Arc<Allocation>,
    queue: Mutex<mpsc::Receiver<Handed>>,
    shared: Arc<Shared>,
}

impl RelayConn {
    pub fn new(
        allocation: Arc<Allocation>,
        queue: mpsc::Receiver<Handed>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            allocation,
            queue: Mutex::new(queue),
            shared,
        }
    }

    pub fn allocation(&self) -> &Arc<Allocation> {
        &self.allocation
    }

    /// Sends to an address if that is a relay of ours. Otherwise says why not.
    async fn relay(&self, data: &[u8], to: SocketAddr) -> Result<(), Dropped> {
        if !self.allocation.is_live() {
            return Err(Dropped::Cut);
        }
        if self.shared.is_own(to) {
            // Never through the kernel, so that it works behind a NAT without hairpinning, and
            // reaches only allocations.
            let other = self
                .shared
                .ports
                .get(to.port())
                .filter(|other| !Arc::ptr_eq(other, &self.allocation))
                .ok_or(Dropped::Peer)?;
            if !other.is_live() {
                return Err(Dropped::Cut);
            }
            return if other.hand(data, self.allocation.address) {
                Ok(())
            } else {
                Err(Dropped::Full)
            };
        }
        if !self.shared.is_peer(to) {
            return Err(Dropped::Peer);
        }
        self.allocation
            .socket
            .send_to(data, to)
            .await
            .map(drop)
            .map_err(|_| Dropped::Full)
    }
}

/// Part of the crate's trait that is never called for this socket.
fn unsupported<T>() -> Result<T, Error> {
    Err(Error::ErrUseClosedNetworkConn)
}

#[async_trait]
impl Conn for RelayConn {
    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        let mut queue = self.queue.lock().await;
        loop {
            let (length, from) = tokio::select! {
                Some((data, from)) = queue.recv() => {
                    let length = data.len().min(buffer.len());
                    buffer[..length].copy_from_slice(&data[..length]);
                    (length, from)
                }
                received = self.allocation.socket.recv_from(buffer) => match received {
                    Ok((_, from)) if self.shared.is_own(from) || !self.shared.is_peer(from) => {
                        self.shared.meters.dropped(Dropped::Peer);
                        continue;
                    }
                    Ok((length, from)) => {
                        self.shared.meters.relayed(length);
                        (length, from)
                    }
                    // A network error about something sent earlier; the socket still works, but the
                    // crate would end the allocation.
                    Err(_) => continue,
                }
            };
            if self.allocation.is_live() {
                return Ok((length, from));
            }
            self.shared.meters.dropped(Dropped::Cut);
        }
    }

    async fn send_to(&self, data: &[u8], to: SocketAddr) -> Result<usize, Error> {
        match self.relay(data, to).await {
            Ok(()) => self.shared.meters.relayed(data.len()),
            Err(reason) => self.shared.meters.dropped(reason),
        }
        // UDP guarantees nothing, and the crate would log the address.
        Ok(data.len())
    }

    fn local_addr(&self) -> Result<SocketAddr, Error> {
        Ok(self.allocation.address)
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }

    async fn close(&self) -> Result<(), Error> {
        self.shared.release(&self.allocation);
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }

    async fn connect(&self, _: SocketAddr) -> Result<(), Error> {
        unsupported()
    }

    async fn recv(&self, _: &mut [u8]) -> Result<usize, Error> {
        unsupported()
    }

    async fn send(&self, _: &[u8]) -> Result<usize, Error> {
        unsupported()
    }
}

impl Drop for RelayConn {
    fn drop(&mut self) {
        self.shared.release(&self.allocation);
    }
}
