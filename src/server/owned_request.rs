use std::mem;

use rpcudp_core::codec::Arguments;
use rpcudp_core::{RawArguments, copy};

use super::context::Context;
use super::request_head::RequestHead;
use crate::buffer_pool;
use crate::links::request_memory::RequestMemory;

/// A request with a copy of its arguments, for an async handler. Decoded arguments may borrow from
/// it.
#[doc(hidden)]
#[derive(Debug)]
pub struct OwnedRequest {
    pub(crate) head: RequestHead,
    argument_count: u32,
    bytes: Bytes,
}

/// The encoded arguments.
#[derive(Debug)]
enum Bytes {
    /// A buffer of the pool.
    Pooled(Vec<u8>),
    /// The arguments of a request that came over a stream, with the memory that it takes.
    Large(Box<(Vec<u8>, RequestMemory)>),
}

impl Bytes {
    fn get(&self) -> &[u8] {
        match self {
            Self::Pooled(bytes) => bytes,
            Self::Large(large) => &large.0,
        }
    }
}

impl OwnedRequest {
    pub(crate) fn new(head: RequestHead, arguments: RawArguments<'_>) -> Self {
        let mut bytes = buffer_pool::take();
        copy::append(&mut bytes, arguments.bytes());
        let memory = head.context.link.as_ref().and_then(|link| link.take_memory());
        let bytes = match memory {
            Some(memory) => Bytes::Large(Box::new((bytes, memory))),
            None => Bytes::Pooled(bytes),
        };
        Self { head, argument_count: arguments.count(), bytes }
    }

    /// Returns the context of the request.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.head.context
    }

    /// Returns a decoder of the arguments.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(self.raw_arguments())
    }

    pub(crate) fn raw_arguments(&self) -> RawArguments<'_> {
        RawArguments::new(self.argument_count, self.bytes.get())
    }
}

impl Drop for OwnedRequest {
    fn drop(&mut self) {
        if let Bytes::Pooled(bytes) = &mut self.bytes {
            buffer_pool::give(mem::take(bytes));
        }
    }
}

/// Lends a decoded list to a method with an argument `&[T]`.
#[doc(hidden)]
#[must_use]
pub const fn as_slice<T>(items: &Vec<T>) -> &[T] {
    items.as_slice()
}
