//! The protocol of [rpcudp](https://docs.rs/rpcudp) without I/O.
//!
//! This crate contains plain structs and functions:
//!
//! - [`Frame`] decodes a datagram.
//! - [`Calls`] is the table of calls in flight. It matches responses to calls, schedules
//!   retransmissions and enforces deadlines.
//! - [`StoredResponses`] keeps the responses of at-most-once methods and detects duplicates by
//!   [`RequestKey`].
//! - [`RunningRequests`] finds the handler that a cancel frame is for.
//! - [`Limiter`] enforces [`Limits`] per source.
//! - [`Counters`] count datagrams, calls and requests, and [`Stats`] is their snapshot.
//! - [`codec`] converts values to and from msgpack.
//! - [`value`] holds values without a declared type.
//! - [`contract`] and [`description`] describe services and transfer these descriptions.
//!
//! Time, message ids and randomness are arguments. The crate has no socket, runtime, clock or
//! source of randomness, so a unit test can drive every behaviour.
//!
//! Users of rpcudp depend on the crate `rpcudp`. Depend on this crate to bring your own I/O, or to
//! only decode datagrams:
//!
//! ```
//! use rpcudp_core::{Dialect, Frame};
//!
//! let datagram = b"\x00twenty bytes of id..\x92\xa4ping\x90";
//! let Ok(Frame::Request(request)) = Frame::decode(datagram, Dialect::Rpcudp) else { panic!("no request") };
//! assert_eq!(request.method, "ping");
//! assert_eq!(request.arguments.count(), 0);
//! ```

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod codec;
pub mod contract;
pub mod copy;
pub mod description;
pub mod limits;
pub mod value;

mod calls;
mod frame;
mod limiter;
mod lru_map;
mod msgpack;
mod running_requests;
mod sanitize;
mod stats;
mod stored_responses;

pub use calls::{CallEvent, Calls, Schedule, TooManyCalls};
pub use frame::{
    Dialect, Failure, FailureCode, Frame, MessageId, Metadata, MetadataError, RawArguments, RawMetadata, RefusalKind,
    Request, Response, Trailer,
};
pub use limiter::{Admission, Limiter, Limits};
pub use running_requests::RunningRequests;
pub use stats::{CallStats, Counter, Counters, DatagramStats, DropReason, RequestStats, SessionStats, Stats};
pub use stored_responses::{RequestKey, Seen, StoredResponses};
