use std::any;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use rpcudp_core::RawArguments;
use rpcudp_core::codec::decode;
use rpcudp_secure::{LinkEnd, LinkStream, StreamDecoder, StreamFrame};
use serde::de::DeserializeOwned;

use super::inflow_error::InflowError;
use super::outflow::Outflow;
use crate::DecodeError;
use crate::client::client_endpoint::ClientEndpoint;
use crate::client::no_error::NoError;
use crate::links::flow::FlowEnd;
use crate::links::flow_reader::FlowReader;
use crate::links::pump::{Source, Step};

/// The items that a peer sends after its response or its request: a [`Stream`] of
/// `Result<T, InflowError<E>>`, over a link.
///
/// The caller of a method that returns an [`Outflow<T>`](crate::Outflow) gets an `Inflow<T>`; a
/// method with an argument `Inflow<T>` reads the items that its caller passes as an
/// [`Outflow<T>`](crate::Outflow), which has an example.
///
/// The sender waits while the items are not read. Dropping an `Inflow` stops the sender: a channel
/// is closed, and a stream is dropped. The end is never silent: after the last item, `recv` returns
/// `Ok(None)` and the stream `None`; if items are missing, there is an error first.
///
/// An inflow that a call has returned keeps its endpoint open. It has no timeout; its link ends if
/// the peer does not respond for the idle timeout
/// ([`LinkOptions::idle_timeout`](crate::LinkOptions::idle_timeout)).
#[must_use = "a stream that is dropped stops its sender"]
pub struct Inflow<T, E = NoError> {
    origin: Origin,
    /// The endpoint of the call, which stays open.
    endpoint: Option<Arc<ClientEndpoint>>,
    decoder: StreamDecoder,
    types: PhantomData<fn() -> (T, E)>,
}

enum Origin {
    Link(FlowReader),
    /// The same process, without a link.
    Local(Source),
    /// The stream has ended, and its end was returned.
    Ended,
}

/// The next bytes, or the end of them.
enum Piece {
    Bytes(Bytes),
    End(FlowEnd),
}

impl<T, E> Inflow<T, E> {
    /// Returns the items of a link. With the endpoint that the stream keeps open.
    pub(crate) fn of_link(reader: Option<FlowReader>, endpoint: Option<&Arc<ClientEndpoint>>) -> Self {
        let origin = match reader {
            Some(reader) => Origin::Link(reader),
            None => Origin::Ended,
        };
        Self { origin, endpoint: endpoint.map(Arc::clone), decoder: StreamDecoder::default(), types: PhantomData }
    }

