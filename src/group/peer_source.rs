use std::task::{Context, Poll};

use tokio::sync::mpsc::{Receiver, UnboundedReceiver};

use super::change::Change;

/// A source of the peers of a group, for [`Peers::changes`](crate::Peers::changes).
///
/// Both receivers of tokio's `mpsc` channels are sources, and so is a closure that polls, which
/// makes one of any stream:
///
/// ```
/// use std::task::Context;
///
/// use rpcudp::{Change, Peers};
/// # use std::task::Poll;
/// # trait Stream {
/// #     type Item;
/// #     fn poll_next_unpin(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Item>>;
/// # }
///
/// // `poll_next_unpin` is that of `futures::StreamExt`.
/// fn peers(mut stream: impl Stream<Item = Change> + Send + Unpin + 'static) -> Peers {
///     Peers::changes(move |cx: &mut Context<'_>| stream.poll_next_unpin(cx))
/// }
/// ```
pub trait PeerSource: Send + 'static {
    /// Returns the next change, or `None` if the source has ended: its peers stay as they are.
    ///
    /// If no change is available, the task of `cx` must be woken when one is. The source is not
    /// polled after its end.
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>>;
}

impl PeerSource for Receiver<Change> {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.poll_recv(cx)
    }
}

impl PeerSource for UnboundedReceiver<Change> {
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self.poll_recv(cx)
    }
}

impl<F> PeerSource for F
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Change>> + Send + 'static,
{
    fn poll_change(&mut self, cx: &mut Context<'_>) -> Poll<Option<Change>> {
        self(cx)
    }
}
