use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::MessageId;

/// The stored responses of at-most-once methods. A duplicate request gets the stored response, and
/// the handler does not run again.
///
/// A duplicate is recognized by its sender, message id and length. A response is kept for a
/// retention time, which starts again with each duplicate. Memory is limited in bytes, overhead
/// included: if it is full, the oldest response is evicted. A request whose handler is running is
/// never evicted, so the limit on running handlers also limits these entries.
///
/// ```
/// use rpcudp_core::{MessageId, Seen, StoredResponses};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let (peer, id) = ("192.0.2.1:7000".parse()?, MessageId::from_bytes([1; 20]));
/// let mut responses = StoredResponses::new(1 << 20, Duration::from_secs(60));
///
/// assert_eq!(responses.begin(now, peer, id, 40), Seen::Never);
/// assert_eq!(responses.begin(now, peer, id, 40), Seen::Running);
/// responses.finish(now, peer, id, b"the response");
/// assert_eq!(responses.begin(now, peer, id, 40), Seen::Stored(b"the response"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct StoredResponses {
    // Not a hash map: peers choose the keys, and core has no randomness for a keyed hash.
    entries: BTreeMap<Key, Entry>,
    /// The keys of finished requests, oldest first, with the time of the next check for expiry.
    by_expiry: VecDeque<(Instant, Key)>,
    bytes: usize,
    budget: usize,
    retention: Duration,
    evicted: u64,
}

type Key = (SocketAddr, MessageId);

/// A request that is running or has finished.
#[derive(Debug)]
struct Entry {
    /// The length of the request. A request with another length is no duplicate.
    request_len: usize,
    /// The response and the time at which it expires. `None` while the handler runs.
    response: Option<(Box<[u8]>, Instant)>,
}

/// The state of a request in [`StoredResponses`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The request is new. Run it, and pass the response to [`StoredResponses::finish`].
    Never,
    /// The handler is running. Drop this duplicate.
    Running,
    /// The handler has finished. Send these bytes in response to the duplicate, or drop it if there
    /// are none.
    Stored(&'a [u8]),
    /// Another request of the same sender has this id. Drop this request, which is no duplicate.
    Other,
}

impl StoredResponses {
    /// The memory that an entry takes besides its response: the key twice, the rest of the entry,
    /// and its share of the tree and the queue if both have just grown.
    const ENTRY_LEN: usize = 288;

    /// Creates an empty store that keeps at most `budget` bytes, and each response for `retention`.
    #[must_use]
    pub fn new(budget: usize, retention: Duration) -> Self {
        Self { entries: BTreeMap::new(), by_expiry: VecDeque::new(), bytes: 0, budget, retention, evicted: 0 }
    }

