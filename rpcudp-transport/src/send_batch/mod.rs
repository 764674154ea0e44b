mod entry;
mod gathering;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use self::entry::Entry;
use self::gathering::Gathering;
use crate::datagram::Datagram;

/// Datagrams to be sent together, stored one after the other in one buffer.
///
/// A batch keeps its memory, up to 512 KiB, and 208 KiB more if it is [gathered](Self::gather), so
/// reuse it.
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
    gathering: Gathering,
    /// Whether segmented sends without a source address are short.
    keeps_ids_quoted: bool,
}

/// Consecutive datagrams of a batch that one segmented send can carry: they have one destination,
/// one source and one length, except the last, which may be shorter.
pub(crate) struct Run<'a> {
    pub(crate) destination: SocketAddr,
    pub(crate) source: Option<IpAddr>,
    pub(crate) contents: &'a [u8],
    pub(crate) segment_len: usize,
    pub(crate) count: usize,
}

impl<'a> Run<'a> {
    /// Creates a run of one datagram.
    pub(crate) fn single(datagram: Datagram<'a>) -> Self {
        let Datagram { destination, source, contents } = datagram;
        Self { destination, source, contents, segment_len: contents.len(), count: 1 }
    }
}

impl SendBatch {
    /// The number of bytes that an empty batch keeps memory for: some thousand small datagrams, or
    /// a few of the largest.
    const KEPT_LEN: usize = 1 << 18;

    /// The number of datagrams that an empty batch keeps the memory of the addresses for.
    const KEPT_COUNT: usize = Self::KEPT_LEN / size_of::<Entry>();

    /// The bytes of a datagram that an ICMP message over IPv4 quotes at least on Linux: 576, less
    /// the headers of IP and ICMP, and of IP and UDP inside.
    const QUOTED_LEN: usize = 576 - 20 - 8 - 20 - 8;

    /// The bytes of a request up to the end of its message id.
    const ID_END: usize = 1 + 20;

    /// Creates an empty batch, which allocates when it is first used.
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

    /// Appends the datagram that `write` writes to the end of the buffer, and returns its contents.
    /// Appends no datagram if `write` writes no byte.
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

