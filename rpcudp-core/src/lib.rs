//! The protocol of [rpcudp](https://docs.rs/rpcudp) without I/O.
//!
//! Plain structs and functions: what a datagram says ([`Frame`]), which call an answer belongs to ([`Calls`]), what
//! was answered before ([`StoredResponses`]), how values become msgpack ([`codec`]). Time, message ids and randomness are
//! arguments; there is no socket, no runtime, no clock and no source of randomness in here, so every behaviour can be
//! tested by hand.
//!
//! Users of rpcudp depend on the crate `rpcudp`. This one is for those who bring their own I/O, or who only want to
//! read the wire:
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

mod calls;
mod frame;
mod limiter;
mod lru_map;
mod msgpack;
mod stats;
mod stored_responses;

pub use calls::{CallEvent, Calls, Schedule, TooManyCalls};
pub use frame::{Dialect, Failure, FailureCode, Frame, MessageId, RawArguments, RefusalKind, Request, Response};
pub use limiter::{Admission, Limiter, Limits};
pub use stats::{CallStats, Counter, Counters, DatagramStats, DropReason, RequestStats, Stats};
pub use stored_responses::{Seen, StoredResponses};
