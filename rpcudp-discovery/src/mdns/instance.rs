use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use mdns_sd::{ResolvedService, ScopedIp};

use super::daemon::{SERVICE, SERVICE_TYPE};

/// A service that a host announces.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MdnsInstance {
    /// The name of the service, such as `greeter`.
    pub service: String,
    /// The name of this instance, which is unique in the network.
    pub name: String,
    /// The address to call: an IPv4 address, if it has one.
    pub addr: SocketAddr,
}

impl MdnsInstance {
    /// The longest name of a service that is taken from the network.
    const MAX_SERVICE_LEN: usize = 255;

    /// Returns `None` for an announcement that is not one of this crate, or without an address that
    /// this host can call.
    pub(crate) fn new(resolved: &ResolvedService) -> Option<Self> {
        let service = resolved.txt_properties.get_property_val_str(SERVICE)?;
        let addr = resolved.addresses.iter().filter_map(|ip| usable(ip, resolved.port)).min_by_key(rank)?;
        if resolved.port == 0 || service.len() > Self::MAX_SERVICE_LEN {
            return None;
        }
        Some(Self { service: printable(service), name: instance_name(&resolved.fullname), addr })
    }
}

/// Returns the name of an instance without that of its type, as others may show it.
pub(crate) fn instance_name(fullname: &str) -> String {
    let name = fullname.strip_suffix(SERVICE_TYPE).unwrap_or(fullname);
    printable(name.strip_suffix('.').unwrap_or(name))
}

/// Replaces control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

fn usable(ip: &ScopedIp, port: u16) -> Option<SocketAddr> {
    let (addr, interfaces) = match ip {
        ScopedIp::V4(v4) => (SocketAddr::new((*v4.addr()).into(), port), v4.interface_ids()),
        ScopedIp::V6(v6) => {
            let scope = if v6.addr().is_unicast_link_local() { v6.scope_id().index } else { 0 };
            let addr = SocketAddrV6::new(*v6.addr(), port, 0, scope);
            (addr.into(), std::slice::from_ref(v6.scope_id()))
        }
        _ => return None,
    };
    let ip = addr.ip();
    // Another host can announce a loopback address, and means itself, or this host's services.
    let is_of_loopback = interfaces.iter().all(|interface| interface.name.to_ascii_lowercase().starts_with("lo"));
    let is_refused = ip.is_unspecified() || ip.is_multicast() || (ip.is_loopback() && !is_of_loopback);
    (!is_refused).then_some(addr)
}

/// The order in which addresses of an instance are preferred.
fn rank(addr: &SocketAddr) -> (u8, SocketAddr) {
    let rank = match addr.ip() {
        ip if ip.is_loopback() => 3,
        IpAddr::V4(_) => 0,
        IpAddr::V6(ip) if ip.is_unicast_link_local() => 2,
        IpAddr::V6(_) => 1,
    };
    (rank, *addr)
}

#[cfg(test)]
mod tests {
    use mdns_sd::ServiceInfo;

    use super::*;

    fn instance(addrs: &str, port: u16, properties: &[(&str, &str)]) -> Option<MdnsInstance> {
        let info = ServiceInfo::new(SERVICE_TYPE, "a.b\u{7}", "host.local.", addrs, port, properties).unwrap();
        MdnsInstance::new(&info.as_resolved_service())
    }

    #[test]
    fn the_most_reachable_address_is_taken() {
        let with = |addrs| instance(addrs, 7_000, &[(SERVICE, "greeter")]).map(|instance| instance.addr.to_string());
        assert_eq!(with("fd00::1,10.0.0.2,10.0.0.1").as_deref(), Some("10.0.0.1:7000"));
        assert_eq!(with("fe80::1,fd00::1").as_deref(), Some("[fd00::1]:7000"));
        assert_eq!(with("0.0.0.0,224.0.0.1"), None);
    }

    #[test]
    fn an_announcement_needs_a_service_and_a_port() {
        assert_eq!(instance("10.0.0.1", 7_000, &[]), None);
        assert_eq!(instance("10.0.0.1", 0, &[(SERVICE, "greeter")]), None);
        assert_eq!(instance("10.0.0.1", 7_000, &[(SERVICE, &"x".repeat(245))]).unwrap().service.len(), 245);
    }

    #[test]
    fn control_characters_of_names_are_replaced() {
        let instance = instance("10.0.0.1", 7_000, &[(SERVICE, "\u{1b}[31m")]).unwrap();
        assert_eq!(instance.service, "\u{fffd}[31m");
        assert!(!instance.name.contains('\u{7}'), "{instance:?}");
    }
}
