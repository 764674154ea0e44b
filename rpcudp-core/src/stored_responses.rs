use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::MessageId;

/// The memory of at-most-once: which requests ran, and what was answered.
///
/// A copy of a request is recognised by its sender, message id and length. A reply is remembered for as long as a copy
/// may come, which is some time after the last one, and no longer than there is room: the memory is bounded in bytes,
/// what it needs to keep its books included, and the oldest reply goes first. Requests that are still running are never
/// forgotten; whoever limits the handlers that run limits those.
///
/// ```
/// use rpcudp_core::{MessageId, StoredResponses, Seen};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let (peer, id) = ("192.0.2.1:7000".parse()?, MessageId::from_bytes([1; 20]));
/// let mut replies = StoredResponses::new(1 << 20, Duration::from_secs(60));
///
/// assert_eq!(replies.begin(now, peer, id, 40), Seen::Never);
/// assert_eq!(replies.begin(now, peer, id, 40), Seen::Running);
/// replies.finish(now, peer, id, b"the reply");
/// assert_eq!(replies.begin(now, peer, id, 40), Seen::Stored(b"the reply"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct StoredResponses {
    // Ordered, not hashed: a peer chooses the keys, and core has no source of randomness to hash with.
    entries: BTreeMap<Key, Entry>,
    /// What was answered, oldest first, with the time at which to see whether it may be forgotten.
    answered: VecDeque<(Instant, Key)>,
    bytes: usize,
    budget: usize,
    retention: Duration,
    forgotten: u64,
}

type Key = (SocketAddr, MessageId);

#[derive(Debug)]
struct Entry {
    /// How long the request was: what is shorter or longer is no copy of it.
    request_len: usize,
    /// What was answered, and the time at which it may be forgotten; `None` while it runs.
    answered: Option<(Box<[u8]>, Instant)>,
}

/// What [`StoredResponses`] knows of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nothing: it is to be run, and [`StoredResponses::finish`] told of the reply.
    Never,
    /// It runs: this copy is to be dropped.
    Running,
    /// It ran: this copy is to be answered with these bytes, or dropped if they are none.
    Stored(&'a [u8]),
    /// Another request of the same sender has its id: it is no copy, and to be dropped.
    Other,
}

impl StoredResponses {
    /// What an entry costs besides its reply: the key twice, the rest of the entry, and the tree's and the queue's share
    /// where both have just grown.
    const ENTRY_LEN: usize = 288;

    /// A memory that holds at most `budget` bytes, each reply for `retention`.
    #[must_use]
    pub fn new(budget: usize, retention: Duration) -> Self {
        Self { entries: BTreeMap::new(), answered: VecDeque::new(), bytes: 0, budget, retention, forgotten: 0 }
    }

