//! The contenders: a file for each, which sets up its client and its server.

pub(crate) mod bare;
mod gso;
mod mmsg;
pub(crate) mod mmsg_many;
mod python;
pub(crate) mod rpcudp;
#[cfg(feature = "secure-contenders")]
pub(crate) mod secure;
mod slots;
pub(crate) mod tarpc;
pub(crate) mod tonic;
mod windowed;

use std::fmt;
use std::net::Ipv4Addr;

use clap::ValueEnum;

use crate::measuring::{BoxError, Cell, Measured, loopback_socket};

/// A contender of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// This crate: a sync method with borrowed bytes, called through the generated client
    Rpcudp,
    /// A bare tokio socket: one datagram per system call
    Bare,
    /// A ceiling: two threads that only call sendmmsg and recvmmsg
    Mmsg,
    /// A ceiling: two threads that only send with GSO and receive with GRO
    Gso,
    /// tarpc over TCP, with bincode
    Tarpc,
    /// tonic: gRPC over HTTP/2
    Tonic,
    /// Python's rpcudp 5.0.1, a process each for client and server
    Python,
}

impl Contender {
    pub(crate) const ALL: [Self; 7] =
        [Self::Rpcudp, Self::Bare, Self::Mmsg, Self::Gso, Self::Tarpc, Self::Tonic, Self::Python];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rpcudp => "rpcudp",
            Self::Bare => "bare",
            Self::Mmsg => "mmsg",
            Self::Gso => "gso",
            Self::Tarpc => "tarpc",
            Self::Tonic => "tonic",
            Self::Python => "python",
        }
    }

    /// Whether the contender is a ceiling: it shows the limits of the kernel and is no RPC system.
    pub(crate) fn is_ceiling(self) -> bool {
        matches!(self, Self::Mmsg | Self::Gso)
    }

    /// Returns whether this many calls of this size can be in flight without losses.
    ///
    /// Datagrams without flow control are lost if a socket's buffer cannot hold all that are in
    /// flight. Such losses say nothing about the contender.
    ///
    /// # Errors
    ///
    /// Returns an error if no socket can be bound to read the length of its buffer.
    pub(crate) fn fits(self, size: usize, in_flight: usize) -> Result<bool, BoxError> {
        let is_plain = matches!(self, Self::Bare | Self::Mmsg | Self::Python);
        Ok(!is_plain || in_flight * kernel_len(size) <= loopback_socket()?.recv_buffer_size()?)
    }

    /// Prepares the contender. This may download packages.
    ///
    /// # Errors
    ///
    /// Returns the reason if this machine cannot run the contender.
    pub(crate) fn prepare(self) -> Result<(), BoxError> {
        match self {
            Self::Gso => gso::is_supported(),
            Self::Python => python::prepare(),
            _ => Ok(()),
        }
    }

    /// Measures the contender in a cell.
    ///
    /// # Errors
    ///
    /// Returns an error if client or server cannot be set up.
    pub(crate) fn run(self, cell: Cell) -> Result<Measured, BoxError> {
        match (self, cell.in_flight) {
            (Self::Rpcudp, count) => cell.on_workers(rpcudp::callers(count)),
            (Self::Bare, 1) => cell.on_workers(bare::single_caller(cell.size)),
            (Self::Bare, count) => cell.on_workers(bare::callers(count, cell.size, vec![Ipv4Addr::LOCALHOST])),
            (Self::Mmsg, _) => mmsg::run(cell),
            (Self::Gso, _) => gso::run(cell),
            (Self::Tarpc, count) => cell.on_workers(tarpc::callers(count)),
            (Self::Tonic, count) => cell.on_workers(tonic::callers(count)),
            (Self::Python, _) => python::run(cell),
        }
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Returns the length that a datagram of this size occupies in a socket's buffer: the kernel rounds
/// its memory up to a power of two, and adds its headers and its own bookkeeping.
fn kernel_len(size: usize) -> usize {
    const HEADERS_AND_SHARED_INFO: usize = 448;
    const SOCKET_BUFFER: usize = 256;
    (size + HEADERS_AND_SHARED_INFO).next_power_of_two() + SOCKET_BUFFER
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_contender_echoes() {
        for contender in Contender::ALL {
            // Python needs the network, and not every kernel has GSO.
            if contender == Contender::Python || contender.prepare().is_err() {
                continue;
            }
            // A buffer of the kernel's default length holds these.
            for (in_flight, size) in [(1, 8), (70, 32), (20, 8000)] {
                let cell =
                    Cell { in_flight, size, warm_up: Duration::from_millis(20), window: Duration::from_millis(50) };
                let measured = contender.run(cell).unwrap();
                let failures = measured.failures;
                assert_eq!(failures.count, 0, "{contender}, {in_flight} in flight, {size} bytes: {failures:?}");
                assert!(measured.latencies.count() > 0, "{contender}, {in_flight} in flight, {size} bytes");
            }
        }
    }

    #[test]
    fn datagrams_without_flow_control_must_fit_the_buffer() {
        assert!(Contender::Bare.fits(32, 64).unwrap());
        assert!(!Contender::Bare.fits(8000, 100_000).unwrap());
        assert!(Contender::Tarpc.fits(8000, 100_000).unwrap());
    }
}
