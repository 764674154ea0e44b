use std::collections::BTreeMap;
use std::fmt;

use mdns_sd::{Receiver, ServiceEvent};

use super::daemon::{Daemon, SERVICE_TYPE};
use super::error::MdnsError;
use super::instance::{MdnsInstance, instance_name};

/// A change of the services that are announced on the local network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MdnsEvent {
    /// An instance was found, or its address has changed: one on this host is found by its loopback
    /// address first.
    Found(MdnsInstance),
    /// The instance of this name has withdrawn its announcement, or is gone.
    Lost(String),
}

/// The services of this crate that are announced on the local network.
///
/// ```no_run
/// use rpcudp_discovery::{MdnsBrowser, MdnsEvent};
///
/// # async fn browse() -> Result<(), rpcudp_discovery::MdnsError> {
/// let mut browser = MdnsBrowser::new()?;
/// while let Some(event) = browser.next().await {
///     match event {
///         MdnsEvent::Found(instance) => println!("{} at {}", instance.service, instance.addr),
///         MdnsEvent::Lost(name) => println!("{name} is gone"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct MdnsBrowser {
    events: Receiver<ServiceEvent>,
    found: BTreeMap<String, MdnsInstance>,
    /// Stops browsing when it is dropped.
    _daemon: Daemon,
}

impl MdnsBrowser {
    /// The number of instances that are reported. A host could announce any number.
    const MAX_INSTANCES: usize = 1_024;

    /// Begins to browse, in a thread that ends when the browser is dropped.
    ///
    /// # Errors
    ///
    /// Returns an error if the thread or its sockets cannot be created.
    pub fn new() -> Result<Self, MdnsError> {
        let daemon = Daemon::start()?;
        let events = daemon.inner().browse(SERVICE_TYPE)?;
        Ok(Self { events, found: BTreeMap::new(), _daemon: daemon })
    }

    /// Waits for the next change. Returns `None` if the browser has ended: after a thousand events
    /// that the program did not take. At most 1,024 instances are reported at a time.
    ///
    /// # Cancel safety
    ///
    /// No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<MdnsEvent> {
        loop {
            match self.events.recv_async().await.ok()? {
                ServiceEvent::ServiceResolved(resolved) => {
                    let Some(instance) = MdnsInstance::new(&resolved) else { continue };
                    let known = self.found.get(&instance.name);
                    // The engine reports an instance for each of its addresses and interfaces.
                    let is_news = known.map_or(self.found.len() < Self::MAX_INSTANCES, |known| *known != instance);
                    if is_news {
                        self.found.insert(instance.name.clone(), instance.clone());
                        return Some(MdnsEvent::Found(instance));
                    }
                }
                ServiceEvent::ServiceRemoved(_, fullname) => {
                    let name = instance_name(&fullname);
                    if self.found.remove(&name).is_some() {
                        return Some(MdnsEvent::Lost(name));
                    }
                }
                _ => {}
            }
        }
    }
}

impl fmt::Debug for MdnsBrowser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MdnsBrowser").field("found", &self.found.len()).finish_non_exhaustive()
    }
}
