use std::fmt;
use std::io::{Cursor, Write};
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
        // On the stack: an answer has twenty of them, and an address of IPv6 at most 39 characters.
        let mut text = Cursor::new([0_u8; 48]);
        write!(text, "{}", self.0).map_err(S::Error::custom)?;
        let len = text.position() as usize;
        serializer.serialize_str(str::from_utf8(&text.get_ref()[..len]).map_err(S::Error::custom)?)
    }
}
