//! The wire format of contracts: each struct is an array of its fields in order.
//!
//! A field that was added later is last, and is left out if it has its default. So an earlier
//! version skips it, and a contract that does not use it has the same bytes in every version.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;
use std::{fmt, iter};

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::{Argument, AssociatedType, Contract, Delivery, Method, validation};

impl Serialize for Contract {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, namespace, doc, generics, bounds, types, methods, definitions } = self;
        if definitions.is_empty() {
            return (name, namespace, doc, generics, bounds, types, methods).serialize(serializer);
        }
        (name, namespace, doc, generics, bounds, types, methods, definitions).serialize(serializer)
    }
}

impl Serialize for AssociatedType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, &self.bounds).serialize(serializer)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            name,
            wire_name,
            doc,
            arguments,
            returns,
            fallible,
            delivery,
            timeout,
            is_async,
            wait_for_ready,
            aliases,
            is_blocking,
            is_secure,
            session,
            structure,
        } = self;
        let timeout = timeout.map(|timeout| (timeout.as_secs(), timeout.subsec_nanos()));
        let later = match () {
            () if *structure != 0 => 6,
            () if session.is_some() => 5,
            () if *is_secure => 4,
            () if *is_blocking => 3,
            () if !aliases.is_empty() => 2,
            () => usize::from(*wait_for_ready),
        };
        let mut array = serializer.serialize_tuple(9 + later)?;
        array.serialize_element(name)?;
        array.serialize_element(wire_name)?;
        array.serialize_element(doc)?;
        array.serialize_element(arguments)?;
        array.serialize_element(returns)?;
        array.serialize_element(fallible)?;
        array.serialize_element(delivery.as_str())?;
        array.serialize_element(&timeout)?;
        array.serialize_element(is_async)?;
        if later > 0 {
            array.serialize_element(wait_for_ready)?;
        }
        if later > 1 {
            array.serialize_element(aliases)?;
        }
        if later > 2 {
            array.serialize_element(is_blocking)?;
        }
        if later > 3 {
            array.serialize_element(is_secure)?;
        }
        if later > 4 {
            array.serialize_element(session)?;
        }
        if later > 5 {
            array.serialize_element(structure)?;
        }
        array.end()
    }
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.name, &self.ty).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Contract {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl<'de> Deserialize<'de> for AssociatedType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FieldsVisitor::new())
    }
}

/// A struct that is encoded as an array of its fields.
pub(super) trait FromFields: Sized {
    /// The expected form, for error messages.
    const EXPECTED: &str;

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error>;
}

impl FromFields for Contract {
    const EXPECTED: &str =
        "a contract: an array of name, namespace, documentation, generics, bounds, types, methods and definitions";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        let contract = Self {
            name: array.name()?,
            namespace: array.next()?,
            doc: array.documentation()?,
            generics: array.ty()?,
            bounds: array.bounds()?,
            types: array.list()?,
            methods: array.list()?,
            definitions: Cow::Owned(array.next_or_default()?),
        };
        let Self { namespace, methods, .. } = &contract;
        let names = methods.iter().flat_map(|method| iter::once(&method.wire_name).chain(&*method.aliases));
        match names.into_iter().find(|name| !name.starts_with(&**namespace)) {
            None => Ok(contract),
            Some(wire_name) => {
                Err(A::Error::custom(format_args!("the wire name {wire_name:?} does not begin with {namespace:?}")))
            }
        }
    }
}

impl FromFields for AssociatedType {
    const EXPECTED: &str = "an associated type: an array of name and bounds";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        Ok(Self { name: array.name()?, bounds: array.ty()? })
    }
}

impl FromFields for Method {
    const EXPECTED: &str = "a method: an array of name, wire name, documentation, arguments, return type, whether it is \
                            fallible, delivery, timeout, whether it is async, whether its calls wait until the peer is ready, aliases, whether it \
                            blocks its thread, whether it needs a link, the pool in which the caller needs a session, and the \
                            hash of its types";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        Ok(Self {
            name: array.name()?,
            wire_name: array.next()?,
            doc: array.documentation()?,
            arguments: array.list()?,
            returns: array.ty()?,
            fallible: array.next()?,
            delivery: array.delivery()?,
            timeout: array.timeout()?,
            is_async: array.next()?,
            wait_for_ready: array.next_or_default()?,
            aliases: Cow::Owned(array.next_or_default()?),
            is_blocking: array.next_or_default()?,
            is_secure: array.next_or_default()?,
            session: array.next_or_default()?,
            structure: array.next_or_default()?,
        })
    }
}

