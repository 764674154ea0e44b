//! The metrics of the feature `metrics`.
//!
//! Counts and durations go to the recorder of the [`metrics`](https://docs.rs/metrics) facade that
//! the program installs. `metrics-exporter-prometheus` has one, and `examples/prometheus` in the
//! repository serves a program's metrics with it. Endpoints need no configuration.
//!
//! ```toml
//! rpcudp = { version = "0.1", features = ["metrics"] }
//! ```
//!
//! A task of each endpoint passes the new figures to the recorder once a second, and once more when
//! the endpoint closes. So a recorder may be installed at any time, may be slow, and may drop idle
//! metrics. Figures from before its installation are lost.
//!
//! # Calls, by method and outcome
//!
//! | name | value | labels |
//! | --- | --- | --- |
//! | `rpc.client.call.duration` | histogram, seconds: from a call's first poll to its end | `rpc.system.name`, `rpc.method`, `error.type` |
//! | `rpc.server.call.duration` | histogram, seconds: from dispatch of a request until its response is written | the same |
//! | `rpcudp.client.calls` | counter: calls that have ended, dropped ones included | the same |
//! | `rpcudp.server.calls` | counter: requests that were completed, refused, cancelled, or aborted with the endpoint | the same |
//!
//! - `rpc.system.name` is `rpcudp`, in both dialects.
//! - `rpc.method` is the wire name in a contract of this program. Requests for unknown methods, and
//!   calls of a [`DynamicMethod`](crate::DynamicMethod), have the label `_OTHER`, so that no peer
//!   can create labels.
//! - `error.type` is present if the call failed. On both sides: `application_error` (the method
//!   returned `Err`), `unknown_method`, `malformed_arguments`, `busy`, `closing`, `panicked`,
//!   `stopped` (by a layer's timeout) and `rejected` (by a layer), `no_session`, `already_ran` (and
//!   the response is not stored), `response_too_large`, `response_unencodable`, and `cancelled`
//!   (the call's future was dropped, and then the handler).
//!   At the caller only: `undeclared_error`, `refused` (with a code of a later version), `timeout`,
//!   `unreachable`, `undecodable`, `too_large`, `unencodable`, `too_many_calls`, `no_peers`,
//!   `closed`, `io_error`, and with links `insecure`, `wrong_peer` and `no_link`. At the server
//!   only: `aborted` (the endpoint closed while the handler ran).
//!
//! The counters count every call. The histograms have every call of a method up to one or two
//! thousand calls a second, and above that an even sample of one in two, in four and so on, because
//! exporters keep each value until they are scraped and a peer must not decide how much that is.
//! Take rates and error ratios from the counters, and quantiles from the histograms.
//!
//! # Endpoints
//!
//! The figures of [`Stats`](crate::Stats), summed over all endpoints of the process:
//!
//! | name | value |
//! | --- | --- |
//! | `rpcudp.client.active_calls` | gauge: calls in flight |
//! | `rpcudp.client.resends` | counter: requests that were retransmitted |
//! | `rpcudp.client.resends_withheld` | counter: retransmissions withheld in an outage |
//! | `rpcudp.client.moves` | counter: requests that were sent again to another peer of a group |
//! | `rpcudp.client.hedges` | counter: requests that were sent to a second peer because the first was slow |
//! | `rpcudp.client.cancel_frames` | counter: cancel frames that were sent for calls that were dropped |
//! | `rpcudp.client.running_frames` | counter: running frames that were received for a call in flight |
//! | `rpcudp.server.active_calls` | gauge: async handlers that are running |
//! | `rpcudp.server.blocking_calls` | gauge: handlers of `#[rpc(blocking)]` methods that are running, or wait for a thread |
//! | `rpcudp.server.cancel_frames` | counter: cancel frames that were received for a handler that waits |
//! | `rpcudp.server.running_frames` | counter: running frames that were sent for duplicates of requests whose handler is still running |
//! | `rpcudp.server.replays` | counter: duplicates of at-most-once requests that were sent the stored response |
//! | `rpcudp.server.replies_forgotten` | counter: stored responses that were evicted early because the memory was full |
//! | `rpcudp.server.handling` | counter, microseconds: time that the drivers spent on requests |
//! | `rpcudp.datagrams` | counter, by `network.io.direction`: `receive` or `transmit` |
//! | `rpcudp.datagrams_dropped` | counter, by `reason`: the names of [`DropReason`](crate::DropReason) |
//! | `rpcudp.datagrams_bounced` | counter: datagrams that the network reported as undeliverable |
//! | `rpcudp.receive_errors` | counter: errors of receiving |
//!
//! With the feature `secure`, the figures of `LinkStats`
//! ([`Endpoint::link_stats`](crate::Endpoint)), summed likewise:
//!
//! | name | value |
//! | --- | --- |
//! | `rpcudp.links` | gauge: links that are up |
//! | `rpcudp.links_handshaking` | gauge: links that peers have begun and that wait for the end of their handshake |
//! | `rpcudp.links_arriving` | gauge, bytes: memory that is reserved for large frames that arrive |
//! | `rpcudp.links_unsent` | gauge, bytes: memory of frames that wait, or are large and not acknowledged |
//! | `rpcudp.links_established` | counter: links that came up |
//! | `rpcudp.links_ended` | counter, by `reason`: links that have ended, and handshakes that failed. `no_answer`, `refused` by the peer, `denied` by this endpoint's list, `wrong_peer`, `incompatible`, `lost`, `closed` |
//! | `rpcudp.links_evicted` | counter: links that were closed because there were too many |
//! | `rpcudp.link_retries` | counter: handshakes that were answered with a Retry, which proves the caller's address |
//! | `rpcudp.link_datagrams_ignored` | counter: datagrams with the first byte of a link that were ignored, as garbage or beyond the limits |
//! | `rpcudp.link_panics` | counter: panics of the QUIC or TLS implementation |
//!
//! No label has a key or an address, because peers can make any number of keys.
//! `Endpoint::links` lists the peers.
//!
//! # The conventions
//!
//! The two histograms, their units and their labels follow OpenTelemetry's semantic conventions for
//! RPC, version 1.40.0, with these differences: `rpc.method` has no service name in front, because
//! none travels; `server.address` and `server.port` are left out, because a program may call any
//! number of peers; `rpc.response.status_code` is left out, because `error.type` has the same
//! information; and the exporter gets no buckets, because the facade cannot pass them. The
//! convention's buckets begin at 5 ms; [`DURATION_BUCKETS`] go down to 50 µs.

