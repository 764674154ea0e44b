use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use rpcudp_core::{Counter, DropReason, Frame, MessageId, Request, Seen};
use rpcudp_transport::{Bounced, Datagram, ReceiveBatch, Received, Transport};
use tokio::time::{Sleep, sleep};

use crate::Context;
use crate::answer::{AnswerWriter, Asked};
use crate::answer_batch::AnswerBatch;
use crate::incoming::Incoming;
use crate::outbox::{Letter, Posted};
use crate::reason::Reason;
use crate::router::Router;
use crate::service::Delivery;
use crate::shared::{Shared, now};
use crate::waiting::{Failed, Outcome};

/// The task behind an endpoint: receives, runs sync handlers, wakes those who wait, keeps time, and closes.
///
/// Nothing ends it but closing: not what arrives, not what the socket says.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    transport: Arc<dyn Transport>,
    router: Router,
    batch: ReceiveBatch,
    answers: AnswerBatch,
    /// The context of the request that is being handled; the endpoint's part of it is always the same.
    cx: Context,
    alarm: Pin<Box<Sleep>>,
    /// When to receive again after nothing but errors.
    receive_again: Option<Instant>,
    /// When to try the socket again that was full.
    send_again: Option<Instant>,
    /// When to stop handlers that have not finished, once the endpoint is closing.
    stop_handlers: Option<Instant>,
    /// The last to go: when it does, the services are dropped and the address is free.
    _announcement: Announcement,
}

impl Driver {
    /// How many batches are received before other tasks get their turn.
    const MAX_BATCHES: usize = 16;

    /// How long receiving pauses where it gives nothing but errors: too short to lose anything, long enough not to burn
    /// a core.
    const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(10);

    /// How long a full socket is left alone that says it is not full.
    const PAUSE_WHEN_FULL: Duration = Duration::from_millis(1);

    /// An alarm that does not matter.
    const FAR: Duration = Duration::from_secs(24 * 60 * 60);

    /// Must be called in the context of the runtime that will run it.
    pub(crate) fn new(shared: Arc<Shared>, transport: Arc<dyn Transport>, router: Router) -> Self {
        let nobody = Context {
            sender: shared.local_addr,
            local: None,
            id: MessageId::from_bytes([0; MessageId::LEN]),
            shared: Arc::clone(&shared),
        };
        Self {
            _announcement: Announcement(Arc::clone(&shared)),
            shared,
            transport,
            router,
            batch: ReceiveBatch::new(),
            answers: AnswerBatch::default(),
            cx: nobody,
            alarm: Box::pin(sleep(Self::FAR)),
            receive_again: None,
            send_again: None,
            stop_handlers: None,
        }
    }

