//! What quinn-udp sets for QUIC's sake and is set back here: that nothing is fragmented, and what the kernel tells of each
//! datagram that nobody asks for here, which costs time for each.

pub(super) use imp::set_back;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    use nix::libc;
    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::{
        IpRecvTos, Ipv4PacketInfo, Ipv6DontFrag, Ipv6RecvPacketInfo, Ipv6RecvTClass, ReceiveTimestampns,
    };
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

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

    pub(in crate::udp) fn set_back(socket: &UdpSocket) -> io::Result<()> {
        let local_addr = socket.local_addr()?;
        // Not "want", the system's default: that sends the first large datagram unfragmented, to learn the path's MTU
        // from its loss, and nobody would send it again.
        setsockopt(socket, IpMtuDiscover, &libc::IP_PMTUDISC_DONT)?;
        setsockopt(socket, ReceiveTimestampns, &false)?;
        if local_addr.is_ipv6() {
            setsockopt(socket, Ipv6MtuDiscover, &libc::IPV6_PMTUDISC_DONT)?;
            setsockopt(socket, Ipv6DontFrag, &false)?;
            setsockopt(socket, Ipv6RecvTClass, &false)?;
        }
        // One that serves IPv6 alone has no such option.
        let _ = setsockopt(socket, IpRecvTos, &false);
        // A socket with one address needs not be told which one was asked.
        if !local_addr.ip().is_unspecified() {
            if local_addr.is_ipv6() {
                setsockopt(socket, Ipv6RecvPacketInfo, &false)?;
            } else {
                setsockopt(socket, Ipv4PacketInfo, &false)?;
            }
        }
        Ok(())
    }
}

#[cfg(any(target_os = "freebsd", target_vendor = "apple"))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    use nix::libc;
    use nix::sys::socket::setsockopt;
    use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

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

    pub(in crate::udp) fn set_back(socket: &UdpSocket) -> io::Result<()> {
        if socket.local_addr()?.is_ipv6() {
            setsockopt(socket, Ipv6DontFrag, &false)?;
        } else {
            setsockopt(socket, Ipv4DontFrag, &false)?;
        }
        Ok(())
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_vendor = "apple")))]
mod imp {
    use std::io;
    use std::net::UdpSocket;

    /// Nothing can be set back here without unsafe code.
    pub(in crate::udp) fn set_back(_: &UdpSocket) -> io::Result<()> {
        Ok(())
    }
}
