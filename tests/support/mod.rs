//! Helpers that several tests share, by subject.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of the helpers")]

mod datagrams;
mod endpoints;
mod environment;
#[cfg(feature = "secure")]
mod links;
mod outcomes;
mod pair;
mod runs;
mod time;
mod wire;

pub(crate) use datagrams::{Encode, receive, request, send, unhex};
pub(crate) use endpoints::{CALLER, SERVER, bind, loopback_pair, silent_socket};
pub(crate) use environment::{seeds, variable};
#[cfg(feature = "secure")]
pub(crate) use links::{CheckedWire, identity_of};
pub(crate) use outcomes::{TestResult, refusal};
pub(crate) use pair::Pair;
pub(crate) use runs::Runs;
pub(crate) use time::{ms, paused_runtime};
pub(crate) use wire::{Wire, over_each_wire};
