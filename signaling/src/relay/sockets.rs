//! The relay's sockets.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Enough for a burst of video while the relay is busy. The kernel gives at most
/// `net.core.rmem_max` and `wmem_max`.
const BUFFER: usize = 4 << 20;

/// Binds several sockets to one address, so that as many tasks can read from it. The kernel keeps
/// the datagrams of one client at one of them.
///
/// Fails if anything else is bound there, even another relay of the same user.
pub(super) fn listen(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    // Without SO_REUSEPORT first: with it, a second process would quietly share the clients of a
    // first.
    let address = open(address, false)?
        .local_addr()?
        .as_socket()
        .unwrap_or(address);
    let sockets = (0..count.max(1)).map(|_| UdpSocket::from_std(open(address, true)?.into()));
    sockets.collect()
}

/// Binds a port for a client.
pub(super) fn relay(ip: IpAddr, port: u16) -> io::Result<UdpSocket> {
    UdpSocket::from_std(open(SocketAddr::new(ip, port), false)?.into())
}

/// Whether the kernel gave a socket smaller buffers than asked for.
pub(super) fn is_small(socket: &UdpSocket) -> bool {
    let socket = socket2::SockRef::from(socket);
    // Linux reports twice what it was asked for.
    [socket.recv_buffer_size(), socket.send_buffer_size()]
        .into_iter()
        .any(|size| size.is_ok_and(|size| size < BUFFER))
}

fn open(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    // If the kernel refuses, the buffers stay as they are; the relay warns at start.
    let _ = socket.set_recv_buffer_size(BUFFER);
    let _ = socket.set_send_buffer_size(BUFFER);
    socket.bind(&address.into())?;
    Ok(socket)
}
