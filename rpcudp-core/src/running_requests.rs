use std::net::SocketAddr;

use slab::Slab;

use crate::MessageId;
use crate::lru_map::mix;
use crate::stored_responses::hash_of_addr;

/// The requests whose handlers are running, so that a cancel frame finds the handler by the source
/// address and the message id of its request.
///
/// It also remembers the last cancel frames, because a frame may overtake its request, and a
/// duplicate of the request may arrive after the frame: such a request need not run. It remembers
/// about the last 4,096 of them.
///
/// Every operation takes constant time, except that requests with the same source and id share a
/// list. Only a peer that repeats its own request makes that list long. A secret decides which
/// requests share a list otherwise. A request that cannot be cancelled is in no list.
///
/// `T` is data that the owner stores with each request, for example a waker.
///
/// ```
/// use rpcudp_core::{MessageId, RunningRequests};
///
/// let (id, source) = (MessageId::from_bytes([7; 20]), "192.0.2.1:7000".parse()?);
/// let mut requests = RunningRequests::new(1_024, 0x5eed);
/// let key = requests.insert(Some((id, source)), "lookup");
///
/// requests.cancel(id, "192.0.2.2:7000".parse()?, |_| panic!("another source"));
/// requests.cancel(id, source, |method| assert_eq!(*method, "lookup"));
/// assert!(requests.was_cancelled(id, source), "a duplicate need not run");
/// assert_eq!(requests.remove(key), Some("lookup"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct RunningRequests<T> {
    slots: Slab<Slot<T>>,
    /// The first slot of each list. Allocated with the first request, because most endpoints of a
    /// simulation run few.
    lists: Vec<u32>,
    list_count: usize,
    /// Hashes of the last cancelled requests, each in the set that it selects, the latest first.
    /// Allocated with the first cancel frame. 0 is an empty place.
    cancelled: Vec<[u64; WAYS]>,
    secret: u64,
}

#[derive(Debug)]
struct Slot<T> {
    /// The id and source of a request that can be cancelled.
    request: Option<(MessageId, SocketAddr)>,
    /// The list that the slot is in, and the slots before and after it.
    list: u32,
    previous: u32,
    next: u32,
    data: T,
}

/// The number of cancelled requests in a set.
const WAYS: usize = 8;

/// No slot.
const NONE: u32 = u32::MAX;

impl<T> RunningRequests<T> {
    /// The largest number of lists, in 16 KiB.
    const MAX_LIST_COUNT: usize = 4_096;

    /// The sets of cancelled requests that are remembered, in 32 KiB.
    const SET_COUNT: usize = 512;

    /// Creates an empty table for about `capacity` requests. It accepts more, but may then take
    /// longer to find one. `secret` is a random number of the endpoint, so that no peer can choose
    /// requests that share a list.
    #[must_use]
    pub fn new(capacity: usize, secret: u64) -> Self {
        let list_count = capacity.clamp(1, Self::MAX_LIST_COUNT).next_power_of_two();
        Self { slots: Slab::new(), lists: Vec::new(), list_count, cancelled: Vec::new(), secret }
    }

    /// Whether a cancel frame for this request has arrived. It may be forgotten if many others have
    /// arrived since.
    #[must_use]
    pub fn was_cancelled(&self, id: MessageId, source: SocketAddr) -> bool {
        if self.cancelled.is_empty() {
            return false;
        }
        let (set, hash) = self.set(id, source);
        self.cancelled[set].contains(&hash)
    }

    /// Inserts a request, and returns its key for [`remove`](Self::remove). `request` is the id and
    /// source by which [`cancel`](Self::cancel) finds it, or `None` if it cannot be cancelled.
    pub fn insert(&mut self, request: Option<(MessageId, SocketAddr)>, data: T) -> usize {
        let list = request.map_or(NONE, |(id, _)| self.list(id));
        let key = self.slots.insert(Slot { request, list, previous: NONE, next: NONE, data });
        if request.is_some() {
            self.link(key, list as usize);
        }
        key
    }

