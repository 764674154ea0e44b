use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::limiter::Prefix;

/// The sources of the stored responses, with the memory that the responses of each take.
#[derive(Debug, Default)]
pub(super) struct Sources {
    bytes: BTreeMap<Prefix, usize>,
    /// The same, by size.
    by_size: BTreeSet<(usize, Prefix)>,
    /// The sequence numbers of each source's responses. The oldest has the lowest.
    responses: BTreeSet<(Prefix, u64)>,
    /// The same of the large responses.
    large: BTreeSet<(Prefix, u64)>,
}

impl Sources {
    /// The memory that a source takes besides its responses: two elements of trees whose nodes are
    /// half full.
    pub(super) const SOURCE_LEN: usize = 112;

    /// Adds a response of `len` bytes. Returns the memory that the source takes in addition.
    pub(super) fn add(&mut self, source: SocketAddr, sequence: u64, len: usize) -> usize {
        let source = Prefix::of(source.ip());
        self.responses.insert((source, sequence));
        let bytes = self.bytes.entry(source).or_default();
        let is_new = *bytes == 0;
        if !is_new {
            self.by_size.remove(&(*bytes, source));
        }
        *bytes += len;
        self.by_size.insert((*bytes, source));
        if is_new { Self::SOURCE_LEN } else { 0 }
    }

    /// Removes a response of `len` bytes. Returns the memory of the source that is free in
    /// addition.
    pub(super) fn remove(&mut self, source: SocketAddr, sequence: u64, len: usize) -> usize {
        let source = Prefix::of(source.ip());
        self.responses.remove(&(source, sequence));
        self.subtract(source, len)
    }

    /// Notes that a response that was added is large.
    pub(super) fn add_large(&mut self, source: SocketAddr, sequence: u64) {
        self.large.insert((Prefix::of(source.ip()), sequence));
    }

    /// Notes that a large response is dropped or removed.
    pub(super) fn remove_large(&mut self, source: SocketAddr, sequence: u64) {
        self.large.remove(&(Prefix::of(source.ip()), sequence));
    }

    /// Counts memory of a source as free whose responses take more.
    pub(super) fn shrink(&mut self, source: SocketAddr, len: usize) {
        self.subtract(Prefix::of(source.ip()), len);
    }

    fn subtract(&mut self, source: Prefix, len: usize) -> usize {
        let Some(bytes) = self.bytes.get_mut(&source) else { return 0 };
        self.by_size.remove(&(*bytes, source));
        *bytes -= len;
        if *bytes > 0 {
            self.by_size.insert((*bytes, source));
            return 0;
        }
        self.bytes.remove(&source);
        Self::SOURCE_LEN
    }

    /// Gives a response a new sequence number.
    pub(super) fn renumber(&mut self, source: SocketAddr, (from, to): (u64, u64), is_large: bool) {
        let source = Prefix::of(source.ip());
        self.responses.remove(&(source, from));
        self.responses.insert((source, to));
        if is_large {
            self.large.remove(&(source, from));
            self.large.insert((source, to));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let Self { bytes, by_size, responses, large } = self;
        bytes.is_empty() && by_size.is_empty() && responses.is_empty() && large.is_empty()
    }

    /// Returns the source whose responses take the most memory.
    pub(super) fn largest(&self) -> Option<Prefix> {
        self.by_size.last().map(|(_, source)| *source)
    }

    /// Returns the sequence number of the oldest response of a source.
    pub(super) fn oldest(&self, source: Prefix) -> Option<u64> {
        first_of(&self.responses, source)
    }

    /// Returns the sequence number of the oldest large response of a source.
    pub(super) fn oldest_large(&self, source: Prefix) -> Option<u64> {
        first_of(&self.large, source)
    }
}

fn first_of(responses: &BTreeSet<(Prefix, u64)>, source: Prefix) -> Option<u64> {
    responses.range((source, 0)..=(source, u64::MAX)).next().map(|(_, sequence)| *sequence)
}
