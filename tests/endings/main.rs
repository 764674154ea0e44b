//! Every call ends, and says how: a test for each ending.

#![allow(missing_docs, reason = "contracts of a test")]

mod answers;
mod pair;
mod refused;
mod unsent;
