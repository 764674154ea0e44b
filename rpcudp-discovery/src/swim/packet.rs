use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut, TryGetError};
use foca::{Header, Member, Message, State};

use super::node::Node;

/// The largest packet. With the frame around it, a datagram has at most about 1,200 bytes, which
/// pass every path unfragmented.
pub(crate) const PACKET_LEN: usize = 1_100;

/// The reason why bytes are not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketError {
    /// It ends too early, or is longer than its content or [`PACKET_LEN`].
    Length,
    /// A field has a value that no member sends.
    Value,
    /// The buffer has no room for the packet.
    Full,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the packet is too short or too long",
            Self::Value => "the packet has an invalid value",
            Self::Full => "the packet has no room",
        })
    }
}

impl std::error::Error for PacketError {}

impl From<TryGetError> for PacketError {
    fn from(_: TryGetError) -> Self {
        Self::Length
    }
}

/// A packet of the membership protocol: a header, and updates about members.
///
/// All integers are big-endian. A node is a family (4 or 6), an IP address, a port (16 bits) and a
/// run (64 bits). A header is the source node, its incarnation (16 bits), the destination
/// node, the message's tag (8 bits), and, for all but the last five messages, a node for the
/// indirect ones and a probe number (8 bits). Then follow the number of updates (16 bits) and
/// each update: a node, an incarnation (16 bits) and a state (8 bits).
///
/// An announcement has no updates, and is filled with zeros up to [`PACKET_LEN`]: its response
/// lists members, and must not be larger than the request, whose source may be forged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) header: Header<Node>,
    pub(crate) updates: Vec<Member<Node>>,
}

impl Packet {
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self, PacketError> {
        if bytes.len() > PACKET_LEN {
            return Err(PacketError::Length);
        }
        let header = get_header(&mut bytes)?;
        let mut updates = Vec::new();
        if bytes.has_remaining() {
            for _ in 0..bytes.try_get_u16()? {
                updates.push(get_member(&mut bytes)?);
            }
        }
        // The engine takes more bytes for broadcasts, which have no use here.
        if bytes.has_remaining() { Err(PacketError::Length) } else { Ok(Self { header, updates }) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = header_bytes(&self.header);
        if !self.updates.is_empty() {
            bytes.put_u16(u16::try_from(self.updates.len()).expect("a packet has few updates"));
            for update in &self.updates {
                put_member(&mut bytes, update);
            }
        }
        bytes
    }
}

/// The codec of the engine.
#[derive(Debug)]
pub(crate) struct Codec;

impl foca::Codec<Node> for Codec {
    type Error = PacketError;

