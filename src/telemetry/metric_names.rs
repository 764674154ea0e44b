//! What the feature `metrics` measures, and how it is called.
//!
//! Counts and durations go to the recorder of the [`metrics`](https://docs.rs/metrics) facade, whichever the program
//! installs: `metrics-exporter-prometheus` has one, and `examples/prometheus` in the repository serves a program's metrics
//! with it. Endpoints need no setting for it.
//!
//! ```toml
//! rpcudp = { version = "0.1", features = ["metrics"] }
//! ```
//!
//! Once a second each endpoint tells the recorder what is new, in a task of its own, and once more when it closes. So a
//! recorder may be installed at any time; what was told before it was there is not in its figures. It may be slow, and it
//! may forget metrics that are idle.
//!
//! # Calls, by method and outcome
//!
//! | name | what | labels |
//! | --- | --- | --- |
//! | `rpc.client.call.duration` | histogram, seconds: from a call's first poll to its end | `rpc.system.name`, `rpc.method`, `error.type` |
//! | `rpc.server.call.duration` | histogram, seconds: from when a request's turn comes until its answer is written | the same |
//! | `rpcudp.client.calls` | counter: calls that have ended, those that were dropped included | the same |
//! | `rpcudp.server.calls` | counter: requests that were answered, refused, or stopped with the endpoint | the same |
//!
//! - `rpc.system.name` is `rpcudp`, in both dialects.
//! - `rpc.method` is the wire name, as a contract of this program has it. What strangers call that no service has is
//!   `_OTHER`, and so is what a [`DynamicMethod`](crate::DynamicMethod) calls: nobody from outside makes a label.
//! - `error.type` is there where a call failed. On both sides: `application_error` (the method returned `Err`),
//!   `unknown_method`, `malformed_arguments`, `busy`, `closing`, `panicked`, `stopped_late` and `rejected` (by a layer), `response_too_large`, `response_unencodable`.
//!   At the caller's alone: `undeclared_error`, `refused` (for a reason that this version does not know), `timeout`,
//!   `unreachable`, `undecodable`, `too_large`, `unencodable`, `too_many_calls`, `closed`, `io_error`, and `cancelled` (its
//!   future was dropped). At the server's alone: `stopped` (the endpoint closed while the handler ran).
//!
//! The counters have every call. The histograms have every call of a method up to a thousand or two of them a second; of more
//! than that, one in two, in four and so on, evenly: exporters keep each value until they are asked, and no peer is to decide
//! how much that is. So rates and shares of errors are to be taken from the counters, and quantiles from the histograms.
//!
//! # Endpoints
//!
//! What [`Stats`](crate::Stats) has of each endpoint, and here of all endpoints of the process together:
//!
//! | name | what |
//! | --- | --- |
//! | `rpcudp.client.active_calls` | gauge: calls that wait for an answer |
//! | `rpcudp.client.resends` | counter: requests that were sent again |
//! | `rpcudp.client.resends_withheld` | counter: resends that were left out, in an outage |
//! | `rpcudp.server.active_calls` | gauge: async handlers that run |
//! | `rpcudp.server.replays` | counter: copies of at-most-once requests that were answered from memory |
//! | `rpcudp.server.replies_forgotten` | counter: at-most-once replies that were forgotten early, for want of memory |
//! | `rpcudp.server.handling` | counter, microseconds: how long receiving tasks were busy with requests |
//! | `rpcudp.datagrams` | counter, by `network.io.direction`: `receive` or `transmit` |
//! | `rpcudp.datagrams_dropped` | counter, by `reason`: the names of [`DropReason`](crate::DropReason) |
//! | `rpcudp.datagrams_bounced` | counter: datagrams that came back because nobody is there |
//! | `rpcudp.receive_errors` | counter: errors that receiving gave |
//!
//! # The conventions
//!
//! The two histograms, their units and their labels are those of OpenTelemetry's semantic conventions for RPC, version
//! 1.40.0. It is otherwise with these: `rpc.method` has no name of a service before it, for none travels;
//! `server.address` and `server.port` are left out, for a program may call any number of peers; `rpc.response.status_code` is
//! left out, for `error.type` says the same; and an exporter is told no buckets, which the facade has no way to do. The
//! convention's begin at 5 ms; [`DURATION_BUCKETS`] go down to 50 µs.

/// `rpc.client.call.duration`: a histogram, in seconds.
pub const CLIENT_CALL_DURATION: &str = "rpc.client.call.duration";
/// `rpc.server.call.duration`: a histogram, in seconds.
pub const SERVER_CALL_DURATION: &str = "rpc.server.call.duration";
/// `rpcudp.client.calls`: a counter.
pub const CLIENT_CALLS: &str = "rpcudp.client.calls";
/// `rpcudp.server.calls`: a counter.
pub const SERVER_CALLS: &str = "rpcudp.server.calls";

/// Where the buckets of both histograms may end, in seconds: those of the convention, and what calls take within a machine
/// and a local network.
///
/// An exporter that has to be told takes them under [`CLIENT_CALL_DURATION`] and [`SERVER_CALL_DURATION`].
pub const DURATION_BUCKETS: [f64; 20] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0,
    2.5, 5.0, 7.5, 10.0,
];

pub(crate) const CLIENT_ACTIVE_CALLS: &str = "rpcudp.client.active_calls";
pub(crate) const CLIENT_RESENDS: &str = "rpcudp.client.resends";
pub(crate) const CLIENT_RESENDS_WITHHELD: &str = "rpcudp.client.resends_withheld";
pub(crate) const SERVER_ACTIVE_CALLS: &str = "rpcudp.server.active_calls";
pub(crate) const SERVER_REPLAYS: &str = "rpcudp.server.replays";
pub(crate) const SERVER_REPLIES_FORGOTTEN: &str = "rpcudp.server.replies_forgotten";
pub(crate) const SERVER_HANDLING: &str = "rpcudp.server.handling";
pub(crate) const DATAGRAMS: &str = "rpcudp.datagrams";
pub(crate) const DATAGRAMS_DROPPED: &str = "rpcudp.datagrams_dropped";
pub(crate) const DATAGRAMS_BOUNCED: &str = "rpcudp.datagrams_bounced";
pub(crate) const RECEIVE_ERRORS: &str = "rpcudp.receive_errors";

pub(crate) const SYSTEM_LABEL: &str = "rpc.system.name";
pub(crate) const SYSTEM: &str = "rpcudp";
pub(crate) const METHOD_LABEL: &str = "rpc.method";
/// What the convention calls a method that is none.
pub(crate) const UNKNOWN_METHOD: &str = "_OTHER";
pub(crate) const ERROR_LABEL: &str = "error.type";
pub(crate) const DIRECTION_LABEL: &str = "network.io.direction";
pub(crate) const REASON_LABEL: &str = "reason";
