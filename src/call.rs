use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use std::{fmt, io, mem};

use rpcudp_core::codec::{DecodeError, EncodeError, decode};
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Backoff, Counter, FailureCode, MessageId, Request, Schedule};
use rpcudp_transport::Datagram;
use serde::de::DeserializeOwned;
use tracing::{Span, field};

use crate::block_on::block_on_within;
use crate::client::OutgoingRequest;
use crate::outbox::Posted;
use crate::service::Delivery;
use crate::shared::now;
use crate::waiting::{Failed, NotStarted, Outcome};
use crate::{CallError, Endpoint, Refusal};

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
    decoders: Decoders<T, E>,
}

/// How the bytes of an answer become what the contract declares.
pub(crate) struct Decoders<T, E> {
    value: Decode<T>,
    error: Option<Decode<E>>,
}

type Decode<T> = fn(&[u8]) -> Result<T, DecodeError>;

/// The part of a call that is the same for all methods.
struct Sending {
    endpoint: Endpoint,
    peer: SocketAddr,
    method: &'static str,
    delivery: Delivery,
    timeout: Duration,
    state: State,
    started: Option<Instant>,
    span: Span,
}

enum State {
    /// Not sent yet.
    Ready(Box<OutgoingRequest>),
    Waits(MessageId),
    Ended,
}

/// How a call ended, as far as it depends on nothing that its contract declares.
enum Ending {
    Outcome(Outcome),
    NotStarted(NotStarted),
    TooLarge { size: usize },
    Unencodable { argument: usize, source: EncodeError },
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(request: OutgoingRequest, decoders: Decoders<T, E>) -> Self {
        let endpoint = request.stub.endpoint.clone();
        let timeout = request.spec.timeout.unwrap_or(endpoint.shared().config.timeout);
        let sending = Sending {
            peer: request.stub.peer,
            method: request.spec.name,
            delivery: request.spec.delivery,
            endpoint,
            timeout,
            state: State::Ready(Box::new(request)),
            started: None,
            span: Span::none(),
        };
        Self { sending, decoders }
    }

    /// Waits this long for the answer, instead of what the contract or the endpoint says. No effect on a call that was
    /// sent, or on a oneway method.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.sending.timeout = timeout;
        self
    }

    /// Makes the call and blocks the thread until it has ended.
    ///
    /// Not for async code: where the endpoint's runtime needs this thread, nothing can arrive, and the call ends with a
    /// timeout, a second late.
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
    pub fn wait(mut self) -> Result<T, CallError<E>> {
        // An endpoint that works ends the call by itself, long before.
        let limit = self.sending.timeout.saturating_add(Duration::from_secs(1));
        let ended = block_on_within(&mut self, Some(limit));
        ended.unwrap_or_else(|| self.sending.finish(Ending::Outcome(Outcome::TimedOut), &self.decoders))
    }
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, CallError<E>>;

    /// # Panics
    ///
    /// Where it has ended before.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { sending, decoders } = self.get_mut();
        let ending = ready!(sending.poll(cx));
        Poll::Ready(sending.finish(ending, decoders))
    }
}

