use std::fmt;

use rpcudp_core::contract::{Contract, Delivery};

use super::incoming_request::IncomingRequest;

/// A service that an endpoint can serve. `#[rpc_service]` implements it for the generated server.
///
/// Not meant to be implemented or called by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service that an endpoint can serve",
    label = "not the server of a contract",
    note = "`#[rpc_service]` on `trait Greeter` generates `GreeterServer`: pass `GreeterServer::new(...)` with what \
            implements the trait, or `GreeterServer::from_arc(...)`",
    note = "a `DynamicService` goes to `serve_dynamic` or `add_dynamic`"
)]
pub trait Service: Sized + Send + Sync + 'static {
    /// The name of the trait, for messages.
    #[doc(hidden)]
    const NAME: &'static str;

    /// The contract as data, to print, compare or send.
    const CONTRACT: &'static Contract;

    #[doc(hidden)]
    const METHODS: &'static [Method<Self>];

    /// The earlier names of methods, each with the present one.
    #[doc(hidden)]
    const ALIASES: &'static [(&'static str, &'static str)] = &[];

    /// The methods that require a session, each with the name of the pool.
    #[doc(hidden)]
    const SESSIONS: &'static [(&'static str, &'static str)] = &[];
}

/// A method of a service.
#[doc(hidden)]
pub struct Method<S> {
    /// The wire name.
    pub name: &'static str,
    /// The delivery that the contract declares.
    pub delivery: Delivery,
    /// The generated function that decodes the arguments and calls the method.
    pub call: fn(&S, IncomingRequest<'_>),
}

impl<S> fmt::Debug for Method<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method").field("name", &self.name).field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// A [`Service`] with its type erased.
pub(crate) trait AnyService: Send + Sync {
    fn name(&self) -> &'static str;
    fn method_count(&self) -> usize;
    fn method(&self, index: usize) -> (&'static str, Delivery);
    fn aliases(&self) -> &[(&'static str, &'static str)];

    /// Returns the methods that require a session, each with the name of the pool.
    fn sessions(&self) -> &[(&'static str, &'static str)] {
        &[]
    }

    /// Returns the contract, if it has one.
    fn contract(&self) -> Option<&Contract> {
        None
    }

    /// Returns the delivery of methods that no service has, if this one takes requests for them.
    fn other_methods(&self) -> Option<Delivery> {
        None
    }

    /// Runs a method by its index, which is meaningless for a method that no service has.
    fn call(&self, index: usize, request: IncomingRequest<'_>);
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

    fn aliases(&self) -> &[(&'static str, &'static str)] {
        S::ALIASES
    }

    fn sessions(&self) -> &[(&'static str, &'static str)] {
        S::SESSIONS
    }

    fn contract(&self) -> Option<&Contract> {
        Some(S::CONTRACT)
    }

    fn call(&self, index: usize, request: IncomingRequest<'_>) {
        (S::METHODS[index].call)(self, request);
    }
}

impl fmt::Debug for dyn AnyService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
