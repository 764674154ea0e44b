use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rpcudp_core::codec::{DecodeError, decode};
use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, FailureCode};
use serde::de::DeserializeOwned;

use crate::__private::IsResult;
use crate::block_on::block_on_within;
use crate::calls::response_body::Body;
use crate::calls::table::{Failed, NotStarted, Outcome};
use crate::client::pending::{Ending, Sending};
use crate::client::{CallSpec, OutgoingRequest};
use crate::telemetry::outcome::Conclusion;
use crate::{CallError, Refusal};

/// A call: a future of the method's value, which is sent when it is first polled.
///
/// It is `Send` and borrows nothing, so that it can be spawned, joined or selected; its arguments were encoded when it
/// was made. It ends by itself, at the latest when its timeout has passed. Dropping it frees what it held, and an answer
/// that comes later is dropped. It may be polled on any executor, as long as its endpoint's runtime runs.
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
/// // Nobody answers here: this endpoint serves no clock, and says so at once.
/// let clock = ClockClient::new(&endpoint, endpoint.local_addr());
/// let call = clock.hour().timeout(Duration::from_millis(300));
/// assert!(matches!(call.await, Err(CallError::Refused { .. })));
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is not sent until it is awaited or waited for"]
pub struct Call<T, E = Infallible> {
    sending: Sending,
    decode: Decode<T, E>,
}

/// The call of a method that returns the `Result` `R`, under whatever alias: `CallOf<io::Result<u8>>` is
/// `Call<u8, io::Error>`.
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
/// /// What is under way.
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
pub type CallOf<R> = Call<<R as IsResult>::Value, <R as IsResult>::Error>;

/// What came back.
pub(crate) enum Encoded<'a> {
    Value(Body),
    Error(&'a [u8]),
}

/// How it becomes what the contract declares; `None` for an error where it declares none.
pub(crate) type Decode<T, E> = fn(Encoded<'_>) -> Option<Result<Result<T, E>, DecodeError>>;

impl<T, E> Call<T, E> {
    pub(crate) fn new(request: OutgoingRequest, decode: Decode<T, E>) -> Self {
        Self { sending: Sending::new(request), decode }
    }

    /// Waits this long for the answer, instead of what the contract or the endpoint says. No effect on a call that was
    /// sent, or on a oneway method. A timeout of nothing sends the request and ends the call; the method may run.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.sending.set_timeout(timeout);
        self
    }

    /// Whether to send the request again while no answer comes, instead of what the contract says: a method that nothing is
    /// promised of may be known to be idempotent, and a call that is about to be made again anyway need not be resent. The
    /// server does with copies what its contract says. No effect on a call that was sent, or on a oneway method.
    pub fn retransmit(mut self, retransmit: bool) -> Self {
        self.sending.retransmits = retransmit;
        self
    }

    /// Makes the call and blocks the thread until it has ended.
    ///
    /// Where nobody runs the endpoint's runtime meanwhile, nothing can arrive, and the call ends with a timeout, a second
    /// late.
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
    /// As for awaiting it.
    ///
    /// # Panics
    ///
    /// In async code, which is to await it. (A task of tokio's `spawn_blocking` may block.)
    #[track_caller]
    pub fn wait(mut self) -> Result<T, CallError<E>> {
        // An endpoint that works ends the call by itself, long before.
        let limit = self.sending.timeout().saturating_add(Duration::from_secs(1));
        let ended = block_on_within(&mut self, Some(limit));
        ended.unwrap_or_else(|| {
            self.sending.give_up();
            self.finish(Ending::Outcome(Outcome::TimedOut))
        })
    }

    /// Turns how the call ended into what its caller gets, and counts and tells it.
    fn finish(&self, ending: Ending) -> Result<T, CallError<E>> {
        let Sending { spec: &CallSpec { name: method, .. }, ref endpoint, .. } = self.sending;
        let result = match ending {
            Ending::Outcome(outcome) => self.result(outcome),
            Ending::NotStarted(NotStarted::Closed) => Err(CallError::Closed),
            Ending::NotStarted(NotStarted::TooMany(error)) => Err(CallError::TooManyCalls { limit: error.limit }),
            Ending::TooLarge { size } => {
                Err(CallError::TooLarge { method, size, limit: endpoint.shared().config.max_request_len })
            }
            Ending::Unencodable { argument, source } => Err(CallError::Encode { method, argument, source }),
        };
        let error = result.as_ref().err();
        self.count(error);
        let conclusion = match error {
            None if self.sending.spec.delivery == Delivery::OneWay => Conclusion::Sent,
            None => Conclusion::Answered,
            Some(error) => error.conclusion(),
        };
        match error {
            None => self.sending.tell(conclusion, None),
            Some(error) => self.sending.tell(conclusion, Some(&error.told())),
        }
        result
    }

    fn result(&self, outcome: Outcome) -> Result<T, CallError<E>> {
        let Self { sending, decode } = self;
        let Sending { spec, peer, .. } = sending;
        let (method, peer) = (spec.name, *peer);
        let declared = |decoded: Result<Result<T, E>, DecodeError>| match decoded {
            Ok(result) => result.map_err(CallError::Application),
            Err(source) => Err(CallError::Decode { method, peer, source }),
        };
        match outcome {
            Outcome::Answered(body) => declared(decode(Encoded::Value(body)).expect("every contract declares a value")),
            Outcome::Failed(failed) => {
                let error = failed.detail.as_deref().filter(|_| failed.code == FailureCode::APPLICATION);
                match error.and_then(|error| decode(Encoded::Error(error))) {
                    Some(decoded) => declared(decoded),
                    None => {
                        let reason = refusal(&failed);
                        Err(CallError::Refused { method, peer, reason, message: failed.message })
                    }
                }
            }
            Outcome::TimedOut => Err(CallError::Timeout { method, peer, after: sending.timeout() }),
            Outcome::Unreachable => Err(CallError::Unreachable { method, peer }),
            Outcome::Unsendable(source) => Err(CallError::Io { peer, source }),
            Outcome::Closed => Err(CallError::Closed),
        }
    }

    fn count(&self, error: Option<&CallError<E>>) {
        let counter = match error {
            // It is over when it is sent; nobody has answered it.
            None if self.sending.spec.delivery == Delivery::OneWay => Counter::CallsOneway,
            None | Some(CallError::Application(_)) => Counter::CallsCompleted,
            Some(CallError::Refused { .. }) => Counter::CallsRefused,
            Some(CallError::Timeout { .. }) => Counter::CallsTimedOut,
            Some(CallError::Unreachable { .. }) => Counter::CallsUnreachable,
            Some(CallError::Decode { .. }) => Counter::CallsUndecodable,
            Some(CallError::Closed) => return,
            Some(_) => Counter::CallsUnsendable,
        };
        self.sending.endpoint.shared().counters.add(counter, 1);
    }
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    /// # Panics
    ///
    /// Where it has ended before.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let ending = ready!(this.sending.poll(cx));
        Poll::Ready(this.finish(ending))
    }
}

