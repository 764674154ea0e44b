//! What generated code refers to. No public interface: it changes with the macro, which is pinned to this version.

use std::borrow::Cow;
pub use std::sync::Arc;
pub use std::time::Duration;

pub use rpcudp_core::codec::{ArgumentError, Arguments};
pub use rpcudp_core::contract;
pub use rpcudp_core::contract::Delivery;

use crate::Context;
pub use crate::client::{CallSpec, OutgoingRequest, Stub};
pub use crate::server::incoming_request::Incoming;
pub use crate::server::owned_request::OwnedRequest;
pub use crate::server::response::{Answer, AnswerWriter, Fallible, Nothing, Value};
pub use crate::server::service::Method;
pub use crate::telemetry::outcome::Conclusion;

/// What a return type called `Result` has to be: `core::result::Result`, under whatever alias.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is taken for a `Result` and is none",
    label = "not an alias of `core::result::Result`",
    note = "a return type whose last segment is `Result` is taken for one whose `Err` reaches the caller, and so is that \
            of a method with `#[rpc(fallible)]`; give another type another name"
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

/// What a parameter that is taken for the context has to be: [`Context`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `rpcudp::Context`",
    label = "taken for the context of the request",
    note = "a parameter whose type is called `Context` is taken for the context of the request; mark one that is not with \
            `#[rpc(argument)]`"
)]
pub trait IsContext {
    /// Itself, by its real name.
    fn as_context(cx: &Context) -> &Self;
}

impl IsContext for Context {
    fn as_context(cx: &Context) -> &Self {
        cx
    }
}

/// Lends the context to a method that wants one.
pub fn as_context<T: IsContext>(cx: &Context) -> &T {
    T::as_context(cx)
}

/// Lends what was decoded for an argument `&[T]`.
#[must_use]
pub const fn as_slice<T>(items: &Vec<T>) -> &[T] {
    items.as_slice()
}

/// A text of a contract.
pub type Text = Cow<'static, str>;

/// One that was written in the source.
#[must_use]
pub const fn text(text: &'static str) -> Text {
    Cow::Borrowed(text)
}

/// A list that was written in the source.
#[must_use]
pub const fn list<T: Clone>(list: &'static [T]) -> Cow<'static, [T]> {
    Cow::Borrowed(list)
}
