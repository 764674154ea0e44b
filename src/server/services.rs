use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcudp_core::contract::Contract;

use super::router::{Middleware, RouteError, Router};
use super::service::AnyService;
use crate::lock::Lock;

/// A service of an endpoint. A clone is the same service.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) id: ServiceId,
    pub(crate) service: Arc<dyn AnyService>,
    /// The contract, if the endpoint publishes it.
    pub(crate) contract: Option<Arc<Contract>>,
}

/// Identifies a service that was added to an endpoint while it serves.
///
/// Returned by [`Endpoint::add_service`](crate::Endpoint::add_service), for
/// [`Endpoint::remove_service`](crate::Endpoint::remove_service). No two services of a program have
/// the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId(u64);

/// The services of a bound endpoint, which may change while it serves. Its drivers own them, so
/// that they are dropped before the address is free.
#[derive(Debug)]
pub(crate) struct Services {
    /// Counts the changes, so that drivers need no lock to see whether the router has changed.
    version: AtomicU64,
    router: Lock<Arc<Router>>,
    /// Locked for as long as a change takes, so that changes follow each other.
    served: Lock<Vec<Served>>,
    settings: ServiceSettings,
}

/// Makes the service that publishes contracts in responses of a maximum length, if there are any.
pub(crate) type MakeIntrospection = fn(&[Served], usize) -> Option<Arc<dyn AnyService>>;

/// The parts of an endpoint's router that do not change with its services.
#[derive(Debug)]
pub(crate) struct ServiceSettings {
    pub(crate) middleware: Option<Arc<dyn Middleware>>,
    pub(crate) introspection: MakeIntrospection,
    pub(crate) max_response_len: usize,
    /// The names of the pools of sessions.
    pub(crate) pools: Vec<Arc<str>>,
}

impl Served {
    /// A service without a published contract.
    pub(crate) fn new(service: impl AnyService + 'static) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = ServiceId(LAST.fetch_add(1, Ordering::Relaxed));
        Self { id, service: Arc::new(service), contract: None }
    }

    /// Returns the contract of the service, published or not, if it has one.
    pub(crate) fn contract(&self) -> Option<&Contract> {
        self.contract.as_deref().or_else(|| self.service.contract())
    }

    /// Publishes the contract of the service.
    pub(crate) fn publish(mut self, contract: Contract) -> Self {
        self.contract = Some(Arc::new(contract));
        self
    }
}

impl Services {
    /// # Errors
    ///
    /// If two services collide, or a method requires a session in an unknown pool.
    pub(crate) fn new(served: Vec<Served>, settings: ServiceSettings) -> Result<Self, RouteError> {
        let router = settings.router(&served)?;
        Ok(Self {
            version: AtomicU64::new(0),
            router: Lock::new(Arc::new(router)),
            served: Lock::new(served),
            settings,
        })
    }

    /// Returns a number that differs after each change.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Returns the router for requests from now on, which is at least as new as the version that
    /// the caller has read.
    pub(crate) fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router.lock())
    }

    /// Returns the services.
    pub(crate) fn served(&self) -> Vec<Served> {
        self.served.lock().clone()
    }

    /// Adds a service.
    ///
    /// # Errors
    ///
    /// If it collides with another one, or requires sessions in an unknown pool.
    pub(crate) fn add(&self, service: &Served) -> Result<(), RouteError> {
        self.change(|served| served.push(service.clone()))
    }

    /// Removes a service. Returns whether the endpoint had it.
    pub(crate) fn remove(&self, id: ServiceId) -> bool {
        let mut was_served = false;
        let changed = self.change(|served| {
            let count = served.len();
            served.retain(|other| other.id != id);
            was_served = served.len() < count;
        });
        changed.expect("services do not collide after one of them is removed");
        was_served
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Served>)) -> Result<(), RouteError> {
        let mut served = self.served.lock();
        let mut changed = served.clone();
        change(&mut changed);
        let former = self.router();
        let router = Arc::new(self.settings.router(&changed)?.remember(&former));
        // A removed service may be dropped with these: not under the locks.
        let old_services = mem::replace(&mut *served, changed);
        let old_router = mem::replace(&mut *self.router.lock(), router);
        self.version.fetch_add(1, Ordering::Release);
        drop(served);
        drop((old_services, old_router, former));
        Ok(())
    }
}

impl ServiceSettings {
    fn router(&self, served: &[Served]) -> Result<Router, RouteError> {
        let introspection = (self.introspection)(served, self.max_response_len);
        let services = served.iter().map(|served| Arc::clone(&served.service)).chain(introspection).collect();
        Router::new(services, self.middleware.clone(), &self.pools)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}
