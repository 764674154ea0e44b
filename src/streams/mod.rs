//! Streams in contracts: items that follow a request or a response.

mod frames;
pub(crate) mod inflow;
pub(crate) mod inflow_error;
pub(crate) mod outflow;
pub(crate) mod outflow_error;
pub(crate) mod outflow_sender;
pub(crate) mod reader;