    /// Removes a request whose handler has ended, and returns its data.
    pub fn remove(&mut self, key: usize) -> Option<T> {
        self.unlink(key);
        self.slots.try_remove(key).map(|slot| slot.data)
    }

    /// Passes the data of each request with this id and source to `on_cancel`, and remembers that
    /// the caller has cancelled it. A second cancel frame finds none.
    pub fn cancel(&mut self, id: MessageId, source: SocketAddr, mut on_cancel: impl FnMut(&mut T)) {
        self.cancelled.resize(Self::SET_COUNT, [0; WAYS]);
        let (set, hash) = self.set(id, source);
        let set = &mut self.cancelled[set];
        set.rotate_right(1);
        set[0] = hash;
        let mut at = self.lists.get(self.list(id) as usize).copied().unwrap_or(NONE);
        while let Some(slot) = self.slots.get_mut(at as usize) {
            let key = at as usize;
            at = slot.next;
            if slot.request == Some((id, source)) {
                on_cancel(&mut slot.data);
                self.unlink(key);
            }
        }
    }

    /// Iterates over the data of all requests.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().map(|(_, slot)| &slot.data)
    }

    /// Iterates over the sources of the requests that can be cancelled and are not, one for each
    /// request.
    pub fn sources(&self) -> impl Iterator<Item = SocketAddr> {
        self.slots.iter().filter_map(|(_, slot)| slot.request.map(|(_, source)| source))
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the table is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds a slot to a list.
    fn link(&mut self, key: usize, list: usize) {
        self.lists.resize(self.list_count, NONE);
        let first = std::mem::replace(&mut self.lists[list], key as u32);
        self.slots[key].next = first;
        if let Some(slot) = self.slots.get_mut(first as usize) {
            slot.previous = key as u32;
        }
    }

    /// Takes a slot out of the list that it is in. From then on it cannot be cancelled.
    fn unlink(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if slot.request.take().is_none() {
            return;
        }
        let (list, previous, next) = (slot.list, slot.previous, slot.next);
        match self.slots.get_mut(previous as usize) {
            Some(slot) => slot.next = next,
            None => self.lists[list as usize] = next,
        }
        if let Some(slot) = self.slots.get_mut(next as usize) {
            slot.previous = previous;
        }
    }

    fn list(&self, id: MessageId) -> u32 {
        hash_of_id(id, self.secret) as u32 & (self.list_count - 1) as u32
    }

    /// Returns the set of a cancelled request, and its hash.
    fn set(&self, id: MessageId, source: SocketAddr) -> (usize, u64) {
        let hash = hash_of_addr(source, hash_of_id(id, self.secret)) | 1;
        ((hash >> 1) as usize % Self::SET_COUNT, hash)
    }
}

