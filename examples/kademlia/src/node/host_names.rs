use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout};

/// The resolver of the host names that peers return in contacts.
///
/// The system's resolver blocks, so it runs on blocking threads, and never on the receive path. A
/// peer can make this node resolve names, so their number and time are limited, and results are
/// kept for a while.
pub(crate) struct HostNames {
    resolve: Arc<Resolve>,
    permits: Arc<Semaphore>,
    cache: Mutex<HashMap<Box<str>, (Instant, Ips)>>,
}

type Ips = Box<[IpAddr]>;
type Resolve = dyn Fn(&str) -> io::Result<Ips> + Send + Sync;

/// An error: too many names are being resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyNames;

impl HostNames {
    /// The number of names that are resolved at a time. A name holds its place until the system's
    /// resolver returns, which may take longer than the limit.
    const MAX_CONCURRENT: usize = 4;

    /// The time that a lookup waits for a name.
    const LIMIT: Duration = Duration::from_secs(1);

    /// The number of names whose result is kept. At the limit, all are forgotten.
    const MAX_KEPT: usize = 256;

    /// The time for which a result is kept, also that a name has no address.
    const KEPT_FOR: Duration = Duration::from_secs(600);

    fn new(resolve: impl Fn(&str) -> io::Result<Ips> + Send + Sync + 'static) -> Self {
        let permits = Arc::new(Semaphore::new(Self::MAX_CONCURRENT));
        Self { resolve: Arc::new(resolve), permits, cache: Mutex::default() }
    }

    /// Returns the addresses of a host name, which are none if it does not resolve in time.
    ///
    /// # Errors
    ///
    /// Returns an error if too many names are being resolved.
    pub(crate) async fn resolve(&self, host: &str) -> Result<Ips, TooManyNames> {
        let now = Instant::now();
        let kept = self.cache().get(host).filter(|(at, _)| now - *at < Self::KEPT_FOR).map(|(_, ips)| ips.clone());
        if let Some(ips) = kept {
            return Ok(ips);
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| TooManyNames)?;
        let (resolve, name) = (Arc::clone(&self.resolve), host.to_owned());
        let resolving = spawn_blocking(move || {
            let ips = resolve(&name);
            drop(permit);
            ips
        });
        let resolved = timeout(Self::LIMIT, resolving).await;
        let ips = resolved.ok().and_then(Result::ok).and_then(Result::ok).unwrap_or_default();
        let mut cache = self.cache();
        if cache.len() >= Self::MAX_KEPT {
            cache.clear();
        }
        cache.insert(host.into(), (now, ips.clone()));
        Ok(ips)
    }

    fn cache(&self) -> MutexGuard<'_, HashMap<Box<str>, (Instant, Ips)>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for HostNames {
    /// Returns the system's resolver.
    fn default() -> Self {
        Self::new(|host| Ok((host, 0).to_socket_addrs()?.map(|addr| addr.ip()).collect()))
    }
}

impl fmt::Debug for HostNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostNames").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn results_are_kept_and_names_without_address_too() {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let names = HostNames::new(move |host| {
            counted.fetch_add(1, Ordering::Relaxed);
            if host == "known" { Ok([IpAddr::from([10, 0, 0, 1])].into()) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        for _ in 0..3 {
            assert_eq!(names.resolve("known").await, Ok([IpAddr::from([10, 0, 0, 1])].into()));
            assert_eq!(names.resolve("unknown").await, Ok(Box::default()));
        }
        assert_eq!(count.load(Ordering::Relaxed), 2);
        for number in 0..1_000 {
            names.resolve(&format!("unknown {number}")).await.unwrap();
        }
        assert!(names.cache().len() <= HostNames::MAX_KEPT);
    }

    #[tokio::test]
    async fn slow_names_are_bounded_in_number() {
        let (release, blocked) = mpsc::channel::<()>();
        let blocked = Mutex::new(blocked);
        let names = Arc::new(HostNames::new(move |_| {
            // Ends when the test drops the sender.
            let _ = blocked.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Ok(Box::default())
        }));
        let resolving: Vec<_> = (0..20)
            .map(|number| {
                let names = Arc::clone(&names);
                tokio::spawn(async move { names.resolve(&format!("slow {number}")).await })
            })
            .collect();
        while names.permits.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(names.resolve("another").await, Err(TooManyNames));
        drop(release);
        let mut refused = 0;
        for resolving in resolving {
            refused += usize::from(resolving.await.unwrap().is_err());
        }
        assert_eq!(refused, 20 - HostNames::MAX_CONCURRENT);
    }
}
