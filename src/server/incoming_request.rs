use std::future::Future;

use rpcudp_core::codec::{ArgumentError, Arguments};

use super::context::Context;
use super::inline_request::InlineRequest;
#[cfg(feature = "tower")]
use super::layered_request::LayeredRequest;
use super::owned_request::OwnedRequest;
use super::rejection::Rejection;
use super::response::IntoResponse;
use crate::links::linked_peer::LinkedPeer;

/// A request for a method of a service. The generated dispatcher calls one of its methods.
#[doc(hidden)]
#[derive(Debug)]
pub struct IncomingRequest<'a>(Carrier<'a>);

#[derive(Debug)]
enum Carrier<'a> {
    Inline(InlineRequest<'a>),
    #[cfg(feature = "tower")]
    Layered(LayeredRequest<'a>),
}

impl<'a> IncomingRequest<'a> {
    /// Runs a sync method at once.
    pub fn run<R: IntoResponse>(self, handler: impl FnOnce(&Context, &mut Arguments<'a>) -> Result<R, ArgumentError>) {
        match self.0 {
            Carrier::Inline(request) => request.run(handler),
            #[cfg(feature = "tower")]
            Carrier::Layered(request) => request.run(handler),
        }
    }

    /// Runs an async method on a copy of its arguments.
    pub fn spawn<R, F>(self, handler: impl FnOnce(OwnedRequest) -> F + Send + 'static)
    where
        R: IntoResponse,
        F: Future<Output = Result<R, ArgumentError>> + Send + 'static,
    {
        match self.0 {
            Carrier::Inline(request) => request.spawn(handler),
            #[cfg(feature = "tower")]
            Carrier::Layered(request) => request.spawn(handler),
        }
    }
}

impl IncomingRequest<'_> {
    /// Returns the request of a method that needs a link, or refuses it if it came over the plain
    /// wire.
    #[must_use]
    pub fn over_link(self) -> Option<Self> {
        self.over_link_if(|link| link.is_some())
    }

    fn over_link_if(self, is_served: impl Fn(Option<&LinkedPeer>) -> bool) -> Option<Self> {
        match self.0 {
            Carrier::Inline(request) if !is_served(request.head.context.link.as_deref()) => {
                if let Some(admitted) = request.admit(false) {
                    admitted.refuse(&Rejection::NeedsSecureLink);
                }
                None
            }
            #[cfg(feature = "tower")]
            Carrier::Layered(request) if !is_served(request.head.context.link.as_deref()) => {
                request.refuse(&Rejection::NeedsSecureLink);
                None
            }
            carrier => Some(Self(carrier)),
        }
    }

    /// Returns the request of a method with a stream, or refuses it if it came without one.
    #[cfg(feature = "secure")]
    #[must_use]
    pub fn over_stream(self) -> Option<Self> {
        self.over_link_if(|link| link.is_some_and(|link| link.stream.is_some()))
    }

    /// Runs a method that blocks its thread on a copy of its arguments, on a thread that may block.
    pub fn run_blocking<R: IntoResponse>(
        self,
        handler: impl FnOnce(OwnedRequest) -> Result<R, ArgumentError> + Send + 'static,
    ) {
        match self.0 {
            Carrier::Inline(request) => request.run_blocking(handler),
            #[cfg(feature = "tower")]
            Carrier::Layered(request) => request.run_blocking(handler),
        }
    }
}

impl<'a> From<InlineRequest<'a>> for IncomingRequest<'a> {
    fn from(request: InlineRequest<'a>) -> Self {
        Self(Carrier::Inline(request))
    }
}

#[cfg(feature = "tower")]
impl<'a> From<LayeredRequest<'a>> for IncomingRequest<'a> {
    fn from(request: LayeredRequest<'a>) -> Self {
        Self(Carrier::Layered(request))
    }
}
