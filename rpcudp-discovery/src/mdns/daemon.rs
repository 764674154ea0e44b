use mdns_sd::ServiceDaemon;

use super::error::MdnsError;

/// The type of all services of this crate, which their announcements tell apart by the property
/// [`SERVICE`].
pub(crate) const SERVICE_TYPE: &str = "_rpcudp._udp.local.";

/// The property of an announcement that has the service's name.
pub(crate) const SERVICE: &str = "service";

/// A thread that speaks multicast DNS. Ends when it is dropped, and withdraws its announcements.
pub(crate) struct Daemon {
    inner: ServiceDaemon,
}

impl Daemon {
    pub(crate) fn start() -> Result<Self, MdnsError> {
        Ok(Self { inner: ServiceDaemon::new()? })
    }

    pub(crate) fn inner(&self) -> &ServiceDaemon {
        &self.inner
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails if its queue of commands is full, which one command at a time does not fill, or if
        // it has ended.
        let _ = self.inner.shutdown();
    }
}
