//! Types that decode from any msgpack value, so that a malformed entry does not fail the response
//! that contains it.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use rpcudp::transport::canonical;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Contact, NamedContact, NodeId};

/// An entry of a list of contacts.
pub(super) enum ContactEntry {
    Contact(Contact),
    Named(NamedContact),
    Malformed,
}

impl<'de> Lenient<'de> for ContactEntry {
    const INVALID: Self = Self::Malformed;

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let (id, ip, port) = (seq.next_element()?, seq.next_element()?, seq.next_element()?);
        // Python's IPv6 addresses have two more numbers. Further elements are ignored.
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        let Some(Scalar::Bytes(id)) = id else { return Ok(Self::INVALID) };
        let Ok(id) = id.try_into().map(NodeId::from_bytes) else { return Ok(Self::INVALID) };
        if let Some(addr) = socket_addr(ip, port) {
            return Ok(Self::Contact(Contact::new(id, addr)));
        }
        Ok(match named(ip, port) {
            Some((host, port)) => Self::Named(NamedContact { id, host: host.into(), port }),
            None => Self::Malformed,
        })
    }
}

/// A map key: text, or `None` if it has another type.
pub(super) struct TextKey<'de>(pub(super) Option<&'de str>);

impl<'de> Deserialize<'de> for TextKey<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Self(Some(text)),
            _ => Self(None),
        })
    }
}

/// Any value, reduced to the types that a contact consists of.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'de> {
    Text(&'de str),
    Bytes(&'de [u8]),
    Number(u64),
    Other,
}

impl<'de> Scalar<'de> {
    /// Returns the text. Python 2 sends text as bytes.
    fn text(self) -> Option<&'de str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => str::from_utf8(bytes).ok(),
            Self::Number(_) | Self::Other => None,
        }
    }

    fn port(self) -> Option<u16> {
        match self {
            Self::Number(number) => u16::try_from(number).ok(),
            Self::Text(_) | Self::Bytes(_) | Self::Other => None,
        }
    }
}

impl<'de> Lenient<'de> for Scalar<'de> {
    const INVALID: Self = Self::Other;

    fn from_text(text: &'de str) -> Self {
        Self::Text(text)
    }

    fn from_bytes(bytes: &'de [u8]) -> Self {
        Self::Bytes(bytes)
    }

    fn from_number(number: u64) -> Self {
        Self::Number(number)
    }
}

/// Returns the address that an IP address as text and a port form, or `None` if they form none.
pub(super) fn socket_addr(ip: Option<Scalar<'_>>, port: Option<Scalar<'_>>) -> Option<SocketAddr> {
    let (ip, port) = (ip?.text()?, port?.port()?);
    // A link-local IPv6 address may end in the sender's interface name, which is meaningless here.
    let without_interface = || ip.split('%').next()?.parse().ok();
    let ip: IpAddr = ip.parse().ok().or_else(without_interface)?;
    Some(canonical((ip, port).into()))
}

/// Returns a host name and a port, or `None` if the text cannot be a host name.
fn named<'de>(host: Option<Scalar<'de>>, port: Option<Scalar<'_>>) -> Option<(&'de str, u16)> {
    let (host, port) = (host?.text()?, port?.port()?);
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    // A name of digits and dots alone is a malformed IPv4 address.
    let is_name = (1..=253).contains(&host.len())
        && host.bytes().all(is_legal)
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
        && !host.starts_with(['-', '.']);
    (is_name && port != 0).then_some((host, port))
}

/// A type that any value decodes to.
///
/// A value of a type that an implementation does not expect decodes to `INVALID`.
trait Lenient<'de>: Sized {
    const INVALID: Self;

    fn from_text(_: &'de str) -> Self {
        Self::INVALID
    }

    fn from_bytes(_: &'de [u8]) -> Self {
        Self::INVALID
    }

    fn from_number(_: u64) -> Self {
        Self::INVALID
    }

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::INVALID)
    }
}

/// Implements `Deserialize` for types that implement `Lenient`.
macro_rules! deserialize_leniently {
    ($($lenient:ty),*) => {$(
        impl<'de> Deserialize<'de> for $lenient {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(LenientVisitor(PhantomData))
            }
        }
    )*};
}

deserialize_leniently!(ContactEntry, Scalar<'de>);

struct LenientVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for LenientVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<T, E> {
        Ok(T::from_bytes(bytes))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Ok(T::INVALID)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<T, E> {
        Ok(T::INVALID)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<T, E> {
        Ok(T::INVALID)
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Ok(T::INVALID)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::from_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::INVALID)
    }
}
