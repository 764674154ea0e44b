//! Every call ends, and says how: a test for each ending.

mod fixture;
mod refused;
mod responses;
mod unsent;
