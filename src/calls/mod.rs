//! The calls of an endpoint that are in flight, from the message id to the completion.

pub(crate) mod collector;
pub(crate) mod completed;
pub(crate) mod completion;
pub(crate) mod in_flight;
#[cfg(feature = "secure")]
mod link_ends;
pub(crate) mod multicast;
mod repeats;
pub(crate) mod response_body;
pub(crate) mod response_guard;
mod table;
pub(crate) mod wake_queue;
