use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::incoming_request::IncomingRequest;
use crate::outcome::Outcome;
use crate::wake_up::WakeUp;

/// The events that the engine's threads pass to an event loop. The loop is woken once for all that
/// it has not taken.
#[derive(Debug)]
pub(crate) struct Inbox {
    events: Mutex<Events>,
    wake_up: WakeUp,
}

#[derive(Debug, Default)]
pub(crate) struct Events {
    /// The slots of calls that can be polled.
    pub(crate) ready: Vec<usize>,
    /// The requests for Python handlers.
    pub(crate) requests: Vec<IncomingRequest>,
    /// The requests that ended before their handlers.
    pub(crate) ended: Vec<u64>,
    /// The operations of a node that have ended.
    pub(crate) finished: Vec<(u64, Outcome)>,
}

impl Events {
    fn is_empty(&self) -> bool {
        let Self { ready, requests, ended, finished } = self;
        ready.is_empty() && requests.is_empty() && ended.is_empty() && finished.is_empty()
    }
}

impl Inbox {
    pub(crate) fn new(wake_up: WakeUp) -> Self {
        Self { events: Mutex::default(), wake_up }
    }

    pub(crate) fn wake_up(&self) -> &WakeUp {
        &self.wake_up
    }

    /// Adds an event and wakes the event loop.
    pub(crate) fn add(&self, add: impl FnOnce(&mut Events)) {
        add(&mut self.events());
        self.wake_up.set();
    }

    /// Takes all events, in exchange for empty lists.
    pub(crate) fn take(&self, events: &mut Events) {
        mem::swap(&mut *self.events(), events);
    }

    /// Returns whether no event is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.events().is_empty()
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
