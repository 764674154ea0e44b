//! Support for the tests of the dissector: captures of real endpoints' datagrams, and `tshark`,
//! which reads them.
//!
//! A [`Tap`] between an endpoint and its transport adds each datagram to a [`Capture`], with the
//! endpoint's time. On the simulated network with virtual time, a capture is the same in every run.
//! [`Tshark`] dissects it.

mod capture;
mod tap;
mod tshark;

pub use capture::Capture;
pub use tap::Tap;
pub use tshark::{Frame, Tshark};
