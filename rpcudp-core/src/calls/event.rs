use std::net::SocketAddr;

use crate::MessageId;

/// What time brings to a call.
#[derive(Debug)]
pub enum CallEvent<'a, T> {
    /// The request is to be sent again.
    Retransmit {
        /// The call.
        id: MessageId,
        /// Where to.
        peer: SocketAddr,
        /// What the owner keeps with it.
        data: &'a mut T,
    },
    /// No answer came in time: the call is over, and its slot waits for [`Calls::remove`].
    TimedOut {
        /// The call.
        id: MessageId,
        /// What the owner keeps with it.
        data: &'a mut T,
    },
}
