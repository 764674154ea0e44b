/// The bound on a return type whose last segment is `Result`: it must be `core::result::Result`
/// under some alias.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is taken for a `Result` and is not one",
    label = "not an alias of `core::result::Result`",
    note = "the `Err` of a return type whose last segment is `Result` reaches the caller as a typed error, and so does that \
            of a method with `#[rpc(fallible)]`; mark a method whose type only has that name with `#[rpc(value)]`"
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
