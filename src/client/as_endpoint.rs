use std::time::Instant;

use crate::endpoint::Endpoint;

/// A value through which calls can be made: an [`Endpoint`], or the [`Context`](crate::Context) of
/// a request.
#[diagnostic::on_unimplemented(
    message = "calls cannot be made through `{Self}`",
    label = "not an `Endpoint`, and not the `Context` of a request",
    note = "a `WeakEndpoint` gives an `Endpoint` while it is open: `let Some(endpoint) = weak.upgrade() else {{ return }};`"
)]
pub trait AsEndpoint: sealed::Sealed {
    /// Returns a handle to the endpoint.
    fn as_endpoint(&self) -> Endpoint;

    /// Returns the deadline of the request that calls are made for, if there is one.
    #[doc(hidden)]
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "seals AsEndpoint: only an endpoint and a context implement it")]
    pub trait Sealed {}
}

impl sealed::Sealed for Endpoint {}

impl AsEndpoint for Endpoint {
    fn as_endpoint(&self) -> Endpoint {
        self.clone()
    }
}
