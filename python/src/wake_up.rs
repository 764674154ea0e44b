use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

/// A wake-up of an event loop, which watches a file descriptor. Many [`set`](Self::set) before one
/// [`clear`](Self::clear) wake it once.
#[derive(Debug)]
pub(crate) struct WakeUp {
    is_set: AtomicBool,
    writer: UnixStream,
    reader: UnixStream,
}

impl WakeUp {
    pub(crate) fn new() -> io::Result<Self> {
        let (writer, reader) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        Ok(Self { is_set: AtomicBool::new(false), writer, reader })
    }

    /// Returns the file descriptor, which becomes readable.
    pub(crate) fn fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Wakes the event loop. Queue the work before.
    pub(crate) fn set(&self) {
        if !self.is_set.swap(true, Ordering::AcqRel) {
            // The socket pair has room, because at most two bytes are in it.
            let _ = (&self.writer).write(&[0]);
        }
    }

    /// Allows the next wake-up. Take the work afterwards.
    pub(crate) fn clear(&self) {
        let _ = (&self.reader).read(&mut [0; 8]);
        self.allow();
    }

    /// Prevents wake-ups, because the event loop is awake. Returns `false` if it is woken already.
    pub(crate) fn prevent(&self) -> bool {
        !self.is_set.swap(true, Ordering::AcqRel)
    }

    /// Allows wake-ups again. Take the work afterwards.
    pub(crate) fn allow(&self) {
        self.is_set.store(false, Ordering::Release);
    }
}
