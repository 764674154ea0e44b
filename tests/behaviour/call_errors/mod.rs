//! The ways in which a call can fail: refused, timed out, unreachable, undecodable, closed, never
//! sent.

mod fixture;
mod refused;
mod responses;
mod unsent;
