use std::net::SocketAddr;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// A change of the members that a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwimEvent {
    /// A node has become a member.
    Joined(SocketAddr),
    /// A member did not respond, directly and through others. It stays a member, and has some time
    /// to refute the suspicion.
    Suspect(SocketAddr),
    /// A member has refuted a suspicion.
    Recovered(SocketAddr),
    /// A member has left, did not refute a suspicion, or was started again. In the last case
    /// [`Joined`](Self::Joined) follows.
    Left(SocketAddr),
    /// This number of events is lost, because the program was slow to take them.
    /// [`Swim::members`](crate::Swim::members) is current.
    Missed(u64),
}

/// The events of a [`Swim`](crate::Swim) from the time of [`Swim::events`](crate::Swim::events) on.
///
/// At most 1,024 events wait for a program that is slow to take them.
#[derive(Debug)]
pub struct SwimEvents {
    pub(super) receiver: Receiver<SwimEvent>,
}

impl SwimEvents {
    /// Waits for the next event. Returns `None` if this node has left, or its endpoint is closed.
    ///
    /// # Cancel safety
    ///
    /// No event is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<SwimEvent> {
        match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(SwimEvent::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}
