//! Prepares a socket for batches without the options that quinn-udp sets for QUIC: no
//! fragmentation, and control messages with each datagram that are not used here and cost time.

pub(super) use imp::prepare;

/// The MTU that every IPv6 link has (RFC 8200).
pub(super) const MIN_IPV6_MTU: u16 = 1_280;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    use nix::libc;
    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::{Ipv4PacketInfo, Ipv6DontFrag, Ipv6RecvPacketInfo};
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};
    use quinn_udp::UdpSocketState;
    use socket2::{Domain, Protocol, Socket, Type};

    use crate::udp::socket_options::MIN_IPV6_MTU;

    sockopt_impl!(
        /// Path MTU discovery for IPv4, which decides whether packets may be fragmented on their
        /// path.
        IpMtuDiscover,
        Both,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32
    );
    sockopt_impl!(
        /// Path MTU discovery for IPv6, which decides whether packets may be fragmented by this
        /// host.
        Ipv6MtuDiscover,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        i32
    );

    sockopt_impl!(
        /// The MTU that packets of this socket are fragmented for, if it is below that of their
        /// path.
        Ipv6Mtu,
        SetOnly,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU,
        i32
    );

    /// Prepares a socket for batches.
    pub(in crate::udp) fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
        let local_addr = socket.local_addr()?;
        // quinn-udp enables a timestamp for each datagram. From then on until the socket is closed,
        // the kernel takes the time of every packet of the host, even if timestamps are disabled
        // again. So quinn-udp gets a probe socket, to find out which features this kernel has, and
        // the options that are needed are set here.
        let probe = Socket::new(Domain::for_address(local_addr), Type::DGRAM, Some(Protocol::UDP))?;
        let state = UdpSocketState::new((&probe).into())?;
        socket.set_nonblocking(true)?;
        // Not `IP_PMTUDISC_WANT`, the system's default: that sends the first large datagram
        // unfragmented, to learn the path's MTU from its loss, and no layer here would retransmit
        // the datagram. And rather `OMIT` than `DONT`: both permit fragments, but with `DONT` an
        // ICMP message "fragmentation needed", which anybody can forge, has the kernel cut
        // datagrams of 552 bytes and more to this destination for ten minutes. Linux has `OMIT`
        // since 3.15.
        setsockopt(socket, IpMtuDiscover, &libc::IP_PMTUDISC_OMIT)
            .or_else(|_| setsockopt(socket, IpMtuDiscover, &libc::IP_PMTUDISC_DONT))?;
        if local_addr.is_ipv6() {
            // Routers do not fragment IPv6, so a socket that ignores their messages must send
            // packets that fit every path. A socket on a loopback address has no such path.
            let fits_every_path =
                local_addr.ip().is_loopback() || setsockopt(socket, Ipv6Mtu, &i32::from(MIN_IPV6_MTU)).is_ok();
            let mode = if fits_every_path { libc::IPV6_PMTUDISC_OMIT } else { libc::IPV6_PMTUDISC_DONT };
            setsockopt(socket, Ipv6MtuDiscover, &mode)
                .or_else(|_| setsockopt(socket, Ipv6MtuDiscover, &libc::IPV6_PMTUDISC_DONT))?;
            // The socket may come from the application, which may have set this option.
            setsockopt(socket, Ipv6DontFrag, &false)?;
        }
        // A socket that is bound to one address receives datagrams for that address only.
        if local_addr.ip().is_unspecified() {
            if local_addr.is_ipv6() {
                setsockopt(socket, Ipv6RecvPacketInfo, &true)?;
            } else {
                setsockopt(socket, Ipv4PacketInfo, &true)?;
            }
        }
        Ok(state)
    }
}

#[cfg(any(target_os = "freebsd", target_vendor = "apple"))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    use nix::libc;
    use nix::sys::socket::setsockopt;
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};
    use quinn_udp::UdpSocketState;

    sockopt_impl!(
        /// Whether this host must not fragment IPv4 packets.
        Ipv4DontFrag,
        Both,
        libc::IPPROTO_IP,
        libc::IP_DONTFRAG,
        bool
    );
    sockopt_impl!(
        /// Whether this host must not fragment IPv6 packets.
        Ipv6DontFrag,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_DONTFRAG,
        bool
    );

    /// Prepares a socket for batches.
    pub(in crate::udp) fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
        let state = UdpSocketState::new(socket.into())?;
        if socket.local_addr()?.is_ipv6() {
            setsockopt(socket, Ipv6DontFrag, &false)?;
        } else {
            setsockopt(socket, Ipv4DontFrag, &false)?;
        }
        Ok(state)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple")))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    use quinn_udp::UdpSocketState;

    /// Prepares a socket for batches. Keeps the options of quinn-udp, because resetting them here
    /// would need unsafe code.
    pub(in crate::udp) fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
        UdpSocketState::new(socket.into())
    }
}
