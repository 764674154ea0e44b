use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::NodeId;

/// A node's id and address.
///
/// Encoded as an array of id, IP address as text, and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contact {
    /// The node id.
    pub id: NodeId,
    /// The address at which the node receives requests.
    pub addr: SocketAddr,
}

impl Contact {
    /// Creates a contact.
    #[must_use]
    pub const fn new(id: NodeId, addr: SocketAddr) -> Self {
        Self { id, addr }
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.8} at {}", self.id, self.addr)
    }
}

/// A contact whose address is a host name, which a Python node returns if its user gave it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedContact {
    /// The node id.
    pub id: NodeId,
    /// The host name, as the referrer's resolver knows it.
    pub host: Box<str>,
    /// The port at which the node receives requests.
    pub port: u16,
}

/// The contacts in a peer's response, and the number of entries that could not be decoded.
///
/// A malformed entry (an id that has not 20 bytes, text that is neither an IP address nor a host
/// name, a port above 65,535) is skipped and does not invalidate the response, because an honest
/// node may have received it from a hostile one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// The well-formed contacts.
    pub list: Vec<Contact>,
    /// The well-formed contacts with host names, at most [`MAX_NAMED`](Self::MAX_NAMED).
    pub named: Vec<NamedContact>,
    /// The number of malformed entries.
    pub malformed: usize,
}

impl Contacts {
    /// The largest number of entries in a response. A response with more is refused as a whole.
    ///
    /// Python sends as many as its `ksize`, which is 20 by default.
    pub const MAX_COUNT: usize = 100;

    /// The number of contacts with host names that are used. Further ones count as malformed.
    pub const MAX_NAMED: usize = 8;
}

impl From<Vec<Contact>> for Contacts {
    fn from(list: Vec<Contact>) -> Self {
        Self { list, ..Self::default() }
    }
}

impl Serialize for Contacts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.list.len()))?;
        for Contact { id, addr } in &self.list {
            array.serialize_element(&(id, Ip(addr.ip()), addr.port()))?;
        }
        array.end()
    }
}

/// An IP address that is encoded as text, as in Python; serde would encode it as numbers.
struct Ip(IpAddr);

impl Serialize for Ip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Text::EMPTY;
        match self.0 {
            IpAddr::V4(ip) => text.push_v4(ip.octets()),
            IpAddr::V6(ip) => write!(text, "{ip}").map_err(S::Error::custom)?,
        }
        serializer.serialize_str(text.as_str())
    }
}

/// An address as text on the stack, because a response contains twenty of them.
///
/// The check for UTF-8 takes 16 aligned bytes at a time, but single bytes at the end.
#[repr(align(16))]
struct Text {
    /// The longest IPv6 address has 45 characters. The bytes after the text are ASCII too.
    bytes: [u8; 48],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; 48], len: 0 };

    /// Appends the same text as `Display`, which took a tenth of a node's CPU time.
    fn push_v4(&mut self, octets: [u8; 4]) {
        for octet in octets {
            let (digits, len) = OCTETS[usize::from(octet)];
            self.bytes[self.len..][..4].copy_from_slice(&digits);
            self.len += len;
        }
        // Without the last dot.
        self.len -= 1;
    }

    fn as_str(&self) -> &str {
        // No IPv4 address has more than 15 characters.
        let checked_len = if self.len <= 16 { 16 } else { self.bytes.len() };
        &str::from_utf8(&self.bytes[..checked_len]).expect("an address consists of ASCII")[..self.len]
    }
}

/// Each octet in decimal with a dot after it, and the number of characters.
static OCTETS: [([u8; 4], usize); 256] = {
    let mut octets = [([b'.'; 4], 0); 256];
    let mut octet = 0;
    while octet < octets.len() {
        let digits = [octet / 100, octet / 10 % 10, octet % 10];
        let first = if octet >= 100 {
            0
        } else if octet >= 10 {
            1
        } else {
            2
        };
        let mut at = first;
        while at < digits.len() {
            octets[octet].0[at - first] = b'0' + digits[at] as u8;
            at += 1;
        }
        octets[octet].1 = digits.len() - first + 1;
        octet += 1;
    }
    octets
};

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_encoded_as_display_writes_them(octets: [u8; 4], segments: [u16; 8]) {
            let mut text = Text::EMPTY;
            text.push_v4(octets);
            prop_assert_eq!(text.as_str(), IpAddr::from(octets).to_string());
            let mut text = Text::EMPTY;
            write!(text, "{}", IpAddr::from(segments)).unwrap();
            prop_assert_eq!(text.as_str(), IpAddr::from(segments).to_string());
        }
    }
}
