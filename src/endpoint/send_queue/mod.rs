mod cork_end;
pub(crate) mod flush;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;
use std::{io, mem};

use rpcudp_core::{Counter, Counters, DropReason, MessageId, copy};
use rpcudp_transport::{Datagram, SendBatch, Transport};

use self::cork_end::CorkEnd;
use crate::lock::Lock;
use crate::wake_flag::WakeFlag;

/// The send queue of one socket. A datagram is sent at once, or queued until others leave with it
/// or the socket has room.
#[derive(Debug)]
pub(crate) struct SendQueue {
    /// Owned by the driver, so that the address is free when the driver has ended, even if handles
    /// are left.
    transport: Weak<dyn Transport>,
    counters: Arc<Counters>,
    queue: Lock<QueuedBatch>,
    /// Whether the driver is going to flush the queue, so that it need not be woken for that.
    is_flush_pending: AtomicBool,
    /// The end of the cork that holds back the datagrams. The end of one cork ends all, because
    /// they only save system calls.
    cork_end: CorkEnd,
    /// Whether datagrams are queued that a cork has released, so that another holds back none.
    is_released: AtomicBool,
    driver: Arc<WakeFlag>,
}

/// Datagrams that leave together.
#[derive(Debug, Default)]
pub(crate) struct QueuedBatch {
    datagrams: SendBatch,
    /// The call of each datagram. `None` for responses and oneway requests.
    calls: Vec<Option<MessageId>>,
    /// Memory for the calls in another order.
    spare_calls: Vec<Option<MessageId>>,
}

/// The time at which a datagram leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendMode {
    /// Now, if the socket has room.
    Immediate,
    /// Together with datagrams that other tasks are about to queue: when all runnable tasks have
    /// run.
    Batched,
}

impl SendQueue {
    /// Bytes that are collected before a flush even if more may be queued. Larger batches gain
    /// little and leave the processor's caches.
    pub(crate) const FLUSH_LEN: usize = 1 << 17;

    /// Bytes of responses and oneway requests that may be queued: a default send buffer, once more.
    const MAX_RESPONSES_LEN: usize = 4 << 20;

    /// Bytes that may be queued if the datagram to queue is a request. Many calls may begin at
    /// once. If the socket stays full for longer than their timeout, later calls take their place.
    const MAX_REQUESTS_LEN: usize = 256 << 20;

    pub(crate) fn new(transport: Weak<dyn Transport>, counters: Arc<Counters>) -> Self {
        Self {
            transport,
            counters,
            queue: Lock::default(),
            is_flush_pending: AtomicBool::new(false),
            cork_end: CorkEnd::new(),
            is_released: AtomicBool::new(false),
            driver: Arc::default(),
        }
    }

    /// Returns the flag that wakes the driver.
    pub(crate) fn driver(&self) -> &Arc<WakeFlag> {
        &self.driver
    }

