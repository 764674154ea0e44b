/// The bound on a return type whose last segment is `Result`: it must be `core::result::Result`
/// under some alias.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is treated as a `Result`, and is not one",
    label = "not an alias of `core::result::Result`",
    note = "if the method has `#[rpc(fallible)]`, remove that, or return a `Result`",
    note = "if a type of yours is named `Result`, mark the method with `#[rpc(value)]` to send it as a plain value"
)]
pub trait IsResult {
    /// The value of the call.
    type Value;
    /// The error in [`CallError::Application`](crate::CallError::Application).
    type Error;

    /// Returns the same value under its real name.
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> IsResult for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}
