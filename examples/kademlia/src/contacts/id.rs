use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::{Digest, Sha1};

/// The length of an id in bytes: 160 bits, the size of a SHA-1 digest.
pub const ID_LEN: usize = 20;

/// A node's id: a point in the 160-bit key space.
///
/// The distance between two points is their bitwise exclusive or (XOR).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; ID_LEN]);

/// The key of a value or the target of a lookup: a point in the key space that node ids share.
///
/// ```
/// use rpcudp_kademlia::Key;
///
/// assert_eq!(Key::of("rust").to_string(), "7b41f80fc68bc2a989356f0c048a4a08095efefc");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; ID_LEN]);

/// The XOR distance between a node and a key, ordered as a 160-bit integer.
///
/// It is stored as three integers, because a lookup compares distances often and the first integer
/// almost always decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Distance {
    high: u64,
    middle: u64,
    low: u32,
}

impl NodeId {
    /// The largest length of an id that is shorter than usual.
    pub(crate) const MAX_SHORT_LEN: usize = 16;

    /// Returns whether a node with this id sent it with 16 bytes or fewer, which leading zero bytes
    /// fill up. Of the ids of 20 bytes, one in four thousand million begins like that.
    ///
    /// Others must not be told of the node under the longer id: a Python node that knows both forms
    /// of an id fails to compare them.
    pub(crate) fn is_short(&self) -> bool {
        self.0.starts_with(&[0; ID_LEN - Self::MAX_SHORT_LEN])
    }

    /// Returns the distance between this node and a key.
    #[must_use]
    pub fn distance(&self, key: &Key) -> Distance {
        let ((high, middle, low), other) = (to_integers(&self.0), to_integers(&key.0));
        Distance { high: high ^ other.0, middle: middle ^ other.1, low: low ^ other.2 }
    }
}

impl Key {
    /// Returns the key of a name: its SHA-1 digest, as Python's `kademlia` computes it for `str`
    /// and `bytes`.
    #[must_use]
    pub fn of(name: impl AsRef<[u8]>) -> Self {
        Self(Sha1::digest(name).into())
    }

    /// Returns the bit at `position`, counted from the most significant.
    pub(crate) fn bit(&self, position: usize) -> bool {
        self.0[position / 8] >> (7 - position % 8) & 1 == 1
    }

    /// Returns a key with the first `prefix_len` bits of this one and all other bits of `random`.
    pub(crate) fn with_random_suffix(self, prefix_len: usize, random: Self) -> Self {
        let mut key = random;
        let (bytes, rest) = (prefix_len / 8, prefix_len % 8);
        key.0[..bytes].copy_from_slice(&self.0[..bytes]);
        if rest > 0 {
            let below = 0xff_u8 >> rest;
            key.0[bytes] = self.0[bytes] & !below | random.0[bytes] & below;
        }
        key
    }

    /// Returns this key with the bit at `position` inverted.
    pub(crate) fn with_flipped_bit(mut self, position: usize) -> Self {
        self.0[position / 8] ^= 0x80 >> (position % 8);
        self
    }
}

impl Distance {
    /// Returns the most significant 64 bits.
    pub(crate) fn high(&self) -> u64 {
        self.high
    }

    /// Returns the number of leading bits that the two points share: 160 if they are equal.
    #[must_use]
    pub fn common_prefix_len(&self) -> usize {
        let zeros = match self {
            Self { high: 0, middle: 0, low } => 128 + low.leading_zeros(),
            Self { high: 0, middle, .. } => 64 + middle.leading_zeros(),
            Self { high, .. } => high.leading_zeros(),
        };
        zeros as usize
    }
}

impl fmt::Display for Distance {
    /// Writes 40 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}{:08x}", self.high, self.middle, self.low)
    }
}

impl fmt::Debug for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Distance({self})")
    }
}

