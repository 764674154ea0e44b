//! Receives batches of datagrams, in the mode that fits the traffic.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};

use quinn_udp::{BATCH_SIZE, RecvMeta};
use tokio::task::coop::consume_budget;

use super::bound_socket::BoundSocket;
use super::error_queue::ErrorQueue;
use super::options::UdpOptions;
use super::pending_error::retry_past_pending_errors;
use super::recv_mode::{RecvMode, RecvModeSelector};
use crate::address::canonical;
use crate::receive_batch::ReceiveBatch;

/// The receiving side of a socket. Only one task at a time receives.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) mode_selector: RecvModeSelector,
    error_queue: ErrorQueue,
    /// Whether a receive was successful since readiness was last polled.
    has_received: AtomicBool,
    /// Whether the socket may hold datagrams although tokio takes it for empty, because the last
    /// receive did not drain it, tokio did not see the outcome, or the socket is unwatched.
    may_have_more: AtomicBool,
    /// The number of receives in a row that took a full batch.
    full_streak: AtomicU32,
}

impl Receiver {
    /// The length of a receive buffer: room for a datagram, or for as many as the kernel coalesces.
    const BUFFER_LEN: usize = 1 << 16;

    /// The number of buffers that a receive offers while traffic is light. Each offered buffer
    /// costs time, used or not, and one unused buffer shows that the socket is empty.
    const SMALL_BATCH_LEN: usize =
        if BATCH_SIZE < RecvModeSelector::SMALL_BATCH_LEN { BATCH_SIZE } else { RecvModeSelector::SMALL_BATCH_LEN };

    /// The number of receives in a row with full batches after which the socket is unwatched.
    /// Watching it again takes as long as the notifications of some 30 datagrams.
    const UNWATCH_STREAK: u32 = 2;

    /// Creates the receiving side of a socket, and enables the error queue if the options ask for
    /// it.
    pub(super) fn new(socket: &BoundSocket, options: &UdpOptions) -> io::Result<Self> {
        let error_queue = ErrorQueue::new(&socket.socket, options.reports_unreachable)?;
        let mode_selector = RecvModeSelector::new(&socket.socket, socket.bound_ip.is_some());
        Ok(Self {
            mode_selector,
            error_queue,
            has_received: AtomicBool::new(false),
            may_have_more: AtomicBool::new(false),
            full_streak: AtomicU32::new(0),
        })
    }

