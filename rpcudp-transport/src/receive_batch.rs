use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The datagrams that one call of [`Transport::poll_receive`](crate::Transport::poll_receive)
/// received.
///
/// A batch keeps its memory, so reuse it. It takes up to 2 MiB on Linux, where one system call
/// receives up to 32 buffers of 64 KiB. Pages that no datagram touches stay unused.
#[derive(Default)]
pub struct ReceiveBatch {
    storage: Vec<u8>,
    datagrams: Vec<Entry>,
    unreachable: Vec<(SocketAddr, Vec<u8>)>,
    /// The length of the used part of `storage`. [`push`](Self::push) writes behind it.
    pushed_len: usize,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The sender's address.
    pub source: SocketAddr,
    /// The address of this host that the datagram was sent to, if the system reports it.
    pub local: Option<IpAddr>,
    /// The payload.
    pub contents: &'a [u8],
}

/// A report that a datagram's destination is unreachable.
///
/// Such a report can be forged by anyone who knows the sent datagram. Trust it only as far as
/// `contents` proves that knowledge.
#[derive(Clone, Copy, Debug)]
pub struct Unreachable<'a> {
    /// The address that the datagram was sent to.
    pub destination: SocketAddr,
    /// The part of the datagram that the report quotes: often all of it, sometimes no byte. The
    /// report of a segmented send that nothing on the path has split, as on the loopback interface,
    /// quotes the beginning of all its datagrams together.
    pub contents: &'a [u8],
}

struct Entry {
    source: SocketAddr,
    local: Option<IpAddr>,
    start: usize,
    end: usize,
}

impl ReceiveBatch {
    /// The number of bytes that [`push`](Self::push) accepts in one batch.
    const MAX_PUSHED_LEN: usize = 1 << 20;

    /// Creates an empty batch, which allocates when it is first used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the datagrams in the order of their arrival.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> + Clone {
        self.datagrams.iter().map(|entry| Received {
            source: entry.source,
            local: entry.local,
            contents: &self.storage[entry.start..entry.end],
        })
    }

    /// Returns the reports of unreachable destinations.
    pub fn unreachable(&self) -> impl Iterator<Item = Unreachable<'_>> {
        self.unreachable.iter().map(|(destination, contents)| Unreachable { destination: *destination, contents })
    }

    /// Returns the number of received datagrams, without the reports of unreachable destinations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether the batch has neither datagrams nor reports of unreachable destinations.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.unreachable.is_empty()
    }

    /// Removes all datagrams and reports. Keeps the memory.
    pub fn clear(&mut self) {
        self.datagrams.clear();
        self.unreachable.clear();
        self.pushed_len = 0;
    }

    /// Appends a copy of a datagram, for your own implementation of
    /// [`Transport`](crate::Transport).
    ///
    /// Returns `false`, and appends nothing, if the batch is full (1 MiB). Keep the datagram for
    /// the next batch then.
    #[must_use]
    pub fn push(&mut self, datagram: Received<'_>) -> bool {
        let start = self.pushed_len;
        let end = start + datagram.contents.len();
        if end > Self::MAX_PUSHED_LEN {
            return false;
        }
        if end > self.storage.len() {
            self.storage.resize(end, 0);
        }
        self.storage[start..end].copy_from_slice(datagram.contents);
        self.push_range(datagram.source, datagram.local, start, end);
        self.pushed_len = end;
        true
    }

    /// Appends a report that a destination is unreachable.
    pub fn push_unreachable(&mut self, unreachable: Unreachable<'_>) {
        self.push_unreachable_owned(unreachable.destination, unreachable.contents.to_vec());
    }

    /// Appends a report that a destination is unreachable, with the quoted part of the datagram.
    pub(crate) fn push_unreachable_owned(&mut self, destination: SocketAddr, contents: Vec<u8>) {
        self.unreachable.push((destination, contents));
    }

    /// Allocates `count` buffers of `len` bytes each, unless they exist, and lends them to a system
    /// call.
    pub(crate) fn buffers(&mut self, count: usize, len: usize) -> impl Iterator<Item = &mut [u8]> {
        if self.storage.len() < count * len {
            // Newly allocated zeros cost no memory until they are written to; growing would write
            // them.
            self.storage = vec![0; count * len];
        }
        self.storage.chunks_exact_mut(len).take(count)
    }

    /// Appends the datagram that a system call wrote between these bytes of the buffers.
    pub(crate) fn push_range(&mut self, source: SocketAddr, local: Option<IpAddr>, start: usize, end: usize) {
        // A transport that wraps another may push more datagrams: they go behind this one.
        self.pushed_len = self.pushed_len.max(end);
        self.datagrams.push(Entry { source, local, start, end });
    }
}

impl fmt::Debug for ReceiveBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_datagrams_keep_their_order_until_the_batch_is_full() {
        let source = ([192, 0, 2, 1], 1).into();
        let contents = vec![7; 65_507];
        let mut batch = ReceiveBatch::new();
        let mut count = 0;
        while batch.push(Received { source, local: None, contents: &contents[count..] }) {
            count += 1;
        }
        assert_eq!((batch.len(), count), (16, 16));
        assert!(batch.iter().map(|datagram| datagram.contents.len()).eq((0..16).map(|cut| 65_507 - cut)));
        batch.clear();
        assert!(batch.is_empty());
        assert!(batch.push(Received { source, local: None, contents: b"again" }));
    }

    #[test]
    fn pushed_datagrams_follow_received_ones() {
        let source = ([192, 0, 2, 1], 1).into();
        let mut batch = ReceiveBatch::new();
        batch.buffers(2, 8).for_each(|buffer| buffer.fill(7));
        batch.push_range(source, None, 8, 12);
        assert!(batch.push(Received { source, local: None, contents: b"pushed" }));
        assert!(batch.iter().map(|received| received.contents).eq([&[7; 4][..], b"pushed"]));
    }
}
