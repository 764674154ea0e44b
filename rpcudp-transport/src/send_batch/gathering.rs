use super::entry::Entry;

/// Batches with fewer datagrams are left as they are.
const MIN_COUNT: usize = 4;

/// Batches with more datagrams are left as they are: those to one peer would leave long before
/// those to another, and in one burst. More than the driver collects for a flush.
const MAX_COUNT: usize = 4_096;

/// The mean length of datagrams above which a batch is left as it is: copies cost more, and the
/// segments of a segmented send have to fit every path.
const MAX_MEAN_LEN: usize = 1_232;

/// The number of datagrams of which one send has to be saved. For less, the copy is not worthwhile.
const MAX_COUNT_PER_SAVED_SEND: usize = 16;

/// The memory in which a batch is reordered.
#[derive(Default)]
pub(super) struct Gathering {
    /// The key of each datagram, and its position in the lower half.
    keys: Vec<u64>,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Gathering {
    /// The largest batch whose memory is kept. Larger ones are rare.
    const KEPT_COUNT: usize = 1_024;

    /// The number of bytes that memory is kept for.
    const KEPT_LEN: usize = 1 << 17;

    /// Releases memory above what is kept.
    pub(super) fn shrink(&mut self) {
        self.keys.clear();
        self.keys.shrink_to(Self::KEPT_COUNT);
        self.bytes.shrink_to(Self::KEPT_LEN);
        self.entries.shrink_to(Self::KEPT_COUNT);
    }

    /// Does what [`SendBatch::gather`](super::SendBatch::gather) does.
    pub(super) fn gather(
        &mut self,
        batch_bytes: &mut Vec<u8>,
        batch_entries: &mut Vec<Entry>,
    ) -> Option<impl Iterator<Item = usize>> {
        let count = batch_entries.len();
        if !(MIN_COUNT..=MAX_COUNT).contains(&count) || batch_bytes.len() > MAX_MEAN_LEN * count {
            return None;
        }
        // One with hardly any other peer leaves here.
        let run_count = 1 + batch_entries.windows(2).filter(|pair| !pair[0].has_path_of(&pair[1])).count();
        if run_count * MAX_COUNT_PER_SAVED_SEND < count {
            return None;
        }
        let Self { keys, bytes, entries } = self;
        keys.clear();
        keys.extend((0..).zip(&*batch_entries).map(|(index, entry)| u64::from(entry.path_hash()) << 32 | index));
        // By their hashes, and those with one hash by their positions.
        keys.sort_unstable();
        let path_count = keys.chunk_by(|key, next| key >> 32 == next >> 32).count();
        if run_count.saturating_sub(path_count) * MAX_COUNT_PER_SAVED_SEND < count {
            return None;
        }
        // By the position of the first datagram of their path instead of its hash.
        for path in keys.chunk_by_mut(|key, next| key >> 32 == next >> 32) {
            let first = path[0] << 32;
            path.iter_mut().for_each(|key| *key = first | *key & u64::from(u32::MAX));
        }
        keys.sort_unstable();
        for key in &*keys {
            let entry = batch_entries[index(*key)];
            let start = bytes.len();
            bytes.extend_from_slice(&batch_bytes[entry.start..entry.end]);
            entries.push(Entry { start, end: bytes.len(), ..entry });
        }
        std::mem::swap(bytes, batch_bytes);
        std::mem::swap(entries, batch_entries);
        bytes.clear();
        entries.clear();
        Some(keys.iter().map(|key| index(*key)))
    }
}

/// Returns the position of a datagram, which is the lower half of its key.
fn index(key: u64) -> usize {
    key as u32 as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{IpAddr, SocketAddr};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::{Datagram, SendBatch};

    fn destination(number: u8) -> SocketAddr {
        match number % 3 {
            0 => ([192, 0, 2, 1], number.into()).into(),
            1 => ([192, 0, 2, number], 7_000).into(),
            _ => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()], 7_000).into(),
        }
    }

    fn batch(datagrams: &[(u8, Option<u8>)]) -> SendBatch {
        let mut batch = SendBatch::new();
        for (index, &(number, source)) in datagrams.iter().enumerate() {
            let source = source.map(|source| IpAddr::from([127, 0, 0, source]));
            let contents = [(index as u32).to_be_bytes().to_vec(), vec![0; index % 7]].concat();
            batch.push(Datagram { destination: destination(number), source, contents: &contents });
        }
        batch
    }

    fn run_count(batch: &SendBatch) -> usize {
        1 + batch.entries.windows(2).filter(|pair| !pair[0].has_path_of(&pair[1])).count()
    }

    proptest! {
        #[test]
        fn gathered_datagrams_are_complete_and_keep_the_order_of_their_path(
            datagrams in vec((0..9_u8, prop::option::of(0..3_u8)), 0..300),
        ) {
            let (before, mut batch) = (batch(&datagrams), batch(&datagrams));
            let contents = |batch: &SendBatch| -> Vec<_> {
                batch.iter().map(|it| (it.destination, it.source, it.contents.to_vec())).collect()
            };
            let all_before = contents(&before);
            let of_former = |former: &[usize]| -> Vec<_> {
                former.iter().map(|index| all_before[*index].clone()).collect()
            };
            let former: Option<Vec<usize>> = batch.gather().map(Iterator::collect);
            let former = former.unwrap_or_else(|| (0..before.len()).collect());
            prop_assert_eq!(batch.byte_count(), before.byte_count());
            prop_assert_eq!(contents(&batch), of_former(&former));
            let mut all = former.clone();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..before.len()));
            let paths: HashSet<_> = before.iter().map(|it| (it.destination, it.source)).collect();
            for path in &paths {
                let of_path = former.iter().filter(|index| {
                    let datagram = before.datagram(**index);
                    (datagram.destination, datagram.source) == *path
                });
                prop_assert!(of_path.is_sorted());
            }
            let saved = run_count(&before) - run_count(&batch);
            let could_save = run_count(&before).saturating_sub(paths.len());
            prop_assert!(saved == could_save || could_save * MAX_COUNT_PER_SAVED_SEND < before.len() || before.len() < MIN_COUNT);
            // A part of a gathered batch is complete too.
            batch.truncate(before.len() / 2);
            prop_assert_eq!(contents(&batch), of_former(&former[..before.len() / 2]));
        }
    }

    #[test]
    fn groups_come_in_the_order_of_their_first_datagrams() {
        let mut batch = batch(&[(1, None), (4, None), (1, Some(1)), (4, None), (1, None), (7, None), (1, Some(1))]);
        assert_eq!(batch.gather().unwrap().collect::<Vec<_>>(), [0, 4, 1, 3, 2, 6, 5]);
        assert!(batch.gather().is_none(), "there is nothing left to save");
    }

    #[test]
    fn ids_of_all_requests_of_a_send_to_one_of_several_peers_are_quoted() {
        let source = Some(IpAddr::from([127, 0, 0, 1]));
        for (len, source, expected) in
            [(62, None, 9), (100, None, 5), (499, None, 2), (500, None, 1), (62, source, 20), (500, source, 20)]
        {
            let mut batch = SendBatch::new();
            for index in 0..40 {
                batch.push(Datagram { destination: destination(1 + 3 * (index % 2)), source, contents: &vec![0; len] });
            }
            assert!(batch.gather().is_some());
            assert_eq!(batch.run(0, 32, 1 << 16).count, expected, "{len} {source:?}");
            batch.clear();
            (0..40).for_each(|_| batch.push(Datagram { destination: destination(1), source, contents: &vec![0; len] }));
            assert!(batch.gather().is_none());
            assert_eq!(batch.run(0, 32, 1 << 16).count, 32, "one peer has all of them");
        }
    }

    #[test]
    fn batches_with_little_to_save_stay_as_they_are() {
        let to_one = [(1, None); 100];
        let to_each: Vec<_> = (0..100).map(|number| (number, None)).collect();
        let mut one_returns = to_each.clone();
        one_returns.push((0, None));
        for datagrams in [&to_one[..], &to_each, &one_returns, &[(1, None), (2, None), (1, None)]] {
            assert!(batch(datagrams).gather().is_none(), "{datagrams:?}");
        }
        let mut large = SendBatch::new();
        for number in [1, 4, 1, 4] {
            large.push(Datagram { destination: destination(number), source: None, contents: &[0; 1_233] });
        }
        assert!(large.gather().is_none(), "large datagrams are not copied");
        let many: Vec<_> = (0..=MAX_COUNT).map(|index| ((index % 9) as u8, None)).collect();
        assert!(batch(&many).gather().is_none(), "one peer does not wait for the many datagrams to others");
    }

    #[test]
    fn memory_of_a_large_gathered_batch_is_released() {
        let datagrams: Vec<_> = (0..MAX_COUNT).map(|index| ((index % 9) as u8, None)).collect();
        let mut batch = batch(&datagrams);
        assert!(batch.gather().is_some());
        batch.clear();
        let Gathering { keys, bytes, entries } = &batch.gathering;
        assert!(keys.capacity() <= Gathering::KEPT_COUNT && entries.capacity() <= Gathering::KEPT_COUNT);
        assert!(bytes.capacity() <= Gathering::KEPT_LEN);
    }
}