    /// Returns the number of datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the batch has no datagram.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the sum of the lengths of the datagrams, in bytes.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the datagram at an index. Indices follow the order in which datagrams were appended,
    /// or that of [`gather`](Self::gather).
    ///
    /// # Panics
    ///
    /// Panics if the index is not below [`len`](Self::len).
    #[must_use]
    pub fn datagram(&self, index: usize) -> Datagram<'_> {
        let Entry { destination, source, start, end } = self.entries[index];
        Datagram { destination, source, contents: &self.bytes[start..end] }
    }

    /// Returns the datagrams in the order of their indices.
    pub fn iter(&self) -> impl Iterator<Item = Datagram<'_>> {
        (0..self.len()).map(|index| self.datagram(index))
    }

    /// Keeps the first `len` datagrams and removes the others.
    pub fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.bytes.truncate(self.entries.last().map_or(0, |last| last.end));
    }

    /// Removes all datagrams. Keeps the memory that the type's documentation states.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
        // One large datagram or one burst is no reason to keep its memory for good.
        self.bytes.shrink_to(Self::KEPT_LEN);
        self.entries.shrink_to(Self::KEPT_COUNT);
        self.gathering.shrink();
        self.keeps_ids_quoted = false;
    }

    /// Moves datagrams with one destination and one source together, so that
    /// [`Udp`](crate::Udp) can send them with one segmented send.
    ///
    /// They keep their order, and come in the place of the first of them. Returns their former
    /// indices, or `None` if the batch stays as it is: because few sends would be saved, or because
    /// it has more than 4,096 datagrams or a mean length above 1,232 bytes.
    ///
    /// If the batch has several paths, this [keeps the ids quoted](Self::keep_ids_quoted).
    ///
    /// ```
    /// use rpcudp::transport::{Datagram, SendBatch};
    ///
    /// let [one, other] = ["192.0.2.1:7000".parse()?, "192.0.2.2:7000".parse()?];
    /// let mut batch = SendBatch::new();
    /// for (destination, contents) in [(one, b"a"), (other, b"b"), (one, b"c"), (other, b"d")] {
    ///     batch.push(Datagram { destination, source: None, contents });
    /// }
    /// let former: Vec<usize> = batch.gather().expect("each destination has two datagrams").collect();
    /// assert_eq!(former, [0, 2, 1, 3]);
    /// assert!(batch.iter().map(|datagram| datagram.contents).eq([b"a", b"c", b"b", b"d"]));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn gather(&mut self) -> Option<impl Iterator<Item = usize>> {
        // A server or client with one peer leaves here.
        if self.has_one_path() {
            return None;
        }
        self.keep_ids_quoted();
        self.gathering.gather(&mut self.bytes, &mut self.entries)
    }

    /// Returns whether all datagrams have one destination and one source.
    #[must_use]
    pub fn has_one_path(&self) -> bool {
        self.entries.windows(2).all(|pair| pair[0].has_path_of(&pair[1]))
    }

    /// Keeps the segmented sends of datagrams without a source address, as requests are, so short
    /// that a report of an unreachable destination quotes the message ids of all of them.
    ///
    /// A segmented send that nothing splits, as on the loopback interface, causes one report. It
    /// quotes 520 bytes, and the calls of further requests would end with their timeout. So call
    /// this for a batch to a peer that may not be there.
    pub fn keep_ids_quoted(&mut self) {
        self.keeps_ids_quoted = true;
    }

    /// Returns the longest run that begins at an index, with at most `max_count` datagrams and
    /// `max_len` bytes. A single datagram is always a run.
    pub(crate) fn run(&self, from: usize, max_count: usize, max_len: usize) -> Run<'_> {
        let first = self.entries[from];
        let segment_len = first.end - first.start;
        let mut max_count = max_count;
        if self.keeps_ids_quoted && first.source.is_none() {
            max_count = max_count.min(1 + Self::QUOTED_LEN.saturating_sub(Self::ID_END) / segment_len.max(1));
        }
        let mut end = first.end;
        let mut count = 1;
        for next in self.entries[from + 1..].iter().take(max_count.saturating_sub(1)) {
            let len = next.end - next.start;
            let has_same_path = next.destination == first.destination && next.source == first.source;
            if !has_same_path || len > segment_len || next.end - first.start > max_len || len == 0 {
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

    /// Creates a batch of datagrams from pairs of port and length.
    fn batch(datagrams: &[(u16, usize)]) -> SendBatch {
        let mut batch = SendBatch::new();
        for &(port, len) in datagrams {
            batch.push(Datagram { destination: addr(port), source: None, contents: &vec![7; len] });
        }
        batch
    }

    /// Splits the datagrams into runs, and returns the number of datagrams of each.
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
    fn a_run_has_one_peer_and_one_length_except_the_last() {
        assert_eq!(runs(&[(1, 10); 5], 64, 1_000), [5]);
        assert_eq!(runs(&[(1, 10), (1, 10), (2, 10), (1, 10)], 64, 1_000), [2, 1, 1]);
        assert_eq!(runs(&[(1, 10), (1, 10), (1, 4), (1, 10)], 64, 1_000), [3, 1]);
        assert_eq!(runs(&[(1, 10), (1, 11), (1, 10)], 64, 1_000), [1, 2]);
        assert_eq!(runs(&[(1, 10), (1, 0), (1, 0)], 64, 1_000), [1, 1, 1]);
    }

    #[test]
    fn a_run_is_bounded_by_count_and_length() {
        assert_eq!(runs(&[(1, 10); 5], 2, 1_000), [2, 2, 1]);
        assert_eq!(runs(&[(1, 10); 5], 64, 35), [3, 2]);
        assert_eq!(runs(&[(1, 10); 2], 1, 1_000), [1, 1]);
        assert_eq!(runs(&[(1, 100); 2], 64, 35), [1, 1], "a single datagram is always a run");
    }

    #[test]
    fn a_cleared_batch_keeps_a_bounded_amount_of_memory() {
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
