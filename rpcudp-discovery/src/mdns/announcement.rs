use std::fmt;
use std::net::IpAddr;

use mdns_sd::{IfKind, ServiceInfo};
use rand::TryRng;
use rand::rngs::SysRng;
use rpcudp::Endpoint;

use super::daemon::{Daemon, SERVICE, SERVICE_TYPE};
use super::error::MdnsError;
use super::instance::instance_name;
use crate::name_error::NameError;

/// The longest name of a service. With a random part it is a label of DNS.
const MAX_SERVICE_LEN: usize = 40;
const MAX_INSTANCE_LEN: usize = 63;

/// The announcement of an endpoint on the local network, by multicast DNS. Dropping it withdraws
/// it.
///
/// An endpoint that is bound to all addresses is announced with all addresses of the host, also as
/// they change. An announcement does not know when its endpoint closes: drop both.
///
/// ```
/// use rpcudp::Endpoint;
/// use rpcudp_discovery::Announcement;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::bind("0.0.0.0:0").await?;
/// let announcement = Announcement::new("greeter", &endpoint)?;
/// assert!(announcement.instance().starts_with("greeter-"));
/// announcement.withdraw().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping an announcement withdraws it"]
pub struct Announcement {
    service: String,
    instance: String,
    daemon: Daemon,
}

impl Announcement {
    /// Announces an endpoint as a service. The instance is named for the service and a random
    /// number.
    ///
    /// # Errors
    ///
    /// Returns an error if the name does not have 1 to 40 letters of ASCII, digits, `-` and `_`, or
    /// if the thread for multicast DNS or its sockets cannot be created.
    pub fn new(service: &str, endpoint: &Endpoint) -> Result<Self, MdnsError> {
        Self::with_instance(service, &format!("{service}-{:08x}", random()), endpoint)
    }

    /// [Announces](Self::new) an endpoint with an instance name for people, such as a person's or a
    /// machine's. It must be unique on the network: if it is not, the later one gets a number.
    ///
    /// # Errors
    ///
    /// Returns an error as [`new`](Self::new) does, and if the instance's name does not have 1 to
    /// 63 bytes without control characters.
    pub fn with_instance(service: &str, instance: &str, endpoint: &Endpoint) -> Result<Self, MdnsError> {
        check_service(service)?;
        if !(1..=MAX_INSTANCE_LEN).contains(&instance.len()) || instance.contains(char::is_control) {
            let expected = "an instance name of 1 to 63 bytes without control characters";
            return Err(NameError::new(instance, expected).into());
        }
        let addr = endpoint.local_addr();
        if addr.ip().is_multicast() {
            return Err(MdnsError::UnusableAddress(addr));
        }
        // A host name of its own: the host's may be taken by the system's own service.
        let host = format!("{service}-{:08x}.local.", random()).to_ascii_lowercase().replace('_', "-");
        let properties = [(SERVICE, service)];
        let info = |ips: &str| ServiceInfo::new(SERVICE_TYPE, instance, &host, ips, addr.port(), &properties[..]);
        let mut info =
            if addr.ip().is_unspecified() { info("")?.enable_addr_auto() } else { info(&addr.ip().to_string())? };
        if matches!(addr.ip(), IpAddr::V4(ip) if ip.is_unspecified()) {
            info.set_interfaces(vec![IfKind::IPv4]);
        }
        let name = instance_name(info.get_fullname());
        let daemon = Daemon::start()?;
        daemon.inner().register(info)?;
        Ok(Self { service: service.into(), instance: name, daemon })
    }

    /// Returns the name of the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the name of this instance.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// Withdraws the announcement, and completes when others have been told. Dropping it withdraws
    /// it too, unless the process ends first.
    pub async fn withdraw(self) {
        // An error says that the thread has ended, and withdrawn it.
        if let Ok(done) = self.daemon.inner().shutdown() {
            let _ = done.recv_async().await;
        }
    }
}

impl fmt::Debug for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, instance, .. } = self;
        f.debug_struct("Announcement").field("service", service).field("instance", instance).finish_non_exhaustive()
    }
}

pub(crate) fn check_service(service: &str) -> Result<(), NameError> {
    let is_plain = service.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character));
    if is_plain && (1..=MAX_SERVICE_LEN).contains(&service.len()) {
        return Ok(());
    }
    Err(NameError::new(service, "the name of a service, of 1 to 40 letters, digits, `-` and `_`, as in `greeter`"))
}

fn random() -> u32 {
    SysRng.try_next_u32().expect("the system has random numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_are_plain() {
        for name in ["", "a.b", "a b", "gr\u{fc}n", &"x".repeat(41)] {
            assert!(check_service(name).unwrap_err().to_string().contains("`greeter`"), "{name}");
        }
        for name in ["greeter", "a-b_c9", &"x".repeat(40)] {
            assert_eq!(check_service(name), Ok(()));
        }
    }

    #[tokio::test]
    async fn names_of_instances_are_short_and_printable() {
        let endpoint = Endpoint::bind("127.0.0.1:0").await.unwrap();
        for name in ["", "a\u{7}b", &"x".repeat(64)] {
            let error = Announcement::with_instance("greeter", name, &endpoint).unwrap_err();
            assert!(matches!(error, MdnsError::Name(_)), "{error}");
        }
    }
}
