mod request_key;
mod sources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use self::request_key::Identity;
pub use self::request_key::RequestKey;
pub(crate) use self::request_key::hash_of_addr;
use self::sources::Sources;

/// The requests whose duplicates must not run: those whose handler is running, and those of
/// at-most-once methods, with their responses. A duplicate of the latter gets the stored response.
///
/// A duplicate is recognized by its [`RequestKey`]. A response is kept for a retention time, which
/// starts again with each duplicate. Memory is limited in bytes, overhead included, and shared
/// fairly: if it is full, the oldest response of the source that holds the most memory is evicted,
/// so a source can only evict responses of sources that hold as much as it does. A source is an
/// IPv4 address or the /64 prefix of an IPv6 address. A request whose handler is running is never
/// evicted, so the limit on running handlers also limits these entries.
///
/// The request of a large response is remembered after the response was evicted, or if it is larger
/// than the limit. Its duplicates do not run, and there is no response for them
/// ([`Seen::NotStored`]). After a small one was evicted, a duplicate of its request is new.
///
/// Each operation takes logarithmic time, besides the responses that it removes.
///
/// ```
/// use rpcudp_core::{Dialect, Frame, MessageId, Request, RequestKey, Seen, StoredResponses};
/// use std::time::{Duration, Instant};
///
/// let mut datagram = Vec::new();
/// Request::begin(&mut datagram, Dialect::Rpcudp, "withdraw", 0);
/// Request::end(&mut datagram, Duration::from_secs(5));
/// let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else { panic!("no request") };
///
/// let now = Instant::now();
/// let (sender, new_address) = ("192.0.2.1:7000".parse()?, "198.51.100.1:7000".parse()?);
/// let key = RequestKey::new(&request, &datagram, sender, 7);
/// let mut responses = StoredResponses::new(1 << 20, Duration::from_secs(60));
///
/// assert_eq!(responses.begin(now, key, sender), Seen::Never);
/// assert_eq!(responses.begin(now, key, new_address), Seen::Running);
/// assert_eq!(responses.finish(now, key, b"the response"), Some(new_address));
/// assert_eq!(responses.begin(now, key, sender), Seen::Stored(b"the response"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct StoredResponses {
    // Trees give memory back as they shrink, and never pause to grow.
    entries: BTreeMap<Identity, Entry>,
    /// The finished requests by sequence number, which is also the order of their expiry.
    finished: BTreeMap<u64, Identity>,
    sources: Sources,
    next_sequence: u64,
    /// The time before which no response expires. `None` if no response is stored.
    next_expiry: Option<Instant>,
    bytes: usize,
    budget: usize,
    retention: Duration,
    evicted: u64,
}

/// A request that is running or has finished.
#[derive(Debug)]
struct Entry {
    /// A hash of the sender of the first transmission.
    first_sender: u64,
    /// The sender of the last transmission before the handler finished.
    sender: SocketAddr,
    /// `None` while the handler runs.
    stored: Option<Stored>,
}

#[derive(Debug)]
struct Stored {
    /// `None` if it has no room, or has none any more.
    response: Option<Box<[u8]>>,
    expires: Instant,
    sequence: u64,
}

impl Stored {
    fn len(&self) -> usize {
        self.response.as_ref().map_or(0, |response| response.len())
    }

    fn is_large(&self) -> bool {
        self.len() >= StoredResponses::LARGE_LEN
    }
}

/// The state of a request in [`StoredResponses`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The request is new. Run it, and then call [`StoredResponses::finish`] or
    /// [`StoredResponses::forget`].
    Never,
    /// The handler is running. Drop this duplicate.
    Running,
    /// The handler has finished. Send these bytes in response to the duplicate, or drop it if there
    /// are none.
    Stored(&'a [u8]),
    /// The handler has finished, and its response was not stored, because it is too large, or was
    /// evicted. Refuse this duplicate with
    /// [`RefusalKind::AlreadyRan`](crate::RefusalKind::AlreadyRan). If the method may run again,
    /// [`StoredResponses::restart`] the request instead.
    NotStored,
    /// Another request of the same sender has this id. Drop this request, which is no duplicate.
    Other,
}

impl StoredResponses {
    /// The memory that an entry takes besides its response: its share of three trees whose nodes
    /// are little more than half full, as they are at worst for long.
    const ENTRY_LEN: usize = 352;

