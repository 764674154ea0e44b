//! Types that decode from any msgpack value, so that a malformed entry does not fail the response
//! that contains it.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use rpcudp::transport::canonical;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Contact, NodeId};

/// An entry of a list of contacts: a contact, or `None` if it is malformed.
pub(super) struct MaybeContact(pub(super) Option<Contact>);

impl<'de> Lenient<'de> for MaybeContact {
    const INVALID: Self = Self(None);

    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let (id, ip, port) = (seq.next_element()?, seq.next_element()?, seq.next_element()?);
        // Python's IPv6 addresses have two more numbers. Further elements are ignored.
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        let Some(Scalar::Bytes(id)) = id else { return Ok(Self::INVALID) };
        let contact = id.try_into().ok().zip(socket_addr(ip, port));
        Ok(Self(contact.map(|(id, addr)| Contact::new(NodeId::from_bytes(id), addr))))
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
    let (Some(Scalar::Text(ip)), Some(Scalar::Number(port))) = (ip, port) else { return None };
    // A link-local IPv6 address may end in the sender's interface name, which is meaningless here.
    let without_interface = || ip.split('%').next()?.parse().ok();
    let ip: IpAddr = ip.parse().ok().or_else(without_interface)?;
    Some(canonical((ip, u16::try_from(port).ok()?).into()))
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

deserialize_leniently!(MaybeContact, Scalar<'de>);

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
