use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rpcudp::transport::UdpOptions;
use socket2::{Domain, Protocol, Socket, Type};

/// The requested length of each socket's buffers, equal to rpcudp's. The kernel grants at most
/// `net.core.rmem_max` and `net.core.wmem_max`.
pub(crate) const BUFFER_LEN: usize = UdpOptions::DEFAULT_BUFFER_LEN;

/// Binds an unconnected UDP socket on loopback with buffers as large as rpcudp's.
///
/// # Errors
///
/// Returns an error if the socket cannot be bound.
pub(crate) fn loopback_socket() -> io::Result<Socket> {
    loopback_socket_at(Ipv4Addr::LOCALHOST)
}

/// Binds such a socket to one address of loopback, or to all addresses of the host.
///
/// # Errors
///
/// Returns an error if the socket cannot be bound.
pub(crate) fn loopback_socket_at(ip: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER_LEN)?;
    socket.set_send_buffer_size(BUFFER_LEN)?;
    socket.bind(&SocketAddr::from((ip, 0)).into())?;
    Ok(socket)
}
