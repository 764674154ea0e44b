/// The use of the plain wire at an endpoint that has links: unencrypted datagrams, from addresses
/// that may be forged, in the format of Python's `rpcudp`.
///
/// See [`Builder::plain`](crate::Builder::plain).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plain {
    /// Requests from plain peers are served, except those of `secure` methods, and plain clients
    /// may call.
    #[default]
    On,
    /// Plain clients may call. Plain requests are dropped and counted.
    CallsOnly,
    /// Plain requests are dropped and counted, and plain calls end with
    /// [`CallError::Insecure`](crate::CallError::Insecure).
    Off,
}
