//! The services of a bound endpoint: added and removed while it serves.

pub(crate) mod add_service_error;

use std::any::Any;
use std::sync::{Arc, Weak};

use rpcudp_core::codec::{decode, encode};
use rpcudp_core::contract::Contract;
use tokio::runtime::RuntimeFlavor;

use self::add_service_error::{AddServiceError, InvalidContract};
use crate::driver::watchdog;
use crate::endpoint::Endpoint;
use crate::endpoint::shared::Shared;
use crate::server::dynamic::DynamicService;
use crate::server::dynamic::adapter::DynamicAdapter;
use crate::server::interned::interned;
use crate::server::service::Service;
use crate::server::services::{Served, ServiceId, Services};

impl Endpoint {
    /// Serves a service from now on, beside those of the [`Builder`](crate::Builder).
    ///
    /// A request that arrives later runs. Requests for other services are not affected.
    ///
    /// ```
    /// use rpcudp::{CallError, Endpoint, Refusal, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// struct Noon;
    ///
    /// impl Clock for Noon {
    ///     fn hour(&self) -> u8 {
    ///         12
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let clock = ClockClient::new(&endpoint, endpoint.local_addr());
    ///
    /// let added = endpoint.add_service(ClockServer::new(Noon))?;
    /// assert_eq!(clock.hour().await?, 12);
    ///
    /// endpoint.remove_service(added);
    /// assert!(matches!(clock.hour().await, Err(CallError::Refused { reason: Refusal::UnknownMethod, .. })));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If a service of the endpoint has a method of the same wire name, or if the endpoint is
    /// closing.
    pub fn add_service(&self, service: impl Service) -> Result<ServiceId, AddServiceError> {
        self.add(Served::new(service))
    }

    /// [Adds](Self::add_service) a service and publishes its contract, as
    /// [`Builder::serve_described`](crate::Builder::serve_described) does.
    ///
    /// # Errors
    ///
    /// As [`add_service`](Self::add_service).
    pub fn add_service_described<S: Service>(&self, service: S) -> Result<ServiceId, AddServiceError> {
        self.add(Served::new(service).publish(S::CONTRACT.clone()))
    }

    /// [Adds](Self::add_service) a service with methods known at run time only.
    ///
    /// # Errors
    ///
    /// As [`add_service`](Self::add_service), and if another service takes other methods too.
    pub fn add_dynamic(&self, service: impl DynamicService) -> Result<ServiceId, AddServiceError> {
        self.add(serve_dynamic(service))
    }

    /// [Adds](Self::add_dynamic) a service with methods known at run time only, and publishes
    /// its methods, as
    /// [`Builder::serve_dynamic_described`](crate::Builder::serve_dynamic_described) does.
    ///
    /// # Errors
    ///
    /// As [`add_dynamic`](Self::add_dynamic), and if peers would refuse its contract.
    pub fn add_dynamic_described(&self, service: impl DynamicService) -> Result<ServiceId, AddServiceError> {
        self.add(describe_dynamic(service)?)
    }

    /// Removes a service that was added to this endpoint. Returns `false` if the endpoint does not
    /// have it, or has closed.
    ///
    /// Requests that arrive later are refused with
    /// [`Refusal::UnknownMethod`](crate::Refusal::UnknownMethod), or go to the service that takes
    /// [other methods](DynamicService::other_methods). Running handlers finish and respond, and
    /// duplicates of their requests are treated as before: that of an `at_most_once` request gets
    /// the stored response. The service is dropped after its last handler.
    pub fn remove_service(&self, service: ServiceId) -> bool {
        let Some(services) = attached(self.shared()) else { return false };
        let was_served = services.remove(service);
        // The drivers hold the former router until they look for another.
        self.shared().send_queues.wake_all();
        was_served
    }

    fn add(&self, service: Served) -> Result<ServiceId, AddServiceError> {
        let shared = self.shared();
        let services = attached(shared).filter(|_| !shared.lifecycle.is_closing());
        let services = services.ok_or(AddServiceError::Closed)?;
        services.add(&service)?;
        watch(&services, shared);
        Ok(service.id)
    }
}

/// Makes a dynamic service ready to be served.
pub(crate) fn serve_dynamic(service: impl DynamicService) -> Served {
    Served::new(DynamicAdapter::new(service))
}

/// Makes a dynamic service ready to be served, with its contract to be published.
///
/// # Errors
///
/// If peers would refuse the contract.
pub(crate) fn describe_dynamic(service: impl DynamicService) -> Result<Served, InvalidContract> {
    let served = serve_dynamic(service);
    let contract = served.contract().expect("a dynamic service has a contract").clone();
    let mut bytes = Vec::new();
    encode(&mut bytes, &contract).expect("a contract consists of text and numbers, and is not deep");
    match decode::<Contract>(&bytes) {
        Ok(_) => Ok(served.publish(contract)),
        Err(source) => Err(InvalidContract { service: interned(&contract.name), source }),
    }
}

/// Lets the handles of an endpoint find its services, which the drivers own.
pub(crate) fn attach(services: &Arc<Services>, shared: &Arc<Shared>) {
    let weak: Weak<Services> = Arc::downgrade(services);
    shared.services.set(weak).expect("an endpoint is bound once");
    watch(services, shared);
}

/// Returns the services of an endpoint that is not closed.
pub(crate) fn attached(shared: &Shared) -> Option<Arc<Services>> {
    let services: Arc<dyn Any + Send + Sync> = shared.services.get()?.upgrade()?;
    services.downcast().ok()
}

/// Watches an endpoint that has services, because a sync method may block its driver.
fn watch(services: &Services, shared: &Arc<Shared>) {
    // A runtime of one thread may have a clock that a test pauses.
    let may_be_watched = shared.runtime.runtime_flavor() == RuntimeFlavor::MultiThread;
    if may_be_watched && shared.watchdog.get().is_none() && !services.router().is_empty() {
        watchdog::watch(shared);
    }
}
