use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::multicast::{Membership, Multicast};

/// The options of a UDP socket.
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
    broadcasts: bool,
    reuses_address: bool,
    multicast: Multicast,
}

impl UdpOptions {
    /// The default length of the receive buffer and of the send buffer: 4 MiB.
    ///
    /// That is room for a burst of some thousand datagrams while the receiving task does not run.
    /// The default of many systems is 208 KiB, which loses requests at a few hundred in flight.
    pub const DEFAULT_BUFFER_LEN: usize = 4 << 20;

    /// Sets the requested length of the receive buffer in bytes. Default: 4 MiB.
    ///
    /// The system may grant less (Linux grants at most `net.core.rmem_max`). A warning is logged
    /// then.
    #[must_use]
    pub fn receive_buffer(mut self, len: usize) -> Self {
        self.receive_buffer_len = len;
        self
    }

    /// Sets whether datagrams whose destination is unreachable are reported, on systems that can.
    /// Default: `true`.
    #[must_use]
    pub fn report_unreachable(mut self, enabled: bool) -> Self {
        self.reports_unreachable = enabled;
        self
    }

    /// Sets whether datagrams may be sent to broadcast addresses, such as `255.255.255.255`.
    /// Default: `false`.
    ///
    /// A peer responds from its own address, so a call to a broadcast address needs `Call::all`,
    /// which gives the responses of all peers. Oneway calls reach all peers too.
    #[must_use]
    pub fn broadcast(mut self, enabled: bool) -> Self {
        self.broadcasts = enabled;
        self
    }

    /// Joins an IPv4 multicast group, so that the socket receives the datagrams to the group and
    /// the socket's port. May be called several times. Default: no group.
    ///
    /// `interface` is an address of the network interface to join on, or
    /// [`Ipv4Addr::UNSPECIFIED`] for the interface of the route to the group. A host with several
    /// networks joins on each. The socket must be bound to all addresses of the host, as `0.0.0.0`
    /// and `[::]` are, because one that is bound to an address receives no datagrams to a group.
    ///
    /// Binding fails if the group is not a multicast address or the interface does not exist.
    ///
    /// ```
    /// use rpcudp::{Endpoint, UdpOptions};
    /// use std::net::Ipv4Addr;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcudp::BindError> {
    /// let udp = UdpOptions::default().join_multicast_v4(Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::LOCALHOST);
    /// let member = Endpoint::builder().udp(udp).bind("0.0.0.0:0").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn join_multicast_v4(mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Self {
        self.multicast.memberships.push(Membership::V4(group, interface));
        self
    }

    /// Joins an IPv6 multicast group, as [`join_multicast_v4`](Self::join_multicast_v4) does for
    /// IPv4. Needs a socket on an IPv6 address, such as `[::]`.
    ///
    /// `interface` is the index of the network interface to join on (`ip link` prints it), or 0 for
    /// the interface of the route to the group.
    #[must_use]
    pub fn join_multicast_v6(mut self, group: Ipv6Addr, interface: u32) -> Self {
        self.multicast.memberships.push(Membership::V6(group, interface));
        self
    }

    /// Sets the network interface through which IPv4 multicast datagrams leave, by one of its
    /// addresses. Default: that of the route to the group.
    #[must_use]
    pub fn multicast_interface_v4(mut self, interface: Ipv4Addr) -> Self {
        self.multicast.interface_v4 = Some(interface);
        self
    }

    /// Sets the network interface through which IPv6 multicast datagrams leave, by its index.
    /// Default: that of the route to the group. A scope in the address, as in `[ff02::1%2]:7000`,
    /// overrides it. Needs a socket on an IPv6 address.
    #[must_use]
    pub fn multicast_interface_v6(mut self, interface: u32) -> Self {
        self.multicast.interface_v6 = Some(interface);
        self
    }

    /// Sets the number of networks that a multicast datagram may cross: the time to live of IPv4
    /// and the hop limit of IPv6, at most 255. Default: that of the system, which is 1: multicast
    /// datagrams stay in the local network.
    #[must_use]
    pub fn multicast_ttl(mut self, ttl: u32) -> Self {
        self.multicast.ttl = Some(ttl);
        self
    }

    /// Sets whether members of a group on this host receive the multicast datagrams of this socket,
    /// the socket itself among them if it is a member. Default: that of the system, which is
    /// `true`.
    #[must_use]
    pub fn multicast_loop(mut self, enabled: bool) -> Self {
        self.multicast.loops_back = Some(enabled);
        self
    }

    /// Sets whether other sockets may be bound to the same address (`SO_REUSEADDR`), for several
    /// members of a multicast group on one host. Default: `false`. All of them must set it.
    ///
    /// Each of them receives the datagrams to the group. A datagram to the host's own address
    /// reaches one of them, in no useful order, and any program of the host may take part: use it
    /// for the port of a group, and not for one that receives other requests.
    #[must_use]
    pub fn reuse_address(mut self, enabled: bool) -> Self {
        self.reuses_address = enabled;
        self
    }

    /// Returns the same options for a socket that joins no group.
    pub(super) fn without_memberships(&self) -> Self {
        let mut options = self.clone();
        options.multicast.memberships.clear();
        options
    }

    /// Sets the requested length of the send buffer in bytes. Default: 4 MiB.
    ///
    /// The system may grant less (Linux grants at most `net.core.wmem_max`). A warning is logged
    /// then.
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
            broadcasts: false,
            reuses_address: false,
            multicast: Multicast::default(),
        }
    }
}

