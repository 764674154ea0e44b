pub(crate) mod dispatch;
pub(crate) mod source_batch;
pub(crate) mod timer;
pub(crate) mod wake_chain;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rpcudp_core::{Counter, DropReason};
use rpcudp_transport::{Datagram, ReceiveBatch, Transport};

use crate::driver::dispatch::Dispatch;
use crate::driver::timer::Alarm;
use crate::driver::wake_chain::{Relay, Turn};
use crate::endpoint::send_queue::{Leave, Leaving, Outbox};
use crate::endpoint::send_queues::Outboxes;
use crate::endpoint::shared::{Shared, now};
use crate::server::router::Router;

/// The task behind a socket of an endpoint: receives, runs sync handlers, wakes those who wait, sends what leaves together, keeps
/// time, and closes.
///
/// Nothing ends it but closing: not what arrives, not what the socket says.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    /// Which of the endpoint's sockets it drives.
    socket: usize,
    /// Before the transport: when that is gone, the services are too.
    dispatch: Dispatch,
    transport: Arc<dyn Transport>,
    batch: ReceiveBatch,
    relay: Relay,
    leaving: Leaving,
    /// Whether to send when all tasks that can run have run: they may have something to send as well.
    sends_later: bool,
    /// The task that runs this.
    waker: Waker,
    alarm: Alarm,
    /// When something becomes due in the table of calls.
    next_tick: Option<Instant>,
    /// Whether more has become due than is looked after at once.
    ticks_again: bool,
    /// When to receive again after nothing but errors.
    receive_again: Option<Instant>,
    /// Whether the socket was full when it was tried last.
    is_full: bool,
    /// When to try the socket again that was full.
    send_again: Option<Instant>,
    /// When a closing endpoint is closed at the latest, or its handlers are to be stopped.
    closes_at: Option<Instant>,
}

impl Driver {
    /// How many datagrams are received before other tasks get their turn; a batch is finished in any case.
    const MAX_DATAGRAMS: usize = 1_024;

    /// How many errors in a row make receiving pause.
    const MAX_ERRORS: usize = 16;

    /// How long receiving pauses where it gives nothing but errors: too short to lose anything, long enough not to burn
    /// a core.
    const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

    /// How long a full socket is left alone that says it is not full.
    const PAUSE_WHEN_FULL: Duration = Duration::from_millis(1);

    /// How long is waited for handlers that were told to stop: one that blocks its thread does not hear it.
    const MAX_ABORT: Duration = Duration::from_secs(1);

