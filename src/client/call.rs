use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rpcudp_core::codec::{DecodeError, decode};
use serde::de::DeserializeOwned;

use super::call_end::CallEnd;
use super::call_result::{Decode, Encoded};
use super::error::CallError;
use super::idempotent::NotRepeatable;
use super::is_result::IsResult;
use super::no_error::NoError;
use super::pending::PendingCall;
use super::request::OutgoingRequest;
use crate::block_on::block_on_within;
use crate::calls::completion::Completion;
use crate::telemetry::progress::Progress;

/// A call: a future of the method's value, whose request is sent at the first poll.
///
/// A call is `Send` and borrows nothing, so that it can be spawned, joined or selected. Its
/// arguments are encoded when the client's method is called. The call ends at the latest when its
/// timeout has passed; the timeout runs from the first poll. Any executor may poll a call as long
/// as its endpoint's runtime runs.
///
/// # Cancel safety
///
/// Dropping a call frees its slot and drops a response that arrives later. A peer of this crate is
/// sent a cancel frame ([`Builder::send_cancels`](crate::Builder::send_cancels)), after which it
/// drops an async handler of the request at its next await point; an `at_most_once` method runs on
/// and may look at [`Context::is_cancelled`](crate::Context::is_cancelled). The frame may be lost,
/// so the method may run on in any case. Over a link, a request that is still being sent is not
/// sent to its end, so its method does not run, and the peer stops a response that is under way.
///
/// A call that is dropped before its first poll is never sent, also that of a oneway method; `let _
/// = client.method();` drops it, and only hides the warning.
///
/// # Panics
///
/// If the call is polled after it has ended.
///
/// ```
/// use rpcudp::{CallError, Endpoint, rpc_service};
/// use std::time::Duration;
///
/// #[rpc_service]
/// trait Clock {
///     fn hour(&self) -> u8;
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// // This endpoint serves no clock, so it refuses the call at once.
/// let clock = ClockClient::new(&endpoint, endpoint.local_addr());
/// let call = clock.hour().timeout(Duration::from_millis(300));
/// assert!(matches!(call.await, Err(CallError::Refused { .. })));
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is sent when it is awaited: write `.await` in an async function, and handle the result (a call that is \
              dropped, as by `let _ =`, is never sent)"]
pub struct Call<T, E = NoError, D = NotRepeatable> {
    pub(super) pending: PendingCall,
    pub(super) decode: Decode<T, E>,
    delivery: PhantomData<fn() -> D>,
}

/// The call of a method that returns the `Result` type `R`, under any alias:
/// `CallOf<io::Result<u8>>` is `Call<u8, io::Error>`.
///
/// ```
/// use rpcudp::{Call, CallOf, rpc_service};
///
/// type Result<T> = std::result::Result<T, String>;
///
/// #[rpc_service]
/// trait Clock {
///     fn hour(&self) -> u8;
///     fn set(&self, hour: u8) -> Result<()>;
/// }
///
/// /// Calls in flight.
/// struct Calls {
///     hour: Call<u8>,
///     set: CallOf<Result<()>>,
/// }
///
/// impl Calls {
///     fn new(clock: &ClockClient) -> Self {
///         Self { hour: clock.hour(), set: clock.set(12) }
///     }
/// }
/// ```
pub type CallOf<R, D = NotRepeatable> = Call<<R as IsResult>::Value, <R as IsResult>::Error, D>;

impl<T, E, D> Call<T, E, D> {
    /// The delay after which a blocked caller ends its call by itself.
    const MAX_DELAY: Duration = Duration::from_millis(100);

    pub(crate) fn new(request: OutgoingRequest, decode: Decode<T, E>) -> Self {
        Self::of_pending(PendingCall::new(request), decode)
    }

    pub(super) fn of_pending(pending: PendingCall, decode: Decode<T, E>) -> Self {
        Self { pending, decode, delivery: PhantomData }
    }

