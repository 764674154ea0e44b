//! The numbers that retransmission must keep on real paths: few needless copies, quick copies of
//! lost datagrams, few runs of slow handlers, and the delivery promises on every kind of path.
//!
//! Each test prints its measurements with their seeds; `--nocapture` shows them if it passes.

mod copies;
mod fixture;
mod hard_paths;
mod ready;
mod refusals;
mod slow_handlers;
