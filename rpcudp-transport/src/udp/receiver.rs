//! Receives batches, in the mode that fits the traffic.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta};
use tokio::task::coop::consume_budget;

use super::bound_socket::BoundSocket;
use super::error_queue::Bounces;
use super::options::UdpOptions;
use super::pending_error::retry_past_pending_errors;
use super::recv_mode::{Pace, Pacer};
use crate::address::canonical;
use crate::receive_batch::ReceiveBatch;

/// The receiving side of a socket. Only one task at a time receives.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) pacer: Pacer,
    bounces: Bounces,
    /// Whether a receive was successful since readiness was last polled.
    has_received: AtomicBool,
    /// Whether the socket may hold datagrams although tokio takes it for empty. Set by a receive that did not look
    /// further than the datagram that it returned.
    may_have_more: AtomicBool,
}

impl Receiver {
    /// The length of a receive buffer: room for a datagram, or for as many as the kernel coalesces.
    const BUFFER_LEN: usize = 1 << 16;

    /// The number of buffers that a receive offers while traffic is light. Each offered buffer costs time, used or not,
    /// and one unused buffer shows that the socket is empty.
    const FEW: usize = if BATCH_SIZE < Pacer::FEW { BATCH_SIZE } else { Pacer::FEW };

    pub(super) fn new(socket: &BoundSocket, options: &UdpOptions) -> io::Result<Self> {
        let bounces = Bounces::new(&socket.socket, options.reports_unreachable)?;
        let pacer = Pacer::new(&socket.socket, socket.bound_ip.is_some());
        Ok(Self { pacer, bounces, has_received: AtomicBool::new(false), may_have_more: AtomicBool::new(false) })
    }

    pub(super) fn poll_receive(
        &self,
        socket: &BoundSocket,
        cx: &mut Context<'_>,
        batch: &mut ReceiveBatch,
    ) -> Poll<io::Result<()>> {
        batch.clear();
        if self.bounces.take(&socket.socket, batch) {
            return Poll::Ready(Ok(()));
        }
        let mut may_have_more = take(&self.may_have_more);
        // A task that was woken tries to receive at once: the wake-up says that the socket may be readable. A task that
        // has just received polls tokio first, which knows that the socket was drained. If tokio does not know, the task
        // consumes tokio's budget instead, so that receiving batch after batch leaves other tasks their turn.
        if take(&self.has_received) {
            if !may_have_more {
                if socket.socket.poll_readable(cx)?.is_pending() {
                    return self.bounces.poll(&socket.socket, cx, batch).map(Ok);
                }
            } else if self.pacer.pace() != Pace::One && pin!(consume_budget()).poll(cx).is_pending() {
                self.may_have_more.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
        }
        loop {
            let mut has_tried = false;
            let mut received = socket.socket.try_receive(|| {
                has_tried = true;
                self.receive_now(socket, batch)
            });
            if mem::take(&mut may_have_more) && !has_tried {
                received = self.receive_now(socket, batch);
                // Tokio does not see the outcome of this receive: remember that datagrams may be left.
                let is_empty = received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
                self.may_have_more.fetch_or(!is_empty, Ordering::Relaxed);
            }
            if !batch.is_empty() {
                self.has_received.store(true, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
            match received {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Err(error)),
                _ if socket.socket.poll_readable(cx)?.is_pending() => {
                    return self.bounces.poll(&socket.socket, cx, batch).map(Ok);
                }
                _ => {}
            }
        }
    }

    pub(super) fn poll_arrival(&self, socket: &BoundSocket, cx: &mut Context<'_>) -> Poll<()> {
        if !self.may_have_more.load(Ordering::Relaxed)
            || self.bounces.listen(cx)
            || socket.socket.poll_readable(cx).is_ready()
        {
            return Poll::Ready(());
        }
        self.pacer.took_one(&socket.socket, false);
        Poll::Pending
    }

    /// Receives one batch without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if tokio should take the socket for empty, even if `batch` has received datagrams.
    fn receive_now(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        match self.pacer.pace() {
            Pace::One => self.receive_one(socket, batch),
            Pace::Few => self.receive_up_to::<{ Self::FEW }>(socket, batch),
            Pace::Many => self.receive_up_to::<BATCH_SIZE>(socket, batch),
        }
    }

    fn receive_one(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        let received = {
            let buffer = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN).next().expect("there are several");
            retry_past_pending_errors(|| socket.socket.recv_from(buffer))
        };
        self.pacer.took_one(&socket.socket, received.is_ok());
        let (len, source) = received?;
        batch.note(canonical(source), socket.bound_ip, 0, len);
        self.may_have_more.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn receive_up_to<const N: usize>(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); N];
        let count = {
            let mut buffers = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN);
            let mut slices: [IoSliceMut<'_>; N] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().expect("a buffer for each slice")));
            retry_past_pending_errors(|| socket.state.recv((&**socket.socket).into(), &mut slices, &mut metas))?
        };
        for (index, meta) in metas[..count].iter().enumerate() {
            let source = canonical(meta.addr);
            let local = socket.bound_ip.or_else(|| meta.dst_ip.map(|ip| ip.to_canonical()));
            let mut start = index * Self::BUFFER_LEN;
            let end = start + meta.len;
            // An empty datagram has a stride of 0, and is received like any other.
            let stride = meta.stride.max(1);
            while end - start > stride {
                batch.note(source, local, start, start + stride);
                start += stride;
            }
            batch.note(source, local, start, end);
        }
        self.pacer.took(&socket.socket, batch.len(), count, count < N);
        if count < N { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

/// Clears a flag and returns its previous value. Only the receiving task writes it, so no atomic swap is needed.
fn take(flag: &AtomicBool) -> bool {
    let is_set = flag.load(Ordering::Relaxed);
    if is_set {
        flag.store(false, Ordering::Relaxed);
    }
    is_set
}
