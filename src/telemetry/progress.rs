use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;

/// The progress of a call: the bytes of its request that were sent, and of its response that were
/// received. Returned by [`Call::progress`](crate::Call::progress).
///
/// The numbers never shrink. They count whole messages: 21 bytes of header, the method's name and
/// the arguments or the value, and what follows them. A message that fits into a packet is sent or
/// received at once. A larger one travels over a link piece by piece. Its
/// [`sent`](Self::sent) runs ahead of the peer by the bytes in flight and as many that leave next,
/// at least 64 KiB and at most 2 MiB. The items of streams are not counted: the program sends and
/// reads them itself.
///
/// Clones show the same call. The handle does not keep the call or its endpoint alive.
#[derive(Clone)]
pub struct Progress {
    state: Arc<State>,
    /// The change that [`changed`](Self::changed) has returned.
    seen: u64,
}

/// The part of a call that reports its progress. Its drop ends the progress.
#[derive(Debug)]
pub(crate) struct ProgressReport(pub(crate) Progress);

#[derive(Debug, Default)]
struct State {
    sent: AtomicU64,
    received: AtomicU64,
    /// 0 before it is known.
    request_len: AtomicU64,
    /// 0 before it is known.
    response_len: AtomicU64,
    is_ended: AtomicBool,
    change_count: AtomicU64,
    on_change: Notify,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { state: Arc::default(), seen: 0 }
    }

    /// Returns the bytes of the request that were sent. If the request was sent several times,
    /// those of the transmission that got the furthest.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::Acquire)
    }

    /// Returns the bytes of the response that were received. A refusal has none.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.state.received.load(Ordering::Acquire)
    }

    /// Returns the length of the request in bytes. `None` before the call's first poll.
    #[must_use]
    pub fn request_len(&self) -> Option<u64> {
        known(&self.state.request_len)
    }

    /// Returns the length of the response in bytes. `None` before its first piece has arrived.
    #[must_use]
    pub fn response_len(&self) -> Option<u64> {
        known(&self.state.response_len)
    }

    /// Returns whether the call has ended, or was dropped.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state.is_ended.load(Ordering::Acquire)
    }

    /// Waits for a change since the last time that this handle waited, or since the call was made.
    /// Returns `false` if the call has ended and there was no other change.
    ///
    /// # Cancel safety
    ///
    /// No change is lost if the future is dropped.
    pub async fn changed(&mut self) -> bool {
        loop {
            let mut notified = pin!(self.state.on_change.notified());
            // Registered before the state is read, so that no notification is missed.
            notified.as_mut().enable();
            let is_ended = self.is_ended();
            let change_count = self.state.change_count.load(Ordering::Acquire);
            if change_count != self.seen {
                self.seen = change_count;
                return true;
            }
            if is_ended {
                return false;
            }
            notified.await;
        }
    }

    /// Records the length of the request.
    pub(crate) fn record_request(&self, len: usize) {
        self.advance(&self.state.request_len, len);
    }

    pub(crate) fn record_sent(&self, len: usize) {
        self.advance(&self.state.sent, len);
    }

    /// Records a piece of the response: the bytes that have arrived, and those of the whole.
    pub(crate) fn record_received(&self, received: usize, response_len: usize) {
        self.advance(&self.state.response_len, response_len);
        self.advance(&self.state.received, received);
    }

    /// Records the whole response, and that the whole request has arrived.
    pub(crate) fn record_response(&self, len: usize) {
        self.advance(&self.state.sent, self.request_len().unwrap_or(0) as usize);
        let len = self.response_len().map_or(len, |known| known as usize);
        self.record_received(len, len);
    }

    pub(crate) fn end(&self) {
        if !self.state.is_ended.swap(true, Ordering::AcqRel) {
            self.state.on_change.notify_waiters();
        }
    }

    fn advance(&self, number: &AtomicU64, len: usize) {
        if number.fetch_max(len as u64, Ordering::AcqRel) < len as u64 {
            self.state.change_count.fetch_add(1, Ordering::AcqRel);
            self.state.on_change.notify_waiters();
        }
    }
}

impl Drop for ProgressReport {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("sent", &self.sent())
            .field("request_len", &self.request_len())
            .field("received", &self.received())
            .field("response_len", &self.response_len())
            .field("is_ended", &self.is_ended())
            .finish()
    }
}

fn known(len: &AtomicU64) -> Option<u64> {
    Some(len.load(Ordering::Acquire)).filter(|len| *len > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn changes_are_reported_once_and_numbers_never_shrink() {
        let mut progress = Progress::new();
        let mut other = progress.clone();
        progress.record_request(100);
        progress.record_sent(60);
        progress.record_sent(40);
        assert_eq!((progress.sent(), progress.request_len(), progress.response_len()), (60, Some(100), None));
        assert!(progress.changed().await);
        progress.record_response(30);
        assert_eq!((progress.sent(), progress.received(), progress.response_len()), (100, 30, Some(30)));
        progress.end();
        for handle in [&mut progress, &mut other] {
            assert!(handle.changed().await);
            assert!(!handle.changed().await && !handle.changed().await);
        }
    }

    #[tokio::test]
    async fn waiting_handle_is_woken_by_changes_and_by_the_end() {
        let progress = Progress::new();
        let mut waiting = progress.clone();
        let changes = tokio::spawn(async move {
            let mut count = 0;
            while waiting.changed().await {
                count += 1;
            }
            count
        });
        for sent in 1..=3 {
            progress.record_sent(sent);
            tokio::task::yield_now().await;
        }
        progress.end();
        assert_eq!(changes.await.unwrap(), 3);
    }
}
