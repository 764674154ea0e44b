use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData};
use rpcudp::Peers;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::family::Families;
use crate::lookup_error::LookupError;
use crate::name_error::NameError;
use crate::refresh::{Resolved, refresh};
use crate::source;

/// The hosts and ports of SRV records, such as `_greeter._udp.example.org`, looked up again when
/// their times to live end.
///
/// Of several priorities, the peers are those of the lowest number whose hosts have addresses. The
/// weights are ignored: a group measures the load of its peers. Of each lookup, 64 hosts are taken.
///
/// While lookups fail, or there is no record, the last peers stay, a [`LookupError`] is reported,
/// and the name is looked up again after 1, 2, 4 s and so on, up to the
/// [ceiling](Self::ceiling).
///
/// ```
/// use std::time::Duration;
///
/// use rpcudp::Peers;
/// use rpcudp_discovery::Srv;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // The DNS interface of a Consul agent.
/// let peers: Peers = Srv::new("greeter.service.consul")?.name_server("127.0.0.1:8600".parse()?).peers();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Srv {
    name: Arc<str>,
    floor: Duration,
    ceiling: Duration,
    name_server: Option<SocketAddr>,
    families: Families,
}

impl Srv {
    const FLOOR: Duration = Duration::from_secs(5);
    const CEILING: Duration = Duration::from_secs(300);
    /// The shortest time between two lookups: each is several datagrams to a server of others.
    const SHORTEST: Duration = Duration::from_millis(100);
    /// The time after which a request is sent again, once. A lookup takes several in a row.
    const TIMEOUT: Duration = Duration::from_secs(2);
    /// The number of hosts whose addresses are looked up at a time.
    const MAX_HOSTS: usize = 64;

    /// Takes the name of the records.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not a name of DNS.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || Name::from_utf8(name).is_err() {
            return Err(NameError::new(name, "a name of SRV records, as in `_greeter._udp.example.org`"));
        }
        let (floor, ceiling) = (Self::FLOOR, Self::CEILING);
        Ok(Self { name: name.into(), floor, ceiling, name_server: None, families: Families::One })
    }

    /// Sets the shortest time between two lookups, for records with a short time to live. Default:
    /// 5 s; at least 100 ms. Each time is lengthened by up to a tenth at random.
    #[must_use]
    pub fn floor(self, floor: Duration) -> Self {
        Self { floor: floor.max(Self::SHORTEST), ..self }
    }

    /// Sets the longest time between two lookups, for records with a long time to live. Default:
    /// 5 min; at least the [floor](Self::floor).
    #[must_use]
    pub fn ceiling(self, ceiling: Duration) -> Self {
        Self { ceiling, ..self }
    }

    /// Asks this name server. Default: those of the system.
    #[must_use]
    pub fn name_server(self, addr: SocketAddr) -> Self {
        Self { name_server: Some(addr), ..self }
    }

    /// Takes the addresses of both families as peers. Default: of each host the IPv4 addresses, or
    /// the IPv6 addresses if it has no other, so that a host with both is one peer.
    #[must_use]
    pub fn both_families(self) -> Self {
        Self { families: Families::Both, ..self }
    }

    /// Returns the peers. The lookups begin when a group, or
    /// [`next_change`](Peers::next_change), polls them, and end when they are dropped.
    #[must_use = "the name is looked up while the peers are in use"]
    pub fn peers(self) -> Peers {
        let ceiling = self.ceiling.max(self.floor);
        source::peers(&format!("srv:{}", self.name), |changes| {
            let lookup = Arc::new(SrvLookup { srv: self, resolver: OnceCell::new() });
            refresh(changes, ceiling, move || {
                let lookup = Arc::clone(&lookup);
                async move { lookup.run().await }
            })
        })
    }

    fn resolver(&self) -> Result<TokioResolver, NetError> {
        let mut builder = match self.name_server {
            Some(addr) => {
                let mut server = NameServerConfig::udp_and_tcp(addr.ip());
                server.connections.iter_mut().for_each(|connection| connection.port = addr.port());
                let config = ResolverConfig::from_name_servers(vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
            None => TokioResolver::builder_tokio()?,
        };
        let options: &mut ResolverOpts = builder.options_mut();
        // The times to live decide when a name is looked up again, so a cache has no use.
        options.cache_size = 0;
        // A lookup that fails is tried again soon.
        options.timeout = Self::TIMEOUT;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.build()
    }
}

struct SrvLookup {
    srv: Srv,
    /// Made by the first lookup, because that needs a runtime and reads files.
    resolver: OnceCell<TokioResolver>,
}

impl SrvLookup {
    async fn run(&self) -> Result<Resolved, LookupError> {
        let name = &self.srv.name;
        let failed = |error| LookupError::failed(name, error);
        let resolver = self.resolver.get_or_try_init(async || self.srv.resolver()).await.map_err(failed)?;
        let records = match resolver.srv_lookup(&**name).await {
            Err(error) if error.is_no_records_found() && !error.is_nx_domain() => {
                return Err(LookupError::no_addresses(name));
            }
            records => records.map_err(failed)?,
        };
        let mut ttl = ttl(&records);
        for hosts in by_priority(&records).into_values() {
            let mut peers = BTreeSet::new();
            let mut lookups = JoinSet::new();
            for (host, port) in hosts.into_iter().take(Srv::MAX_HOSTS) {
                let resolver = resolver.clone();
                lookups.spawn(async move { (resolver.lookup_ip(host).await, port) });
            }
            while let Some(done) = lookups.join_next().await {
                let (found, port) = done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
                match found {
                    Ok(found) => {
                        ttl = ttl.min(self::ttl(found.as_lookup()));
                        peers.extend(self.srv.families.select(found.iter().map(|ip| SocketAddr::new(ip, port))));
                    }
                    // A host without an address is no peer. Any other failure leaves all as it was.
                    Err(error) if error.is_no_records_found() => {}
                    Err(error) => return Err(failed(error)),
                }
            }
            if !peers.is_empty() {
                return Ok(Resolved {
                    peers,
                    valid_for: ttl.max(self.srv.floor).min(self.srv.ceiling.max(self.srv.floor)),
                });
            }
        }
        Err(LookupError::no_addresses(name))
    }
}

/// Returns the shortest time to live.
fn ttl(lookup: &Lookup) -> Duration {
    let ttl = lookup.answers().iter().map(|record| record.ttl).min();
    Duration::from_secs(ttl.unwrap_or_default().into())
}

/// Returns the hosts and ports of SRV records by their priorities.
fn by_priority(records: &Lookup) -> BTreeMap<u16, Vec<(Name, u16)>> {
    let mut hosts = BTreeMap::<u16, Vec<(Name, u16)>>::new();
    for record in records.answers() {
        // The root as a host says that the service is not available.
        if let RData::SRV(srv) = &record.data
            && !srv.target.is_root()
            && srv.port != 0
        {
            hosts.entry(srv.priority).or_default().push((srv.target.clone(), srv.port));
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_records_is_a_name_of_dns() {
        for name in ["", "a..b", &"x".repeat(64)] {
            let error = Srv::new(name).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.contains("_greeter._udp.example.org"), "{error}");
        }
        for name in ["_greeter._udp.example.org", "greeter.service.consul."] {
            assert!(Srv::new(name).is_ok(), "{name}");
        }
    }
}