    /// Looks up a request of this many bytes that has arrived and, where it is new, notes that it runs.
    pub fn begin(&mut self, now: Instant, sender: SocketAddr, id: MessageId, request_len: usize) -> Seen<'_> {
        self.expire(now);
        let key = (sender, id);
        if !self.entries.contains_key(&key) {
            self.make_room(Self::ENTRY_LEN);
            self.entries.insert(key, Entry { request_len, answered: None });
            self.bytes += Self::ENTRY_LEN;
            return Seen::Never;
        }
        match self.entries.get_mut(&key) {
            Some(entry) if entry.request_len != request_len => Seen::Other,
            Some(Entry { answered: Some((reply, until)), .. }) => {
                // Where one copy came, another may follow.
                *until = now + self.retention;
                Seen::Stored(reply)
            }
            _ => Seen::Running,
        }
    }

    /// Remembers what was answered from now on; nothing, where no answer was sent.
    ///
    /// A reply that is larger than the whole memory is not kept: copies of its request are dropped, not run again.
    pub fn finish(&mut self, now: Instant, sender: SocketAddr, id: MessageId, reply: &[u8]) {
        let key = (sender, id);
        if self.entries.get(&key).is_none_or(|entry| entry.answered.is_some()) {
            return;
        }
        let kept = if reply.len() + Self::ENTRY_LEN <= self.budget { reply } else { &[] };
        self.make_room(kept.len());
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let until = now + self.retention;
        entry.answered = Some((kept.into(), until));
        self.bytes += kept.len();
        self.answered.push_back((until, key));
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many replies were forgotten before their time to make room.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.forgotten
    }

    fn expire(&mut self, now: Instant) {
        while let Some((until, key)) = self.oldest()
            && until <= now
        {
            self.remove(key);
        }
    }

    /// Forgets the oldest replies until `len` more bytes fit, or until only running requests are left.
    fn make_room(&mut self, len: usize) {
        while self.bytes + len > self.budget
            && let Some((_, key)) = self.oldest()
        {
            self.remove(key);
            self.forgotten += 1;
        }
    }

    /// The head of the queue, once those are behind it that a copy has come of since they were queued.
    fn oldest(&mut self) -> Option<(Instant, Key)> {
        loop {
            let &(queued, key) = self.answered.front()?;
            match self.entries[&key].answered {
                Some((_, until)) if until > queued => {
                    self.answered.pop_front();
                    self.answered.push_back((until, key));
                }
                _ => return Some((queued, key)),
            }
        }
    }

    /// Forgets the head of the queue.
    fn remove(&mut self, head: Key) {
        self.answered.pop_front();
        if let Some(Entry { answered: Some((reply, _)), .. }) = self.entries.remove(&head) {
            self.bytes -= Self::ENTRY_LEN + reply.len();
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
    fn the_sender_is_part_of_the_key() {
        let mut replies = StoredResponses::new(1 << 20, RETENTION);
        let now = start();
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(replies.begin(now, peer(2), id(1), LEN), Seen::Never);
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Running);
    }

    #[test]
    fn a_reply_is_forgotten_after_its_time_and_a_running_request_is_not() {
        let mut replies = StoredResponses::new(1 << 20, RETENTION);
        let now = start();
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(replies.begin(now, peer(1), id(2), LEN), Seen::Never);
        replies.finish(now, peer(1), id(1), b"reply");
        let later = now + RETENTION;
        assert_eq!(replies.begin(later, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(replies.begin(later, peer(1), id(2), LEN), Seen::Running);
        assert_eq!(replies.evicted(), 0);
    }

    #[test]
    fn the_oldest_reply_goes_when_there_is_no_room() {
        let mut replies = StoredResponses::new(3 * (StoredResponses::ENTRY_LEN + 100), RETENTION);
        let now = start();
        for number in 0..4 {
            assert_eq!(replies.begin(now, peer(1), id(number), LEN), Seen::Never);
            replies.finish(now, peer(1), id(number), &[number; 100]);
        }
        assert_eq!(replies.evicted(), 1);
        assert_eq!(replies.begin(now, peer(1), id(3), LEN), Seen::Stored(&[3; 100]));
        assert_eq!(replies.begin(now, peer(1), id(0), LEN), Seen::Never);
    }

    #[test]
    fn a_reply_larger_than_the_memory_is_not_kept_and_not_run_again() {
        let mut replies = StoredResponses::new(1_000, RETENTION);
        let now = start();
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Never);
        replies.finish(now, peer(1), id(1), &[0; 1_001]);
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Stored(b""));
    }

    #[test]
    fn a_reply_is_kept_for_its_time_after_the_last_copy() {
        let mut replies = StoredResponses::new(1 << 20, RETENTION);
        let mut now = start();
        for number in [1, 2] {
            assert_eq!(replies.begin(now, peer(1), id(number), LEN), Seen::Never);
            replies.finish(now, peer(1), id(number), b"reply");
        }
        for _ in 0..5 {
            now += RETENTION / 2;
            assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Stored(b"reply"));
        }
        assert_eq!(replies.bytes(), StoredResponses::ENTRY_LEN + 5, "the other is forgotten");
        assert_eq!(replies.begin(now + RETENTION, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(replies.bytes(), StoredResponses::ENTRY_LEN);
    }

    #[test]
    fn a_reply_that_a_copy_came_for_goes_after_the_others() {
        let mut replies = StoredResponses::new(3 * (StoredResponses::ENTRY_LEN + 100), RETENTION);
        let mut now = start();
        for number in 0..4 {
            now += Duration::from_secs(1);
            assert_eq!(replies.begin(now, peer(1), id(number), LEN), Seen::Never);
            replies.finish(now, peer(1), id(number), &[number; 100]);
            assert_eq!(replies.begin(now, peer(1), id(0), LEN), Seen::Stored(&[0; 100]));
        }
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Never);
    }

    #[test]
    fn a_request_of_another_length_is_no_copy() {
        let mut replies = StoredResponses::new(1_000, RETENTION);
        let now = start();
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Never);
        assert_eq!(replies.begin(now, peer(1), id(1), LEN - 1), Seen::Other);
        replies.finish(now, peer(1), id(1), b"reply");
        assert_eq!(replies.begin(now, peer(1), id(1), LEN - 1), Seen::Other);
        assert_eq!(replies.begin(now, peer(1), id(1), LEN), Seen::Stored(b"reply"));
    }

    proptest! {
        /// Requests and their ends in any order: the books balance, and what finished stays within the budget.
        #[test]
        fn memory_is_bounded(steps in proptest::collection::vec((0_u8..20, any::<bool>(), 0_usize..400), 1..200)) {
            let budget = 2_000;
            let mut replies = StoredResponses::new(budget, RETENTION);
            let mut running = 0;
            let mut now = start();
            for (number, finish, len) in steps {
                now += Duration::from_secs(1);
                if finish {
                    if replies.begin(now, peer(1), id(number), LEN) == Seen::Never {
                        running += 1;
                    }
                    if replies.begin(now, peer(1), id(number), LEN) == Seen::Running {
                        running -= 1;
                    }
                    replies.finish(now, peer(1), id(number), &vec![0; len]);
                } else if replies.begin(now, peer(1), id(number), LEN) == Seen::Never {
                    running += 1;
                }
                prop_assert!(replies.bytes() <= budget + running * StoredResponses::ENTRY_LEN);
            }
        }
    }
}
