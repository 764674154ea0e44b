//! The contenders with links that both ends authenticate: over TLS, and over QUIC.

pub(crate) mod irpc;
pub(crate) mod quinn;
pub(super) mod tls;