pub(crate) fn decode_value<T: DeserializeOwned>(
    encoded: Encoded<'_>,
) -> Option<Result<Result<T, Infallible>, DecodeError>> {
    match encoded {
        Encoded::Value(body) => Some(body.decode().map(Ok)),
        Encoded::Error(_) => None,
    }
}

pub(crate) fn decode_value_or_error<T: DeserializeOwned, E: DeserializeOwned>(
    encoded: Encoded<'_>,
) -> Option<Result<Result<T, E>, DecodeError>> {
    Some(match encoded {
        Encoded::Value(body) => body.decode().map(Ok),
        Encoded::Error(bytes) => decode(bytes).map(Err),
    })
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sending { spec, peer, .. } = &self.sending;
        f.debug_struct("Call")
            .field("method", &spec.name)
            .field("peer", peer)
            .field("timeout", &self.sending.timeout())
            .finish_non_exhaustive()
    }
}

fn refusal(failed: &Failed) -> Refusal {
    match failed.code {
        FailureCode::APPLICATION => Refusal::UndeclaredError,
        FailureCode::UNKNOWN_METHOD => Refusal::UnknownMethod,
        FailureCode::MALFORMED_ARGUMENTS => Refusal::MalformedArguments,
        FailureCode::BUSY => Refusal::Busy,
        FailureCode::CLOSING => Refusal::Closing,
        FailureCode::PANICKED => Refusal::Panicked,
        FailureCode::STOPPED => Refusal::Stopped,
        FailureCode::REJECTED => Refusal::Rejected,
        FailureCode::RESPONSE_UNENCODABLE => Refusal::ResponseUnencodable,
        FailureCode::RESPONSE_TOO_LARGE => {
            let sizes = failed.detail.as_deref().and_then(|detail| decode::<(usize, usize)>(detail).ok());
            let (size, limit) = sizes.unzip();
            Refusal::ResponseTooLarge { size, limit }
        }
        code => Refusal::Other { code: code.number() },
    }
}
