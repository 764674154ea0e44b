use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use super::frame_id::{FrameId, id_of};

/// Frames in order, of which those with an id can be found and dropped without a search.
///
/// A peer decides how many responses wait and which of them it cancels, so that a search of all of
/// them for each cancel frame would be work without a bound. Each operation takes logarithmic time
/// on average. The index of ids is made when it is first used: a queue whose frames are only taken
/// in order has none.
#[derive(Debug, Default)]
pub(super) struct FrameQueue {
    /// `None` in the place of a frame that was dropped.
    places: VecDeque<Option<Bytes>>,
    /// The number of the first place. The others follow.
    first: u64,
    /// The frames that were not dropped.
    count: usize,
    index: Option<BTreeSet<(FrameId, u64)>>,
    #[cfg(test)]
    visited: usize,
}

/// The frames that were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) count: usize,
    /// The bytes of all of them.
    pub(super) len: usize,
}

impl FrameQueue {
    /// The memory that a frame takes besides its bytes, at most: its place and as many of dropped
    /// frames, and its part of the index.
    pub(super) const ENTRY_LEN: usize = 128;

    /// Places of dropped frames that are left in any case.
    const MAX_GAPS: usize = 64;

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.places.iter().flatten()
    }

    pub(super) fn push(&mut self, frame: Bytes) {
        let number = self.first.wrapping_add(self.places.len() as u64);
        self.note(number, &frame);
        self.places.push_back(Some(frame));
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        loop {
            let place = self.places.pop_front()?;
            let number = self.first;
            self.first = number.wrapping_add(1);
            if let Some(frame) = place {
                self.forget(number, &frame);
                self.compact();
                return Some(frame);
            }
        }
    }

    /// Makes the last frame the first.
    pub(super) fn return_last(&mut self) {
        let Some(Some(frame)) = self.places.pop_back() else { return };
        self.forget(self.first.wrapping_add(self.places.len() as u64), &frame);
        self.first = self.first.wrapping_sub(1);
        self.note(self.first, &frame);
        self.places.push_front(Some(frame));
    }

    /// Returns whether a frame has an id.
    pub(super) fn has(&mut self, id: &FrameId) -> bool {
        self.find(id).is_some()
    }

    /// Drops the frames with an id.
    pub(super) fn cancel(&mut self, id: &FrameId) -> Dropped {
        let mut dropped = Dropped::default();
        while let Some(number) = self.find(id)
            && let Some(frame) = self.places.get_mut(self.place_of(number)).and_then(Option::take)
        {
            self.forget(number, &frame);
            dropped.count += 1;
            dropped.len += frame.len();
        }
        self.compact();
        dropped
    }

    /// Removes the places of dropped frames once they are more than the others.
    fn compact(&mut self) {
        if self.places.len() > 2 * self.count + Self::MAX_GAPS {
            self.visit(self.places.len());
            self.places.retain(Option::is_some);
            // The numbers have changed.
            self.index = None;
        }
    }

    /// Returns the number of the oldest frame with an id.
    fn find(&mut self, id: &FrameId) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        if self.index.is_none() {
            self.visit(self.places.len());
            let ids = self.places.iter().map(|frame| frame.as_deref().and_then(id_of));
            let numbers = (0..).map(|place| self.first.wrapping_add(place));
            self.index = Some(ids.zip(numbers).filter_map(|(id, number)| Some((id?, number))).collect());
        }
        let same_id = self.index.as_ref()?.range((*id, 0)..=(*id, u64::MAX)).next();
        same_id.map(|(_, number)| *number)
    }

    fn place_of(&self, number: u64) -> usize {
        number.wrapping_sub(self.first) as usize
    }

    /// Counts a frame that is added.
    fn note(&mut self, number: u64, frame: &[u8]) {
        self.count += 1;
        if let Some(index) = &mut self.index {
            index.extend(id_of(frame).map(|id| (id, number)));
        }
    }

    /// Counts a frame that is removed.
    fn forget(&mut self, number: u64, frame: &[u8]) {
        self.count -= 1;
        if self.count == 0 {
            self.places.clear();
            self.places.shrink_to(Self::MAX_GAPS);
            self.index = None;
        } else if let (Some(index), Some(id)) = (&mut self.index, id_of(frame)) {
            index.remove(&(id, number));
        }
    }

    /// Counts places that are looked at one after another, for tests.
    fn visit(&mut self, _places: usize) {
        #[cfg(test)]
        {
            self.visited += _places;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that follow no pattern.
    struct Random(u64);

    impl Random {
        fn next(&mut self, below: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % below
        }
    }

    fn id(number: u64) -> FrameId {
        let mut id = [0; 20];
        id[12..].copy_from_slice(&number.to_be_bytes());
        id
    }

    fn frame(number: u64) -> Bytes {
        [&[1][..], &id(number), &[0; 7]].concat().into()
    }

    #[test]
    fn queue_is_equal_to_a_list_that_is_searched() {
        for seed in 1..=20 {
            let (mut random, mut queue, mut model) = (Random(seed), FrameQueue::default(), VecDeque::new());
            for step in 0..4_000 {
                // Phases in which the queue grows, and phases in which it shrinks.
                let grows = step / 500 % 2 == 0;
                match random.next(if grows { 6 } else { 9 }) {
                    0..=2 => {
                        // Several have the same id, and some have none.
                        let added =
                            if random.next(20) == 0 { Bytes::from_static(b"short") } else { frame(random.next(300)) };
                        queue.push(added.clone());
                        model.push_back(added);
                    }
                    3 => assert_eq!(queue.pop(), model.pop_front(), "seed {seed}, step {step}"),
                    4 => {
                        queue.push(frame(7));
                        queue.return_last();
                        model.push_front(frame(7));
                    }
                    _ => {
                        let id = id(random.next(300));
                        let is_cancelled = |frame: &Bytes| id_of(frame) == Some(id);
                        assert_eq!(queue.has(&id), model.iter().any(is_cancelled), "seed {seed}, step {step}");
                        let count = model.iter().filter(|frame| is_cancelled(frame)).count();
                        let dropped = Dropped { count, len: count * frame(0).len() };
                        assert_eq!(queue.cancel(&id), dropped, "seed {seed}, step {step}");
                        model.retain(|frame| !is_cancelled(frame));
                    }
                }
                assert_eq!((queue.count(), queue.is_empty()), (model.len(), model.is_empty()));
                assert!(queue.iter().eq(&model), "seed {seed}, step {step}");
                assert!(queue.places.len() <= 2 * queue.count() + FrameQueue::MAX_GAPS + 1);
            }
        }
    }

    #[test]
    fn cancelling_all_frames_looks_at_each_a_few_times() {
        const COUNT: u64 = 30_000;
        // In the order of their arrival, the other way round, and mixed.
        let orders: [fn(u64) -> u64; 3] = [|at| at, |at| COUNT - 1 - at, |at| at * 7_919 % COUNT];
        for order in orders {
            let mut queue = FrameQueue::default();
            (0..COUNT).for_each(|number| queue.push(frame(number)));
            for number in (0..COUNT).map(order) {
                assert_eq!(queue.cancel(&id(number)).count, 1);
            }
            assert!(queue.is_empty());
            assert!(queue.visited <= 8 * COUNT as usize, "{} of {COUNT} frames", queue.visited);
        }
    }

    #[test]
    fn cancelling_one_of_many_frames_again_and_again_searches_none_of_the_others() {
        const WAITING: u64 = 10_000;
        const CANCELS: u64 = 100_000;
        let mut queue = FrameQueue::default();
        (0..WAITING).for_each(|number| queue.push(frame(number)));
        for number in WAITING..WAITING + CANCELS {
            queue.push(frame(number));
            assert!(!queue.has(&id(number + 1)));
            // The newest, or the one before it: its place is between others.
            let cancelled = if number % 2 == 0 { number } else { number - 1 };
            queue.cancel(&id(cancelled));
            queue.cancel(&id(number));
        }
        assert_eq!(queue.count() as u64, WAITING);
        let visited_for_each = queue.visited as u64 / CANCELS;
        assert!(visited_for_each <= 8, "{visited_for_each} places for each frame");
    }

    #[test]
    fn frames_that_are_taken_in_order_need_no_index() {
        let mut queue = FrameQueue::default();
        (0..1_000).for_each(|number| queue.push(frame(number)));
        (0..1_000).for_each(|number| assert_eq!(queue.pop(), Some(frame(number))));
        assert_eq!((queue.visited, queue.pop()), (0, None));
    }
}