    /// Must be called in the context of the runtime that will run it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        socket: usize,
        transport: Arc<dyn Transport>,
        router: Arc<Router>,
        alarm: Alarm,
    ) -> Self {
        Self {
            dispatch: Dispatch::new(Arc::clone(&shared), socket, router),
            relay: Relay::new(&shared.runtime, shared.outboxes.len()),
            shared,
            socket,
            transport,
            batch: ReceiveBatch::new(),
            leaving: Leaving::default(),
            sends_later: false,
            waker: Waker::noop().clone(),
            alarm,
            next_tick: None,
            ticks_again: false,
            receive_again: None,
            is_full: false,
            send_again: None,
            closes_at: None,
        }
    }

    pub(crate) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut is_due = false;
        if !cx.waker().will_wake(&self.waker) {
            self.waker.clone_from(cx.waker());
            self.outbox().driver().wakes(cx.waker().clone());
            self.alarm.unset();
        }
        if self.poll_relay(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            let was_called = self.outbox().driver().lower();
            if std::mem::take(&mut self.sends_later) || !self.leaving.is_done() {
                self.poll_send(cx);
            }
            self.poll_receive(cx);
            // Nothing has become due without the alarm, and nothing is due earlier than it without a call.
            let keeps_time = self.socket == Outboxes::TIMEKEEPER;
            if keeps_time && (was_called || is_due || std::mem::take(&mut self.ticks_again)) {
                self.tick(cx);
            }
            if self.leaving.is_done() && self.outbox().is_expected() {
                self.sends_later = true;
                if !self.relay.goes_on() {
                    cx.waker().wake_by_ref();
                }
            }
            let Poll::Pending = self.poll_closed() else { return Poll::Ready(()) };
            let pauses = earlier(self.receive_again, self.send_again);
            let next = earlier(earlier(self.next_tick, self.relay.deadline()), earlier(self.closes_at, pauses));
            if self.alarm.poll(next, cx).is_pending() {
                if self.relay.goes_on() {
                    self.relay.end_turn(cx);
                }
                return Poll::Pending;
            }
            is_due = true;
        }
    }

    fn outbox(&self) -> &Outbox {
        self.shared.outboxes.at(self.socket)
    }

    /// Pending while tasks are still to be woken, or to run before what they send can leave.
    fn poll_relay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.relay.goes_on() && self.leaving.is_done() && self.outbox().has_enough() {
            self.poll_send(cx);
            // The others still come.
            self.outbox().expect();
        }
        match self.relay.turn(&self.shared.calls, &self.waker) {
            Turn::Passed => {
                // What it has rung for is seen to after the relay, and it is to ring again if that comes to a halt.
                while self.alarm.is_off() && self.alarm.poll(self.relay.deadline(), cx).is_ready() {}
                self.relay.end_turn(cx);
            }
            Turn::Released => cx.waker().wake_by_ref(),
            Turn::Over => return Poll::Ready(()),
        }
        Poll::Pending
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) {
        if self.receive_again.is_some_and(|again| now() < again) {
            return;
        }
        self.receive_again = None;
        let (mut received_count, mut error_count) = (0, 0);
        while received_count < Self::MAX_DATAGRAMS && error_count < Self::MAX_ERRORS {
            match self.transport.poll_receive(cx, &mut self.batch) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {
                    received_count += self.batch.len().max(1);
                    self.handle();
                    // What else may have come is nothing that anybody waits for, and can be looked at when more comes.
                    if self.dispatch.is_content() && self.transport.poll_arrival(cx).is_pending() {
                        return;
                    }
                }
                Poll::Ready(Err(error)) => {
                    // It may be about an earlier send to some peer. None of them is the end.
                    error_count += 1;
                    self.shared.counters.add(Counter::ReceiveErrors, 1);
                    tracing::debug!(target: "rpcudp", %error, "receiving failed");
                }
            }
        }
        if received_count == 0 {
            self.receive_again = Some(now() + Self::PAUSE_AFTER_ERROR);
        } else {
            cx.waker().wake_by_ref();
        }
    }

    /// Handles what has arrived, and wakes those that it was waited for by.
    fn handle(&mut self) {
        self.dispatch.batch(&self.batch, &*self.transport);
        let ended = self.dispatch.ended();
        if ended.len() > 1 {
            // Several tasks are going to run, and what they send can leave together.
            self.shared.outboxes.at(self.socket).expect();
        }
        self.relay.wake(ended, &self.shared.calls, &self.waker);
    }

    /// Sends what leaves together, and what has waited for the socket.
    fn poll_send(&mut self, cx: &mut Context<'_>) {
        if self.send_again.is_some_and(|again| now() < again) {
            return;
        }
        self.send_again = None;
        // The transport learns by this that nobody waits any longer.
        if self.is_full && self.transport.poll_writable(cx).is_pending() {
            return;
        }
        let shared = &*self.shared;
        let sent = self.leaving.send(shared.outboxes.at(self.socket), &*self.transport, |call, error| match call {
            Some(id) => shared.calls.unsendable(&id, error),
            None => shared.counters.dropped(DropReason::SendFailed),
        });
        self.is_full = sent.is_err();
        if self.is_full && self.transport.poll_writable(cx).is_ready() {
            // It may say so when it is not: after an error, tokio takes a socket for writable for good.
            self.send_again = Some(now() + Self::PAUSE_WHEN_FULL);
        }
    }

    /// Does what time calls for, and notes when to come back.
    fn tick(&mut self, cx: &Context<'_>) {
        let now = now();
        let tick = self.shared.calls.tick(now);
        for (id, destination, contents) in tick.resends {
            let datagram = Datagram { destination, source: None, contents: &contents };
            self.shared.counters.add(Counter::CallsRetransmitted, 1);
            // One that fails now may succeed the next time; the timeout ends the call if none does.
            let _ = self.shared.outboxes.to(destination).post(datagram, Some(id), Leave::WithOthers);
        }
        self.next_tick = tick.next.filter(|next| *next > now);
        if tick.next != self.next_tick {
            self.ticks_again = true;
            cx.waker().wake_by_ref();
        }
    }

    /// Whether nothing keeps a closing endpoint from being closed.
    fn poll_closed(&mut self) -> Poll<()> {
        let Shared { lifecycle, handlers, .. } = &*self.shared;
        let Some(stop) = lifecycle.stop_handlers() else { return Poll::Pending };
        let is_idle = handlers.running() == 0;
        let now = now();
        let is_over = if now < stop {
            self.closes_at = Some(stop);
            is_idle && self.leaving.is_done() && self.outbox().is_empty()
        } else {
            handlers.abort();
            let last = stop + Self::MAX_ABORT;
            self.closes_at = Some(last);
            is_idle || now >= last
        };
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Driver {
    /// However it ends, and be it because its runtime does: nobody is left waiting.
    fn drop(&mut self) {
        let Shared { lifecycle, handlers, calls, .. } = &*self.shared;
        lifecycle.set_closing();
        handlers.abort();
        calls.close();
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}
