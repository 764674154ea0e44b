use super::link::Link;
use crate::client::Client;
use crate::client::stub::Stub;
use crate::endpoint::Endpoint;

impl Link {
    /// Returns a client of the server: over a link, if the session is.
    pub(super) fn client<C: Client>(&self, endpoint: &Endpoint) -> C {
        match &self.secure {
            None => C::new(endpoint, self.peer),
            Some(server) => C::from_stub(Stub::of_target(endpoint, server)),
        }
    }
}
