//! Helpers that several tests share, by subject.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of the helpers")]

mod datagrams;
mod endpoints;
mod environment;
#[cfg(feature = "secure")]
mod links;
mod outcomes;
mod runs;
mod time;

pub(crate) use datagrams::{Encode, receive, request, send, unhex};
pub(crate) use endpoints::{CALLER, Pair, SERVER, bind, loopback_pair, silent_socket};
pub(crate) use environment::{seeds, variable};
#[cfg(feature = "secure")]
pub(crate) use links::{CheckedWire, identity_of};
pub(crate) use outcomes::{TestResult, refusal};
pub(crate) use runs::Runs;
pub(crate) use time::{ms, paused_runtime};
