use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::due_calls::handle_due_calls;
use crate::clock::now;
use crate::endpoint::send_queue::SendMode;
use crate::endpoint::shared::Shared;
use crate::lock::Lock;

/// Endpoints whose due calls are handled even if a sync method blocks the driver. A thread of the
/// process watches all of them, and acts only after a driver is late.
///
/// A task would not do: the blocked worker may be the one that polls the runtime's timers, and no
/// other worker takes over until it is woken.
static WATCHED: Lock<Vec<Watched>> = Lock::new(Vec::new());

/// An endpoint that the thread watches.
struct Watched {
    shared: Weak<Shared>,
    /// The time of the overdue call for which the driver was woken, and the time until which it has
    /// to handle the call.
    warned: Option<(Instant, Instant)>,
}

/// Watches an endpoint until it is dropped. Its runtime's clock must not be one that a test pauses.
pub(crate) fn watch(shared: &Arc<Shared>) {
    static THREAD: OnceLock<Option<Thread>> = OnceLock::new();
    let start = || thread::Builder::new().name("rpcudp-watchdog".into()).spawn(run).ok();
    // Without the thread, calls end late while a sync method blocks their endpoint.
    let Some(thread) = THREAD.get_or_init(|| start().map(|handle| handle.thread().clone())) else { return };
    WATCHED.lock().push(Watched { shared: Arc::downgrade(shared), warned: None });
    let _ = shared.watchdog.set(thread.clone());
    thread.unpark();
}

/// Least time between two checks. The thread is woken whenever a call is due before all others of
/// its endpoint, which in a process of many endpoints is thousands of times per second.
const PACE: Duration = Duration::from_millis(20);

fn run() {
    loop {
        let checked = now();
        let mut next: Option<Instant> = None;
        // Out of the lock, because ending a call wakes its task, which may run an executor's code.
        let mut watched = std::mem::take(&mut *WATCHED.lock());
        watched.retain_mut(|endpoint| {
            let Some(shared) = endpoint.shared.upgrade() else { return false };
            if let Some(check) = endpoint.check(&shared) {
                next = Some(next.map_or(check, |next| next.min(check)));
            }
            true
        });
        WATCHED.lock().append(&mut watched);
        match next {
            Some(next) => thread::park_timeout(next.saturating_duration_since(now())),
            None => thread::park(),
        }
        thread::sleep((checked + PACE).saturating_duration_since(now()));
    }
}

impl Watched {
    /// Time that a driver may be late before the next check wakes it.
    const MAX_DELAY: Duration = Duration::from_millis(100);

    /// Time that a woken driver has to handle the calls by itself. After a pause of the process it
    /// is late too, and first receives the responses that have arrived meanwhile.
    const MAX_REACTION: Duration = Duration::from_millis(50);

    /// Handles overdue calls. Returns the time of the next check, if there are calls.
    fn check(&mut self, shared: &Shared) -> Option<Instant> {
        let due = shared.calls.next_tick()?;
        let now = now();
        if now < due + Self::MAX_DELAY {
            self.warned = None;
            return Some(due + Self::MAX_DELAY);
        }
        let until = match self.warned {
            Some((call, until)) if call == due => until,
            _ => {
                shared.send_queues.wake_timekeeper();
                now + Self::MAX_REACTION
            }
        };
        if now < until {
            self.warned = Some((due, until));
            return Some(until);
        }
        self.warned = None;
        handle_due_calls(shared, now, SendMode::Immediate).map(|due| due + Self::MAX_DELAY)
    }
}
