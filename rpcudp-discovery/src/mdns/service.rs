use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::{Change, Peers};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::SendError;
use tokio::time::{sleep, timeout};

use super::announcement::{Announcement, check_service};
use super::browser::{MdnsBrowser, MdnsEvent};
use super::error::MdnsError;
use crate::name_error::NameError;
use crate::source;

/// The hosts of a local network that [announce](Announcement) a service.
///
/// A new host is seen within about a second, and a host that withdraws its announcement too. A host
/// that is switched off or killed stays for up to two minutes, the time to live of its
/// announcement; a group ejects it when calls to it fail. An announcement is not authenticated: any
/// host of the network can announce any service.
///
/// ```
/// use rpcudp::{Endpoint, Peers};
/// use rpcudp_discovery::{Announcement, Mdns};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::bind("0.0.0.0:0").await?;
/// let announcement = Announcement::new("greeter", &endpoint)?;
/// // All others of the network that announce the same.
/// let peers: Peers = Mdns::new("greeter")?.except(&announcement).peers();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Mdns {
    service: String,
    excepted: Option<String>,
}

impl Mdns {
    /// The time after which peers are reported again, which renews their age.
    const RENEWAL: Duration = Duration::from_secs(10);
    /// The time in which a host must be found, before the service counts as not announced.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// The time after which multicast DNS is tried again if it is not available.
    const RETRY: Duration = Duration::from_secs(10);

    /// Takes the name of a service.
    ///
    /// # Errors
    ///
    /// Returns an error if the name does not have 1 to 40 letters of ASCII, digits, `-` and `_`.
    pub fn new(service: &str) -> Result<Self, NameError> {
        check_service(service)?;
        Ok(Self { service: service.into(), excepted: None })
    }

    /// Leaves out one announcement: that of the program itself, if it is a peer of its peers.
    #[must_use]
    pub fn except(self, announcement: &Announcement) -> Self {
        Self { excepted: Some(announcement.instance().into()), ..self }
    }

    /// Returns the peers. A thread browses the network as long as they are in use.
    #[must_use = "the network is browsed while the peers are in use"]
    pub fn peers(self) -> Peers {
        source::peers(&format!("mdns:{}", self.service), |changes| async move {
            // Ends when the receiver is gone.
            let _ = self.follow(changes).await;
        })
    }

    async fn follow(self, changes: Sender<Change>) -> Result<(), SendError<Change>> {
        let mut known = BTreeMap::new();
        loop {
            match MdnsBrowser::new() {
                Ok(browser) => self.follow_browser(browser, &mut known, &changes).await?,
                Err(error) => {
                    changes.send(Change::failed(error)).await?;
                    sleep(Self::RETRY).await;
                }
            }
        }
    }

    /// Follows a browser until it ends, which it does if it was not polled for long.
    async fn follow_browser(
        &self,
        mut browser: MdnsBrowser,
        known: &mut BTreeMap<String, SocketAddr>,
        changes: &Sender<Change>,
    ) -> Result<(), SendError<Change>> {
        loop {
            let wait = if known.is_empty() { Self::PATIENCE } else { Self::RENEWAL };
            let Ok(event) = timeout(wait, browser.next()).await else {
                for addr in known.values() {
                    changes.send(Change::Insert(*addr)).await?;
                }
                // A group must not wait for hosts that may never come.
                if known.is_empty() {
                    let service = self.service.clone();
                    changes.send(Change::failed(MdnsError::NotAnnounced { service })).await?;
                }
                continue;
            };
            let replaced = match event {
                Some(MdnsEvent::Found(instance)) => {
                    if instance.service != self.service || Some(&instance.name) == self.excepted.as_ref() {
                        continue;
                    }
                    changes.send(Change::Insert(instance.addr)).await?;
                    known.insert(instance.name, instance.addr)
                }
                Some(MdnsEvent::Lost(name)) => known.remove(&name),
                None => return Ok(()),
            };
            if let Some(addr) = replaced
                && !known.values().any(|other| *other == addr)
            {
                changes.send(Change::Remove(addr)).await?;
            }
        }
    }
}
