use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rpcudp::transport::UdpOptions;
use socket2::{Domain, Protocol, Socket, Type};

/// How many bytes each socket's buffers are asked to hold: as many as rpcudp's. The kernel gives no more than
/// `net.core.rmem_max` and `net.core.wmem_max` allow.
pub(crate) const BUFFER_LEN: usize = UdpOptions::DEFAULT_BUFFER_LEN;

/// A UDP socket on loopback with the buffers that rpcudp's have, and not connected, as rpcudp's are not.
///
/// # Errors
///
/// Where there is none to be had.
pub(crate) fn loopback_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(BUFFER_LEN)?;
    socket.set_send_buffer_size(BUFFER_LEN)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}
