use rpcudp_core::codec::encode;
use rpcudp_core::limits::{HEADER_LEN, MAX_REQUEST_BODY_LEN};
use rpcudp_core::{Dialect, MessageId, Request};

use crate::exit::Failure;
use crate::value::Value;

/// A request to be sent.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    pub(super) method: String,
    dialect: Dialect,
    /// All of it, with a message id that is still to be set.
    datagram: Vec<u8>,
}

impl Probe {
    /// # Errors
    ///
    /// Where the request could not be sent.
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

    /// The same, as a datagram of so many bytes: what is behind the body is ignored by all peers.
    pub(super) fn padded(&self, len: usize) -> Self {
        let mut padded = self.clone();
        padded.datagram.resize(len.max(self.len()), 0);
        padded
    }

    pub(super) fn len(&self) -> usize {
        self.datagram.len()
    }

    /// All of it, with this id.
    pub(super) fn datagram(&self, id: MessageId) -> Vec<u8> {
        let mut datagram = self.datagram.clone();
        Request::set_id(&mut datagram, id);
        datagram
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }
}
