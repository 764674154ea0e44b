use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The datagrams that one call of [`Transport::poll_receive`](crate::Transport::poll_receive) brought.
///
/// Made once and used again: it keeps its memory. It takes up to 2 MiB on Linux, where one system call brings up to
/// 32 buffers of 64 KiB; pages that no datagram touches stay unused.
#[derive(Default)]
pub struct ReceiveBatch {
    storage: Vec<u8>,
    datagrams: Vec<Entry>,
    unreachable: Vec<(SocketAddr, Vec<u8>)>,
    /// Where [`push`](Self::push) goes on.
    pushed_len: usize,
}

/// A datagram that was received.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    /// The sender's address.
    pub source: SocketAddr,
    /// Which of this host's addresses it was sent to, where the system says.
    pub local: Option<IpAddr>,
    /// The payload.
    pub contents: &'a [u8],
}

/// A datagram that came back: the network says that nobody is there.
///
/// Anybody can forge such a message who knows what was sent: it is believable as far as `contents` is.
#[derive(Clone, Copy, Debug)]
pub struct Unreachable<'a> {
    /// Where it was sent.
    pub destination: SocketAddr,
    /// As much of it as the message quotes: often all of it, sometimes nothing.
    pub contents: &'a [u8],
}

struct Entry {
    source: SocketAddr,
    local: Option<IpAddr>,
    start: usize,
    end: usize,
}

impl ReceiveBatch {
    /// How many bytes [`push`](Self::push) takes at the most.
    const MAX_PUSHED_LEN: usize = 1 << 20;

    /// An empty batch, which takes memory when it is first used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The datagrams, in the order in which they arrived.
    pub fn iter(&self) -> impl Iterator<Item = Received<'_>> + Clone {
        self.datagrams.iter().map(|entry| Received {
            source: entry.source,
            local: entry.local,
            contents: &self.storage[entry.start..entry.end],
        })
    }

    /// The datagrams that came back.
    pub fn unreachable(&self) -> impl Iterator<Item = Unreachable<'_>> {
        self.unreachable.iter().map(|(destination, contents)| Unreachable { destination: *destination, contents })
    }

    /// How many datagrams were received.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Whether nothing was received, and nothing came back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.unreachable.is_empty()
    }

    /// Forgets the datagrams.
    pub fn clear(&mut self) {
        self.datagrams.clear();
        self.unreachable.clear();
        self.pushed_len = 0;
    }

    /// Appends a copy of a datagram: what a [`Transport`](crate::Transport) of your own receives with. `false` where
    /// the batch is full (a mebibyte); the datagram then waits for the next batch.
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

    /// Appends a datagram that came back.
    pub fn push_unreachable(&mut self, unreachable: Unreachable<'_>) {
        self.push_unreachable_owned(unreachable.destination, unreachable.contents.to_vec());
    }

    pub(crate) fn push_unreachable_owned(&mut self, destination: SocketAddr, contents: Vec<u8>) {
        self.unreachable.push((destination, contents));
    }

    /// Makes room for `count` buffers of `len` bytes each and lends them to a system call.
    pub(crate) fn buffers(&mut self, count: usize, len: usize) -> impl Iterator<Item = &mut [u8]> {
        if self.storage.len() < count * len {
            // Fresh zeros cost nothing until they are written to; growing would write them.
            self.storage = vec![0; count * len];
        }
        self.storage.chunks_exact_mut(len).take(count)
    }

    /// Says that a datagram lies between these bytes of the storage.
    pub(crate) fn push_range(&mut self, source: SocketAddr, local: Option<IpAddr>, start: usize, end: usize) {
        // What a transport that wraps another adds comes after it.
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
    fn pushed_datagrams_come_out_in_order_until_the_batch_is_full() {
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
    fn what_is_pushed_comes_after_what_was_received() {
        let source = ([192, 0, 2, 1], 1).into();
        let mut batch = ReceiveBatch::new();
        batch.buffers(2, 8).for_each(|buffer| buffer.fill(7));
        batch.push_range(source, None, 8, 12);
        assert!(batch.push(Received { source, local: None, contents: b"pushed" }));
        assert!(batch.iter().map(|received| received.contents).eq([&[7; 4][..], b"pushed"]));
    }
}
