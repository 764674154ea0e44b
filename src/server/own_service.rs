use std::fmt;

use super::router::Router;
use super::service::Service;
use crate::endpoint::weak::WeakEndpoint;

/// A service that is made when its endpoint is bound.
pub(crate) struct OwnService(Box<Add>);

/// Makes the service of an endpoint and adds it to the router.
type Add = dyn FnOnce(WeakEndpoint, &mut Router) + Send;

impl OwnService {
    pub(crate) fn new<S: Service>(make: impl FnOnce(WeakEndpoint) -> S + Send + 'static) -> Self {
        Self(Box::new(|endpoint, router| router.add(make(endpoint))))
    }

    /// Makes the service and adds it to the router.
    pub(crate) fn add(self, endpoint: WeakEndpoint, router: &mut Router) {
        (self.0)(endpoint, router);
    }
}

impl fmt::Debug for OwnService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnService").finish_non_exhaustive()
    }
}
