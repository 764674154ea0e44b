//! The task behind a socket.

mod closing;
pub(crate) mod dispatch;
mod due_calls;
#[cfg(feature = "secure")]
mod known_link;
#[cfg(feature = "secure")]
mod link_cancel;
#[cfg(feature = "secure")]
mod link_commands;
#[cfg(feature = "secure")]
mod link_driver;
#[cfg(not(feature = "secure"))]
#[path = "no_link_driver.rs"]
mod link_driver;
#[cfg(feature = "secure")]
mod link_ends;
#[cfg(feature = "secure")]
mod link_events;
#[cfg(feature = "secure")]
mod link_frames;
#[cfg(feature = "secure")]
mod link_streams;
#[cfg(feature = "secure")]
mod open_stream;
#[cfg(feature = "secure")]
mod recent_links;
pub(crate) mod shared_driver;
pub(crate) mod source_batch;
pub(crate) mod timer;
#[cfg(feature = "secure")]
mod transfers;
mod undeclared_request;
pub(crate) mod wake_chain;
mod warnings;
pub(crate) mod watchdog;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rpcudp_core::{Counter, DropReason};
use rpcudp_transport::{ReceiveBatch, Transport};
use tokio::task::yield_now;

use self::dispatch::Dispatch;
use self::due_calls::handle_due_calls;
use self::link_driver::LinkDriver;
use self::timer::Timer;
use self::wake_chain::{Step, WakeChain};
use crate::clock::now;
use crate::endpoint::send_queue::flush::Flush;
use crate::endpoint::send_queue::{SendMode, SendQueue};
use crate::endpoint::send_queues::SendQueues;
use crate::endpoint::shared::Shared;
use crate::server::services::Services;

/// The driver of a socket: receives, runs sync handlers, wakes callers, flushes the send queue, and
/// closes. The first driver of an endpoint also handles retransmissions and timeouts.
///
/// Only closing the endpoint ends it: no datagram and no error of the socket does.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    /// The index of the socket in the endpoint.
    socket: usize,
    /// Declared before the transport, so that the services are dropped before the address is free.
    dispatch: Dispatch,
    /// The links, if the endpoint has an identity.
    links: Option<Box<LinkDriver>>,
    transport: Arc<dyn Transport>,
    batch: ReceiveBatch,
    wake_chain: WakeChain,
    flush: Flush,
    /// Whether to flush when all runnable tasks have run, because they may queue datagrams too.
    flushes_later: bool,
    /// The waker of the driver's own task.
    waker: Waker,
    timer: Timer,
    /// The time at which a call becomes due.
    next_tick: Option<Instant>,
    /// Whether more calls are due than one tick handles.
    ticks_again: bool,
    /// Whether calls are due that are handled after the runtime has looked at the socket.
    ticks_after_yield: bool,
    /// The time to receive again, after receiving failed too often.
    receive_again: Option<Instant>,
    /// Whether the socket was full at the last attempt to send.
    is_full: bool,
    /// The time to send again to a socket that was full.
    send_again: Option<Instant>,
    /// The time at which a closing endpoint aborts its handlers, or stops waiting for them.
    closes_at: Option<Instant>,
    /// The time to abort handlers that have run too long.
    expires_at: Option<Instant>,
}

impl Driver {
    /// Datagrams to receive before other tasks run, because each may wake a task or spawn one. A
    /// batch is always finished.
    const MAX_DATAGRAMS: usize = WakeChain::PORTION;

    /// Datagrams to receive before other tasks run, if those are woken one after another.
    const MAX_CHAINED_DATAGRAMS: usize = 1_024;

    /// Consecutive errors after which receiving pauses.
    const MAX_ERRORS: usize = 16;

    /// The pause of receiving after errors: too short to lose datagrams, long enough to spare the
    /// core.
    const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

    /// The pause of sending if a full socket reports that it has room.
    const PAUSE_WHEN_FULL: Duration = Duration::from_millis(1);

