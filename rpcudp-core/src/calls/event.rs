use std::net::SocketAddr;

use crate::MessageId;

/// An event that the passing of time causes. Returned by [`Calls::poll`](crate::Calls::poll).
#[derive(Debug)]
pub enum CallEvent<'a, T> {
    /// The request must be retransmitted.
    Retransmit {
        /// The message id of the call.
        id: MessageId,
        /// The address to send it to.
        peer: SocketAddr,
        /// The owner's data of the call.
        data: &'a mut T,
    },
    /// The deadline has passed and the call has ended. Its slot stays until
    /// [`Calls::remove`](crate::Calls::remove).
    TimedOut {
        /// The message id of the call.
        id: MessageId,
        /// The owner's data of the call.
        data: &'a mut T,
    },
}
