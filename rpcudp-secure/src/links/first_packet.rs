use crate::connection_ids::KeyedIds;

/// A datagram for which QUIC derives keys, or to which it responds, although its sender has shown
/// nothing: the beginning of a handshake, or of another version of QUIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FirstPacket {
    /// It is addressed to an id that its sender has made up, or is of another version.
    Unaddressed,
    /// It is addressed to an id that this endpoint has made. It may belong to a handshake under
    /// way, or follow a Retry.
    Addressed,
}

impl FirstPacket {
    pub(super) const COUNT: usize = 2;

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

    /// Returns the kind of a datagram. `None` for all others, which cost little without a link.
    pub(super) fn of(contents: &[u8], ids: &KeyedIds) -> Option<Self> {
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
        Some(if ids.has_made(id) { Self::Addressed } else { Self::Unaddressed })
    }

    /// Returns the number of such packets that are looked at in a second, at 7 us each.
    pub(super) fn limit(self) -> usize {
        match self {
            Self::Unaddressed => 10_000,
            Self::Addressed => 2_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use quinn_proto::ConnectionIdGenerator;

    use super::*;

    /// Returns a datagram of the shortest length that may begin a handshake.
    fn datagram(first: u8, version: u32, id: &[u8]) -> Vec<u8> {
        let mut datagram = [&[first][..], &version.to_be_bytes(), &[id.len() as u8], id].concat();
        datagram.resize(FirstPacket::MIN_LEN, 0);
        datagram
    }

    #[test]
    fn datagrams_that_may_begin_a_handshake_are_told_by_their_ids() {
        let mut ids = KeyedIds::new(&[1; 32], [2; 32]);
        let (own, other) = (ids.generate_cid(), [7; 20]);
        let of = |contents: Vec<u8>| FirstPacket::of(&contents, &ids);
        assert_eq!(of(datagram(0xc0, 1, &other)), Some(FirstPacket::Unaddressed));
        assert_eq!(of(datagram(0xcf, 1, &own)), Some(FirstPacket::Addressed));
        assert_eq!(of(datagram(0xff, 0x0a0a_0a0a, &own)), Some(FirstPacket::Unaddressed), "another version");
        assert_eq!(of(datagram(0xff, 0, &own)), None, "a list of versions");
        for kind in [0xd0, 0xe0, 0xf0, 0x40] {
            assert_eq!(of(datagram(kind, 1, &other)), None, "{kind:#x}");
        }
        assert_eq!(of(datagram(0xc0, 1, &[7; 255])), Some(FirstPacket::Unaddressed));
        for contents in [datagram(0xc0, 1, &other), datagram(0xc0, 1, &own), datagram(0xff, 7, &own)] {
            assert!((0..1_200).all(|len| FirstPacket::of(&contents[..len], &ids).is_none()), "too short");
        }
    }
}
