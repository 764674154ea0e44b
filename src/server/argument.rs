//! The decoding of arguments whose type decides how: generated code names the type, and the
//! compiler selects the method of [`ArgumentOf`].

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use rpcudp_core::codec::{ArgumentError, Arguments};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::context::Context;

/// The type `T` of an argument, which may be unsized.
///
/// The compiler takes a method from the first of these types that has it for this `T`: this one,
/// for `Cow` and [`Context`]; [`BorrowedArgumentOf`]; [`AnyArgumentOf`]; [`UnsizedArgumentOf`].
#[doc(hidden)]
#[derive(Debug)]
pub struct ArgumentOf<T: ?Sized>(PhantomData<fn(&T)>);

/// The type of an argument of which a reference can be decoded, such as `Path`.
#[doc(hidden)]
#[derive(Debug)]
pub struct BorrowedArgumentOf<T: ?Sized>(PhantomData<fn(&T)>);

/// The type of any other argument that has a size.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnyArgumentOf<T: ?Sized>(PhantomData<fn(&T)>);

/// The type of an argument without a size, of which no reference can be decoded either.
#[doc(hidden)]
#[derive(Debug)]
pub struct UnsizedArgumentOf<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> ArgumentOf<T> {
    pub const TYPE: Self = Self(PhantomData);
}

impl<T: ?Sized> Deref for ArgumentOf<T> {
    type Target = BorrowedArgumentOf<T>;

    fn deref(&self) -> &Self::Target {
        const { &BorrowedArgumentOf(PhantomData) }
    }
}

impl<T: ?Sized> Deref for BorrowedArgumentOf<T> {
    type Target = AnyArgumentOf<T>;

    fn deref(&self) -> &Self::Target {
        const { &AnyArgumentOf(PhantomData) }
    }
}

impl<T: ?Sized> Deref for AnyArgumentOf<T> {
    type Target = UnsizedArgumentOf<T>;

    fn deref(&self) -> &Self::Target {
        const { &UnsizedArgumentOf(PhantomData) }
    }
}

impl<T: ?Sized> BorrowedArgumentOf<T>
where
    for<'a> &'a T: Deserialize<'a>,
{
    /// Decodes a reference, which borrows from the datagram.
    ///
    /// # Errors
    ///
    /// If the argument is missing, or has another form.
    pub fn decode<'de>(&self, arguments: &mut Arguments<'de>, name: &'static str) -> Result<&'de T, ArgumentError> {
        arguments.take(name)
    }
}

impl<T> AnyArgumentOf<T> {
    /// Decodes a value.
    ///
    /// # Errors
    ///
    /// If the argument is missing, or has another form.
    pub fn decode<'de>(&self, arguments: &mut Arguments<'de>, name: &'static str) -> Result<T, ArgumentError>
    where
        T: Deserialize<'de>,
    {
        arguments.take(name)
    }
}

impl<T: ?Sized> UnsizedArgumentOf<T> {
    /// Fails to compile, because a reference cannot be decoded.
    ///
    /// # Errors
    ///
    /// Never: it is not called.
    pub fn decode<'de>(&self, arguments: &mut Arguments<'de>, name: &'static str) -> Result<&'de T, ArgumentError>
    where
        &'de T: Deserialize<'de>,
    {
        arguments.take(name)
    }

    /// Lends an argument to the encoder of a request.
    pub fn lend<'a>(&self, argument: &'a T) -> &'a T {
        argument
    }
}

impl<'a> ArgumentOf<Cow<'a, str>> {
    /// Decodes text, which borrows from the datagram.
    ///
    /// # Errors
    ///
    /// If the argument is missing, or is no text.
    pub fn decode<'de: 'a>(
        &self,
        arguments: &mut Arguments<'de>,
        name: &'static str,
    ) -> Result<Cow<'a, str>, ArgumentError> {
        arguments.take(name).map(|text: &'de str| Cow::Borrowed(text))
    }
}

impl<'a> ArgumentOf<Cow<'a, [u8]>> {
    /// Decodes bytes, which borrow from the datagram.
    ///
    /// # Errors
    ///
    /// If the argument is missing, or is no bytes.
    pub fn decode<'de: 'a>(
        &self,
        arguments: &mut Arguments<'de>,
        name: &'static str,
    ) -> Result<Cow<'a, [u8]>, ArgumentError> {
        arguments.take(name).map(|Bytes(bytes)| bytes)
    }
}

/// The bound on a context that is taken for an argument because its type has another name. No type
/// satisfies it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the context of the request is taken for an argument",
    label = "this is `rpcudp::Context` under another name",
    note = "the context is recognized by the name `Context`; mark this parameter with `#[rpc(context)]`"
)]
pub trait IsArgument {}

impl ArgumentOf<Context> {
    /// Fails to compile, with a message that says why.
    pub fn lend<'a>(&self, _: &'a Context) -> &'a str
    where
        &'a Context: IsArgument,
    {
        ""
    }

    /// Exists so that the compiler reports the context once, at `lend`.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn decode(&self, arguments: &mut Arguments<'_>, name: &'static str) -> Result<Context, ArgumentError> {
        arguments.take(name).map(|never: NoArgument| match never {})
    }
}

/// Bytes that borrow from their source if they can.
struct Bytes<'a>(Cow<'a, [u8]>);

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor).map(Bytes)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes))
    }

    /// Reads a list of numbers, which is the other form of bytes.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Cow::Owned(bytes))
    }
}

/// An argument that no request has.
enum NoArgument {}

impl<'de> Deserialize<'de> for NoArgument {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("the context of a request is no argument"))
    }
}
