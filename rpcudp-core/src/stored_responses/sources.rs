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
    pub(super) fn renumber(&mut self, source: SocketAddr, from: u64, to: u64) {
        let source = Prefix::of(source.ip());
        self.responses.remove(&(source, from));
        self.responses.insert((source, to));
    }

    /// Returns the sequence number of the oldest response of the source whose responses take the
    /// most memory.
    pub(super) fn oldest_of_largest(&self) -> Option<u64> {
        let (_, source) = self.by_size.last()?;
        let (_, sequence) = self.responses.range((*source, 0)..=(*source, u64::MAX)).next()?;
        Some(*sequence)
    }
}
