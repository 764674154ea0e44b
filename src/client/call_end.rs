use std::io;

use rpcudp_core::MetadataError;
use rpcudp_core::codec::EncodeError;

use crate::calls::completion::{Completion, StartError};

/// The end of a call, before its response is decoded.
#[derive(Debug)]
pub(crate) enum CallEnd {
    /// The completion, and the number of transmissions.
    Completed(Completion, u32),
    NotStarted(StartError),
    TooLarge {
        size: usize,
        limit: usize,
    },
    /// The method needs a link, or the endpoint makes no plain calls, and the call is plain.
    Insecure,
    Unencodable {
        argument: usize,
        source: EncodeError,
    },
    /// The entry of this key cannot travel with the request.
    Metadata {
        key: Box<str>,
        source: MetadataError,
    },
    /// The group has no peer.
    NoPeers,
}

impl CallEnd {
    /// Returns the end of a call whose request cannot be sent.
    pub(super) fn unsendable(error: io::Error) -> Self {
        Self::Completed(Completion::Unsendable { error, request: Vec::new() }, 0)
    }
}
