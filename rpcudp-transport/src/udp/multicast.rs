//! The multicast options of a socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use socket2::Socket;

/// The multicast groups that a socket joins, and the options for multicast datagrams that it sends.
/// An option without a value keeps the default of the system.
#[derive(Clone, Debug, Default)]
pub(super) struct Multicast {
    pub(super) memberships: Vec<Membership>,
    pub(super) interface_v4: Option<Ipv4Addr>,
    pub(super) interface_v6: Option<u32>,
    pub(super) ttl: Option<u32>,
    pub(super) loops_back: Option<bool>,
}

/// A multicast group, and the interface that it is joined on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Membership {
    V4(Ipv4Addr, Ipv4Addr),
    V6(Ipv6Addr, u32),
}

impl Multicast {
    /// Applies the options to a socket, and joins the groups.
    pub(super) fn apply(&self, socket: &Socket) -> io::Result<()> {
        let is_ipv6 = socket.local_addr()?.is_ipv6();
        receive_joined_groups_only(socket);
        if let Some(interface) = &self.interface_v4 {
            socket.set_multicast_if_v4(interface).map_err(|error| explain(error, Failed::Interface(interface)))?;
        }
        if let Some(interface) = self.interface_v6 {
            socket.set_multicast_if_v6(interface).map_err(|error| explain(error, Failed::Interface(&interface)))?;
        }
        if let Some(ttl) = self.ttl {
            for_families(is_ipv6, || socket.set_multicast_ttl_v4(ttl), || socket.set_multicast_hops_v6(ttl))?;
        }
        if let Some(loops_back) = self.loops_back {
            let v4 = || socket.set_multicast_loop_v4(loops_back);
            for_families(is_ipv6, v4, || socket.set_multicast_loop_v6(loops_back))?;
        }
        self.memberships.iter().try_for_each(|membership| membership.join(socket))
    }
}

impl Membership {
    fn join(self, socket: &Socket) -> io::Result<()> {
        let (group, joined) = match self {
            Self::V4(group, interface) if group.is_multicast() => {
                (IpAddr::V4(group), socket.join_multicast_v4(&group, &interface))
            }
            Self::V6(group, interface) if group.is_multicast() => {
                (IpAddr::V6(group), socket.join_multicast_v6(&group, interface))
            }
            Self::V4(group, _) => return Err(no_group(group.into(), "224.0.0.0 to 239.255.255.255")),
            Self::V6(group, _) => return Err(no_group(group.into(), "ff00::/8")),
        };
        joined.map_err(|error| explain(error, Failed::Join(group)))
    }
}

/// Linux passes the datagrams of a group to every socket with its port, also to one that has not
/// joined it, as long as any socket of the host has. Without this, each of several sockets of an
/// endpoint would receive a multicast request.
fn receive_joined_groups_only(socket: &Socket) {
    #[cfg(target_os = "linux")]
    {
        // IPv6 has the option since Linux 4.20, and an IPv4 socket has no option of IPv6.
        let _ = socket.set_multicast_all_v4(false);
        let _ = socket.set_multicast_all_v6(false);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// Sets an option of a socket. An IPv6 socket may serve IPv4 too, but not every system has the
/// option of IPv4 for it.
fn for_families(
    is_ipv6: bool,
    v4: impl FnOnce() -> io::Result<()>,
    v6: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    if !is_ipv6 {
        return v4();
    }
    let _ = v4();
    v6()
}

/// The step that failed.
enum Failed<'a> {
    Join(IpAddr),
    Interface(&'a dyn std::fmt::Display),
}

fn explain(error: io::Error, failed: Failed<'_>) -> io::Error {
    let message = match failed {
        Failed::Join(group) => format!(
            "cannot join the multicast group {group}: {error} (the interface must exist; the unspecified one needs a \
             route to the group)"
        ),
        Failed::Interface(interface) => {
            format!("multicast datagrams cannot leave through the interface {interface}: {error}")
        }
    };
    io::Error::new(error.kind(), message)
}

fn no_group(ip: IpAddr, groups: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{ip} is not a multicast address: groups are {groups}"))
}
