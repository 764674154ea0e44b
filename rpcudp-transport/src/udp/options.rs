use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How a UDP socket is set up.
///
/// ```
/// use rpcudp::{Endpoint, UdpOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpcudp::BindError> {
/// let options = UdpOptions::default().receive_buffer(8 << 20);
/// let endpoint = Endpoint::builder().udp(options).bind("127.0.0.1:0").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct UdpOptions {
    receive_buffer_len: usize,
    send_buffer_len: usize,
    pub(super) reports_unreachable: bool,
}

impl UdpOptions {
    /// Room for a burst of some thousand datagrams while the receiving task is away. Systems often start with 208 KiB,
    /// which loses requests at a few hundred in flight.
    pub const DEFAULT_BUFFER_LEN: usize = 4 << 20;

    /// Asks for this many bytes of receive buffer. Default: 4 MiB.
    ///
    /// The system may give less (on Linux up to `net.core.rmem_max`); a warning is logged then.
    #[must_use]
    pub fn receive_buffer(mut self, len: usize) -> Self {
        self.receive_buffer_len = len;
        self
    }

    /// Whether to show datagrams that came back because nobody is there, where the system can. Default: yes.
    #[must_use]
    pub fn report_unreachable(mut self, show: bool) -> Self {
        self.reports_unreachable = show;
        self
    }

    /// Asks for this many bytes of send buffer. Default: 4 MiB.
    ///
    /// The system may give less (on Linux up to `net.core.wmem_max`); a warning is logged then.
    #[must_use]
    pub fn send_buffer(mut self, len: usize) -> Self {
        self.send_buffer_len = len;
        self
    }
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self {
            receive_buffer_len: Self::DEFAULT_BUFFER_LEN,
            send_buffer_len: Self::DEFAULT_BUFFER_LEN,
            reports_unreachable: true,
        }
    }
}

/// A bound socket; one on `[::]` serves IPv4 too.
pub(super) fn open(addr: SocketAddr) -> io::Result<UdpSocket> {
    open_with(addr, |_| Ok(()))
}

/// A bound socket whose address others may share.
pub(super) fn open_shared(addr: SocketAddr) -> io::Result<UdpSocket> {
    open_with(addr, |socket| {
        #[cfg(unix)]
        return socket.set_reuse_port(true);
        #[cfg(not(unix))]
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("{socket:?}: this system does not divide peers between several sockets with one address"),
        ));
    })
}

fn open_with(addr: SocketAddr, set: impl FnOnce(&Socket) -> io::Result<()>) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() && addr.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    set(&socket)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}

/// Asks for buffers of the lengths that are wanted.
pub(super) fn apply(socket: &UdpSocket, options: &UdpOptions) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let asked = options.receive_buffer_len;
    set_up_to(asked, |len| socket.set_recv_buffer_size(len));
    warn_if_clamped("receive", asked, socket.recv_buffer_size()?);
    let asked = options.send_buffer_len;
    set_up_to(asked, |len| socket.set_send_buffer_size(len));
    warn_if_clamped("send", asked, socket.send_buffer_size()?);
    Ok(())
}

/// Sets the length that was asked for, or as much of it as the system takes: some refuse instead of giving less.
fn set_up_to(asked: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut len = asked;
    while len > 0 && set(len).is_err() {
        len /= 2;
    }
}

fn warn_if_clamped(which: &'static str, asked: usize, reported: usize) {
    // Linux reports twice what it gives: the other half is for its own books.
    let given = if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported };
    if given < asked {
        tracing::warn!(
            target: "rpcudp",
            asked,
            given,
            "the system gave a smaller {which} buffer than asked for: bursts of datagrams may be lost \
             (on Linux, raise net.core.rmem_max and net.core.wmem_max)"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_buffer_is_as_large_as_the_system_lets_it_be() {
        for (limit, expected) in [(8_000, 4_096), (1_500, 1_024), (0, 0)] {
            let set = Cell::new(0);
            set_up_to(4_096, |len| {
                if len > limit {
                    return Err(io::ErrorKind::OutOfMemory.into());
                }
                set.set(len);
                Ok(())
            });
            assert_eq!(set.get(), expected);
        }
    }
}
