use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The tokens by which a peer shows that it receives at the address that it sends from. The
/// endpoint stores no token: it computes each from the address, the time and a secret.
#[derive(Debug)]
pub(crate) struct Challenge {
    /// The secret: the random keys of a SipHash.
    secret: RandomState,
    origin: Instant,
}

impl Challenge {
    /// The time after which tokens change. A token is valid for one to two of these.
    const EPOCH: Duration = Duration::from_secs(10);

    pub(crate) fn new(origin: Instant) -> Self {
        Self { secret: RandomState::new(), origin }
    }

    /// Returns the token for an address.
    pub(crate) fn token(&self, addr: SocketAddr, now: Instant) -> u64 {
        self.secret.hash_one((addr, self.epoch(now)))
    }

    /// Returns whether this token was sent to the address a short time ago.
    pub(crate) fn is_valid(&self, token: u64, addr: SocketAddr, now: Instant) -> bool {
        let epoch = self.epoch(now);
        [Some(epoch), epoch.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|epoch| self.secret.hash_one((addr, epoch)) == token)
    }

    fn epoch(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_secs() / Self::EPOCH.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_valid_for_its_address_and_for_a_while() {
        let origin = Instant::now();
        let challenge = Challenge::new(origin);
        let at = |secs| origin + Duration::from_secs(secs);
        let (addr, other) = (([192, 0, 2, 1], 7_000).into(), ([192, 0, 2, 1], 7_001).into());
        let token = challenge.token(addr, at(9));
        assert!(challenge.is_valid(token, addr, at(9)) && challenge.is_valid(token, addr, at(19)));
        assert!(!challenge.is_valid(token, addr, at(20)), "too late");
        assert!(!challenge.is_valid(token, other, at(9)) && !challenge.is_valid(token ^ 1, addr, at(9)));
        assert!(!Challenge::new(origin).is_valid(token, addr, at(9)), "another endpoint's");
    }
}
