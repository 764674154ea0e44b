use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use rpcudp::transport::canonical;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{Contact, NodeId};

/// A key of a map, if it is text.
pub(super) struct TextKey<'de>(pub(super) Option<&'de str>);

impl<'de> Deserialize<'de> for TextKey<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Scalar::deserialize(deserializer)? {
            Scalar::Text(text) => Self(Some(text)),
            _ => Self(None),
        })
    }
}

/// A contact, if it is one.
pub(super) struct MaybeContact(pub(super) Option<Contact>);

impl<'de> Lenient<'de> for MaybeContact {
    const OTHER: Self = Self(None);

    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let (id, ip, port) = (seq.next_element()?, seq.next_element()?, seq.next_element()?);
        // Python's IPv6 addresses have two more numbers; others may have what they like.
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        let Some(Scalar::Bytes(id)) = id else { return Ok(Self::OTHER) };
        let contact = id.try_into().ok().zip(address(ip, port));
        Ok(Self(contact.map(|(id, addr)| Contact::new(NodeId::from_bytes(id), addr))))
    }
}

/// Any value, as far as a contact may consist of it.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'de> {
    Text(&'de str),
    Bytes(&'de [u8]),
    Number(u64),
    Other,
}

impl<'de> Lenient<'de> for Scalar<'de> {
    const OTHER: Self = Self::Other;

    fn text(text: &'de str) -> Self {
        Self::Text(text)
    }

    fn bytes(bytes: &'de [u8]) -> Self {
        Self::Bytes(bytes)
    }

    fn number(number: u64) -> Self {
        Self::Number(number)
    }
}

/// What is read out of any value, whatever that is.
trait Lenient<'de>: Sized {
    /// What it is where the value is nothing that it is made of.
    const OTHER: Self;

    fn text(_: &'de str) -> Self {
        Self::OTHER
    }

    fn bytes(_: &'de [u8]) -> Self {
        Self::OTHER
    }

    fn number(_: u64) -> Self {
        Self::OTHER
    }

    fn list<A: SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::OTHER)
    }
}

/// Gives types that are read loosely their `Deserialize`.
macro_rules! deserialize_leniently {
    ($($loose:ty),*) => {$(
        impl<'de> Deserialize<'de> for $loose {
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
        f.write_str("anything")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(text))
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<T, E> {
        Ok(T::bytes(bytes))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        Ok(T::OTHER)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<T, A::Error> {
        T::list(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::OTHER)
    }
}

pub(super) fn address(ip: Option<Scalar<'_>>, port: Option<Scalar<'_>>) -> Option<SocketAddr> {
    let (Some(Scalar::Text(ip)), Some(Scalar::Number(port))) = (ip, port) else { return None };
    // A link-local address of IPv6 comes with the name of the link, which means nothing elsewhere.
    let without_link = || ip.split('%').next()?.parse().ok();
    let ip: IpAddr = ip.parse().ok().or_else(without_link)?;
    Some(canonical((ip, u16::try_from(port).ok()?).into()))
}
