use std::fmt;
use std::sync::Arc;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::roster::event::SessionEvent;

/// The events of a pool's members, in order. Made by [`Members::events`](super::Members::events).
///
/// The endpoint keeps 1,024 events for a subscriber that is slow, and waits for none: the oldest
/// are dropped, and [`SessionEvent::Lagged`] counts them.
pub struct SessionEvents {
    /// `None` if the endpoint was closing.
    receiver: Option<broadcast::Receiver<SessionEvent>>,
    pool: Arc<str>,
}

impl SessionEvents {
    pub(super) fn new(receiver: Option<broadcast::Receiver<SessionEvent>>, pool: Arc<str>) -> Self {
        Self { receiver, pool }
    }

    /// Waits for the next event. Returns `None` after the last, when the endpoint closes.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<SessionEvent> {
        let receiver = self.receiver.as_mut()?;
        loop {
            match receiver.recv().await {
                Ok(event) if event.member().is_some_and(|member| member.pool() != &*self.pool) => {}
                Ok(event) => return Some(event),
                Err(RecvError::Lagged(count)) => return Some(SessionEvent::Lagged(count)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

impl fmt::Debug for SessionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionEvents").field("pool", &self.pool).finish_non_exhaustive()
    }
}
