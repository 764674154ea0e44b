use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use rpcudp_core::contract::Delivery;

use crate::BindError;
use crate::arrived::Arrived;
use crate::metering::RequestMeter;
use crate::service::{AnyService, Service};
#[cfg(feature = "tower")]
use crate::tower::Layers;

/// The services of an endpoint, and which of them has a method of a given name.
#[derive(Debug, Default)]
pub(crate) struct Router {
    services: Vec<Arc<dyn AnyService>>,
    // The standard library's hash is keyed at random: a stranger who names methods cannot make them collide.
    routes: HashMap<&'static str, Route>,
    /// What stands between the network and the services, if anything does.
    #[cfg(feature = "tower")]
    layers: Option<Layers>,
}

/// Where a method is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) meter: RequestMeter,
    service: usize,
    method: usize,
}

impl Router {
    pub(crate) fn add(&mut self, service: impl Service) {
        self.services.push(Arc::new(service));
    }

    /// Lays the routes.
    ///
    /// # Errors
    ///
    /// Where two methods have one name.
    pub(crate) fn checked(mut self) -> Result<Self, BindError> {
        for (service, claimant) in self.services.iter().enumerate() {
            for method in 0..claimant.method_count() {
                let (name, delivery) = claimant.method(method);
                match self.routes.entry(name) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(Route { name, delivery, meter: RequestMeter::of(name), service, method });
                    }
                    Entry::Occupied(taken) => {
                        let services = [self.services[taken.get().service].name(), claimant.name()];
                        return Err(BindError::DuplicateMethod { method: name, services });
                    }
                }
            }
        }
        Ok(self)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Route> {
        self.routes.get(name).copied()
    }

    /// Puts a layer around those that are there, or around the services.
    #[cfg(feature = "tower")]
    pub(crate) fn layer(&mut self, layer: impl FnOnce(crate::tower::Handler) -> Layers) {
        self.layers = Some(layer(crate::tower::Handler::new(self.layers.take())));
    }

    pub(crate) fn call(&self, route: Route, arrived: Arrived<'_>) {
        let service = &self.services[route.service];
        #[cfg(feature = "tower")]
        if let Some(layers) = &self.layers {
            return layers.call(service, route.method, arrived);
        }
        service.call(route.method, arrived.into());
    }
}