fn to_integers(bytes: &[u8; ID_LEN]) -> (u64, u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, low @ ..] = *bytes;
    let (high, middle) = ([a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]);
    (u64::from_be_bytes(high), u64::from_be_bytes(middle), u32::from_be_bytes(low))
}

impl From<NodeId> for Key {
    /// Returns the node's own point in the key space, as a lookup target.
    fn from(id: NodeId) -> Self {
        Self(id.0)
    }
}

/// An error: the text is not an id of 40 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseIdError {
    len: usize,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an id has {} hexadecimal digits, but the text has {} characters", 2 * ID_LEN, self.len)
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// Creates an id from its bytes, the most significant first.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes, the most significant first.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// Writes 40 hexadecimal digits, or only the first ones if a precision is given.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = f.precision().unwrap_or(2 * ID_LEN).min(2 * ID_LEN);
                let digit = |position: usize| self.0[position / 2] >> (4 * (1 - position % 2)) & 0xf;
                (0..digits).try_for_each(|position| write!(f, "{:x}", digit(position)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:.8})"), self)
            }
        }
    };
}

id!(NodeId);
id!(Key);

/// Implements parsing and serde for the two types that are sent to peers.
macro_rules! wire_id {
    ($name:ident) => {
        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let error = ParseIdError { len: text.chars().count() };
                let digits: Option<Vec<u8>> =
                    text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
                let bytes: Vec<u8> = digits
                    .ok_or(error.clone())?
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
                    .collect();
                if error.len != 2 * ID_LEN {
                    return Err(error);
                }
                bytes.try_into().map(Self).map_err(|_| error)
            }
        }

        impl Serialize for $name {
            /// Writes bytes, which Python expects, to every format. `TextId` is for JSON.
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Id;

                impl Visitor<'_> for Id {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "an id of {ID_LEN} bytes")
                    }

                    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        bytes.try_into().map($name).map_err(|_| E::invalid_length(bytes.len(), &self))
                    }
                }

                deserializer.deserialize_bytes(Id)
            }
        }
    };
}

wire_id!(NodeId);
wire_id!(Key);

/// A node's id that serde writes as 40 hexadecimal digits, for JSON.
pub(crate) struct TextId(pub(crate) NodeId);

impl Serialize for TextId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TextId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn display_and_parse_round_trip(bytes: [u8; ID_LEN]) {
            let id = NodeId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn with_random_suffix_keeps_the_prefix_and_replaces_the_rest(own: [u8; ID_LEN], random: [u8; ID_LEN], bits in 0..=160_usize) {
            let key = Key(own).with_random_suffix(bits, Key(random));
            let source = |bit| if bit < bits { Key(own) } else { Key(random) };
            prop_assert!((0..160).all(|bit| key.bit(bit) == source(bit).bit(bit)));
            prop_assert!((0..160).all(|bit| NodeId(own).distance(&Key(own).with_flipped_bit(bit)).common_prefix_len() == bit));
        }

        #[test]
        fn distance_is_a_metric(a: [u8; ID_LEN], b: [u8; ID_LEN], c: [u8; ID_LEN]) {
            let distance = |a, b| NodeId(a).distance(&Key(b));
            prop_assert_eq!(distance(a, b), distance(b, a));
            prop_assert_eq!(distance(a, a), Distance { high: 0, middle: 0, low: 0 });
            // Of two nodes, the closer to a key is the one that agrees with the key in the first
            // bit in which the two nodes differ.
            let first = NodeId(a).distance(&Key(b)).common_prefix_len();
            if first < 160 {
                prop_assert_eq!(distance(a, c) < distance(b, c), Key(a).bit(first) == Key(c).bit(first));
            }
        }
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in ["", "ab", &"g".repeat(40), &"a".repeat(41), &"a".repeat(39), &"é".repeat(20)] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
        let error = "ab".parse::<Key>().unwrap_err();
        assert_eq!(error.to_string(), "an id has 40 hexadecimal digits, but the text has 2 characters");
    }
}
