//! What generated code refers to. No public interface: it changes with the macro, which is pinned to this version.

pub use std::sync::Arc;
pub use std::time::Duration;

pub use rpcudp_core::codec::{ArgumentError, Arguments};

use crate::Call;
pub use crate::answer::{Answer, AnswerWriter, Fallible, Nothing, Value};
pub use crate::client::{CallSpec, OutgoingRequest, Stub};
pub use crate::incoming::Incoming;
pub use crate::owned_request::OwnedRequest;
pub use crate::service::{Delivery, Method};

/// The call of a method that returns `R`, a `Result`.
pub type CallOf<R> = Call<<R as IsResult>::Value, <R as IsResult>::Error>;

/// What a return type called `Result` has to be: `core::result::Result`, under whatever alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called `Result` and is none",
    label = "not an alias of `core::result::Result`",
    note = "a return type whose last segment is `Result` is taken for one whose `Err` reaches the caller; give another \
            type another name"
)]
pub trait IsResult {
    /// What the call gives.
    type Value;
    /// What [`CallError::Application`](crate::CallError::Application) holds.
    type Error;

    /// Itself, by its real name.
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> IsResult for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// Lends what was decoded for an argument `&[T]`.
#[must_use]
pub const fn as_slice<T>(items: &Vec<T>) -> &[T] {
    items.as_slice()
}
