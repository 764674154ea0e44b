use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::frames;
use super::outflow_error::OutflowError;
use crate::client::no_error::NoError;
use crate::links::pump::Step;

/// The sender of the items of an [`Outflow`](crate::Outflow), from
/// [`Outflow::channel`](crate::Outflow::channel).
///
/// A stream ends with [`finish`](Self::finish) or [`fail`](Self::fail). If the sender is dropped
/// without one of them, the receiver gets
/// [`InflowError::Cancelled`](crate::InflowError::Cancelled), so that it never takes a part of the
/// items for all of them.
pub struct OutflowSender<T, E = NoError> {
    steps: mpsc::Sender<Step>,
    types: PhantomData<fn(T, E)>,
}

impl<T, E> OutflowSender<T, E> {
    /// Returns a sender, and its items.
    pub(super) fn new(capacity: usize) -> (Self, Receiver) {
        let (steps, receiver) = mpsc::channel(capacity.max(1));
        (Self { steps, types: PhantomData }, Receiver(receiver))
    }

    /// Sends an item. Waits while the channel is full, because the receiver is slower: no item
    /// is dropped.
    ///
    /// # Errors
    ///
    /// [`OutflowError::Closed`] if the receiver has gone, or the reason why the item cannot be
    /// sent.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the item is not sent.
    pub async fn send(&self, item: T) -> Result<(), OutflowError>
    where
        T: Serialize,
    {
        // Encoded before the first await, so that the future is `Send` for each type of items.
        let frame = frames::item(&item);
        drop(item);
        self.push(Step::Item(frame?)).await
    }

    /// Ends the stream after the items that were sent.
    ///
    /// # Errors
    ///
    /// [`OutflowError::Closed`] if the receiver has gone.
    pub async fn finish(self) -> Result<(), OutflowError> {
        self.push(Step::End(frames::end())).await
    }

    /// Ends the stream with an error, which the receiver gets after the items as
    /// [`InflowError::Application`](crate::InflowError::Application).
    ///
    /// # Errors
    ///
    /// [`OutflowError::Closed`] if the receiver has gone, or the reason why the error cannot be
    /// sent.
    pub async fn fail(self, error: E) -> Result<(), OutflowError>
    where
        E: Serialize,
    {
        let frame = frames::failure(&error);
        drop(error);
        self.push(Step::End(frame?)).await
    }

    /// Completes when the receiver has gone: it was dropped, or its link has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again.
    pub async fn closed(&self) {
        self.steps.closed().await;
    }

    /// Returns whether the receiver has gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.steps.is_closed()
    }

    async fn push(&self, step: Step) -> Result<(), OutflowError> {
        self.steps.send(step).await.map_err(|_| OutflowError::Closed)
    }
}

impl<T, E> fmt::Debug for OutflowSender<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutflowSender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The receiver of a sender's items.
pub(super) struct Receiver(mpsc::Receiver<Step>);

impl Stream for Receiver {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        self.0.poll_recv(cx)
    }
}
