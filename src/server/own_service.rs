use std::fmt;

use super::service::Service;
use super::services::Served;
use crate::endpoint::weak::WeakEndpoint;

/// A service that is made when its endpoint is bound.
pub(crate) struct OwnService(Box<Make>);

/// Makes the service of an endpoint.
type Make = dyn FnOnce(WeakEndpoint) -> Served + Send;

impl OwnService {
    pub(crate) fn new<S: Service>(make: impl FnOnce(WeakEndpoint) -> S + Send + 'static) -> Self {
        Self(Box::new(|endpoint| Served::new(make(endpoint))))
    }

    pub(crate) fn make(self, endpoint: WeakEndpoint) -> Served {
        (self.0)(endpoint)
    }
}

impl fmt::Debug for OwnService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnService").finish_non_exhaustive()
    }
}
