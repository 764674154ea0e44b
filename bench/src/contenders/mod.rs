//! Who is measured: a file for each, which says how both of its ends are set up.

mod bare;
mod gso;
mod mmsg;
mod python;
pub(crate) mod rpcudp;
mod tarpc;
mod tonic;
mod windowed;

use std::fmt;

use clap::ValueEnum;

use crate::measuring::{BoxError, Cell, Measured, loopback_socket};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Contender {
    /// This crate: a sync method on borrowed bytes, through the generated client
    Rpcudp,
    /// A bare tokio socket: one datagram for each system call
    Bare,
    /// A ceiling: two threads that do nothing but sendmmsg and recvmmsg
    Mmsg,
    /// A ceiling: two threads that do nothing but GSO and GRO
    Gso,
    /// tarpc over TCP, with bincode
    Tarpc,
    /// tonic: gRPC over HTTP/2
    Tonic,
    /// Python's rpcudp 5.0.1, a process for each end
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

    /// Whether it shows what the kernel can do, rather than what anyone would use.
    pub(crate) fn is_ceiling(self) -> bool {
        matches!(self, Self::Mmsg | Self::Gso)
    }

    /// Whether so many calls of that size can be under way at once without losses.
    ///
    /// Plain datagrams without flow control are lost where a socket's buffer does not hold all that may be under way,
    /// and that is no fault of who sent them.
    ///
    /// # Errors
    ///
    /// Where there is no socket to ask.
    pub(crate) fn fits(self, size: usize, in_flight: usize) -> Result<bool, BoxError> {
        let is_plain = matches!(self, Self::Bare | Self::Mmsg | Self::Python);
        Ok(!is_plain || in_flight * kernel_len(size) <= loopback_socket()?.recv_buffer_size()?)
    }

    /// Gets it ready, which may take its time.
    ///
    /// # Errors
    ///
    /// Why this machine cannot run it.
    pub(crate) fn prepare(self) -> Result<(), BoxError> {
        match self {
            Self::Gso => gso::is_supported(),
            Self::Python => python::prepare(),
            _ => Ok(()),
        }
    }

    /// Lets it echo for as long as the cell says.
    ///
    /// # Errors
    ///
    /// Where it cannot be set up.
    pub(crate) fn run(self, cell: Cell) -> Result<Measured, BoxError> {
        match (self, cell.in_flight) {
            (Self::Rpcudp, count) => cell.on_workers(rpcudp::callers(count)),
            (Self::Bare, 1) => cell.on_workers(bare::single_caller(cell.size)),
            (Self::Bare, count) => cell.on_workers(bare::callers(count, cell.size)),
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

/// What a datagram of this size counts for in a socket's buffer: its memory comes in powers of two, and its headers and
/// the kernel's own notes about it are in there too.
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
            // No more than a buffer of the kernel's default size holds.
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
    fn plain_datagrams_need_room() {
        assert!(Contender::Bare.fits(32, 64).unwrap());
        assert!(!Contender::Bare.fits(8000, 100_000).unwrap());
        assert!(Contender::Tarpc.fits(8000, 100_000).unwrap());
    }
}