    /// Implements [`Transport::poll_receive`](crate::Transport::poll_receive).
    pub(super) fn poll_receive(
        &self,
        socket: &BoundSocket,
        cx: &mut Context<'_>,
        batch: &mut ReceiveBatch,
    ) -> Poll<io::Result<()>> {
        batch.clear();
        let mut may_have_more = take(&self.may_have_more);
        // After a wake-up, receive at once, because tokio checks the readiness anyway. After a
        // receive, poll tokio first: it knows whether the socket was drained, and it makes a task
        // that receives batch after batch yield to other tasks. If tokio takes a socket for empty
        // that may have more, consume tokio's budget here instead.
        if take(&self.has_received) {
            if !may_have_more {
                if socket.socket.poll_readable(cx)?.is_pending() {
                    return self.error_queue.poll_drain(&socket.socket, cx, batch).map(Ok);
                }
            } else if self.mode_selector.mode() != RecvMode::Single && pin!(consume_budget()).poll(cx).is_pending() {
                self.may_have_more.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
        }
        // Datagrams follow in the same batch, so that a flood of forged errors cannot hold them up.
        self.error_queue.drain(&socket.socket, batch);
        loop {
            let mut has_tried = false;
            let mut received = socket.socket.try_receive(|| {
                has_tried = true;
                self.receive_now(socket, batch)
            });
            if mem::take(&mut may_have_more) && !has_tried {
                received = self.receive_now(socket, batch);
                // tokio does not see the outcome of this receive, so remember here that datagrams
                // may be left.
                let is_empty = received.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
                self.may_have_more.fetch_or(!is_empty, Ordering::Relaxed);
            }
            if batch.iter().next().is_some() {
                self.has_received.store(true, Ordering::Relaxed);
                self.unwatch_if_loaded(socket);
                return Poll::Ready(Ok(()));
            }
            match received {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock && batch.is_empty() => {
                    return Poll::Ready(Err(error));
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Poll::Ready(Ok(())),
                _ if socket.socket.poll_readable(cx)?.is_pending() => {
                    return self.error_queue.poll_drain(&socket.socket, cx, batch).map(Ok);
                }
                _ => {}
            }
        }
    }

    /// Implements [`Transport::try_receive`](crate::Transport::try_receive).
    pub(super) fn try_receive(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        batch.clear();
        let received = self.receive_now(socket, batch);
        if batch.is_empty() { received } else { Ok(()) }
    }

    /// Has the kernel report errors again, if it discards them after a flood and their budget has
    /// recovered. Called before each send, because only a datagram that was sent causes an error
    /// that matters.
    pub(super) fn resume_errors(&self, socket: &BoundSocket) {
        self.error_queue.resume(&socket.socket);
    }

    /// Implements [`Transport::poll_arrival`](crate::Transport::poll_arrival).
    pub(super) fn poll_arrival(&self, socket: &BoundSocket, cx: &mut Context<'_>) -> Poll<()> {
        if !self.may_have_more.load(Ordering::Relaxed)
            || self.error_queue.register(cx)
            || socket.socket.poll_readable(cx).is_ready()
        {
            return Poll::Ready(());
        }
        self.mode_selector.record_single(&socket.socket, false);
        Poll::Pending
    }

    /// Receives one batch without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if tokio should take the socket for empty, even if `batch` has received
    /// datagrams.
    fn receive_now(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        match self.mode_selector.mode() {
            RecvMode::Single => self.receive_single(socket, batch),
            RecvMode::SmallBatch => self.receive_batch::<{ Self::SMALL_BATCH_LEN }>(socket, batch),
            RecvMode::FullBatch => self.receive_batch::<BATCH_SIZE>(socket, batch),
        }
    }

    /// Receives one datagram, and leaves open whether the socket has another.
    fn receive_single(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        let received = {
            let buffer = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN).next().expect("a batch has several buffers");
            retry_past_pending_errors(|| socket.socket.recv_from(buffer))
        };
        self.mode_selector.record_single(&socket.socket, received.is_ok());
        let (len, source) = received?;
        batch.push_range(canonical(source), socket.bound_ip, 0, len);
        self.may_have_more.store(true, Ordering::Relaxed);
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Unwatches the socket until it is empty, if it has just had another full batch.
    fn unwatch_if_loaded(&self, socket: &BoundSocket) {
        if self.full_streak.load(Ordering::Relaxed) == Self::UNWATCH_STREAK {
            self.error_queue.unwatch();
            // From here on, this flag stands for the readiness that tokio does not know.
            self.may_have_more.fetch_or(socket.socket.unwatch(), Ordering::Relaxed);
        }
    }

    /// Receives up to `N` buffers with one system call.
    fn receive_batch<const N: usize>(&self, socket: &BoundSocket, batch: &mut ReceiveBatch) -> io::Result<()> {
        let mut metas = [RecvMeta::default(); N];
        let received = {
            let mut buffers = batch.buffers(BATCH_SIZE, Self::BUFFER_LEN);
            let mut slices: [IoSliceMut<'_>; N] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().expect("a buffer for each slice")));
            retry_past_pending_errors(|| socket.state.recv((&**socket.socket).into(), &mut slices, &mut metas))
        };
        let is_full = N == BATCH_SIZE && received.as_ref().is_ok_and(|count| *count == N);
        let streak = if is_full { self.full_streak.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.full_streak.store(streak, Ordering::Relaxed);
        let count = received?;
        for (index, meta) in metas[..count].iter().enumerate() {
            let source = canonical(meta.addr);
            let local = socket.bound_ip.or_else(|| meta.dst_ip.map(|ip| ip.to_canonical()));
            let mut start = index * Self::BUFFER_LEN;
            let end = start + meta.len;
            // An empty datagram has a stride of 0, and is received like any other.
            let stride = meta.stride.max(1);
            while end - start > stride {
                batch.push_range(source, local, start, start + stride);
                start += stride;
            }
            batch.push_range(source, local, start, end);
        }
        self.mode_selector.record_batch(&socket.socket, batch.len(), count, count < N);
        if count < N { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

/// Clears a flag and returns its previous value. Only the receiving task writes it, so no atomic
/// swap is needed.
fn take(flag: &AtomicBool) -> bool {
    let is_set = flag.load(Ordering::Relaxed);
    if is_set {
        flag.store(false, Ordering::Relaxed);
    }
    is_set
}