/// `rpc.client.call.duration`: a histogram, in seconds.
pub const CLIENT_CALL_DURATION: &str = "rpc.client.call.duration";
/// `rpc.server.call.duration`: a histogram, in seconds.
pub const SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
/// `rpcudp.client.calls`: a counter.
pub const CLIENT_CALLS: &str = "rpcudp.client.calls";
/// `rpcudp.server.calls`: a counter.
pub const SERVER_CALLS: &str = "rpcudp.server.calls";

/// Bucket bounds for both histograms, in seconds: those of the convention, and finer ones for calls
/// within a machine and a local network.
///
/// An exporter with configurable buckets takes them for [`CLIENT_CALL_DURATION`] and
/// [`SERVER_CALL_DURATION`].
pub const DURATION_BUCKETS: [f64; 20] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0,
    2.5, 5.0, 7.5, 10.0,
];

pub(crate) const CLIENT_ACTIVE_CALLS: &str = "rpcudp.client.active_calls";
pub(crate) const CLIENT_RETRANSMISSIONS: &str = "rpcudp.client.resends";
pub(crate) const CLIENT_RETRANSMISSIONS_WITHHELD: &str = "rpcudp.client.resends_withheld";
pub(crate) const CLIENT_MOVES: &str = "rpcudp.client.moves";
pub(crate) const CLIENT_HEDGES: &str = "rpcudp.client.hedges";
pub(crate) const CLIENT_CANCEL_FRAMES: &str = "rpcudp.client.cancel_frames";
pub(crate) const CLIENT_RUNNING_FRAMES: &str = "rpcudp.client.running_frames";
pub(crate) const SERVER_ACTIVE_CALLS: &str = "rpcudp.server.active_calls";
pub(crate) const SERVER_BLOCKING_CALLS: &str = "rpcudp.server.blocking_calls";
pub(crate) const SERVER_CANCEL_FRAMES: &str = "rpcudp.server.cancel_frames";
pub(crate) const SERVER_RUNNING_FRAMES: &str = "rpcudp.server.running_frames";
pub(crate) const SERVER_REPLAYS: &str = "rpcudp.server.replays";
pub(crate) const SERVER_RESPONSES_EVICTED: &str = "rpcudp.server.replies_forgotten";
pub(crate) const SERVER_HANDLING: &str = "rpcudp.server.handling";
pub(crate) const DATAGRAMS: &str = "rpcudp.datagrams";
pub(crate) const DATAGRAMS_DROPPED: &str = "rpcudp.datagrams_dropped";
pub(crate) const DATAGRAMS_UNREACHABLE: &str = "rpcudp.datagrams_bounced";
pub(crate) const RECEIVE_ERRORS: &str = "rpcudp.receive_errors";
#[cfg(feature = "secure")]
pub(crate) const LINKS: &str = "rpcudp.links";
#[cfg(feature = "secure")]
pub(crate) const LINKS_HANDSHAKING: &str = "rpcudp.links_handshaking";
#[cfg(feature = "secure")]
pub(crate) const LINKS_ARRIVING: &str = "rpcudp.links_arriving";
#[cfg(feature = "secure")]
pub(crate) const LINKS_UNSENT: &str = "rpcudp.links_unsent";
#[cfg(feature = "secure")]
pub(crate) const LINKS_ESTABLISHED: &str = "rpcudp.links_established";
#[cfg(feature = "secure")]
pub(crate) const LINKS_ENDED: &str = "rpcudp.links_ended";
#[cfg(feature = "secure")]
pub(crate) const LINKS_EVICTED: &str = "rpcudp.links_evicted";
#[cfg(feature = "secure")]
pub(crate) const LINK_RETRIES: &str = "rpcudp.link_retries";
#[cfg(feature = "secure")]
pub(crate) const LINK_DATAGRAMS_IGNORED: &str = "rpcudp.link_datagrams_ignored";
#[cfg(feature = "secure")]
pub(crate) const LINK_PANICS: &str = "rpcudp.link_panics";

pub(crate) const SYSTEM_LABEL: &str = "rpc.system.name";
pub(crate) const SYSTEM: &str = "rpcudp";
pub(crate) const METHOD_LABEL: &str = "rpc.method";
/// The convention's value for a method that no contract has.
pub(crate) const UNKNOWN_METHOD: &str = "_OTHER";
pub(crate) const ERROR_LABEL: &str = "error.type";
pub(crate) const DIRECTION_LABEL: &str = "network.io.direction";
pub(crate) const REASON_LABEL: &str = "reason";
