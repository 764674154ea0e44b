use rpcudp_core::codec::encode;
use rpcudp_core::limits::{HEADER_LEN, MAX_REQUEST_BODY_LEN};
use rpcudp_core::{Dialect, MessageId, Request};

use crate::exit::Failure;
use crate::value::Value;

/// An encoded request, which may be sent repeatedly with different message ids.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) method: String,
    dialect: Dialect,
    /// The whole datagram; its message id is set when it is sent.
    datagram: Vec<u8>,
}

impl Probe {
    /// Encodes a request.
    ///
    /// # Errors
    ///
    /// Returns a usage failure if an argument cannot be encoded or the request is too large to
    /// send.
    pub(super) fn new(dialect: Dialect, method: &str, arguments: &[Value]) -> Result<Self, Failure> {
        let mut datagram = Vec::new();
        let count = u32::try_from(arguments.len()).unwrap_or(u32::MAX);
        Request::begin(&mut datagram, dialect, method, count);
        for (index, argument) in arguments.iter().enumerate() {
            encode(&mut datagram, argument).map_err(|error| {
                let position = index + 1;
                Failure::usage(format!("argument {position} of `{}` cannot be encoded: {error}", method.escape_debug()))
            })?;
        }
        let len = datagram.len() - HEADER_LEN;
        if len > MAX_REQUEST_BODY_LEN {
            let method = method.escape_debug();
            return Err(Failure::usage(format!(
                "the request `{method}` has {len} bytes, and {MAX_REQUEST_BODY_LEN} are allowed"
            )));
        }
        Ok(Self { method: method.into(), dialect, datagram })
    }

    /// Returns the same request padded with zeros to `len` bytes. All peers ignore the bytes after
    /// the body.
    pub(super) fn padded(&self, len: usize) -> Self {
        let mut padded = self.clone();
        padded.datagram.resize(len.max(self.len()), 0);
        padded
    }

    /// Returns the length of the datagram in bytes.
    pub(super) fn len(&self) -> usize {
        self.datagram.len()
    }

    /// Returns the datagram with this message id.
    pub(super) fn datagram(&self, id: MessageId) -> Vec<u8> {
        let mut datagram = self.datagram.clone();
        Request::set_id(&mut datagram, id);
        datagram
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }
}
