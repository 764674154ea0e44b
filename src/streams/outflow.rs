use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::Serialize;

use super::frames;
use super::outflow_error::OutflowError;
use super::outflow_sender::OutflowSender;
use crate::client::no_error::NoError;
use crate::links::pump::{Source, Step};

/// The items that a method sends after its response, or a caller after its request: a stream with
/// backpressure, over a link.
///
/// A method that returns an `Outflow<T>` is a subscription or a download: its caller gets an
/// [`Inflow<T>`](crate::Inflow), which is a [`Stream`]. A method with an argument `Inflow<T>` is an
/// upload: its caller passes an `Outflow<T>`. Both make the method `secure`
/// ([`#[rpc_service]`](macro@crate::rpc_service), "Streams").
///
/// The items are sent in order, as fast as the receiver reads them: at most 16 KiB of them and one
/// more wait at the sender, and 1 MiB in the stream. An item has at most 1 MiB. When the receiver
/// goes, the stream or the sender is dropped at once.
///
/// ```
/// use rpcudp::{Endpoint, Identity, Outflow, rpc_service};
///
/// #[rpc_service]
/// trait Countdown {
///     async fn count(&self, from: u32) -> Outflow<u32>;
/// }
///
/// struct Clock;
///
/// impl Countdown for Clock {
///     async fn count(&self, from: u32) -> Outflow<u32> {
///         let (sender, items) = Outflow::channel(1);
///         tokio::spawn(async move {
///             for number in (1..=from).rev() {
///                 sender.send(number).await?;
///             }
///             sender.finish().await
///         });
///         items
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = Identity::generate();
/// let server = Endpoint::builder().identity(clock.clone()).serve(CountdownServer::new(Clock));
/// let server = server.bind("127.0.0.1:0").await?;
///
/// let endpoint = Endpoint::builder().identity(Identity::generate()).bind("127.0.0.1:0").await?;
/// let countdown = CountdownClient::secure(&endpoint, server.local_addr(), clock.peer_id());
/// let mut numbers = countdown.count(3).await?;
/// let mut counted = Vec::new();
/// while let Some(number) = numbers.recv().await? {
///     counted.push(number);
/// }
/// assert_eq!(counted, [3, 2, 1]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream that is dropped sends nothing"]
pub struct Outflow<T, E = NoError> {
    source: Source,
    types: PhantomData<fn(T, E)>,
}

impl<T, E> Outflow<T, E> {
    pub(super) fn new(source: impl Stream<Item = Step> + Send + 'static) -> Self {
        Self { source: Box::pin(source), types: PhantomData }
    }

    /// Returns the items of a stream, which end with it.
    ///
    /// An item that cannot be encoded, or that is too long, ends the items with
    /// [`InflowError::Cancelled`](crate::InflowError::Cancelled), and is logged; so does a panic of
    /// the stream.
    ///
    /// The stream is polled on the endpoint's runtime, when the receiver has room.
    pub fn from_stream(stream: impl Stream<Item = T> + Send + 'static) -> Self
    where
        T: Serialize + 'static,
        E: 'static,
    {
        Self::new(Encoder {
            stream: Box::pin(stream),
            encode: |item: &T| frames::item(item).map(Step::Item),
            is_over: false,
        })
    }

    /// Returns the items of a stream that may fail. Its first error ends the items, and the
    /// receiver gets it as [`InflowError::Application`](crate::InflowError::Application).
    ///
    /// Otherwise as [`from_stream`](Self::from_stream).
    pub fn try_from_stream(stream: impl Stream<Item = Result<T, E>> + Send + 'static) -> Self
    where
        T: Serialize + 'static,
        E: Serialize + 'static,
    {
        let encode = |item: &Result<T, E>| match item {
            Ok(item) => frames::item(item).map(Step::Item),
            Err(error) => frames::failure(error).map(Step::End),
        };
        Self::new(Encoder { stream: Box::pin(stream), encode, is_over: false })
    }

    /// Returns a sender, and the items that it will send. `capacity` is the number of items that
    /// may wait in the channel, at least 1.
    pub fn channel(capacity: usize) -> (OutflowSender<T, E>, Self)
    where
        T: 'static,
        E: 'static,
    {
        let (sender, receiver) = OutflowSender::new(capacity);
        (sender, Self::new(receiver))
    }

    pub(crate) fn into_source(self) -> Source {
        self.source
    }
}

impl<T, E> fmt::Debug for Outflow<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outflow")
    }
}

/// The encoded items of a stream.
struct Encoder<S: Stream> {
    stream: Pin<Box<S>>,
    encode: fn(&S::Item) -> Result<Step, OutflowError>,
    is_over: bool,
}

impl<S: Stream> Stream for Encoder<S> {
    type Item = Step;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Step>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let Some(item) = ready!(self.stream.as_mut().poll_next(cx)) else {
            self.is_over = true;
            return Poll::Ready(Some(Step::End(frames::end())));
        };
        let step = (self.encode)(&item).unwrap_or_else(|error| Step::Broken(error.to_string().into()));
        self.is_over = !matches!(step, Step::Item(_));
        Poll::Ready(Some(step))
    }
}
