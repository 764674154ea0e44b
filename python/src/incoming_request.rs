use std::net::SocketAddr;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rpcudp::DynamicResponse;
use rpcudp::dynamic::{Arguments, RawArguments, Responder};

use crate::address::from_socket_addr;
use crate::decode::Decoded;

/// A request on its way to a Python handler.
#[derive(Debug)]
pub(crate) struct IncomingRequest {
    /// A number that no other request of the engine has.
    pub(crate) id: u64,
    pub(crate) sender: SocketAddr,
    /// The method's name, then the arguments.
    pub(crate) bytes: Vec<u8>,
    pub(crate) name_len: usize,
    pub(crate) argument_count: u32,
    pub(crate) responder: Responder,
}

impl IncomingRequest {
    /// Returns the method's name.
    pub(crate) fn name(&self) -> &str {
        str::from_utf8(&self.bytes[..self.name_len]).expect("a method's name is text")
    }

    /// Returns the arguments of the Python function: the sender, then those of the request. Or the
    /// refusal of a request with an argument that Python does not have.
    pub(crate) fn arguments<'py>(&self, py: Python<'py>) -> PyResult<Result<Bound<'py, PyTuple>, DynamicResponse>> {
        let mut arguments = Arguments::new(RawArguments::new(self.argument_count, &self.bytes[self.name_len..]));
        let mut objects = vec![from_socket_addr(py, self.sender)?.into_any()];
        for _ in 0..self.argument_count {
            match arguments.take::<Decoded>("argument") {
                Ok(Decoded(object)) => objects.push(object.into_bound(py)),
                Err(error) => return Ok(Err(DynamicResponse::malformed(error))),
            }
        }
        PyTuple::new(py, objects).map(Ok)
    }
}
