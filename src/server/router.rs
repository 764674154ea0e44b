use std::cmp::Ordering;
use std::sync::Arc;

use rpcudp_core::contract::Delivery;

use crate::BindError;
use crate::server::inline_request::Arrived;
use crate::server::service::{AnyService, Service};
use crate::telemetry::metrics::RequestMeter;
#[cfg(feature = "tower")]
use crate::tower::Layers;

/// The services of an endpoint, and which of them has a method of a given name.
#[derive(Debug, Default)]
pub(crate) struct Router {
    services: Vec<Arc<dyn AnyService>>,
    /// In the order of [`compare`]. Methods are few: they are found sooner than a stranger's name is hashed with a key that
    /// the stranger does not know.
    routes: Vec<Route>,
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
                match self.position(name) {
                    Err(place) => {
                        let route = Route { name, delivery, meter: RequestMeter::of(name), service, method };
                        self.routes.insert(place, route);
                    }
                    Ok(taken) => {
                        let services = [self.services[self.routes[taken].service].name(), claimant.name()];
                        return Err(BindError::DuplicateMethod { method: name, services });
                    }
                }
            }
        }
        Ok(self)
    }

    /// Whether there is nothing to be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Route> {
        self.position(name).ok().map(|place| &self.routes[place])
    }

    /// Where the route of this name is, or would be.
    fn position(&self, name: &str) -> Result<usize, usize> {
        self.routes.binary_search_by(|route| compare(route.name, name))
    }

    /// Puts a layer around those that are there, or around the services.
    #[cfg(feature = "tower")]
    pub(crate) fn layer(&mut self, layer: impl FnOnce(crate::tower::Handler) -> Layers) {
        self.layers = Some(layer(crate::tower::Handler::new(self.layers.take())));
    }

    pub(crate) fn call(&self, route: &Route, arrived: Arrived<'_>) {
        let service = &self.services[route.service];
        #[cfg(feature = "tower")]
        if let Some(layers) = &self.layers {
            return layers.call(service, route.method, arrived);
        }
        service.call(route.method, arrived.into());
    }
}

/// An order in which most names differ by their lengths already.
fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
