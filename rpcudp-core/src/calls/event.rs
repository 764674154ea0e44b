use std::net::SocketAddr;

use crate::MessageId;

/// An event that the passing of time causes. Returned by [`Calls::poll`](crate::Calls::poll).
#[derive(Debug)]
pub enum CallEvent<'a, T> {
    /// The request must be retransmitted.
    Retransmit {
        /// The key of the call.
        key: MessageId,
        /// The message id to send it with. It differs from the key after
        /// [`Calls::renew`](crate::Calls::renew).
        id: MessageId,
        /// The address to send it to.
        peer: SocketAddr,
        /// The owner's data of the call.
        data: &'a mut T,
    },
    /// The deadline has passed and the call has ended. Its slot stays until
    /// [`Calls::remove`](crate::Calls::remove).
    TimedOut {
        /// The key of the call.
        key: MessageId,
        /// The owner's data of the call.
        data: &'a mut T,
    },
}
