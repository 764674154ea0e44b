use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::NodeId;

/// A node and where it is.
///
/// On the wire an array of id, IP as text, and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contact {
    /// Who it is.
    pub id: NodeId,
    /// Where it can be reached.
    pub addr: SocketAddr,
}

impl Contact {
    /// A contact.
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

/// Contacts as a peer tells them, and how much of what it told was no contact.
///
/// One that makes no sense (an id that has not 20 bytes, an IP that is none, a port above 65,535) costs itself alone: an
/// honest node may pass on what a hostile one told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// Those that made sense.
    pub list: Vec<Contact>,
    /// How many did not.
    pub malformed: usize,
}

impl Contacts {
    /// How many a peer may tell in one answer. Python tells as many as its `ksize`, which is 20 unless it was changed; an
    /// answer with more than this is refused as a whole.
    pub const MAX_COUNT: usize = 100;
}

impl From<Vec<Contact>> for Contacts {
    fn from(list: Vec<Contact>) -> Self {
        Self { list, malformed: 0 }
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

/// An IP as text: Python has it as a `str`, and serde would write it as numbers.
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

/// An address as text, on the stack: an answer has twenty of them.
struct Text {
    /// The longest address of IPv6 has 45 characters.
    bytes: [u8; 48],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; 48], len: 0 };

    /// What `Display` would write; it took a tenth of all the time of a node.
    fn push_v4(&mut self, octets: [u8; 4]) {
        for octet in octets {
            let (digits, len) = OCTETS[usize::from(octet)];
            self.bytes[self.len..][..4].copy_from_slice(&digits);
            self.len += len;
        }
        // Less the last dot.
        self.len -= 1;
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len]).expect("an address consists of ASCII")
    }
}

/// Each octet in decimal with a dot after it, and how many characters that is.
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
        fn addresses_are_written_as_display_writes_them(octets: [u8; 4], segments: [u16; 8]) {
            let mut text = Text::EMPTY;
            text.push_v4(octets);
            prop_assert_eq!(text.as_str(), IpAddr::from(octets).to_string());
            let mut text = Text::EMPTY;
            write!(text, "{}", IpAddr::from(segments)).unwrap();
            prop_assert_eq!(text.as_str(), IpAddr::from(segments).to_string());
        }
    }
}
