use std::io;
use std::net::SocketAddr;

use rpcudp_core::{Counter, MessageId};
use rpcudp_transport::Transport;

use super::{QueuedBatch, SendQueue};

/// The flush of a send queue by its driver: the batch that is being sent, and the position in it.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    batch: QueuedBatch,
    sent_count: usize,
}

impl Flush {
    /// Returns whether the whole batch has been sent.
    pub(crate) fn is_done(&self) -> bool {
        self.sent_count == self.batch.datagrams.len()
    }

    /// Sends the rest of the batch, and then what has been queued since. Passes each datagram that
    /// the socket refuses to `on_error`, by its call if it is a request.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the socket is full. The next call sends the rest.
    pub(crate) fn send(
        &mut self,
        queue: &SendQueue,
        transport: &dyn Transport,
        last_responder: impl Fn() -> Option<SocketAddr>,
        mut on_error: impl FnMut(Option<MessageId>, io::Error),
    ) -> io::Result<()> {
        let mut has_taken = false;
        loop {
            if self.is_done() {
                self.batch.clear();
                self.sent_count = 0;
                if has_taken && queue.cork_end().is_some() {
                    return Ok(());
                }
                has_taken = true;
                queue.take(&mut self.batch);
                if transport.gathers() {
                    self.batch.gather(&last_responder);
                }
                if self.is_done() {
                    return Ok(());
                }
            }
            match transport.try_send_batch(&self.batch.datagrams, self.sent_count) {
                Ok(sent_count) => {
                    queue.counters.add(Counter::DatagramsSent, sent_count as u64);
                    self.sent_count += sent_count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(error) => {
                    on_error(self.batch.calls[self.sent_count], error);
                    self.sent_count += 1;
                }
            }
        }
    }
}