    /// Sets the timeout of this call, instead of the contract's or the endpoint's.
    ///
    /// The timeout runs from the first poll. A timeout of zero sends the request and ends the call;
    /// the method may run. No effect on a call that was sent, or on a oneway method.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.pending.set_timeout(timeout);
        self
    }

    /// Overrides the contract's retransmission setting for this call.
    ///
    /// Enable it for a method that you know to be idempotent although its contract does not say so.
    /// Disable it for a call that your program repeats by itself. The server treats duplicates as
    /// its contract says. No effect on a call that was sent, or on a oneway method.
    pub fn retransmit(mut self, retransmit: bool) -> Self {
        self.pending.retransmits = retransmit;
        self
    }

    /// Waits for the peer to become ready, up to the call's timeout.
    ///
    /// By default a call ends at once if its peer is unreachable, or refuses because it is busy or
    /// closing. With this option the request is sent again instead, after 100 ms and then at
    /// growing intervals of up to 2 s, so that a caller may start before its server and outlasts a
    /// restart. If the peer does not become ready in time, the call ends with the last of these
    /// reasons. A lost request is retransmitted only if the contract or
    /// [`retransmit`](Self::retransmit) says so. No effect on a call that was sent, or on a oneway
    /// method.
    ///
    /// ```
    /// use rpcudp::{CallError, Endpoint, rpc_service};
    /// use std::time::Duration;
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     #[rpc(at_least_once)]
    ///     fn hour(&self) -> u8;
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let clock = ClockClient::new(&endpoint, "127.0.0.1:9".parse()?);
    /// // Port 9 is closed: the call goes on until its timeout.
    /// let call = clock.hour().wait_for_ready().timeout(Duration::from_millis(300));
    /// assert!(matches!(call.await, Err(CallError::Unreachable { .. } | CallError::Timeout { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_ready(mut self) -> Self {
        self.pending.waits_for_ready = true;
        self
    }

    /// Sends the request without the remaining time, as Python does, which makes it ten bytes
    /// shorter.
    ///
    /// The handler then runs without a deadline ([`Context::remaining`](crate::Context::remaining)
    /// is `None`), and is not cancelled if the call is dropped. Use it for a request to an address
    /// that may be forged, which must not receive more bytes than were sent in its name. No effect
    /// on a call that was sent.
    pub fn omit_deadline(mut self) -> Self {
        self.pending.sends_deadline = false;
        self
    }

    /// Sends a text with the request, beside the arguments: an identifier for logs, a tenant, a
    /// token. The handler reads it with [`Context::metadata`](crate::Context::metadata).
    ///
    /// Each call has at most 512 bytes of metadata, and each entry counts its key, its value and
    /// three bytes more. A key has 1 to 255 bytes. A second value of a key replaces the first.
    /// Otherwise the call ends with [`CallError::Metadata`], and the request is not sent.
    ///
    /// Retransmissions carry the metadata, and so do requests to other peers of a group. Python
    /// peers ignore it, and so do earlier versions of this crate. So data that the method needs
    /// belongs into an argument, which the contract describes. No effect on a call that was sent.
    ///
    /// ```
    /// use rpcudp::{Context, Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Clock {
    ///     fn hour(&self, cx: &Context) -> u8;
    /// }
    ///
    /// struct Noon;
    ///
    /// impl Clock for Noon {
    ///     fn hour(&self, cx: &Context) -> u8 {
    ///         println!("request {}", cx.metadata("request").unwrap_or("without a name"));
    /// #       assert_eq!(cx.metadata("request"), Some("7f3a"));
    ///         12
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Endpoint::builder().serve(ClockServer::new(Noon)).bind("127.0.0.1:0").await?;
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let clock = ClockClient::new(&endpoint, server.local_addr());
    /// assert_eq!(clock.hour().metadata("request", "7f3a").await?, 12);
    /// # Ok(())
    /// # }
    /// ```
    pub fn metadata(mut self, key: &str, value: &str) -> Self {
        self.pending.set_metadata(key, value);
        self
    }

    /// Returns a handle to the progress of the call: the bytes of its request and response that
    /// have passed so far. For large values over a link, which take a while.
    ///
    /// Ask before the first poll: the handle of a call that has been polled, like that of
    /// [`all`](Self::all), shows nothing and has ended.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Files {
    /// #     async fn put(&self, contents: &[u8]) -> u64;
    /// # }
    /// # struct Sizes;
    /// # impl Files for Sizes {
    /// #     async fn put(&self, contents: &[u8]) -> u64 {
    /// #         contents.len() as u64
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server =
    /// rpcudp::Endpoint::builder().serve(FilesServer::new(Sizes)).bind("127.0.0.1:0").await?;
    /// # let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").await?;
    /// # let files = FilesClient::new(&endpoint, server.local_addr());
    /// let mut call = files.put(&[7; 5_000]);
    /// let mut progress = call.progress();
    /// let bar = tokio::spawn(async move {
    ///     while progress.changed().await {
    ///         println!("sent {} of {:?} bytes", progress.sent(), progress.request_len());
    ///     }
    ///     progress
    /// });
    /// assert_eq!(call.await?, 5_000);
    /// let progress = bar.await?;
    /// assert_eq!(Some(progress.sent()), progress.request_len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn progress(&mut self) -> Progress {
        self.pending.progress()
    }

    /// Returns the length of the encoded request in bytes, as
    /// [`Builder::max_request_len`](crate::Builder::max_request_len) counts it: the method's name
    /// and the arguments.
    ///
    /// A program that collects entries for one request compares it with the limit, before it sends
    /// a call that would end with [`CallError::TooLarge`]. Each measurement encodes all arguments.
    /// The header and the deadline take 31 bytes more in the datagram, and metadata up to 518. If
    /// an argument cannot be encoded, the length is of no use, and the call ends with
    /// [`CallError::Encode`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), rpcudp::BindError> {
    /// use rpcudp::{Endpoint, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Log {
    ///     fn append(&self, lines: &[String]);
    /// }
    ///
    /// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
    /// let log = LogClient::new(&endpoint, endpoint.local_addr());
    /// let mut lines = Vec::new();
    /// // Another line takes 20 bytes, and a request may have 8,192.
    /// while log.append(&lines).encoded_len() + 20 <= 8_192 {
    ///     lines.push("nineteen characters".to_owned());
    /// }
    /// assert_eq!((lines.len(), log.append(&lines).encoded_len()), (409, 8_192));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.pending.body_len()
    }

    /// Returns the same call without the delivery in its type, so that calls of methods with
    /// different deliveries have one type. It cannot be [hedged](Self::hedged) any more.
    ///
    /// ```
    /// use rpcudp::{Call, rpc_service};
    ///
    /// #[rpc_service]
    /// trait Store {
    ///     #[rpc(at_least_once)]
    ///     fn get(&self, key: &str) -> u64;
    ///     #[rpc(at_most_once)]
    ///     fn take(&self, key: &str) -> u64;
    /// }
    ///
    /// fn call(store: &StoreClient, takes: bool) -> Call<u64> {
    ///     if takes { store.take("a") } else { store.get("a").without_delivery() }
    /// }
    /// ```
    pub fn without_delivery(self) -> Call<T, E> {
        let Self { pending, decode, .. } = self;
        Call { pending, decode, delivery: PhantomData }
    }

    /// Makes the call and blocks the thread until it has ended.
    ///
    /// If no thread runs the endpoint's runtime meanwhile, no response can arrive, and the call
    /// ends with a timeout, 100 ms late.
    ///
    /// ```
    /// # #[rpcudp::rpc_service]
    /// # trait Clock {
    /// #     fn hour(&self) -> u8;
    /// # }
    /// let endpoint = rpcudp::Endpoint::bind("127.0.0.1:0").wait()?;
    /// let clock = ClockClient::new(&endpoint, endpoint.local_addr());
    /// assert!(clock.hour().wait().is_err());
    /// # Ok::<(), rpcudp::BindError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for awaiting the call.
    ///
    /// # Panics
    ///
    /// In async code. Await the call there. (A task of tokio's `spawn_blocking` may block.)
    #[track_caller]
    pub fn wait(mut self) -> Result<T, CallError<E>> {
        // A working endpoint ends the call before this limit.
        let limit = self.pending.timeout().saturating_add(Self::MAX_DELAY);
        let ended = block_on_within(&mut self, Some(limit));
        ended.unwrap_or_else(|| {
            self.pending.abandon();
            self.pending.finish(CallEnd::Completed(Completion::TimedOut(None), 1), self.decode)
        })
    }
}

