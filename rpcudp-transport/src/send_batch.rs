use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::datagram::Datagram;

/// Datagrams that are to leave together, one after the other in one buffer.
///
/// Made once and used again: it keeps its memory, up to half a mebibyte of it.
///
/// ```
/// use rpcudp::transport::{Datagram, SendBatch};
///
/// let destination = "192.0.2.1:7000".parse()?;
/// let mut batch = SendBatch::new();
/// batch.push(Datagram { destination, source: None, contents: b"one" });
/// batch.write(destination, None, |out| out.extend_from_slice(b"two"));
/// assert!(batch.iter().map(|datagram| datagram.contents).eq([b"one", b"two"]));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Default)]
pub struct SendBatch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    destination: SocketAddr,
    source: Option<IpAddr>,
    start: usize,
    end: usize,
}

/// Datagrams of a batch that follow each other, to one peer, and are of one length but for the last, which may be
/// shorter.
pub(crate) struct Run<'a> {
    pub(crate) destination: SocketAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) contents: &'a [u8],
    pub(crate) segment_len: usize,
    pub(crate) count: usize,
}

impl<'a> Run<'a> {
    /// A run of one.
    pub(crate) fn single(datagram: Datagram<'a>) -> Self {
        let Datagram { destination, source, contents } = datagram;
        Self { destination, source, contents, segment_len: contents.len(), count: 1 }
    }
}

impl SendBatch {
    /// How many bytes an empty batch keeps memory for: some thousand small datagrams, or a few of the largest.
    const KEPT_LEN: usize = 1 << 18;

    /// How many datagrams' addresses it keeps memory for.
    const KEPT_COUNT: usize = Self::KEPT_LEN / size_of::<Entry>();

    /// An empty batch, which takes memory when it is first used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a copy of a datagram.
    pub fn push(&mut self, datagram: Datagram<'_>) {
        let Datagram { destination, source, contents } = datagram;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(contents);
        self.entries.push(Entry { destination, source, start, end: self.bytes.len() });
    }

    /// Appends a datagram that `write` appends to the buffer, and shows its contents. What writes nothing makes none.
    pub fn write(
        &mut self,
        destination: SocketAddr,
        source: Option<IpAddr>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> &[u8] {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let end = self.bytes.len();
        if start < end {
            self.entries.push(Entry { destination, source, start, end });
        }
        &self.bytes[start..end]
    }

    /// How many datagrams there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes they have together.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// The datagram at an index, in the order in which they were appended.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[must_use]
    pub fn datagram(&self, index: usize) -> Datagram<'_> {
        let Entry { destination, source, start, end } = self.entries[index];
        Datagram { destination, source, contents: &self.bytes[start..end] }
    }

    /// The datagrams, in the order in which they were appended.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.len()).map(|index| self.datagram(index))
    }

    /// Keeps the first `len` datagrams and forgets the others.
    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.bytes.truncate(self.entries.last().map_or(0, |last| last.end));
    }

    /// Forgets the datagrams.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        // One large datagram is no reason to hold its memory for good, nor is one burst.
        self.bytes.shrink_to(Self::KEPT_LEN);
        self.entries.shrink_to(Self::KEPT_COUNT);
    }

    /// As many datagrams from an index on as make a run, at most `max_count` and `max_len` bytes of them.
    pub(crate) fn run(&self, from: usize, max_count: usize, max_len: usize) -> Run<'_> {
        let first = self.entries[from];
        let segment_len = first.end - first.start;
        let mut end = first.end;
        let mut count = 1;
        for next in self.entries[from + 1..].iter().take(max_count.saturating_sub(1)) {
            let len = next.end - next.start;
            let same_way = next.destination == first.destination && next.source == first.source;
            if !same_way || len > segment_len || next.end - first.start > max_len || len == 0 {
                break;
            }
            end = next.end;
            count += 1;
            if len < segment_len {
                break;
            }
        }
        let contents = &self.bytes[first.start..end];
        Run { destination: first.destination, source: first.source, contents, segment_len, count }
    }
}

impl fmt::Debug for SendBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    /// A batch of datagrams to these ports with these lengths.
    fn batch(datagrams: &[(u16, usize)]) -> SendBatch {
        let mut batch = SendBatch::new();
        for &(port, len) in datagrams {
            batch.push(Datagram { destination: addr(port), source: None, contents: &vec![7; len] });
        }
        batch
    }

    /// How many datagrams each run has, taken one after the other.
    fn runs(datagrams: &[(u16, usize)], max_count: usize, max_len: usize) -> Vec<usize> {
        let batch = batch(datagrams);
        let mut counts = Vec::new();
        let mut from = 0;
        while from < batch.len() {
            let run = batch.run(from, max_count, max_len);
            let lens = datagrams[from..from + run.count].iter().map(|datagram| datagram.1);
            assert_eq!(run.contents.len(), lens.sum::<usize>());
            counts.push(run.count);
            from += run.count;
        }
        counts
    }

    #[test]
    fn a_run_has_one_peer_and_one_length_but_for_the_last() {
        assert_eq!(runs(&[(1, 10); 5], 64, 1_000), [5]);
        assert_eq!(runs(&[(1, 10), (1, 10), (2, 10), (1, 10)], 64, 1_000), [2, 1, 1]);
        assert_eq!(runs(&[(1, 10), (1, 10), (1, 4), (1, 10)], 64, 1_000), [3, 1]);
        assert_eq!(runs(&[(1, 10), (1, 11), (1, 10)], 64, 1_000), [1, 2]);
        assert_eq!(runs(&[(1, 10), (1, 0), (1, 0)], 64, 1_000), [1, 1, 1]);
    }

    #[test]
    fn a_run_is_bounded() {
        assert_eq!(runs(&[(1, 10); 5], 2, 1_000), [2, 2, 1]);
        assert_eq!(runs(&[(1, 10); 5], 64, 35), [3, 2]);
        assert_eq!(runs(&[(1, 10); 2], 1, 1_000), [1, 1]);
        assert_eq!(runs(&[(1, 100); 2], 64, 35), [1, 1], "one datagram is always one");
    }

    #[test]
    fn a_batch_is_used_again() {
        let mut batch = batch(&[(1, 1 << 20)]);
        (0..10_000).for_each(|_| batch.push(Datagram { destination: addr(1), source: None, contents: b"small" }));
        batch.clear();
        assert!(batch.is_empty() && batch.byte_count() == 0);
        assert!(batch.bytes.capacity() <= SendBatch::KEPT_LEN);
        assert!(batch.entries.capacity() <= SendBatch::KEPT_COUNT);
        assert_eq!(batch.write(addr(1), None, |_| {}), b"");
        assert!(batch.is_empty());
    }
}
