//! Rendezvous hashing: each key ranks all peers, and goes to the one with the highest rank.

use std::net::{IpAddr, SocketAddr};

/// Returns the hash of a key. Equal in all processes and on all machines, so that all callers of a
/// group agree about the peer of a key.
pub(crate) fn hash_key(key: &[u8]) -> u64 {
    // FNV-1a, whose weakness in the high bits `mix` makes up for.
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Returns the rank of a peer, by the hash of its address or its key, for a key of calls.
pub(super) fn rank(key: u64, place: u64) -> u64 {
    mix(mix(key) ^ place)
}

/// Returns the hash of a peer's address, for [`rank`].
pub(super) fn place_of(peer: SocketAddr) -> u64 {
    let ip = match peer.ip() {
        IpAddr::V4(ip) => ip.to_bits().into(),
        IpAddr::V6(ip) => mix((ip.to_bits() >> 64) as u64) ^ ip.to_bits() as u64,
    };
    mix(ip ^ u64::from(peer.port()) << 40)
}

/// Returns the hash of a peer's key, for [`rank`].
#[cfg(feature = "secure")]
pub(super) fn place_of_key(peer: rpcudp_secure::PeerId) -> u64 {
    let words = peer.as_bytes().chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    words.fold(0, |hash, word| mix(hash ^ word))
}

/// Mixes the bits of a number (the finalizer of splitmix64).
pub(super) fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spread_over_peers() {
        let peers: Vec<SocketAddr> = (0..5).map(|number| ([10, 0, 0, number], 7_000).into()).collect();
        let mut counts = [0; 5];
        for key in 0_u32..10_000 {
            let key = hash_key(&key.to_be_bytes());
            let best = (0..5).max_by_key(|at| rank(key, place_of(peers[*at]))).expect("five peers");
            counts[best] += 1;
        }
        assert!(counts.iter().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn ranks_are_the_same_in_all_processes() {
        assert_eq!(hash_key(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash_key(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