impl FromFields for Argument {
    const EXPECTED: &str = "an argument: an array of name and type";

    fn from_fields<'de, A: SeqAccess<'de>>(array: &mut FieldReader<A>) -> Result<Self, A::Error> {
        Ok(Self { name: array.name()?, ty: array.ty()? })
    }
}

/// A visitor that reads a `T` and skips fields that later versions may append.
pub(super) struct FieldsVisitor<T>(PhantomData<T>);

impl<T> FieldsVisitor<T> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: FromFields> Visitor<'de> for FieldsVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        let mut array = FieldReader { access, taken: 0, expected: T::EXPECTED };
        let read = T::from_fields(&mut array)?;
        while array.access.next_element::<IgnoredAny>()?.is_some() {}
        Ok(read)
    }
}

/// A reader of the remaining fields.
pub(super) struct FieldReader<A> {
    access: A,
    taken: usize,
    expected: &'static str,
}

impl<'de, A: SeqAccess<'de>> FieldReader<A> {
    pub(super) fn next<T: Deserialize<'de>>(&mut self) -> Result<T, A::Error> {
        let next = self.access.next_element()?.ok_or_else(|| A::Error::invalid_length(self.taken, &self.expected))?;
        self.taken += 1;
        Ok(next)
    }

    /// Reads a field that an earlier version does not send.
    pub(super) fn next_or_default<T: Deserialize<'de> + Default>(&mut self) -> Result<T, A::Error> {
        Ok(self.access.next_element()?.unwrap_or_default())
    }

    pub(super) fn name(&mut self) -> Result<Cow<'static, str>, A::Error> {
        let text: String = self.next()?;
        if validation::is_identifier(&text) {
            Ok(text.into())
        } else {
            Err(A::Error::invalid_value(Unexpected::Str(&text), &"a name in Rust"))
        }
    }

    pub(super) fn ty(&mut self) -> Result<Cow<'static, str>, A::Error> {
        let text = self.next()?;
        checked_type(text)
    }

    fn bounds(&mut self) -> Result<Cow<'static, [Cow<'static, str>]>, A::Error> {
        let bounds: Vec<String> = self.next()?;
        bounds.into_iter().map(checked_type).collect()
    }

    fn documentation(&mut self) -> Result<Cow<'static, str>, A::Error> {
        Ok(validation::printable_doc(self.next()?).into())
    }

    pub(super) fn list<T: Deserialize<'de> + Clone>(&mut self) -> Result<Cow<'static, [T]>, A::Error> {
        Ok(Cow::Owned(self.next()?))
    }

    fn delivery(&mut self) -> Result<Delivery, A::Error> {
        let name: String = self.next()?;
        let known = Delivery::ALL.into_iter().find(|delivery| delivery.as_str() == name);
        let expected = "`maybe`, `at_least_once`, `at_most_once` or `oneway`";
        known.ok_or_else(|| A::Error::invalid_value(Unexpected::Str(&name), &expected))
    }

    fn timeout(&mut self) -> Result<Option<Duration>, A::Error> {
        let Some((secs, nanos)) = self.next::<Option<(u64, u32)>>()? else { return Ok(None) };
        if nanos < 1_000_000_000 {
            Ok(Some(Duration::new(secs, nanos)))
        } else {
            Err(A::Error::invalid_value(Unexpected::Unsigned(nanos.into()), &"less than a second of nanoseconds"))
        }
    }
}

fn checked_type<E: Error>(text: String) -> Result<Cow<'static, str>, E> {
    if validation::is_type(&text) {
        Ok(text.into())
    } else {
        Err(E::invalid_value(Unexpected::Str(&text), &"a type or a bound in Rust"))
    }
}
