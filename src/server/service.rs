use std::fmt;

use rpcudp_core::contract::{Contract, Delivery};

use crate::server::incoming_request::Incoming;

/// A service that an endpoint can answer: what `#[rpc_service]` implements for the server that it generates.
///
/// Nothing in it is meant to be written or called by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service that an endpoint can serve",
    label = "not the server of a contract",
    note = "`#[rpc_service]` on `trait Greeter` generates `GreeterServer`: pass `GreeterServer::new(...)` with what \
            implements the trait, or `GreeterServer::from_arc(...)`"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// The name of the trait, for people.
    #[doc(hidden)]
    const NAME: &'static str;

    /// What it serves, as data: to be printed, compared or sent.
    const CONTRACT: &'static Contract;

    #[doc(hidden)]
    const METHODS: &'static [Method<Self>];
}

/// A method of a service: what is known of it before it is called.
#[doc(hidden)]
pub struct Method<S> {
    /// The wire name.
    pub name: &'static str,
    /// What the server promises.
    pub delivery: Delivery,
    /// Runs it.
    pub call: fn(&S, Incoming<'_>),
}

impl<S> fmt::Debug for Method<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").field("name", &self.name).field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// A [`Service`] whose type is forgotten.
pub(crate) trait AnyService: Send + Sync {
    fn name(&self) -> &'static str;
    fn method_count(&self) -> usize;
    fn method(&self, index: usize) -> (&'static str, Delivery);
    fn call(&self, index: usize, incoming: Incoming<'_>);
}

impl<S: Service> AnyService for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn method_count(&self) -> usize {
        S::METHODS.len()
    }

    fn method(&self, index: usize) -> (&'static str, Delivery) {
        let method = &S::METHODS[index];
        (method.name, method.delivery)
    }

    fn call(&self, index: usize, incoming: Incoming<'_>) {
        (S::METHODS[index].call)(self, incoming);
    }
}

impl fmt::Debug for dyn AnyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
