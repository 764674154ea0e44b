//! Recognizes errors of a send or receive that are about an earlier datagram.

use std::io;

pub(super) use imp::{is_dropped_by_device, is_pending_error};

/// The maximum number of retries of an operation that fails with a pending error. The kernel
/// reports each pending error once, and another may become pending between two attempts.
const MAX_RETRY_COUNT: usize = 16;

/// Runs an operation, and runs it again while its error is about an earlier datagram.
pub(super) fn retry_past_pending_errors<T>(mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..MAX_RETRY_COUNT {
        match operation() {
            Err(error) if is_pending_error(&error) => {}
            done => return done,
        }
    }
    operation()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::io;

    use nix::errno::Errno;

    /// Whether a send or receive failed only because an earlier datagram was unreachable: the
    /// kernel reports that to the next operation on the socket, whichever it is, and then forgets
    /// it.
    pub(in crate::udp) fn is_pending_error(error: &io::Error) -> bool {
        let errno = error.raw_os_error().map(Errno::from_raw);
        matches!(
            errno,
            Some(
                Errno::ECONNREFUSED
                    | Errno::EHOSTUNREACH
                    | Errno::EHOSTDOWN
                    | Errno::ENETUNREACH
                    | Errno::ENOPROTOOPT
                    | Errno::EACCES
                    | Errno::EPROTO
                    | Errno::EOPNOTSUPP
                    | Errno::ENONET
                    | Errno::EMSGSIZE
            )
        )
    }

    /// Whether a datagram left the socket and the network card's queue was full. The kernel reports
    /// this only if the error queue is enabled.
    pub(in crate::udp) fn is_dropped_by_device(error: &io::Error) -> bool {
        error.raw_os_error().map(Errno::from_raw) == Some(Errno::ENOBUFS)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::io;

    /// Always `false`: these systems report errors of the current datagram only.
    pub(in crate::udp) fn is_pending_error(_: &io::Error) -> bool {
        false
    }

    /// Always `false`: these systems do not report a full queue of the network card.
    pub(in crate::udp) fn is_dropped_by_device(_: &io::Error) -> bool {
        false
    }
}
