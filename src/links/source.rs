//! The addresses under which the tables of calls, stored responses, handlers and limits keep links.
//!
//! These tables tell peers apart by their addresses. A peer with a proven key has an address made
//! of a hash of that key instead, which it keeps when it moves. No datagram is sent to such an
//! address, and no log line or error shows it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use rpcudp_secure::PeerId;

/// The flow label of these addresses. Addresses of datagrams are canonical and have none, so no
/// datagram comes from one of them.
const FLOW: u32 = u32::MAX;

/// With a scope, the table of calls compares the whole address.
const SCOPE: u32 = 1;

/// Returns the address that stands for a key. `secret` is a random number of the endpoint, so that
/// no peer can choose keys with equal addresses.
pub(crate) fn of_key(peer: PeerId, secret: u64) -> SocketAddr {
    let words = peer.as_bytes().chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    encode(words.fold(secret, |hash, word| mix(hash ^ word).wrapping_add(secret)))
}

/// Returns the address that stands for any key at `addr`.
pub(crate) fn of_any_key_at(addr: SocketAddr, secret: u64) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    let scope = if let SocketAddr::V6(addr) = addr { addr.scope_id() } else { 0 };
    let bits = ip.to_bits();
    let words = [(bits >> 64) as u64, bits as u64, u64::from(scope) << 32 | u64::from(addr.port())];
    // Another secret than that of keys.
    encode(words.into_iter().fold(mix(secret), |hash, word| mix(hash ^ word).wrapping_add(secret)))
}

/// Returns whether an address stands for a key.
pub(crate) fn is_link(source: SocketAddr) -> bool {
    matches!(source, SocketAddr::V6(addr) if addr.flowinfo() == FLOW)
}

/// Makes an address of a hash. The first half is the hash, so that each key counts as a network of
/// its own towards the limits.
fn encode(hash: u64) -> SocketAddr {
    let bits = u128::from(hash) << 64 | u128::from(mix(hash));
    SocketAddrV6::new(Ipv6Addr::from_bits(bits), 1, FLOW, SCOPE).into()
}

/// A mixer of 64 bits (the finalizer of MurmurHash3).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ bits >> 33
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rpcudp_transport::canonical;

    use super::*;

    #[test]
    fn each_bit_of_a_key_and_the_secret_change_the_address() {
        let mut sources =
            BTreeSet::from([of_key(PeerId::from_bytes([0; 32]), 1), of_key(PeerId::from_bytes([0; 32]), 2)]);
        for bit in 0..256 {
            let mut key = [0; 32];
            key[bit / 8] = 1 << (bit % 8);
            sources.insert(of_key(PeerId::from_bytes(key), 1));
        }
        for port in 1..100 {
            sources.insert(of_any_key_at(([10, 0, 0, 1], port).into(), 1));
        }
        assert_eq!(sources.len(), 2 + 256 + 99);
        assert!(sources.iter().all(|source| is_link(*source)));
    }

    #[test]
    fn no_address_of_a_datagram_stands_for_a_key() {
        let source = of_key(PeerId::from_bytes([7; 32]), 1);
        assert!(!is_link(canonical(source)));
        assert!(!is_link("192.0.2.1:7000".parse().unwrap()) && !is_link("[::1]:7000".parse().unwrap()));
    }
}