    /// Lateness of due calls above which the process must have been paused.
    const MAX_LATENESS: Duration = Duration::from_millis(5);

    /// Checks for handlers that have run too long, within the time that they may run.
    const CHECKS_PER_HANDLER_TIMEOUT: u32 = 4;

    /// The shortest interval between these checks, each of which wakes all handlers.
    const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(10);

    /// Must be called in the context of the runtime that will run the driver.
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: usize,
        transport: Arc<dyn Transport>,
        services: Arc<Services>,
        timer: Timer,
    ) -> Self {
        Self {
            dispatch: Dispatch::new(Arc::clone(&shared), socket, services),
            links: LinkDriver::new(&shared, socket),
            wake_chain: WakeChain::new(&shared.runtime, shared.send_queues.len()),
            shared,
            socket,
            transport,
            batch: ReceiveBatch::new(),
            flush: Flush::default(),
            flushes_later: false,
            waker: Waker::noop().clone(),
            timer,
            next_tick: None,
            ticks_again: false,
            ticks_after_yield: false,
            receive_again: None,
            is_full: false,
            send_again: None,
            closes_at: None,
            expires_at: None,
        }
    }

    pub(crate) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let has_yielded = std::mem::take(&mut self.ticks_after_yield);
        let mut timer_fired = has_yielded;
        if !cx.waker().will_wake(&self.waker) {
            self.waker.clone_from(cx.waker());
            self.send_queue().driver().register(cx.waker().clone());
            self.timer.unregister();
        }
        if self.poll_wake_chain(cx).is_pending() {
            return Poll::Pending;
        }
        if self.links.as_mut().is_some_and(|links| links.end_await()) {
            self.send_commands(cx);
        }
        loop {
            let was_flagged = self.send_queue().driver().take();
            if was_flagged {
                self.dispatch.update_router();
            }
            if std::mem::take(&mut self.flushes_later) || !self.flush.is_done() {
                self.poll_send(cx);
            }
            self.poll_receive(cx);
            if !has_yielded && self.links.as_ref().is_some_and(|links| links.is_late(Self::MAX_LATENESS)) {
                return self.yield_after_pause(cx);
            }
            self.poll_links(cx);
            // Calls become due only when the timer fires, or earlier if a new call has set the
            // flag.
            let is_timekeeper = self.socket == SendQueues::TIMEKEEPER;
            if is_timekeeper && (was_flagged || timer_fired || std::mem::take(&mut self.ticks_again)) {
                if self.is_late() && !has_yielded {
                    return self.yield_after_pause(cx);
                }
                self.tick(cx);
            }
            if timer_fired {
                self.dispatch.expire_responses();
            }
            if self.flush.is_done() && self.send_queue().is_flush_pending() {
                self.flushes_later = true;
                if !self.wake_chain.is_active() {
                    cx.waker().wake_by_ref();
                }
            }
            if !self.wake_chain.is_active() && self.links.as_ref().is_some_and(|links| links.awaits_commands()) {
                cx.waker().wake_by_ref();
            }
            self.poll_expired(timer_fired);
            let Poll::Pending = self.poll_closed() else { return Poll::Ready(()) };
            let pauses = earlier(self.receive_again, self.send_again);
            let pauses = earlier(pauses, self.send_queue().cork_end());
            let work = earlier(self.next_tick, self.dispatch.next_expiry());
            let work = earlier(work, self.links.as_ref().and_then(|links| links.deadline()));
            let ends = earlier(self.closes_at, self.expires_at);
            let next = earlier(earlier(work, self.wake_chain.deadline()), earlier(ends, pauses));
            if self.timer.poll(next, cx).is_pending() {
                if self.wake_chain.is_active() {
                    self.wake_chain.end_step(cx);
                }
                return Poll::Pending;
            }
            timer_fired = true;
        }
    }

    /// Lets the runtime look at the socket. After a pause of the process, it fires timers before,
    /// and responses that have arrived in time must be received before their calls and links end.
    fn yield_after_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.ticks_after_yield = true;
        let _ = pin!(yield_now()).poll(cx);
        Poll::Pending
    }

    fn send_queue(&self) -> &SendQueue {
        self.shared.send_queues.at(self.socket)
    }

    /// Takes a step in the chain of wake-ups. Pending while tasks of the chain must run before the
    /// driver goes on.
    fn poll_wake_chain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.wake_chain.is_active() && self.flush.is_done() && self.send_queue().has_flush_len() {
            self.poll_send(cx);
            // The other tasks of the chain have not run yet.
            self.send_queue().expect_flush();
        }
        if self.wake_chain.is_active() && self.links.as_ref().is_some_and(|links| links.has_flush_len()) {
            self.send_commands(cx);
        }
        match self.wake_chain.step(&self.shared.calls, &self.waker) {
            Step::Woken => {
                // Work for which the timer has fired is done after the chain. The timer must fire
                // again if the chain stalls.
                while self.timer.is_off() && self.timer.poll(self.wake_chain.deadline(), cx).is_ready() {}
                self.wake_chain.end_step(cx);
            }
            Step::Portion => {
                // The portion before has run.
                if self.flush.is_done() && self.send_queue().is_flush_pending() {
                    self.poll_send(cx);
                    self.send_queue().expect_flush();
                }
                self.send_commands(cx);
                cx.waker().wake_by_ref();
            }
            Step::Done => return Poll::Ready(()),
        }
        Poll::Pending
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) {
        if self.receive_again.is_some_and(|again| now() < again) {
            return;
        }
        self.receive_again = None;
        let (mut received_count, mut error_count) = (0, 0);
        while !self.wake_chain.is_behind() && received_count < self.max_datagrams() && error_count < Self::MAX_ERRORS {
            match self.transport.poll_receive(cx, &mut self.batch) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {
                    received_count += (self.batch.len() + self.batch.unreachable().count()).max(1);
                    self.handle_batch();
                    // No call is waiting for another datagram, so skip the extra system call.
                    if self.dispatch.is_idle() && self.transport.poll_arrival(cx).is_pending() {
                        return;
                    }
                }
                Poll::Ready(Err(error)) => {
                    // The error may be about an earlier send to some peer, and never ends the
                    // endpoint.
                    error_count += 1;
                    self.shared.counters.add(Counter::ReceiveErrors, 1);
                    tracing::debug!(target: "rpcudp", %error, "receiving failed");
                }
            }
        }
        if received_count == 0 && error_count > 0 {
            self.receive_again = Some(now() + Self::PAUSE_AFTER_ERROR);
        } else {
            cx.waker().wake_by_ref();
        }
    }

    fn max_datagrams(&self) -> usize {
        if self.wake_chain.is_active() { Self::MAX_CHAINED_DATAGRAMS } else { Self::MAX_DATAGRAMS }
    }

    /// Handles the received batch, and wakes the tasks of the calls that it completed.
    fn handle_batch(&mut self) {
        self.dispatch.handle(&self.batch, &*self.transport);
        if let Some(links) = &mut self.links
            && links.receive(&self.batch)
        {
            links.work(&mut self.dispatch);
        }
        self.wake_completed();
    }

    /// Wakes the tasks of the completed calls.
    fn wake_completed(&mut self) {
        let completed = self.dispatch.completed();
        if completed.len() > 1 {
            // Several tasks are about to run, and their next requests can leave together.
            self.shared.send_queues.at(self.socket).expect_flush();
            if let Some(links) = &mut self.links {
                links.await_commands();
            }
        }
        self.wake_chain.wake(completed, &self.shared.calls, &self.waker);
    }

    /// Executes the commands for links, does the work of their timers, and sends their datagrams.
    fn poll_links(&mut self, cx: &mut Context<'_>) {
        let Some(links) = &mut self.links else { return };
        let has_work = links.has_work();
        if has_work {
            links.work(&mut self.dispatch);
        }
        // Acknowledgements leave with the next requests of the tasks that are about to run.
        if links.has_output() && !links.awaits_commands() {
            self.send_links(cx);
        }
        if has_work {
            self.wake_completed();
        }
    }

    /// Executes the commands for links that tasks have queued so far, and sends. Not after a pause
    /// of the process, because datagrams that have arrived must be received before links end.
    fn send_commands(&mut self, cx: &mut Context<'_>) {
        if self.links.as_ref().is_some_and(|links| !links.is_late(Self::MAX_LATENESS)) {
            self.poll_links(cx);
            self.send_links(cx);
        }
    }

    /// Sends the datagrams of the links.
    fn send_links(&mut self, cx: &mut Context<'_>) {
        let was_full = self.is_full;
        if !self.has_room(cx) {
            return;
        }
        let Some(links) = &mut self.links else { return };
        let is_full = links.send(&*self.transport);
        let has_events = links.has_events();
        self.note_full(is_full, cx);
        // The send queue waited for the same room.
        if has_events || (was_full && !self.flush.is_done()) {
            cx.waker().wake_by_ref();
        }
    }

    /// Flushes the send queue.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        if !self.has_room(cx) {
            return;
        }
        let shared = &*self.shared;
        let queue = shared.send_queues.at(self.socket);
        let last_responder = || shared.calls.last_responder();
        let sent = self.flush.send(queue, &*self.transport, last_responder, |call, error| match call {
            Some(key) => shared.calls.record_send_error(&key, error),
            None => shared.counters.dropped(DropReason::SendFailed),
        });
        self.note_full(sent.is_err(), cx);
    }

    /// Returns whether the socket was not full at the last attempt to send, or may have room again.
    fn has_room(&mut self, cx: &mut Context<'_>) -> bool {
        if self.send_again.is_some_and(|again| now() < again) {
            return false;
        }
        self.send_again = None;
        // Polling a full socket that has room again also ends the transport's watch for room.
        !self.is_full || self.transport.poll_writable(cx).is_ready()
    }

    /// Notes whether the socket was full at an attempt to send.
    fn note_full(&mut self, is_full: bool, cx: &mut Context<'_>) {
        self.is_full = is_full;
        if self.is_full && self.transport.poll_writable(cx).is_ready() {
            // After an error, tokio reports a full socket as writable. Pause instead of spinning.
            self.send_again = Some(now() + Self::PAUSE_WHEN_FULL);
        }
    }

    /// Returns whether calls have been due for so long that the process must have been paused.
    fn is_late(&self) -> bool {
        self.shared.calls.next_tick().is_some_and(|next| now() >= next + Self::MAX_LATENESS)
    }

    /// Handles the calls that are due, and notes when the next are.
    fn tick(&mut self, cx: &Context<'_>) {
        let now = now();
        let next_tick = handle_due_calls(&self.shared, now, SendMode::Batched);
        self.next_tick = next_tick.filter(|next| *next > now);
        if next_tick != self.next_tick {
            self.ticks_again = true;
            cx.waker().wake_by_ref();
        }
    }

    /// Aborts handlers that have run too long. Checks all of them, a few times within the time that
    /// each may run, so that none needs a timer.
    fn poll_expired(&mut self, timer_fired: bool) {
        if timer_fired && self.expires_at.is_some_and(|at| now() >= at) {
            self.shared.handlers.abort_expired();
            self.expires_at = None;
        }
        if self.expires_at.is_none() && self.shared.handlers.has_limited() {
            let interval = self.shared.config.handler_timeout / Self::CHECKS_PER_HANDLER_TIMEOUT;
            self.expires_at = now().checked_add(interval.max(Self::MIN_CHECK_INTERVAL));
        }
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