    /// Returns the next item, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// The reason why the stream has ended before its last item. After an error it has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it may be dropped and called again, and no item is lost.
    pub async fn recv(&mut self) -> Result<Option<T>, InflowError<E>>
    where
        T: DeserializeOwned,
        E: StreamFailure,
    {
        poll_fn(|cx| self.poll_item(cx)).await.transpose()
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, InflowError<E>>>>
    where
        T: DeserializeOwned,
        E: StreamFailure,
    {
        loop {
            let end = match self.decoder.next_frame(StreamFrame::MAX_ITEM_LEN) {
                _ if matches!(self.origin, Origin::Ended) => return Poll::Ready(None),
                Ok(Some(StreamFrame::Item(item))) => match decode_value(&item) {
                    Ok(item) => return Poll::Ready(Some(Ok(item))),
                    Err(error) => Some(InflowError::Decode(error)),
                },
                Ok(Some(StreamFrame::End(None))) => None,
                Ok(Some(StreamFrame::Cancelled)) => Some(InflowError::Cancelled),
                Ok(Some(StreamFrame::End(Some(error)))) => {
                    Some(E::decode(&error).map_or_else(InflowError::Decode, InflowError::Application))
                }
                Ok(Some(_)) | Err(_) => {
                    if let Origin::Link(reader) = &self.origin {
                        reader.refuse();
                    }
                    Some(InflowError::Malformed)
                }
                Ok(None) => match ready!(self.poll_piece(cx)) {
                    Piece::Bytes(bytes) => {
                        self.decoder.push(&bytes);
                        continue;
                    }
                    // The end is a frame, which has not arrived.
                    Piece::End(FlowEnd::Finished) => Some(InflowError::Malformed),
                    Piece::End(FlowEnd::Reset(LinkStream::CLOSED)) => Some(InflowError::Link(LinkEnd::Closed)),
                    Piece::End(FlowEnd::Reset(LinkStream::SESSION_ENDED)) => Some(InflowError::SessionEnded),
                    Piece::End(FlowEnd::Reset(_)) => Some(InflowError::Cancelled),
                    Piece::End(FlowEnd::Link(reason)) => Some(InflowError::Link(reason)),
                },
            };
            self.end();
            return Poll::Ready(end.map(Err));
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        match &mut self.origin {
            Origin::Link(reader) => reader.poll_chunk(cx).map(|chunk| chunk.map_or_else(Piece::End, Piece::Bytes)),
            Origin::Local(source) => source.as_mut().poll_next(cx).map(|step| match step {
                Some(Step::Item(frame) | Step::End(frame)) => Piece::Bytes(frame),
                Some(Step::Broken(_)) | None => Piece::End(FlowEnd::Reset(LinkStream::DROPPED)),
            }),
            Origin::Ended => Poll::Ready(Piece::End(FlowEnd::Finished)),
        }
    }

    /// Frees the stream, as its end is known.
    fn end(&mut self) {
        self.origin = Origin::Ended;
        self.endpoint = None;
        self.decoder = StreamDecoder::default();
    }
}

/// The error with which a sender may end a stream: each type that serde reads, and [`NoError`].
#[doc(hidden)]
pub trait StreamFailure: Sized {
    /// Decodes the error.
    ///
    /// # Errors
    ///
    /// If the bytes are none of this type.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

impl<E: DeserializeOwned> StreamFailure for E {
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_value(bytes)
    }
}

impl StreamFailure for NoError {
    fn decode(_: &[u8]) -> Result<Self, DecodeError> {
        Err(DecodeError::new(any::type_name::<Self>(), "the contract declares no error of the stream"))
    }
}

/// Decodes one value of bytes that no frame has checked.
fn decode_value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    if RawArguments::new(1, bytes).is_valid() {
        decode(bytes)
    } else {
        Err(DecodeError::new(any::type_name::<T>(), "it is not one msgpack value"))
    }
}

/// The items without a link: for tests of a handler, and of the caller of one.
///
/// ```
/// use rpcudp::{Inflow, Outflow, OutflowError};
///
/// /// A handler, as in the implementation of a contract.
/// async fn sum(mut numbers: Inflow<u64>) -> u64 {
///     let mut sum = 0;
///     while let Ok(Some(number)) = numbers.recv().await {
///         sum += number;
///     }
///     sum
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), OutflowError> {
/// let (sender, numbers) = Outflow::channel(2);
/// sender.send(40).await?;
/// sender.send(2).await?;
/// let sum = tokio::spawn(sum(numbers.into()));
/// sender.finish().await?;
/// assert_eq!(sum.await.ok(), Some(42));
/// # Ok(())
/// # }
/// ```
impl<T, E> From<Outflow<T, E>> for Inflow<T, E> {
    fn from(items: Outflow<T, E>) -> Self {
        let origin = Origin::Local(items.into_source());
        Self { origin, endpoint: None, decoder: StreamDecoder::default(), types: PhantomData }
    }
}

impl<T: DeserializeOwned, E: StreamFailure> Stream for Inflow<T, E> {
    type Item = Result<T, InflowError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

impl<T, E> fmt::Debug for Inflow<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflow").field("has_ended", &matches!(self.origin, Origin::Ended)).finish_non_exhaustive()
    }
}