    /// Sends a datagram, or queues it for the driver.
    ///
    /// # Errors
    ///
    /// The socket's error; `NotConnected` if the socket is gone; `WouldBlock` if the queue is full.
    pub(crate) fn send(&self, datagram: Datagram<'_>, call: Option<MessageId>, mode: SendMode) -> io::Result<()> {
        if mode == SendMode::Immediate {
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
        let mut queue = self.queue.lock();
        let max_len = if call.is_some() { Self::MAX_REQUESTS_LEN } else { Self::MAX_RESPONSES_LEN };
        if queue.datagrams.byte_count() + datagram.contents.len() > max_len {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "the socket and its send queue are full"));
        }
        let Datagram { destination, source, contents } = datagram;
        queue.datagrams.write(destination, source, |out| copy::append(out, contents));
        queue.calls.push(call);
        drop(queue);
        if !self.is_flush_pending.load(Ordering::Acquire) && !self.is_flush_pending.swap(true, Ordering::AcqRel) {
            self.driver.set();
        }
        Ok(())
    }

    /// Sends a response, or queues it for the driver. A response that can be neither sent nor
    /// queued is dropped and counted.
    pub(crate) fn send_response(&self, datagram: Datagram<'_>, mode: SendMode) {
        if let Err(error) = self.send(datagram, None, mode) {
            self.counters.dropped(match error.kind() {
                io::ErrorKind::WouldBlock => DropReason::SendQueueFull,
                _ => DropReason::SendFailed,
            });
        }
    }

    /// Sends a batch of responses and clears it. Responses for which the socket has no room are
    /// queued.
    pub(crate) fn send_responses(&self, transport: &dyn Transport, responses: &mut SendBatch) {
        if transport.gathers() {
            responses.gather();
        }
        let mut sent_count = 0;
        while sent_count < responses.len() {
            match transport.try_send_batch(responses, sent_count) {
                Ok(count) => {
                    self.counters.add(Counter::DatagramsSent, count as u64);
                    sent_count += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let rest = (sent_count..responses.len()).map(|index| responses.datagram(index));
                    rest.for_each(|datagram| self.send_response(datagram, SendMode::Batched));
                    break;
                }
                Err(_) => {
                    self.counters.dropped(DropReason::SendFailed);
                    sent_count += 1;
                }
            }
        }
        responses.clear();
    }

    /// Sends a batch of oneway requests from another task than the driver's, and clears it.
    pub(crate) fn send_batch(&self, requests: &mut SendBatch) {
        if let Some(transport) = self.transport.upgrade() {
            self.send_responses(&*transport, requests);
        }
    }

    /// Announces that the driver will flush after the tasks that it is about to wake.
    pub(crate) fn expect_flush(&self) {
        self.is_flush_pending.store(true, Ordering::Release);
    }

    /// Returns whether the driver should flush.
    pub(crate) fn is_flush_pending(&self) -> bool {
        self.is_flush_pending.load(Ordering::Acquire)
            && (self.cork_end().is_none() || self.is_released.load(Ordering::Acquire))
    }

    /// Returns the time at which the driver must flush although a cork holds back datagrams.
    pub(crate) fn cork_end(&self) -> Option<Instant> {
        self.cork_end.get()
    }

    /// Holds back the datagrams that are queued from now on. The first of them wakes the driver,
    /// which sets its timer to the end of the cork.
    pub(crate) fn cork(&self) {
        self.cork_end.set();
    }

    /// Has the driver send the datagrams that were held back, and holds back the next ones.
    pub(crate) fn flush_corked(&self) {
        self.cork_end.set();
        self.release();
    }

    /// Has the driver send the datagrams that were held back.
    pub(crate) fn uncork(&self) {
        self.cork_end.clear();
        // A datagram that is queued from here on wakes the driver again.
        self.is_flush_pending.store(false, Ordering::Release);
        self.release();
    }

    fn release(&self) {
        if !self.is_empty() {
            self.is_released.store(true, Ordering::Release);
            self.is_flush_pending.store(true, Ordering::Release);
            self.driver.set();
        }
    }

    /// Returns whether enough is queued to flush without waiting for more.
    pub(crate) fn has_flush_len(&self) -> bool {
        self.queue.lock().datagrams.byte_count() >= Self::FLUSH_LEN
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.lock().datagrams.is_empty()
    }

    /// Exchanges the queued batch for an empty one.
    fn take(&self, batch: &mut QueuedBatch) {
        // A datagram that is queued from here on wakes the driver again, unless the end of a cork
        // does, for which the driver has set its timer.
        self.is_flush_pending.store(self.cork_end().is_some(), Ordering::Release);
        if self.is_released.load(Ordering::Relaxed) {
            self.is_released.store(false, Ordering::Relaxed);
        }
        mem::swap(&mut *self.queue.lock(), batch);
    }
}

impl QueuedBatch {
    /// Calls for which an empty batch keeps memory: about as many as `SendBatch` keeps for
    /// datagrams.
    const KEPT_COUNT: usize = 4_096;

    /// Moves the datagrams of each peer together. Keeps sends short to a peer that may not be
    /// there: one that is not the last responder.
    fn gather(&mut self, last_responder: impl Fn() -> Option<SocketAddr>) {
        if self.datagrams.len() > 1 && self.datagrams.has_one_path() {
            if last_responder() != Some(self.datagrams.datagram(0).destination) {
                self.datagrams.keep_ids_quoted();
            }
            return;
        }
        if let Some(former) = self.datagrams.gather() {
            self.spare_calls.clear();
            self.spare_calls.extend(former.map(|index| self.calls[index]));
            mem::swap(&mut self.calls, &mut self.spare_calls);
        }
    }

    fn clear(&mut self) {
        self.datagrams.clear();
        for calls in [&mut self.calls, &mut self.spare_calls] {
            calls.clear();
            calls.shrink_to(Self::KEPT_COUNT);
        }
    }
}

#[cfg(test)]
mod tests;