    /// Looks up a request of `request_len` bytes that has arrived. Records a new request as
    /// running.
    pub fn begin(&mut self, now: Instant, sender: SocketAddr, id: MessageId, request_len: usize) -> Seen<'_> {
        self.expire(now);
        let key = (sender, id);
        if !self.entries.contains_key(&key) {
            self.make_room(Self::ENTRY_LEN);
            self.entries.insert(key, Entry { request_len, response: None });
            self.bytes += Self::ENTRY_LEN;
            return Seen::Never;
        }
        match self.entries.get_mut(&key) {
            Some(entry) if entry.request_len != request_len => Seen::Other,
            Some(Entry { response: Some((response, expires)), .. }) => {
                // After one duplicate, another may follow.
                *expires = now + self.retention;
                Seen::Stored(response)
            }
            _ => Seen::Running,
        }
    }

    /// Records that a handler has finished, and stores its response. Pass no bytes if no response
    /// was sent.
    ///
    /// A response that is larger than the budget is not stored. Duplicates of its request are
    /// dropped, and the handler does not run again.
    pub fn finish(&mut self, now: Instant, sender: SocketAddr, id: MessageId, response: &[u8]) {
        let key = (sender, id);
        if self.entries.get(&key).is_none_or(|entry| entry.response.is_some()) {
            return;
        }
        let kept = if response.len() + Self::ENTRY_LEN <= self.budget { response } else { &[] };
        self.make_room(kept.len());
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let until = now + self.retention;
        entry.response = Some((kept.into(), until));
        self.bytes += kept.len();
        self.by_expiry.push_back((until, key));
    }

    /// Returns the memory in use, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of responses that were evicted before they expired.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    fn expire(&mut self, now: Instant) {
        while let Some((until, key)) = self.oldest()
            && until <= now
        {
            self.remove(key);
        }
    }

    /// Evicts the oldest responses until `len` more bytes fit, or until only running requests are
    /// left.
    fn make_room(&mut self, len: usize) {
        while self.bytes + len > self.budget
            && let Some((_, key)) = self.oldest()
        {
            self.remove(key);
            self.evicted += 1;
        }
    }

    /// Returns the head of the queue. Requeues entries whose expiry a duplicate has postponed.
    fn oldest(&mut self) -> Option<(Instant, Key)> {
        loop {
            let &(queued, key) = self.by_expiry.front()?;
            match self.entries[&key].response {
                Some((_, until)) if until > queued => {
                    self.by_expiry.pop_front();
                    self.by_expiry.push_back((until, key));
                }
                _ => return Some((queued, key)),
            }
        }
    }

    /// Removes the head of the queue.
    fn remove(&mut self, head: Key) {
        self.by_expiry.pop_front();
        if let Some(Entry { response: Some((response, _)), .. }) = self.entries.remove(&head) {
            self.bytes -= Self::ENTRY_LEN + response.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RETENTION: Duration = Duration::from_secs(60);
    const LEN: usize = 40;

    #[expect(clippy::disallowed_methods, reason = "a test needs some time to start from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn peer(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn id(number: u8) -> MessageId {
        MessageId::from_bytes([number; 20])
    }

    #[test]
    fn sender_is_part_of_the_key() {
        let mut responses = StoredResponses::new(1 << 20, RETENTION);
        let now = start();
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(responses.begin(now, peer(2), id(1), LEN), Seen::Never);
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Running);
    }

    #[test]
    fn response_expires_and_a_running_request_does_not() {
        let mut responses = StoredResponses::new(1 << 20, RETENTION);
        let now = start();
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(responses.begin(now, peer(1), id(2), LEN), Seen::Never);
        responses.finish(now, peer(1), id(1), b"response");
        let later = now + RETENTION;
        assert_eq!(responses.begin(later, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(responses.begin(later, peer(1), id(2), LEN), Seen::Running);
        assert_eq!(responses.evicted(), 0);
    }

    #[test]
    fn oldest_response_is_evicted_first() {
        let mut responses = StoredResponses::new(3 * (StoredResponses::ENTRY_LEN + 100), RETENTION);
        let now = start();
        for number in 0..4 {
            assert_eq!(responses.begin(now, peer(1), id(number), LEN), Seen::Never);
            responses.finish(now, peer(1), id(number), &[number; 100]);
        }
        assert_eq!(responses.evicted(), 1);
        assert_eq!(responses.begin(now, peer(1), id(3), LEN), Seen::Stored(&[3; 100]));
        assert_eq!(responses.begin(now, peer(1), id(0), LEN), Seen::Never);
    }

    #[test]
    fn response_larger_than_the_budget_is_not_stored_and_not_run_again() {
        let mut responses = StoredResponses::new(1_000, RETENTION);
        let now = start();
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Never);
        responses.finish(now, peer(1), id(1), &[0; 1_001]);
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Stored(b""));
    }

    #[test]
    fn retention_starts_again_with_each_duplicate() {
        let mut responses = StoredResponses::new(1 << 20, RETENTION);
        let mut now = start();
        for number in [1, 2] {
            assert_eq!(responses.begin(now, peer(1), id(number), LEN), Seen::Never);
            responses.finish(now, peer(1), id(number), b"response");
        }
        for _ in 0..5 {
            now += RETENTION / 2;
            assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Stored(b"response"));
        }
        assert_eq!(responses.bytes(), StoredResponses::ENTRY_LEN + 8, "the other has expired");
        assert_eq!(responses.begin(now + RETENTION, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(responses.bytes(), StoredResponses::ENTRY_LEN);
    }

    #[test]
    fn response_with_a_recent_duplicate_is_evicted_after_the_others() {
        let mut responses = StoredResponses::new(3 * (StoredResponses::ENTRY_LEN + 100), RETENTION);
        let mut now = start();
        for number in 0..4 {
            now += Duration::from_secs(1);
            assert_eq!(responses.begin(now, peer(1), id(number), LEN), Seen::Never);
            responses.finish(now, peer(1), id(number), &[number; 100]);
            assert_eq!(responses.begin(now, peer(1), id(0), LEN), Seen::Stored(&[0; 100]));
        }
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Never);
    }

    #[test]
    fn request_of_another_length_is_no_duplicate() {
        let mut responses = StoredResponses::new(1_000, RETENTION);
        let now = start();
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(responses.begin(now, peer(1), id(1), LEN - 1), Seen::Other);
        responses.finish(now, peer(1), id(1), b"response");
        assert_eq!(responses.begin(now, peer(1), id(1), LEN - 1), Seen::Other);
        assert_eq!(responses.begin(now, peer(1), id(1), LEN), Seen::Stored(b"response"));
    }

    proptest! {
        /// Requests start and finish in any order: finished requests stay within the budget.
        #[test]
        fn memory_is_limited(steps in proptest::collection::vec((0_u8..20, any::<bool>(), 0_usize..400), 1..200)) {
            let budget = 2_000;
            let mut responses = StoredResponses::new(budget, RETENTION);
            let mut running = 0;
            let mut now = start();
            for (number, finish, len) in steps {
                now += Duration::from_secs(1);
                if finish {
                    if responses.begin(now, peer(1), id(number), LEN) == Seen::Never {
                        running += 1;
                    }
                    if responses.begin(now, peer(1), id(number), LEN) == Seen::Running {
                        running -= 1;
                    }
                    responses.finish(now, peer(1), id(number), &vec![0; len]);
                } else if responses.begin(now, peer(1), id(number), LEN) == Seen::Never {
                    running += 1;
                }
                prop_assert!(responses.bytes() <= budget + running * StoredResponses::ENTRY_LEN);
            }
        }
    }
}