    fn encode_header(&mut self, header: &Header<Node>, buf: impl BufMut) -> Result<(), PacketError> {
        put_all(&header_bytes(header), buf)
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Node>, PacketError> {
        get_header(&mut buf)
    }

    fn encode_member(&mut self, member: &Member<Node>, buf: impl BufMut) -> Result<(), PacketError> {
        let mut bytes = Vec::with_capacity(32);
        put_member(&mut bytes, member);
        put_all(&bytes, buf)
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Node>, PacketError> {
        get_member(&mut buf)
    }
}

fn put_all(bytes: &[u8], mut buf: impl BufMut) -> Result<(), PacketError> {
    if buf.remaining_mut() < bytes.len() {
        return Err(PacketError::Full);
    }
    buf.put_slice(bytes);
    Ok(())
}

fn header_bytes(header: &Header<Node>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PACKET_LEN);
    put_node(&mut bytes, &header.src);
    bytes.put_u16(header.src_incarnation);
    put_node(&mut bytes, &header.dst);
    let (tag, node, probe) = match &header.message {
        Message::Ping(probe) => (0, None, Some(probe)),
        Message::Ack(probe) => (1, None, Some(probe)),
        Message::PingReq { target, probe_number } => (2, Some(target), Some(probe_number)),
        Message::IndirectPing { origin, probe_number } => (3, Some(origin), Some(probe_number)),
        Message::IndirectAck { target, probe_number } => (4, Some(target), Some(probe_number)),
        Message::ForwardedAck { origin, probe_number } => (5, Some(origin), Some(probe_number)),
        Message::Announce => (6, None, None),
        Message::Feed => (7, None, None),
        Message::Gossip => (8, None, None),
        Message::Broadcast => (9, None, None),
        Message::TurnUndead => (10, None, None),
    };
    bytes.put_u8(tag);
    if let Some(node) = node {
        put_node(&mut bytes, node);
    }
    if let Some(probe) = probe {
        bytes.put_u8(*probe);
    }
    if header.message == Message::Announce {
        bytes.resize(PACKET_LEN, 0);
    }
    bytes
}

fn get_header(buf: &mut impl Buf) -> Result<Header<Node>, PacketError> {
    let len = buf.remaining();
    let src = get_node(buf)?;
    let src_incarnation = buf.try_get_u16()?;
    let dst = get_node(buf)?;
    let message = match buf.try_get_u8()? {
        0 => Message::Ping(buf.try_get_u8()?),
        1 => Message::Ack(buf.try_get_u8()?),
        2 => Message::PingReq { target: get_node(buf)?, probe_number: buf.try_get_u8()? },
        3 => Message::IndirectPing { origin: get_node(buf)?, probe_number: buf.try_get_u8()? },
        4 => Message::IndirectAck { target: get_node(buf)?, probe_number: buf.try_get_u8()? },
        5 => Message::ForwardedAck { origin: get_node(buf)?, probe_number: buf.try_get_u8()? },
        6 => {
            if len != PACKET_LEN {
                return Err(PacketError::Length);
            }
            buf.advance(buf.remaining());
            Message::Announce
        }
        7 => Message::Feed,
        8 => Message::Gossip,
        10 => Message::TurnUndead,
        _ => return Err(PacketError::Value),
    };
    Ok(Header { src, src_incarnation, dst, message })
}

fn put_member(bytes: &mut Vec<u8>, member: &Member<Node>) {
    put_node(bytes, member.id());
    bytes.put_u16(member.incarnation());
    bytes.put_u8(match member.state() {
        State::Alive => 0,
        State::Suspect => 1,
        State::Down => 2,
    });
}

fn get_member(buf: &mut impl Buf) -> Result<Member<Node>, PacketError> {
    let (node, incarnation) = (get_node(buf)?, buf.try_get_u16()?);
    let state = match buf.try_get_u8()? {
        0 => State::Alive,
        1 => State::Suspect,
        2 => State::Down,
        _ => return Err(PacketError::Value),
    };
    Ok(Member::new(node, incarnation, state))
}

fn put_node(bytes: &mut Vec<u8>, node: &Node) {
    match node.addr.ip() {
        IpAddr::V4(ip) => {
            bytes.put_u8(4);
            bytes.put_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            bytes.put_u8(6);
            bytes.put_slice(&ip.octets());
        }
    }
    bytes.put_u16(node.addr.port());
    bytes.put_u64(node.run);
}

fn get_node(buf: &mut impl Buf) -> Result<Node, PacketError> {
    let ip = match buf.try_get_u8()? {
        4 => IpAddr::from(buf.try_get_u32()?.to_be_bytes()),
        6 => IpAddr::from(buf.try_get_u128()?.to_be_bytes()),
        _ => return Err(PacketError::Value),
    };
    let (port, run) = (buf.try_get_u16()?, buf.try_get_u64()?);
    // An address that no peer has would be an error of each send to it.
    if port == 0 || ip.is_unspecified() || ip.is_multicast() || ip.to_canonical() != ip {
        return Err(PacketError::Value);
    }
    Ok(Node { addr: SocketAddr::new(ip, port), run })
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn node(text: &str) -> Node {
        Node { addr: text.parse().unwrap(), run: 0x0102_0304_0506_0708 }
    }

    fn packets() -> Vec<Packet> {
        let (here, there) = (node("10.0.0.1:7000"), node("[fd00::2]:7000"));
        let messages = [
            Message::Ping(1),
            Message::Ack(2),
            Message::PingReq { target: there, probe_number: 3 },
            Message::IndirectPing { origin: there, probe_number: 4 },
            Message::IndirectAck { target: here, probe_number: 5 },
            Message::ForwardedAck { origin: here, probe_number: 255 },
            Message::Announce,
            Message::Feed,
            Message::Gossip,
            Message::TurnUndead,
        ];
        let states = [State::Alive, State::Suspect, State::Down];
        let with = |message| {
            let header = Header { src: here, src_incarnation: 9, dst: there, message };
            let updates = states.map(|state| Member::new(there, 7, state));
            let has_updates = header.message != Message::Announce;
            Packet { header, updates: if has_updates { updates.into() } else { Vec::new() } }
        };
        messages.into_iter().map(with).collect()
    }

    #[test]
    fn every_message_round_trips() {
        for packet in packets() {
            assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
        }
    }

    #[test]
    fn an_announcement_is_as_long_as_the_longest_response() {
        let bytes = packets()[6].encode();
        assert_eq!(bytes.len(), PACKET_LEN);
        assert_eq!(Packet::decode(&bytes[..PACKET_LEN - 1]), Err(PacketError::Length));
    }

    #[test]
    fn changed_and_random_bytes_are_refused_or_decoded_as_they_are() {
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..20_000 {
            let packets = packets();
            let mut bytes = packets[random.random_range(0..packets.len())].encode();
            bytes.truncate(random.random_range(0..=bytes.len()));
            for _ in 0..random.random_range(0..4) {
                if let Some(last) = bytes.len().checked_sub(1) {
                    bytes[random.random_range(0..=last)] = random.random();
                }
            }
            if let Ok(packet) = Packet::decode(&bytes) {
                assert_eq!(Packet::decode(&packet.encode()), Ok(packet));
            }
        }
    }
}
