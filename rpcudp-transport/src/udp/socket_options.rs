//! What quinn-udp sets for QUIC's sake and is not wanted here: that nothing is fragmented, and what the kernel tells of each
//! datagram that nobody asks for, which costs time for each.

pub(super) use imp::prepare;

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

    sockopt_impl!(
        /// Whether IPv4 packets may be fragmented on their way.
        IpMtuDiscover,
        Both,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32
    );
    sockopt_impl!(
        /// Whether IPv6 packets may be fragmented here.
        Ipv6MtuDiscover,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        i32
    );

    /// Gets a socket ready for datagrams in batches.
    pub(in crate::udp) fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
        let local_addr = socket.local_addr()?;
        // Among what quinn-udp sets is that each datagram comes with a time. Once that has been asked for, the kernel notes the
        // time of every packet of the host until the socket is closed, whether or not it is still wanted. So quinn-udp is shown
        // another socket, to find out what this kernel can do, and what is wanted is set here.
        let other = Socket::new(Domain::for_address(local_addr), Type::DGRAM, Some(Protocol::UDP))?;
        let state = UdpSocketState::new((&other).into())?;
        socket.set_nonblocking(true)?;
        // Not "want", the system's default: that sends the first large datagram unfragmented, to learn the path's MTU
        // from its loss, and nobody would send it again.
        setsockopt(socket, IpMtuDiscover, &libc::IP_PMTUDISC_DONT)?;
        if local_addr.is_ipv6() {
            setsockopt(socket, Ipv6MtuDiscover, &libc::IPV6_PMTUDISC_DONT)?;
            // It may be somebody else's, who has had other plans for it.
            setsockopt(socket, Ipv6DontFrag, &false)?;
        }
        // A socket with one address needs not be told which one was asked.
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
        /// Whether IPv4 packets must not be fragmented here.
        Ipv4DontFrag,
        Both,
        libc::IPPROTO_IP,
        libc::IP_DONTFRAG,
        bool
    );
    sockopt_impl!(
        /// Whether IPv6 packets must not be fragmented here.
        Ipv6DontFrag,
        Both,
        libc::IPPROTO_IPV6,
        libc::IPV6_DONTFRAG,
        bool
    );

    /// Gets a socket ready for datagrams in batches.
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

    /// Gets a socket ready. Nothing can be set back here without unsafe code.
    pub(in crate::udp) fn prepare(socket: &UdpSocket) -> io::Result<UdpSocketState> {
        UdpSocketState::new(socket.into())
    }
}