/// Returns a hash of the random part of an id. A product of both halves, each with another secret,
/// is quick and cannot be predicted.
fn hash_of_id(id: MessageId, secret: u64) -> u64 {
    let random = u128::from_le_bytes(*id.random());
    let (low, high) = (random as u64, (random >> 64) as u64);
    let product = u128::from(low ^ secret) * u128::from(high ^ mix(secret));
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const NO_DATA: [u32; 0] = [];

    fn id(number: u8) -> MessageId {
        MessageId::from_bytes([number; MessageId::LEN])
    }

    fn source(host: u8) -> SocketAddr {
        (Ipv4Addr::new(192, 0, 2, host), 7_000).into()
    }

    fn cancelled(requests: &mut RunningRequests<u32>, number: u8, host: u8) -> Vec<u32> {
        let mut found = Vec::new();
        requests.cancel(id(number), source(host), |data| found.push(*data));
        found.sort_unstable();
        found
    }

    #[test]
    fn request_is_found_once_by_its_id_and_source() {
        let mut requests = RunningRequests::new(16, 7);
        let key = requests.insert(Some((id(1), source(1))), 10);
        requests.insert(Some((id(1), source(2))), 20);
        requests.insert(None, 30);
        assert!(requests.sources().eq([source(1), source(2)]));
        requests.remove(2);
        assert_eq!(cancelled(&mut requests, 1, 3), NO_DATA);
        assert_eq!(cancelled(&mut requests, 2, 1), NO_DATA);
        assert_eq!(cancelled(&mut requests, 1, 1), [10]);
        assert_eq!(cancelled(&mut requests, 1, 1), NO_DATA, "a second frame");
        assert_eq!(requests.remove(key), Some(10));
        assert_eq!((requests.remove(key), requests.len()), (None, 1));
    }

    #[test]
    fn copies_of_a_request_are_cancelled_together() {
        let mut requests = RunningRequests::new(1, 7);
        for data in 0..100 {
            requests.insert(Some((id((data % 2) as u8), source(1))), data);
        }
        assert_eq!(cancelled(&mut requests, 0, 1), (0..100).step_by(2).collect::<Vec<_>>());
        assert_eq!(cancelled(&mut requests, 1, 1), (1..100).step_by(2).collect::<Vec<_>>());
    }

    #[test]
    fn request_without_an_id_is_not_found() {
        let mut requests = RunningRequests::new(16, 7);
        let key = requests.insert(None, 10);
        assert_eq!(cancelled(&mut requests, 0, 0), NO_DATA);
        assert_eq!((requests.iter().copied().collect::<Vec<_>>(), requests.remove(key)), (vec![10], Some(10)));
    }

    #[test]
    fn cancel_frame_is_remembered_for_its_source() {
        let mut requests = RunningRequests::new(16, 7);
        assert!(!requests.was_cancelled(id(1), source(1)));
        assert_eq!(cancelled(&mut requests, 1, 1), NO_DATA);
        assert!(requests.was_cancelled(id(1), source(1)));
        assert!(!requests.was_cancelled(id(1), source(2)) && !requests.was_cancelled(id(2), source(1)));
    }

    fn numbered(number: u64) -> MessageId {
        let mut bytes = [0; MessageId::LEN];
        bytes[4..12].copy_from_slice(&number.to_le_bytes());
        MessageId::from_bytes(bytes)
    }

    #[test]
    fn last_cancel_frames_are_remembered_in_memory_that_does_not_grow() {
        let mut requests = RunningRequests::<u32>::new(16, 7);
        for number in 0..20_000 {
            requests.cancel(numbered(number), source(1), |_| unreachable!());
        }
        assert_eq!(requests.cancelled.len(), 512);
        assert!(requests.lists.is_empty());
        assert!((19_000..20_000).all(|number| requests.was_cancelled(numbered(number), source(1))));
        let count = (0..20_000).filter(|number| requests.was_cancelled(numbered(*number), source(1))).count();
        assert_eq!(count, 4_096, "hashes select all sets");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(Option<(u8, u8)>),
        Remove(usize),
        Cancel(u8, u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => prop::option::weighted(0.9, (0_u8..4, 0_u8..3)).prop_map(Step::Insert),
            2 => any::<usize>().prop_map(Step::Remove),
            1 => (0_u8..4, 0_u8..3).prop_map(|(number, host)| Step::Cancel(number, host)),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_list(steps in prop::collection::vec(step(), 0..200), capacity in 0_usize..5) {
            let mut requests = RunningRequests::new(capacity, 7);
            // The key, the request if it can be cancelled, and the data.
            let mut model = Vec::<(usize, Option<(u8, u8)>, u32)>::new();
            for (number, step) in (0..).zip(steps) {
                match step {
                    Step::Insert(request) => {
                        let key = requests.insert(request.map(|(number, host)| (id(number), source(host))), number);
                        model.push((key, request, number));
                    }
                    Step::Remove(at) if !model.is_empty() => {
                        let (key, _, data) = model.swap_remove(at % model.len());
                        prop_assert_eq!(requests.remove(key), Some(data));
                    }
                    Step::Remove(_) => {}
                    Step::Cancel(number, host) => {
                        let matching = model.iter_mut().filter(|(_, request, _)| *request == Some((number, host)));
                        let mut expected: Vec<_> = matching.map(|(_, request, data)| { *request = None; *data }).collect();
                        expected.sort_unstable();
                        prop_assert_eq!(cancelled(&mut requests, number, host), expected);
                    }
                }
                prop_assert_eq!(requests.len(), model.len());
            }
        }
    }
}