    /// The requests with one id that are compared with a new one, so that the work is bounded. Only
    /// peers with weak ids have more.
    const MAX_SAME_ID: usize = 8;

    /// Expired responses that one call removes: enough to keep up with any rate of requests, and
    /// few enough not to delay a request.
    const MAX_EXPIRED: usize = 256;

    /// The length of a response that is large: an eviction then frees more with it than with the
    /// rest of its entry.
    const LARGE_LEN: usize = 4_096;

    /// Creates an empty store that keeps at most `budget` bytes, and each response for `retention`.
    #[must_use]
    pub fn new(budget: usize, retention: Duration) -> Self {
        Self {
            entries: BTreeMap::new(),
            finished: BTreeMap::new(),
            sources: Sources::default(),
            next_sequence: 0,
            next_expiry: None,
            bytes: 0,
            budget,
            retention,
            evicted: 0,
        }
    }

    /// Looks up a request that has arrived from `sender`. Records a new request as running.
    pub fn begin(&mut self, now: Instant, key: RequestKey, sender: SocketAddr) -> Seen<'_> {
        self.expire(now);
        let identity = key.identity;
        if self.has_expired(now, identity) {
            self.remove_finished(identity);
        }
        let (is_known, is_other) = self.find(key);
        if !is_known {
            if is_other {
                return Seen::Other;
            }
            self.make_room(Self::ENTRY_LEN);
            self.entries.insert(identity, Entry { first_sender: key.sender, sender, stored: None });
            self.bytes += Self::ENTRY_LEN;
            return Seen::Never;
        }
        match self.entries.get_mut(&identity) {
            Some(Entry { sender: source, stored: Some(stored), .. }) => {
                // After one duplicate, another may follow.
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                self.finished.remove(&stored.sequence);
                self.finished.insert(sequence, identity);
                self.sources.renumber(*source, (stored.sequence, sequence), stored.is_large());
                stored.sequence = sequence;
                stored.expires = later(now, self.retention);
                stored.response.as_deref().map_or(Seen::NotStored, Seen::Stored)
            }
            Some(entry) => {
                entry.sender = sender;
                Seen::Running
            }
            None => Seen::Other,
        }
    }

    /// Records that a handler has finished, and stores its response. Pass no bytes if no response
    /// was sent. Returns the address to send the response to: the sender of the last duplicate.
    ///
    /// A response that is larger than the budget is not stored: [`Seen::NotStored`].
    pub fn finish(&mut self, now: Instant, key: RequestKey, response: &[u8]) -> Option<SocketAddr> {
        let identity = key.identity;
        let kept = Some(response).filter(|response| response.len() + Self::ENTRY_LEN <= self.budget);
        let len = allocated_len(kept.map_or(0, <[u8]>::len));
        self.make_room(len);
        let entry = self.entries.get_mut(&identity).filter(|entry| entry.stored.is_none())?;
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let expires = later(now, self.retention);
        let stored = Stored { response: kept.map(Into::into), expires, sequence };
        self.finished.insert(sequence, identity);
        self.bytes += len + self.sources.add(entry.sender, sequence, Self::ENTRY_LEN + len);
        if stored.is_large() {
            self.sources.add_large(entry.sender, sequence);
        }
        entry.stored = Some(stored);
        self.next_expiry.get_or_insert(expires);
        Some(entry.sender)
    }

    /// Records a request as running again that has finished and may run twice, at its duplicate
    /// from `sender`.
    pub fn restart(&mut self, now: Instant, key: RequestKey, sender: SocketAddr) {
        self.remove_finished(key.identity);
        let _ = self.begin(now, key, sender);
    }

    /// Removes a request whose handler was running. A duplicate of it is new. Returns the sender of
    /// the last duplicate.
    pub fn forget(&mut self, key: RequestKey) -> Option<SocketAddr> {
        if self.entries.get(&key.identity)?.stored.is_some() {
            return None;
        }
        let entry = self.entries.remove(&key.identity)?;
        self.bytes -= Self::ENTRY_LEN;
        Some(entry.sender)
    }

    /// Removes expired responses, at most 256 in one call. [`begin`](Self::begin) does so too; call
    /// this function at [`next_expiry`](Self::next_expiry) if no request arrives.
    pub fn expire(&mut self, now: Instant) {
        for _ in 0..Self::MAX_EXPIRED {
            if self.next_expiry.is_none_or(|expiry| expiry > now) {
                return;
            }
            let oldest = self.finished.first_key_value().map(|(sequence, key)| (*sequence, *key));
            let Some((sequence, key)) = oldest else {
                self.next_expiry = None;
                return;
            };
            let expires = self.entries.get(&key).and_then(|entry| entry.stored.as_ref()).map(|stored| stored.expires);
            match expires {
                Some(expires) if expires > now => self.next_expiry = Some(expires),
                _ => self.remove(sequence),
            }
        }
    }

    /// Returns a time before which no response expires, or `None` if no response is stored. It has
    /// passed if one call of [`expire`](Self::expire) could not remove all expired responses.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Instant> {
        self.next_expiry
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

    /// Evicts responses until `len` more bytes fit, or until only running requests are left. The
    /// requests of large ones stay known.
    fn make_room(&mut self, len: usize) {
        while self.bytes + len > self.budget
            && let Some(source) = self.sources.largest()
        {
            if let Some(sequence) = self.sources.oldest_large(source) {
                self.drop_response(sequence);
            } else if let Some(sequence) = self.sources.oldest(source) {
                self.remove(sequence);
            }
            self.evicted += 1;
        }
    }

    /// Drops a large response, and remembers its request.
    fn drop_response(&mut self, sequence: u64) {
        let entry = self.finished.get(&sequence).and_then(|key| self.entries.get_mut(key));
        let Some(Entry { sender, stored: Some(stored), .. }) = entry else { return };
        let len = allocated_len(stored.response.take().map_or(0, |response| response.len()));
        self.sources.remove_large(*sender, sequence);
        self.sources.shrink(*sender, len);
        self.bytes -= len;
    }

    /// Returns whether the request is known, and whether its sender has sent another request with
    /// its id.
    fn find(&self, key: RequestKey) -> (bool, bool) {
        let (mut is_other, mut count) = (false, 0);
        for (identity, entry) in self.entries.range(key.same_id()).take(Self::MAX_SAME_ID) {
            if *identity == key.identity {
                return (true, false);
            }
            is_other |= entry.first_sender == key.sender;
            count += 1;
        }
        if count < Self::MAX_SAME_ID {
            return (false, is_other);
        }
        let mut same_sender = self.entries.range(key.same_id_and_sender());
        (self.entries.contains_key(&key.identity), is_other || same_sender.next().is_some())
    }

    fn has_expired(&self, now: Instant, key: Identity) -> bool {
        // An expired response is still stored only if `expire` has more to do.
        self.next_expiry.is_some_and(|expiry| expiry <= now)
            && self.entries.get(&key).and_then(|entry| entry.stored.as_ref()).is_some_and(|it| it.expires <= now)
    }

    /// Removes a finished request.
    fn remove_finished(&mut self, key: Identity) {
        let stored = self.entries.get(&key).and_then(|entry| entry.stored.as_ref());
        if let Some(sequence) = stored.map(|stored| stored.sequence) {
            self.remove(sequence);
        }
    }

    /// Removes the finished request with this sequence number.
    fn remove(&mut self, sequence: u64) {
        let Some(key) = self.finished.remove(&sequence) else { return };
        let Some(Entry { sender, stored: Some(stored), .. }) = self.entries.remove(&key) else { return };
        let len = Self::ENTRY_LEN + allocated_len(stored.len());
        if stored.is_large() {
            self.sources.remove_large(sender, sequence);
        }
        self.bytes -= len + self.sources.remove(sender, sequence, len);
    }
}

/// Returns the instant that is `duration` after `start`, or thirty years after it if that
/// overflows.
fn later(start: Instant, duration: Duration) -> Instant {
    start.checked_add(duration).unwrap_or(start + Duration::from_secs(30 * 365 * 24 * 60 * 60))
}

/// Returns the memory that an allocation takes: the allocator adds a header and rounds up.
fn allocated_len(len: usize) -> usize {
    if len == 0 { 0 } else { (len + 8).next_multiple_of(16).max(32) }
}

#[cfg(test)]
mod tests;