    pub(crate) async fn run(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            while self.shared.lifecycle.poll_woken(cx).is_ready() {}
            self.poll_receive(cx);
            self.poll_send(cx);
            let next = self.tick();
            if self.poll_close() {
                return Poll::Ready(());
            }
            let next = [next, self.receive_again, self.send_again, self.stop_handlers].into_iter().flatten().min();
            let next = next.unwrap_or_else(|| now() + Self::FAR).into();
            if next < self.alarm.deadline() || self.alarm.is_elapsed() {
                self.alarm.as_mut().reset(next);
            }
            if self.alarm.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut TaskContext<'_>) {
        if self.receive_again.is_some_and(|again| now() < again) {
            return;
        }
        self.receive_again = None;
        let mut error_count = 0;
        for _ in 0..Self::MAX_BATCHES {
            match self.transport.poll_receive(cx, &mut self.batch) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => self.receive(),
                Poll::Ready(Err(error)) => {
                    // It may be about an earlier send to some peer. None of them is the end.
                    error_count += 1;
                    self.shared.counters.add(Counter::ReceiveErrors, 1);
                    tracing::debug!(%error, "receiving failed");
                }
            }
        }
        if error_count == Self::MAX_BATCHES {
            self.receive_again = Some(now() + Self::PAUSE_AFTER_ERROR);
        } else {
            cx.waker().wake_by_ref();
        }
    }

    fn receive(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        self.shared.counters.add(Counter::DatagramsReceived, batch.len() as u64);
        for received in batch.iter() {
            if let Err(reason) = self.datagram(&received) {
                self.shared.counters.dropped(reason);
            }
        }
        for bounced in batch.bounced() {
            self.bounced(&bounced);
        }
        self.batch = batch;
        self.answers.flush(&self.shared.outbox);
    }

    fn datagram(&mut self, received: &Received<'_>) -> Result<(), DropReason> {
        let calls = &self.shared.calls;
        match Frame::decode(received.contents, self.shared.config.dialect)? {
            Frame::Request(request) => self.request(&request, received),
            Frame::Response(response) => {
                calls.answer(&response.id, received.source, || Outcome::Answered(response.body.to_vec()))
            }
            Frame::Failure(failure) => calls.answer(&failure.id, received.source, || {
                Outcome::Failed(Failed {
                    code: failure.code,
                    message: failure.message.into(),
                    detail: failure.detail.map(<[u8]>::to_vec),
                })
            }),
        }
    }

    /// Ends the call whose request came back. A message that does not quote the call's id might be anybody's.
    fn bounced(&self, bounced: &Bounced<'_>) {
        self.shared.counters.add(Counter::DatagramsBounced, 1);
        if let Some(id) = Request::quoted_id(bounced.contents, self.shared.config.dialect) {
            // One that no call waits for is counted already.
            let _ = self.shared.calls.answer(&id, bounced.destination, || Outcome::Unreachable);
        }
    }

    fn request(&mut self, request: &Request<'_>, received: &Received<'_>) -> Result<(), DropReason> {
        let Self { shared, router, answers, cx, .. } = self;
        shared.counters.add(Counter::RequestsReceived, 1);
        if shared.lifecycle.is_closing() {
            return Err(DropReason::Closing);
        }
        (cx.sender, cx.local, cx.id) = (received.source, received.local, request.id);
        let cx = &*cx;
        let len = received.contents.len();
        let Some(route) = router.find(request.method) else {
            let asked = Asked { cx, method: request.method, len, oneway: false };
            answers.write(cx, |out| AnswerWriter::new(out, asked).refuse(&Reason::Unknown));
            return Ok(());
        };
        if route.delivery == Delivery::AtMostOnce {
            match shared.replies().begin(now(), cx.sender, cx.id) {
                Seen::Never => {}
                Seen::Running | Seen::Answered(b"") => return Err(DropReason::DuplicateRequest),
                Seen::Answered(reply) => {
                    shared.counters.add(Counter::RequestsReplayed, 1);
                    answers.write(cx, |out| out.extend_from_slice(reply));
                    return Ok(());
                }
            }
        }
        let (method, delivery, arguments) = (route.name, route.delivery, request.arguments);
        router.call(route, Incoming { cx, method, delivery, arguments, len, answers });
        Ok(())
    }

    /// Sends what has waited for the socket.
    fn poll_send(&mut self, cx: &mut TaskContext<'_>) {
        if self.send_again.is_some_and(|again| now() < again) {
            return;
        }
        self.send_again = None;
        let outbox = &self.shared.outbox;
        while let Some(letter) = outbox.next() {
            // Nobody waits for the answer to a call that has ended meanwhile.
            if letter.call.is_some_and(|id| !self.shared.calls.waits(&id)) {
                continue;
            }
            let Letter { destination, source, call, .. } = letter;
            match self.transport.try_send(Datagram { destination, source, contents: &letter.contents }) {
                Ok(()) => self.shared.counters.add(Counter::DatagramsSent, 1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    outbox.put_back(letter);
                    if self.transport.poll_writable(cx).is_ready() {
                        // It may say so when it is not: after an error, tokio takes a socket for writable for good.
                        self.send_again = Some(now() + Self::PAUSE_WHEN_FULL);
                    }
                    return;
                }
                Err(error) => match call {
                    Some(id) => self.shared.calls.unsendable(&id, error),
                    None => self.shared.counters.dropped(DropReason::SendFailed),
                },
            }
        }
    }

    /// Does what time calls for, and says when to come back.
    fn tick(&mut self) -> Option<Instant> {
        let tick = self.shared.calls.tick(now());
        for (id, destination, contents) in tick.resends {
            let datagram = Datagram { destination, source: None, contents: &contents };
            self.shared.counters.add(Counter::CallsResent, 1);
            // One that fails now may succeed the next time; the timeout ends the call if none does.
            if let Ok(Posted::Queued) = self.shared.outbox.post(datagram, Some(id)) {
                self.shared.lifecycle.wake_driver();
            }
        }
        tick.next
    }

    /// Whether the endpoint is closed now.
    fn poll_close(&mut self) -> bool {
        let Shared { lifecycle, handlers, outbox, .. } = &*self.shared;
        if let Some(grace) = lifecycle.take_grace() {
            let stop = now().checked_add(grace).unwrap_or_else(|| now() + Self::FAR);
            self.stop_handlers = Some(self.stop_handlers.map_or(stop, |earlier| earlier.min(stop)));
        }
        let Some(stop) = self.stop_handlers else { return false };
        (handlers.running() == 0 && outbox.is_empty()) || now() >= stop
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

/// Tells those who wait for the end.
struct Announcement(Arc<Shared>);

impl Drop for Announcement {
    fn drop(&mut self) {
        self.0.lifecycle.set_closed();
    }
}
