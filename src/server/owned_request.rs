use std::mem;

use rpcudp_core::codec::Arguments;
use rpcudp_core::{RawArguments, copy};

use crate::{Context, buffer_pool};

/// The part of a request that an async handler keeps: its arguments are decoded out of here, and may borrow from it.
#[doc(hidden)]
#[derive(Debug)]
pub struct OwnedRequest {
    cx: Context,
    count: u32,
    bytes: Vec<u8>,
}

impl OwnedRequest {
    pub(crate) fn new(cx: &Context, arguments: RawArguments<'_>) -> Self {
        let mut bytes = buffer_pool::take();
        copy::append(&mut bytes, arguments.bytes());
        Self { cx: cx.clone(), count: arguments.count(), bytes }
    }

    /// Who sent it.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// Its arguments, from the first on.
    #[must_use]
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments::new(self.raw_arguments())
    }

    pub(crate) fn raw_arguments(&self) -> RawArguments<'_> {
        RawArguments::new(self.count, &self.bytes)
    }
}

impl Drop for OwnedRequest {
    fn drop(&mut self) {
        buffer_pool::give(mem::take(&mut self.bytes));
    }
}
