use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rpcudp_core::{Counter, Counters, DropReason, MessageId, copy};
use rpcudp_transport::{Datagram, SendBatch, Transport};

use crate::wake_flag::WakeFlag;

/// The way out through one socket: a datagram leaves at once, or waits here for others to leave with, or for the socket.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The driver owns it, so that the address is free when the driver has ended, whoever still has a handle.
    transport: Weak<dyn Transport>,
    counters: Arc<Counters>,
    queue: Mutex<Departures>,
    /// Whether the driver is going to look at the queue, so that nobody has to wake it for that.
    expected: AtomicBool,
    driver: WakeFlag,
}

/// Datagrams that leave together, and the calls that they are the requests of.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    pub(crate) batch: SendBatch,
    /// The call of each; none of an answer.
    pub(crate) calls: Vec<Option<MessageId>>,
}

/// When a datagram is to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Now, if the socket takes it.
    Alone,
    /// With others that are about to be posted: when all tasks that can run have run.
    WithOthers,
}

impl Outbox {
    /// How many bytes are collected before they are sent, where others could still join them: what is large gains little by
    /// company, and leaves the caches.
    pub(crate) const ENOUGH_LEN: usize = 1 << 17;

    /// How many bytes may wait that no call waits for: what a socket's send buffer takes by default, once more.
    const MAX_WAITING_LEN: usize = 4 << 20;

    /// How many bytes may wait with requests: many calls may begin at once, but where a socket takes nothing for longer than
    /// they wait, others take their places.
    const MAX_WAITING_REQUESTS_LEN: usize = 256 << 20;

    pub(crate) fn new(transport: Weak<dyn Transport>, counters: Arc<Counters>) -> Self {
        Self {
            transport,
            counters,
            queue: Mutex::default(),
            expected: AtomicBool::new(false),
            driver: WakeFlag::default(),
        }
    }

    /// Wakes the driver, and is what the driver waits for.
    pub(crate) fn driver(&self) -> &WakeFlag {
        &self.driver
    }

    /// Sends a datagram, or sees to it that the driver does.
    ///
    /// # Errors
    ///
    /// What the socket says against it, `NotConnected` where there is no socket any more, and `WouldBlock` where as much
    /// waits as may.
    pub(crate) fn post(&self, datagram: Datagram<'_>, call: Option<MessageId>, leave: Leave) -> io::Result<()> {
        if leave == Leave::Alone {
            let transport = self.transport.upgrade().ok_or(io::ErrorKind::NotConnected)?;
            match transport.try_send(datagram) {
                Ok(()) => {
                    self.counters.add(Counter::DatagramsSent, 1);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let mut queue = self.lock();
        let max_len = if call.is_some() { Self::MAX_WAITING_REQUESTS_LEN } else { Self::MAX_WAITING_LEN };
        if queue.batch.byte_count() + datagram.contents.len() > max_len {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the socket and the queue before it are full"));
        }
        let Datagram { destination, source, contents } = datagram;
        queue.batch.write(destination, source, |out| copy::append(out, contents));
        queue.calls.push(call);
        drop(queue);
        if !self.expected.load(Ordering::Acquire) && !self.expected.swap(true, Ordering::AcqRel) {
            self.driver.raise();
        }
        Ok(())
    }

    /// Sends an answer, or sees to it that the driver does; one that can be sent neither now nor later is dropped and
    /// counted.
    pub(crate) fn post_answer(&self, datagram: Datagram<'_>, leave: Leave) {
        if let Err(error) = self.post(datagram, None, leave) {
            self.counters.dropped(match error.kind() {
                io::ErrorKind::WouldBlock => DropReason::SendQueueFull,
                _ => DropReason::SendFailed,
            });
        }
    }

    /// Sends answers that leave together, and sees to it that the driver sends those that the socket has no room for.
    pub(crate) fn send_answers(&self, transport: &dyn Transport, answers: &mut SendBatch) {
        let mut gone_count = 0;
        while gone_count < answers.len() {
            match transport.try_send_batch(answers, gone_count) {
                Ok(count) => {
                    self.counters.add(Counter::DatagramsSent, count as u64);
                    gone_count += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let rest = (gone_count..answers.len()).map(|index| answers.datagram(index));
                    rest.for_each(|datagram| self.post_answer(datagram, Leave::WithOthers));
                    break;
                }
                Err(_) => {
                    self.counters.dropped(DropReason::SendFailed);
                    gone_count += 1;
                }
            }
        }
        answers.clear();
    }

    /// Says that the driver will look again, after the tasks that it is about to wake.
    pub(crate) fn expect(&self) {
        self.expected.store(true, Ordering::Release);
    }

    /// Whether the driver should look.
    pub(crate) fn is_expected(&self) -> bool {
        self.expected.load(Ordering::Acquire)
    }

    /// Takes what waits, in exchange for an empty batch to put the next into.
    pub(crate) fn take(&self, departures: &mut Departures) {
        // What is posted from here on wakes the driver again.
        self.expected.store(false, Ordering::Release);
        std::mem::swap(&mut *self.lock(), departures);
    }

    /// Whether so much waits that it should not wait for more.
    pub(crate) fn has_enough(&self) -> bool {
        self.lock().batch.byte_count() >= Self::ENOUGH_LEN
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().batch.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Departures> {
        // No code of a user's runs while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Departures {
    /// How many calls an empty one keeps memory for: about as many as a batch does for datagrams.
    const KEPT_COUNT: usize = 4_096;

    pub(crate) fn clear(&mut self) {
        self.batch.clear();
        self.calls.clear();
        self.calls.shrink_to(Self::KEPT_COUNT);
    }
}

/// Where the driver of an endpoint has got to with what leaves.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    departures: Departures,
    gone_count: usize,
}

impl Leaving {
    /// Whether everything has left.
    pub(crate) fn is_done(&self) -> bool {
        self.gone_count == self.departures.batch.len()
    }

    /// Sends what is left, and what waits in the outbox after that. `blame` is told of each datagram that cannot be sent,
    /// by its call if it has one.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where the socket is full; the rest is sent by the next call.
    pub(crate) fn send(
        &mut self,
        outbox: &Outbox,
        transport: &dyn Transport,
        mut blame: impl FnMut(Option<MessageId>, io::Error),
    ) -> io::Result<()> {
        loop {
            if self.is_done() {
                self.departures.clear();
                self.gone_count = 0;
                outbox.take(&mut self.departures);
                if self.is_done() {
                    return Ok(());
                }
            }
            match transport.try_send_batch(&self.departures.batch, self.gone_count) {
                Ok(sent_count) => {
                    outbox.counters.add(Counter::DatagramsSent, sent_count as u64);
                    self.gone_count += sent_count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) => {
                    blame(self.departures.calls[self.gone_count], error);
                    self.gone_count += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
