use std::collections::HashMap;
use std::net::SocketAddr;

use rand::{Rng, RngExt};

/// The bytes that unvalidated sources have sent and that this node has not yet sent back to them.
///
/// A node validates a source with a `ping`, which has [`PING_LEN`](Self::PING_LEN) bytes. It sends
/// the ping only after the source has sent as many bytes beyond the response to them, so that a
/// forged source address receives no more than was sent in its name. A `find_node` request is
/// sufficient. The response to a `ping` takes most of its bytes, so a source that sends only pings
/// is validated after eight of them.
#[derive(Debug, Default)]
pub(crate) struct Credits {
    lens: HashMap<SocketAddr, usize>,
    /// The keys of `lens`, for the random replacement.
    addrs: Vec<SocketAddr>,
}

impl Credits {
    /// The length of the `ping` that validates a source.
    pub(crate) const PING_LEN: usize = 50;

    /// The number of sources that are kept. At the limit, a new source replaces a random one.
    const MAX_SOURCES: usize = 1_024;

    /// Adds the bytes of a request beyond its response. Returns whether the source has sent enough
    /// for a ping; the bytes of the ping are then subtracted.
    pub(crate) fn earn(&mut self, addr: SocketAddr, len: usize, rng: &mut impl Rng) -> bool {
        if len >= Self::PING_LEN {
            // One request is sufficient, and the rest of its bytes is not worth a place.
            return true;
        }
        let Some(sum) = self.lens.get_mut(&addr) else {
            self.insert(addr, len, rng);
            return false;
        };
        *sum += len;
        let is_sufficient = *sum >= Self::PING_LEN;
        if is_sufficient {
            *sum -= Self::PING_LEN;
        }
        is_sufficient
    }

    fn insert(&mut self, addr: SocketAddr, len: usize, rng: &mut impl Rng) {
        if self.addrs.len() < Self::MAX_SOURCES {
            self.addrs.push(addr);
        } else {
            let replaced = &mut self.addrs[rng.random_range(0..Self::MAX_SOURCES)];
            self.lens.remove(replaced);
            *replaced = addr;
        }
        self.lens.insert(addr, len);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_source_receives_no_more_pings_than_its_bytes_allow() {
        let (mut credits, mut rng) = (Credits::default(), StdRng::seed_from_u64(1));
        let addr = SocketAddr::from(([203, 0, 113, 1], 1));
        assert!(credits.earn(addr, 77, &mut rng));
        let pings = (0..1_000).filter(|_| credits.earn(addr, 7, &mut rng)).count();
        assert_eq!(pings, 1_000 * 7 / Credits::PING_LEN);
    }

    #[test]
    fn the_number_of_sources_is_bounded() {
        let (mut credits, mut rng) = (Credits::default(), StdRng::seed_from_u64(1));
        for number in 0..10_000_u32 {
            assert!(!credits.earn(SocketAddr::from((number.to_be_bytes(), 1)), 7, &mut rng));
        }
        assert_eq!((credits.lens.len(), credits.addrs.len()), (1_024, 1_024));
    }
}