impl<T, E, D> Future for Call<T, E, D> {
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let end = ready!(this.pending.poll(cx));
        Poll::Ready(this.pending.finish(end, this.decode))
    }
}

impl OutgoingRequest {
    /// Returns the call of a method without an application error.
    pub fn call<T: DeserializeOwned, D>(self) -> Call<T, NoError, D> {
        Call::new(self, decode_value)
    }

    /// Returns the call of a method that returns a `Result`.
    pub fn fallible_call<T: DeserializeOwned, E: DeserializeOwned, D>(self) -> Call<T, E, D> {
        Call::new(self, decode_value_or_error)
    }
}

fn decode_value<T: DeserializeOwned>(encoded: Encoded<'_>) -> Option<Result<Result<T, NoError>, DecodeError>> {
    match encoded {
        Encoded::Value(body) => Some(body.decode().map(Ok)),
        #[cfg(feature = "secure")]
        Encoded::Stream { body, .. } => Some(body.decode().map(Ok)),
        Encoded::Error(_) => None,
    }
}

fn decode_value_or_error<T: DeserializeOwned, E: DeserializeOwned>(
    encoded: Encoded<'_>,
) -> Option<Result<Result<T, E>, DecodeError>> {
    Some(match encoded {
        Encoded::Value(body) => body.decode().map(Ok),
        #[cfg(feature = "secure")]
        Encoded::Stream { body, .. } => body.decode().map(Ok),
        Encoded::Error(bytes) => decode(bytes).map(Err),
    })
}

impl<T, E, D> fmt::Debug for Call<T, E, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spec, peer) = (self.pending.spec, self.pending.peer());
        f.debug_struct("Call")
            .field("method", &spec.name)
            .field("peer", &peer)
            .field("timeout", &self.pending.timeout())
            .finish_non_exhaustive()
    }
}
