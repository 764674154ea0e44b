use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;
use std::{fmt, iter};

use rpcudp_core::contract::Delivery;

use super::inline_request::InlineRequest;
use super::service::{AnyService, Service};
use crate::telemetry::metrics::RequestMeter;

/// The services of an endpoint, with the routes to their methods.
#[derive(Debug, Default)]
pub(crate) struct Router {
    services: Vec<Arc<dyn AnyService>>,
    /// Sorted by [`compare`]. An endpoint has few methods, so a binary search is faster than
    /// hashing a name from the network with a keyed hash.
    routes: Vec<Route>,
    /// Called in place of the services, if there is one.
    pub(crate) middleware: Option<Box<dyn Middleware>>,
}

/// Code between the router and the services. The feature `tower` implements it.
pub(crate) trait Middleware: Any + fmt::Debug + Send + Sync {
    /// Handles a request for the method `index` of a service.
    fn call(&self, service: &Arc<dyn AnyService>, index: usize, request: InlineRequest<'_>);
}

/// The route to a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) meter: RequestMeter,
    service: usize,
    method: usize,
}

/// Two services have a method with the same wire name.
#[derive(Debug)]
pub(crate) struct DuplicateMethod {
    pub(crate) method: &'static str,
    pub(crate) services: [&'static str; 2],
}

impl Router {
    pub(crate) fn add(&mut self, service: impl Service) {
        self.services.push(Arc::new(service));
    }

    /// Builds the routes.
    ///
    /// # Errors
    ///
    /// If two methods have the same wire name.
    pub(crate) fn build(mut self) -> Result<Self, DuplicateMethod> {
        for (service, added) in self.services.iter().enumerate() {
            for method in 0..added.method_count() {
                let (name, delivery) = added.method(method);
                let aliases = added.aliases().iter().filter(|(_, of)| *of == name).map(|(alias, _)| *alias);
                for name in iter::once(name).chain(aliases) {
                    match self.position(name) {
                        Err(position) => {
                            let route = Route { name, delivery, meter: RequestMeter::of(name), service, method };
                            self.routes.insert(position, route);
                        }
                        Ok(taken) => {
                            let services = [self.services[self.routes[taken].service].name(), added.name()];
                            return Err(DuplicateMethod { method: name, services });
                        }
                    }
                }
            }
        }
        Ok(self)
    }

    /// Returns whether the endpoint serves nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Route> {
        self.position(name).ok().map(|position| &self.routes[position])
    }

    /// Passes a request to its service, or to the middleware around the services.
    pub(crate) fn call(&self, route: &Route, request: InlineRequest<'_>) {
        let service = &self.services[route.service];
        match &self.middleware {
            Some(middleware) => middleware.call(service, route.method, request),
            None => service.call(route.method, request.into()),
        }
    }

    /// Returns the position of the route with this name, or the position to insert it at.
    fn position(&self, name: &str) -> Result<usize, usize> {
        self.routes.binary_search_by(|route| compare(route.name, name))
    }
}

/// Compares lengths first, which differ for most names.
fn compare(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}