impl Sending {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        match mem::replace(&mut self.state, State::Ended) {
            State::Ready(request) => match self.start(*request, cx) {
                Ok(state) => {
                    self.state = state;
                    Poll::Pending
                }
                Err(ending) => Poll::Ready(ending),
            },
            State::Waits(id) => {
                let polled = self.endpoint.shared().calls.poll(&id, cx.waker());
                if polled.is_pending() {
                    self.state = State::Waits(id);
                }
                polled.map(Ending::Outcome)
            }
            State::Ended => panic!("a call was polled after it had ended"),
        }
    }

    /// Sends the request. A call that ends by that, as a oneway call does, gives its end as the error.
    fn start(&mut self, request: OutgoingRequest, cx: &mut Context<'_>) -> Result<State, Ending> {
        self.span = tracing::debug_span!(
            "rpc_call",
            method = self.method,
            peer = %self.peer,
            message_id = field::Empty,
            outcome = field::Empty,
            elapsed = field::Empty,
        );
        let OutgoingRequest { mut datagram, fault, .. } = request;
        if let Some((argument, source)) = fault {
            return Err(Ending::Unencodable { argument, source });
        }
        let size = datagram.len() - HEADER_LEN;
        let shared = self.endpoint.shared();
        if size > shared.config.max_request_len {
            return Err(Ending::TooLarge { size });
        }
        if self.peer.ip().is_unspecified() {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "nobody can be reached at an unspecified address");
            return Err(Ending::Outcome(Outcome::Unsendable(error)));
        }
        let started = now();
        self.started = Some(started);
        if self.delivery == Delivery::OneWay {
            let id = shared.calls.oneway_id().map_err(Ending::NotStarted)?;
            self.post(&mut datagram, id, None)?;
            return Err(Ending::Outcome(Outcome::Answered(NIL.to_vec())));
        }
        let schedule = Schedule {
            sent: started,
            deadline: started.checked_add(self.timeout).unwrap_or(started + FOREVER),
            backoff: self.delivery.is_resent().then(Backoff::default),
        };
        let slot = shared.calls.start(self.peer, schedule, cx.waker()).map_err(Ending::NotStarted)?;
        if slot.wakes_driver {
            shared.lifecycle.wake_driver();
        }
        if let Err(ending) = self.post(&mut datagram, slot.id, Some(slot.id)) {
            self.endpoint.shared().calls.remove(&slot.id);
            return Err(ending);
        }
        if self.delivery.is_resent() {
            self.endpoint.shared().calls.keep(&slot.id, datagram);
        }
        Ok(State::Waits(slot.id))
    }

    /// Hands the request to the socket, or to the queue before it.
    fn post(&self, datagram: &mut [u8], id: MessageId, call: Option<MessageId>) -> Result<(), Ending> {
        self.span.record("message_id", field::display(id));
        Request::set_id(datagram, id);
        let shared = self.endpoint.shared();
        let datagram = Datagram { destination: self.peer, source: None, contents: datagram };
        match shared.outbox.post(datagram, call) {
            Ok(Posted::Sent) => {}
            Ok(Posted::Queued) => shared.lifecycle.wake_driver(),
            Err(error) if error.kind() == io::ErrorKind::NotConnected && shared.lifecycle.is_closing() => {
                return Err(Ending::NotStarted(NotStarted::Closed));
            }
            Err(error) => return Err(Ending::Outcome(Outcome::Unsendable(error))),
        }
        shared.counters.add(Counter::CallsStarted, 1);
        Ok(())
    }

    /// Turns how the call ended into what its caller gets, and counts and tells it.
    fn finish<T, E>(&self, ending: Ending, decoders: &Decoders<T, E>) -> Result<T, CallError<E>> {
        let result = match ending {
            Ending::Outcome(outcome) => self.result(outcome, decoders),
            Ending::NotStarted(NotStarted::Closed) => Err(CallError::Closed),
            Ending::NotStarted(NotStarted::TooMany(error)) => Err(CallError::TooManyCalls { limit: error.limit }),
            Ending::TooLarge { size } => {
                let limit = self.endpoint.shared().config.max_request_len;
                Err(CallError::TooLarge { method: self.method, size, limit })
            }
            Ending::Unencodable { argument, source } => {
                Err(CallError::Encode { method: self.method, argument, source })
            }
        };
        self.tell(result.as_ref().err());
        result
    }

    fn result<T, E>(&self, outcome: Outcome, decoders: &Decoders<T, E>) -> Result<T, CallError<E>> {
        let Self { method, peer, .. } = *self;
        let undecodable = |source| CallError::Decode { method, peer, source };
        match outcome {
            Outcome::Answered(body) => (decoders.value)(&body).map_err(undecodable),
            Outcome::Failed(Failed { code: FailureCode::APPLICATION, detail: Some(detail), .. })
                if let Some(decode) = decoders.error =>
            {
                Err(decode(&detail).map_or_else(undecodable, CallError::Application))
            }
            Outcome::Failed(failed) => {
                let reason = refusal(&failed);
                Err(CallError::Refused { method, peer, reason, message: failed.message })
            }
            Outcome::TimedOut => Err(CallError::Timeout { method, peer, after: self.timeout }),
            Outcome::Unsendable(source) => Err(CallError::Io { peer, source }),
            Outcome::Closed => Err(CallError::Closed),
        }
    }

    fn tell<E>(&self, error: Option<&CallError<E>>) {
        let outcome = error.map_or("answered", CallError::outcome);
        let counter = match error {
            None | Some(CallError::Application(_)) => Some(Counter::CallsAnswered),
            Some(CallError::Refused { .. }) => Some(Counter::CallsRefused),
            Some(CallError::Timeout { .. }) => Some(Counter::CallsTimedOut),
            Some(CallError::Decode { .. }) => Some(Counter::CallsUndecodable),
            Some(CallError::Closed) => None,
            Some(_) => Some(Counter::CallsUnsendable),
        };
        // A oneway call is over when it is sent; nobody has answered it.
        if let Some(counter) = counter.filter(|_| error.is_some() || self.delivery != Delivery::OneWay) {
            self.endpoint.shared().counters.add(counter, 1);
        }
        if self.span.is_disabled() {
            return;
        }
        let elapsed = self.started.map_or(Duration::ZERO, |started| now().saturating_duration_since(started));
        self.span.record("outcome", outcome).record("elapsed", field::debug(elapsed));
        if error.is_some() {
            self.span.in_scope(|| tracing::debug!(outcome, ?elapsed, "call failed"));
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let State::Waits(id) = self.state {
            self.endpoint.shared().calls.remove(&id);
        }
    }
}

impl<T: DeserializeOwned> Decoders<T, Infallible> {
    pub(crate) fn value() -> Self {
        Self { value: |bytes| decode(bytes), error: None }
    }
}

impl<T: DeserializeOwned, E: DeserializeOwned> Decoders<T, E> {
    pub(crate) fn value_or_error() -> Self {
        Self { value: |bytes| decode(bytes), error: Some(|bytes| decode(bytes)) }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sending { method, peer, timeout, .. } = &self.sending;
        f.debug_struct("Call")
            .field("method", method)
            .field("peer", peer)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

/// The value of a oneway call, as an answer would say it.
const NIL: &[u8] = b"\xc0";

/// What a timeout becomes that would end after time does: thirty years.
const FOREVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

fn refusal(failed: &Failed) -> Refusal {
    match failed.code {
        FailureCode::APPLICATION => Refusal::UndeclaredError,
        FailureCode::UNKNOWN_METHOD => Refusal::UnknownMethod,
        FailureCode::MALFORMED_ARGUMENTS => Refusal::MalformedArguments,
        FailureCode::BUSY => Refusal::Busy,
        FailureCode::PANICKED => Refusal::Panicked,
        FailureCode::RESPONSE_TOO_LARGE => {
            let sizes = failed.detail.as_deref().and_then(|detail| decode::<(usize, usize)>(detail).ok());
            let (size, limit) = sizes.unzip();
            Refusal::ResponseTooLarge { size, limit }
        }
        code => Refusal::Other { code: code.number() },
    }
}
