//! The warnings of a driver.

use std::time::Duration;

use rpcudp_core::Dialect;
use rpcudp_transport::Received;

use crate::clock::now;
use crate::endpoint::shared::Shared;

/// Logs a hint that the network is misconfigured, because dropped datagrams otherwise show only as
/// timeouts.
pub(super) fn warn_of_other_dialect(received: &Received<'_>, dialect: Dialect) {
    tracing::warn!(
        target: "rpcudp",
        peer = %received.source,
        ?dialect,
        "dropped a datagram in the other dialect: peers of the other network cannot be called and get no responses \
         (`Builder::dialect` sets the dialect; this line is logged once, and `Stats::dropped` counts the datagrams)"
    );
}

/// Logs a sync method that blocked its endpoint, at most once a second.
pub(super) fn warn_of_slow_method(shared: &Shared, method: &str, elapsed: Duration) {
    let Some(suppressed) = shared.log_limits.slow_method.pass(now()) else { return };
    // The field is left out if it is zero.
    let suppressed = (suppressed > 0).then_some(suppressed);
    tracing::warn!(
        target: "rpcudp",
        method,
        ?elapsed,
        suppressed,
        "a sync method blocked its endpoint, which received nothing meanwhile: make it async, or mark it with \
         `#[rpc(blocking)]`"
    );
}
