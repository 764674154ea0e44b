use std::future::Future;

use rpcudp_core::codec::{ArgumentError, Arguments};

use crate::Context;
use crate::server::inline_request::Arrived;
use crate::server::owned_request::OwnedRequest;
use crate::server::response::Answer;
#[cfg(feature = "tower")]
use crate::tower::Innermost;

/// A request on its way to its method. The generated dispatcher calls one of its methods.
#[doc(hidden)]
#[derive(Debug)]
pub struct Incoming<'a>(Way<'a>);

/// How it has come.
#[derive(Debug)]
enum Way<'a> {
    Arrived(Arrived<'a>),
    /// Through layers.
    #[cfg(feature = "tower")]
    Innermost(Innermost<'a>),
}

impl<'a> Incoming<'a> {
    /// Runs a sync method here and now.
    pub fn run<A: Answer>(self, handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<A, ArgumentError>) {
        match self.0 {
            Way::Arrived(arrived) => arrived.run(handler),
            #[cfg(feature = "tower")]
            Way::Innermost(innermost) => innermost.run(handler),
        }
    }

    /// Runs an async method on a copy of its arguments.
    pub fn spawn<A, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        A: Answer,
        F: Future<Output = Result<A, ArgumentError>> + Send + 'static,
    {
        match self.0 {
            Way::Arrived(arrived) => arrived.spawn(handler),
            #[cfg(feature = "tower")]
            Way::Innermost(innermost) => innermost.spawn(handler),
        }
    }
}

impl<'a> From<Arrived<'a>> for Incoming<'a> {
    fn from(arrived: Arrived<'a>) -> Self {
        Self(Way::Arrived(arrived))
    }
}

#[cfg(feature = "tower")]
impl<'a> From<Innermost<'a>> for Incoming<'a> {
    fn from(innermost: Innermost<'a>) -> Self {
        Self(Way::Innermost(innermost))
    }
}