/// Opens and binds a socket. A socket on `[::]` serves IPv4 too.
pub(super) fn open(addr: SocketAddr, options: &UdpOptions) -> io::Result<UdpSocket> {
    open_with(addr, |socket| if options.reuses_address { socket.set_reuse_address(true) } else { Ok(()) })
}

/// Opens and binds a socket whose address other sockets may share.
pub(super) fn open_shared(addr: SocketAddr) -> io::Result<UdpSocket> {
    open_with(addr, set_shared)
}

/// Lets other sockets share the address that a socket is bound to.
pub(super) fn share(socket: &UdpSocket) -> io::Result<()> {
    set_shared(&SockRef::from(socket))
}

fn set_shared(socket: &Socket) -> io::Result<()> {
    #[cfg(unix)]
    return socket.set_reuse_port(true);
    #[cfg(not(unix))]
    return Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!("{socket:?}: this system cannot divide peers between several sockets with one address"),
    ));
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

/// Applies the options to a socket. Logs a warning if the system grants less than the requested
/// buffer lengths.
pub(super) fn apply(socket: &UdpSocket, options: &UdpOptions) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if options.broadcasts {
        socket.set_broadcast(true)?;
    }
    options.multicast.apply(&socket)?;
    let requested = options.receive_buffer_len;
    set_up_to(requested, |len| socket.set_recv_buffer_size(len));
    warn_if_clamped("receive", requested, socket.recv_buffer_size()?);
    let requested = options.send_buffer_len;
    set_up_to(requested, |len| socket.set_send_buffer_size(len));
    warn_if_clamped("send", requested, socket.send_buffer_size()?);
    Ok(())
}

/// Sets the requested length, or half of it, and so on: some systems refuse a length instead of
/// granting less.
fn set_up_to(requested: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut len = requested;
    while len > 0 && set(len).is_err() {
        len /= 2;
    }
}

fn warn_if_clamped(which: &'static str, requested: usize, reported: usize) {
    // Linux reports twice the granted length: the other half is for its own bookkeeping.
    let granted = if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported };
    if granted < requested {
        tracing::warn!(
            target: "rpcudp",
            asked = requested,
            given = granted,
            "the system granted a smaller {which} buffer than requested: bursts of datagrams may be lost \
             (on Linux, raise net.core.rmem_max and net.core.wmem_max)"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_buffer_is_as_large_as_the_system_permits() {
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
