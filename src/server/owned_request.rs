use std::mem;

use rpcudp_core::codec::Arguments;
use rpcudp_core::{RawArguments, copy};

use super::context::Context;
use super::request_head::RequestHead;
use crate::buffer_pool;

/// A request with a copy of its arguments, for an async handler. Decoded arguments may borrow from
/// it.
#[doc(hidden)]
#[derive(Debug)]
pub struct OwnedRequest {
    pub(crate) head: RequestHead,
    argument_count: u32,
    bytes: Vec<u8>,
}

impl OwnedRequest {
    pub(crate) fn new(head: RequestHead, arguments: RawArguments<'_>) -> Self {
        let mut bytes = buffer_pool::take();
        copy::append(&mut bytes, arguments.bytes());
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
        RawArguments::new(self.argument_count, &self.bytes)
    }
}

impl Drop for OwnedRequest {
    fn drop(&mut self) {
        buffer_pool::give(mem::take(&mut self.bytes));
    }
}

/// Lends a decoded list to a method with an argument `&[T]`.
#[doc(hidden)]
#[must_use]
pub const fn as_slice<T>(items: &Vec<T>) -> &[T] {
    items.as_slice()
}
