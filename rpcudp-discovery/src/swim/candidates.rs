use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The nodes that packets name and that have not responded to a call yet. Until a node has, it is
/// no member: its address may be forged.
#[derive(Debug)]
pub(crate) struct Candidates {
    nodes: BTreeMap<SocketAddr, Candidate>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Candidate {
    /// A packet that the node sent, to be handled when it is a member.
    packet: Option<Vec<u8>>,
    has_preferred_packet: bool,
    is_called: bool,
}

impl Candidates {
    /// The number of calls in flight to candidates.
    const CALLS: usize = 32;

    pub(crate) fn new(limit: usize) -> Self {
        Self { nodes: BTreeMap::new(), limit }
    }

    /// Adds a node that a member names, if there is room.
    pub(crate) fn add(&mut self, addr: SocketAddr) {
        if self.nodes.len() < self.limit {
            self.nodes.entry(addr).or_default();
        }
    }

    /// Adds a node that sent a packet, if there is room, and keeps its first packet or its first
    /// preferred one.
    pub(crate) fn add_sender(&mut self, addr: SocketAddr, packet: &[u8], is_preferred: bool) {
        self.add(addr);
        if let Some(candidate) = self.nodes.get_mut(&addr)
            && (candidate.packet.is_none() || (is_preferred && !candidate.has_preferred_packet))
        {
            candidate.packet = Some(packet.into());
            candidate.has_preferred_packet = is_preferred;
        }
    }

    /// Returns the next node to call, if not too many calls are in flight.
    pub(crate) fn next_to_call(&mut self) -> Option<SocketAddr> {
        if self.nodes.values().filter(|candidate| candidate.is_called).count() >= Self::CALLS {
            return None;
        }
        let (addr, candidate) = self.nodes.iter_mut().find(|(_, candidate)| !candidate.is_called)?;
        candidate.is_called = true;
        Some(*addr)
    }

    /// Removes a node whose call has ended, and returns the packet that it sent.
    pub(crate) fn take(&mut self, addr: SocketAddr) -> Option<Vec<u8>> {
        self.nodes.remove(&addr)?.packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(port: u16) -> SocketAddr {
        ([10, 0, 0, 1], port).into()
    }

    #[test]
    fn candidates_and_calls_are_bounded() {
        let mut candidates = Candidates::new(100);
        for port in 1..=1_000 {
            candidates.add(addr(port));
            candidates.add_sender(addr(port), b"packet", false);
        }
        let called: Vec<SocketAddr> = std::iter::from_fn(|| candidates.next_to_call()).collect();
        assert_eq!((called.len(), candidates.nodes.len()), (Candidates::CALLS, 100));
        assert!(candidates.take(called[0]).is_some() && candidates.take(called[0]).is_none());
        assert!(candidates.next_to_call().is_some() && candidates.next_to_call().is_none());
    }

    #[test]
    fn the_first_packet_is_kept_and_a_preferred_one_before_others() {
        let mut candidates = Candidates::new(100);
        candidates.add(addr(1));
        for (packet, is_preferred) in [(b"1", false), (b"2", false), (b"3", true), (b"4", true), (b"5", false)] {
            candidates.add_sender(addr(1), packet, is_preferred);
            let expected = if *packet < *b"3" { b"1" } else { b"3" };
            assert_eq!(candidates.nodes[&addr(1)].packet.as_deref(), Some(&expected[..]));
        }
    }
}
