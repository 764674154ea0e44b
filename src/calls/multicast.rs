//! Calls to an address that reaches several peers.

use std::net::SocketAddr;
use std::task::{Poll, Waker};

use rpcudp_core::{MessageId, Schedule};

use super::collector::Collector;
use super::completion::{Completion, StartError};
use super::in_flight::{InFlightCalls, StartedCall};
use super::table::CallState;

/// The next event of a multicast call.
#[derive(Debug)]
pub(crate) enum Collected {
    Response(SocketAddr, Completion),
    /// The call has ended, and its slot is free.
    End(Completion),
}

impl InFlightCalls {
    /// Gives a call to a multicast or broadcast address a slot and a message id.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub(crate) fn start_multicast(
        &self,
        destination: SocketAddr,
        schedule: Schedule,
        waker: &Waker,
    ) -> Result<StartedCall, StartError> {
        let collector = Box::new(Collector::new(waker.clone()));
        let mut table = self.table.lock();
        if table.is_closed {
            drop(table);
            return Err(StartError::Closed);
        }
        let (random, state) = (table.random(), CallState::Multicast(collector));
        let key = table.calls.insert_multicast(destination, schedule, random, state).map_err(StartError::TooMany)?;
        let wakes_driver = table.is_due_earlier(&key);
        Ok(StartedCall { key, wakes_driver, call_count: table.calls.len() })
    }

    /// Takes the next response to a multicast call, or its end, which frees its slot. Registers
    /// `waker` if there is neither.
    pub(crate) fn poll_multicast(&self, key: &MessageId, waker: &Waker) -> Poll<Collected> {
        let mut replacement = None;
        loop {
            let mut table = self.table.lock();
            let Some(CallState::Multicast(collector)) = table.calls.data(key) else {
                return Poll::Ready(Collected::End(Completion::Closed));
            };
            if let Some((source, completion)) = collector.take_response() {
                let next = table.after_task();
                drop(table);
                self.wake_after_task(next);
                return Poll::Ready(Collected::Response(source, completion));
            }
            if let Some(end) = collector.take_end() {
                let removed = table.remove(key);
                let next = table.after_task();
                drop(table);
                drop(removed);
                self.wake_after_task(next);
                return Poll::Ready(Collected::End(end));
            }
            if collector.waker().as_ref().is_some_and(|known| known.will_wake(waker)) {
                return Poll::Pending;
            }
            // Cloning and dropping a waker may run an executor's code: not under the lock.
            if let Some(replacement) = replacement.take() {
                let replaced = collector.waker().replace(replacement);
                drop(table);
                drop(replaced);
                return Poll::Pending;
            }
            drop(table);
            replacement = Some(waker.clone());
        }
    }
}
