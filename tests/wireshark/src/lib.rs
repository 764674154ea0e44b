//! What the tests of the dissector stand on: captures of real endpoints' datagrams, and `tshark`, which reads them.
//!
//! A [`Tap`] between an endpoint and its transport writes what passes into a [`Capture`], with the time that the endpoint
//! has: on the simulated network in virtual time a capture is the same in every run. [`Tshark`] says what it sees there.

mod capture;
mod tap;
mod tshark;

pub use capture::Capture;
pub use tap::Tap;
pub use tshark::{Frame, Tshark};
