use std::sync::Arc;
use std::time::Duration;

use rpcudp::Peers;
use tokio::net::lookup_host;

use crate::family::Families;
use crate::lookup_error::LookupError;
use crate::name_error::NameError;
use crate::refresh::{Resolved, refresh};
use crate::source;

/// The addresses of a host name, looked up by the system's resolver at an interval.
///
/// It suits names whose addresses are the peers themselves, such as a headless service of
/// Kubernetes or a service of Docker Compose.
///
/// The system's resolver gives no times to live, so the interval
/// decides how soon a change is seen: at most 1.1 times as long, plus the time of the lookup and
/// the age of the records in a resolver's cache. While lookups fail, or the name does not exist,
/// the last addresses stay, a [`LookupError`] is reported, and the name is looked up again after 1,
/// 2, 4 s and so on, up to the interval.
///
/// ```
/// use std::time::Duration;
///
/// use rpcudp::Change;
/// use rpcudp_discovery::Dns;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut peers = Dns::new("127.0.0.1:7000")?.interval(Duration::from_secs(5)).peers();
/// assert!(matches!(peers.next_change().await, Some(Change::Insert(peer)) if peer.port() == 7000));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Dns {
    name: Arc<str>,
    interval: Duration,
    families: Families,
}

impl Dns {
    const INTERVAL: Duration = Duration::from_secs(10);
    /// The shortest interval: a lookup is a datagram to a server that others share.
    const SHORTEST: Duration = Duration::from_millis(100);

    /// Takes a name and the port of the peers, as in `greeter.internal:7000`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text has no name or no port.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let parts = name.rsplit_once(':').filter(|(host, port)| {
            !host.is_empty() && !host.contains(char::is_whitespace) && port.parse().is_ok_and(|port: u16| port != 0)
        });
        match parts {
            Some(_) => Ok(Self { name: name.into(), interval: Self::INTERVAL, families: Families::One }),
            None => Err(NameError::new(name, "a host name and a port, as in `greeter.internal:7000`")),
        }
    }

    /// Sets the time between two lookups. Default: 10 s; at least 100 ms. Each is lengthened by up
    /// to a tenth at random.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval: interval.max(Self::SHORTEST), ..self }
    }

    /// Takes the addresses of both families as peers. Default: the IPv4 addresses, or the IPv6
    /// addresses if the name has no other, so that a host with both is one peer.
    #[must_use]
    pub fn both_families(self) -> Self {
        Self { families: Families::Both, ..self }
    }

    /// Returns the peers. The lookups begin when a group, or
    /// [`next_change`](Peers::next_change), polls them, and end when they are dropped.
    #[must_use = "the name is looked up while the peers are in use"]
    pub fn peers(self) -> Peers {
        let Self { name, interval, families } = self;
        source::peers(&format!("dns:{name}"), |changes| {
            refresh(changes, interval, move || {
                let name = Arc::clone(&name);
                async move {
                    let found = lookup_host(&*name).await.map_err(|error| LookupError::failed(&name, error))?;
                    let resolved = Resolved { peers: families.select(found), valid_for: interval };
                    if resolved.peers.is_empty() { Err(LookupError::no_addresses(&name)) } else { Ok(resolved) }
                }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use rpcudp::Change;

    use super::*;

    #[test]
    fn a_name_needs_a_host_and_a_port() {
        for name in ["", "greeter", "greeter:", ":7000", "greeter:70000", "greeter:0", "a b:7000"] {
            let error = Dns::new(name).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.contains("greeter.internal:7000"), "{error}");
        }
        for name in ["greeter:7000", "127.0.0.1:7000", "[::1]:7000", "a.b.:1"] {
            assert!(Dns::new(name).is_ok(), "{name}");
        }
    }

    #[tokio::test]
    async fn an_address_of_either_family_is_a_name() {
        for name in ["127.0.0.1:7000", "[::1]:7000"] {
            let mut peers = Dns::new(name).unwrap().peers();
            assert_eq!(peers.name(), format!("dns:{name}"));
            let change = peers.next_change().await;
            assert!(matches!(change, Some(Change::Insert(peer)) if peer.to_string() == name), "{change:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_an_error_that_names_it() {
        let mut peers = Dns::new("does-not-exist.invalid:7000").unwrap().peers();
        let change = peers.next_change().await;
        let Some(Change::Failed(error)) = change else { panic!("{change:?}") };
        assert!(error.to_string().starts_with("cannot resolve `does-not-exist.invalid:7000`: "), "{error}");
    }
}
