use std::net::SocketAddr;

use quinn_proto::ConnectionId;

use crate::connection_ids::KeyedIds;

/// A datagram for which QUIC derives keys, or to which it responds, although its sender has shown
/// nothing: the beginning of a handshake, or of another version of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstPacket {
    /// It is addressed to an id that its sender has made up, or is of another version.
    Unaddressed,
    /// It is addressed to the id of a Retry to the sender's address. So the sender receives there,
    /// or is on the path.
    AfterRetry,
    /// It is addressed to the id of a link that has no handshake under way. It can begin nothing.
    Stale,
}

impl FirstPacket {
    pub(super) const COUNT: usize = 3;

    /// The packets after a Retry that are looked at in a second for one source.
    pub(super) const MAX_AFTER_RETRY_PER_SOURCE: u32 = 64;

    /// The bytes of the shortest datagram that may begin a handshake (RFC 9000, 14.1). QUIC drops
    /// shorter ones at once.
    const MIN_LEN: usize = 1_200;

    /// The bit of a header with a version (RFC 9000, 17.2).
    const LONG_HEADER: u8 = 0x80;

    /// The bits of the packet's type in such a header. None is set in the type `Initial`.
    const TYPE: u8 = 0x30;

    const VERSION: u32 = 1;

    /// The version of the packet that lists versions.
    const VERSION_NEGOTIATION: u32 = 0;

    /// Returns the kind of a datagram. `None` for all others: the packets of a handshake under way,
    /// as `is_handshaking` tells by the id, and the packets that cost little without a link.
    pub(super) fn of(
        contents: &[u8],
        source: SocketAddr,
        ids: &KeyedIds,
        is_handshaking: impl FnOnce(&ConnectionId) -> bool,
    ) -> Option<Self> {
        if contents.len() < Self::MIN_LEN {
            return None;
        }
        let ([first, version @ .., id_len], rest) = contents.split_first_chunk::<6>()?;
        let version = u32::from_be_bytes(*version);
        if first & Self::LONG_HEADER == 0 || version == Self::VERSION_NEGOTIATION {
            return None;
        }
        if version != Self::VERSION {
            return Some(Self::Unaddressed);
        }
        let id = rest.get(..usize::from(*id_len)).filter(|_| first & Self::TYPE == 0)?;
        if ids.has_made(id) {
            return (!is_handshaking(&ConnectionId::new(id))).then_some(Self::Stale);
        }
        Some(if ids.has_made_for(id, source) { Self::AfterRetry } else { Self::Unaddressed })
    }

    /// Returns the number of such packets that are looked at in a second, at 7 us each.
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Unaddressed => 10_000,
            Self::AfterRetry => 2_000,
            Self::Stale => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use quinn_proto::ConnectionIdGenerator;

    use super::*;
    use crate::connection_ids::IdOrder;

    /// Returns a datagram of the shortest length that may begin a handshake.
    fn datagram(first: u8, version: u32, id: &[u8]) -> Vec<u8> {
        let mut datagram = [&[first][..], &version.to_be_bytes(), &[id.len() as u8], id].concat();
        datagram.resize(FirstPacket::MIN_LEN, 0);
        datagram
    }

    #[test]
    fn datagrams_that_may_begin_a_handshake_are_told_by_their_ids() {
        let order = Arc::<IdOrder>::default();
        let mut ids = KeyedIds::new(&[1; 32], [2; 32], Arc::clone(&order));
        let [caller, stranger] = [1, 2].map(|host| SocketAddr::from(([10, 0, 0, host], 7_000)));
        order.bind_next(Some(caller));
        let (retry, own, handshaking) = (ids.generate_cid(), ids.generate_cid(), ids.generate_cid());
        let from = |source, contents: &[u8]| FirstPacket::of(contents, source, &ids, |id| *id == handshaking);
        let of = |contents: Vec<u8>| from(caller, &contents);
        assert_eq!(of(datagram(0xc0, 1, &[7; 20])), Some(FirstPacket::Unaddressed));
        assert_eq!(of(datagram(0xc0, 1, &[7; 255])), Some(FirstPacket::Unaddressed));
        assert_eq!(of(datagram(0xcf, 1, &own)), Some(FirstPacket::Stale));
        assert_eq!(of(datagram(0xcf, 1, &handshaking)), None);
        assert_eq!(of(datagram(0xcf, 1, &retry)), Some(FirstPacket::AfterRetry));
        assert_eq!(from(stranger, &datagram(0xcf, 1, &retry)), Some(FirstPacket::Unaddressed), "it read the Retry");
        assert_eq!(of(datagram(0xff, 0x0a0a_0a0a, &own)), Some(FirstPacket::Unaddressed), "another version");
        assert_eq!(of(datagram(0xff, 0, &own)), None, "a list of versions");
        for kind in [0xd0, 0xe0, 0xf0, 0x40] {
            assert_eq!(of(datagram(kind, 1, &[7; 20])), None, "{kind:#x}");
        }
        for contents in [datagram(0xc0, 1, &[7; 20]), datagram(0xc0, 1, &own), datagram(0xff, 7, &own)] {
            assert!((0..1_200).all(|len| from(caller, &contents[..len]).is_none()), "too short");
        }
    }
}
