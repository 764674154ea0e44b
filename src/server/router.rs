use std::any::Any;
use std::cmp::Ordering;
use std::sync::Arc;
use std::{fmt, iter};

use rpcudp_core::contract::Delivery;

use super::collision::{Collision, UnknownPool};
use super::inline_request::InlineRequest;
use super::service::AnyService;
use crate::telemetry::metrics::RequestMeter;

/// The routes to the methods of an endpoint's services.
#[derive(Debug, Default)]
pub(crate) struct Router {
    services: Vec<Arc<dyn AnyService>>,
    /// Sorted by [`compare`]. An endpoint has few methods, so a binary search is faster than
    /// hashing a name from the network with a keyed hash.
    routes: Vec<Route>,
    /// The route of methods that no service has, if a service takes them.
    other: Option<Route>,
    /// The methods of removed services whose requests may have duplicates, sorted by [`compare`].
    /// Their names are in memory anyway.
    removed: Vec<(&'static str, Delivery)>,
    /// Called in place of the services, if there is one.
    middleware: Option<Arc<dyn Middleware>>,
}

/// Code between the router and the services. The feature `tower` implements it.
pub(crate) trait Middleware: Any + fmt::Debug + Send + Sync {
    /// Handles a request for the method `index` of a service.
    fn call(&self, service: &Arc<dyn AnyService>, index: usize, request: InlineRequest<'_>);
}

/// The route to a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// The name in requests. Empty for methods that no service has.
    pub(crate) name: &'static str,
    pub(crate) delivery: Delivery,
    pub(crate) meter: RequestMeter,
    /// The index of the pool in which the caller must have a session.
    pub(crate) pool: Option<u32>,
    service: usize,
    method: usize,
}

/// The reason why routes cannot be built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RouteError {
    Collision(Collision),
    UnknownPool(UnknownPool),
}

impl Router {
    /// Builds the routes. `pools` are the names of the endpoint's pools of sessions.
    ///
    /// # Errors
    ///
    /// If two methods have the same wire name, or two services take other methods, or if a method
    /// requires a session in an unknown pool.
    pub(crate) fn new(
        services: Vec<Arc<dyn AnyService>>,
        middleware: Option<Arc<dyn Middleware>>,
        pools: &[Arc<str>],
    ) -> Result<Self, RouteError> {
        let mut router = Self { middleware, ..Self::default() };
        for (index, service) in services.iter().enumerate() {
            let collision = |method, taken: &Route| {
                RouteError::Collision(Collision { method, services: [services[taken.service].name(), service.name()] })
            };
            for method in 0..service.method_count() {
                let (name, delivery) = service.method(method);
                let required = service.sessions().iter().find(|(of, _)| *of == name);
                let pool = match required.map(|(_, pool)| (*pool, pools.iter().position(|name| **name == **pool))) {
                    Some((pool, None)) => return Err(RouteError::UnknownPool(UnknownPool { method: name, pool })),
                    Some((_, Some(index))) => u32::try_from(index).ok(),
                    None => None,
                };
                let aliases = service.aliases().iter().filter(|(_, of)| *of == name).map(|(alias, _)| *alias);
                for name in iter::once(name).chain(aliases) {
                    match router.position(name) {
                        Err(position) => {
                            let meter = RequestMeter::of(name);
                            let route = Route { name, delivery, meter, pool, service: index, method };
                            router.routes.insert(position, route);
                        }
                        Ok(taken) => return Err(collision(Some(name), &router.routes[taken])),
                    }
                }
            }
            if let Some(delivery) = service.other_methods() {
                if let Some(taken) = &router.other {
                    return Err(collision(None, taken));
                }
                let meter = RequestMeter::unknown();
                router.other =
                    Some(Route { name: "", delivery, meter, pool: None, service: index, method: usize::MAX });
            }
        }
        router.services = services;
        Ok(router)
    }

    /// Remembers the methods of a former router that this one does not have.
    pub(crate) fn remember(mut self, former: &Self) -> Self {
        let methods = former.routes.iter().map(|route| (route.name, route.delivery));
        let removed = methods.filter(|(_, delivery)| delivery.is_retransmitted()).chain(former.removed.iter().copied());
        self.removed = removed.filter(|(name, _)| self.find(name).is_none()).collect();
        self.removed.sort_by(|(one, _), (other, _)| compare(one, other));
        self
    }

    /// Returns whether the endpoint serves nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Route> {
        self.position(name).ok().map(|position| &self.routes[position])
    }

    /// Returns the route of methods that no service has, if a service takes them.
    pub(crate) fn other(&self) -> Option<&Route> {
        self.other.as_ref()
    }

    /// Returns the name and delivery of a method of a removed service, whose requests may have
    /// duplicates.
    #[cold]
    pub(crate) fn find_removed(&self, name: &str) -> Option<(&'static str, Delivery)> {
        let position = self.removed.binary_search_by(|(removed, _)| compare(removed, name)).ok()?;
        Some(self.removed[position])
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
