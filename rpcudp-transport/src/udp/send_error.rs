//! Explains errors of sends whose cause is a setting of the socket.

use std::net::{IpAddr, SocketAddr};
use std::{error, fmt, io};

use super::bound_socket::BoundSocket;

/// Adds the remedy to the error of a send, if it follows from the addresses. Keeps the kind of the
/// error, unless it is one that may pass and this one never does.
pub(super) fn explain(socket: &BoundSocket, destination: SocketAddr, error: io::Error) -> io::Error {
    let bound_to_loopback = socket.bound_ip.is_some_and(|ip| ip.is_loopback());
    let ip = destination.ip().to_canonical();
    let mut kind = error.kind();
    let remedy = match (kind, ip) {
        (io::ErrorKind::WouldBlock, _) => return error,
        (_, IpAddr::V4(_)) if matches!(socket.bound_ip, Some(IpAddr::V6(_))) && is_about_route(&error) => {
            kind = io::ErrorKind::InvalidInput;
            "a socket bound to an IPv6 address cannot send to an IPv4 address: bind [::]:0, which sends to both"
        }
        (io::ErrorKind::PermissionDenied, IpAddr::V4(ip)) if ip.is_broadcast() => {
            "broadcasts are off: `UdpOptions::broadcast` turns them on"
        }
        (io::ErrorKind::PermissionDenied, IpAddr::V4(ip)) if is_access_denied(&error) && ip.octets()[3] & 1 == 1 => {
            "if this is the broadcast address of a network, `UdpOptions::broadcast` permits it"
        }
        (_, ip) if ip.is_multicast() && is_about_route(&error) => {
            "no route leads to multicast groups: `UdpOptions::multicast_interface_v4` or `multicast_interface_v6` names \
             the interface"
        }
        _ if bound_to_loopback && !ip.is_loopback() && is_about_route(&error) => {
            if ip.is_ipv4() {
                "a socket bound to a loopback address reaches this host only: bind 0.0.0.0:0"
            } else {
                "a socket bound to a loopback address reaches this host only: bind [::]:0"
            }
        }
        _ => return error,
    };
    io::Error::new(kind, Explained { remedy, error })
}

/// Whether the system reported `EACCES`, as for a broadcast, and not `EPERM`, as a firewall does.
fn is_access_denied(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(13 | 10_013))
}

fn is_about_route(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::PermissionDenied
    )
}

/// An error with its remedy.
#[derive(Debug)]
struct Explained {
    remedy: &'static str,
    error: io::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { remedy, error } = self;
        write!(f, "{remedy} ({error})")
    }
}

impl error::Error for Explained {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.error)
    }
}
