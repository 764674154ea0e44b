//! Requests and responses with streams.

use std::cell::Cell;
use std::fmt;

use rpcudp_core::codec::ArgumentError;
use serde::Serialize;

use super::context::Context;
use super::rejection::Rejection;
use super::response::{IntoResponse, ResponseWriter};
use crate::links::request_flow::RequestFlow;
use crate::streams::inflow::Inflow;
use crate::streams::outflow::Outflow;
use crate::telemetry::outcome::Outcome;

/// The items that follow the response of a method.
#[doc(hidden)]
pub struct Items<T, F>(Cell<Option<Outflow<T, F>>>);

/// The items of a method that returns a `Result`, or its error.
#[doc(hidden)]
#[derive(Debug)]
pub struct FallibleItems<T, F, E>(Result<Items<T, F>, E>);

impl<T, F> fmt::Debug for Items<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Items")
    }
}

/// Makes a response of the items that a method returns. Never fails: the error is that of decoding
/// the arguments.
#[doc(hidden)]
pub const fn respond_items<T, F>(items: Outflow<T, F>) -> Result<Items<T, F>, ArgumentError> {
    Ok(Items(Cell::new(Some(items))))
}

/// Makes a response of a method's `Result`, like [`respond_items`].
#[doc(hidden)]
pub fn respond_items_result<T, F, E>(
    result: Result<Outflow<T, F>, E>,
) -> Result<FallibleItems<T, F, E>, ArgumentError> {
    Ok(FallibleItems(result.map(|items| Items(Cell::new(Some(items))))))
}

impl<T, F> IntoResponse for Items<T, F> {
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        match self.0.take() {
            Some(items) => writer.items(items.into_source()),
            None => Ok(Outcome::Completed),
        }
    }
}

impl<T, F, E: Serialize> IntoResponse for FallibleItems<T, F, E> {
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        match &self.0 {
            Ok(items) => items.write(writer),
            Err(error) => writer.error(error),
        }
    }
}

/// Returns the items that follow a request.
#[doc(hidden)]
pub fn inflow<T, F>(context: &Context) -> Inflow<T, F> {
    Inflow::of_link(stream(context).and_then(RequestFlow::reader), None)
}

/// Returns the stream that a request came over.
pub(super) fn stream(context: &Context) -> Option<&RequestFlow> {
    context.link.as_ref()?.stream.as_ref()
}
