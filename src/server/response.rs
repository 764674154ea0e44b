//! The encoding of a handler's result as a response.

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use rpcudp_core::codec::{self, ArgumentError};
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Failure, FailureCode, Response, Trailer, copy};
use serde::Serialize;

use super::context::Context;
use super::rejection::Rejection;
use super::request_head::RequestHead;
use crate::clock::now;
#[cfg(feature = "secure")]
use crate::links::pump::Source;
use crate::panic::{Panicked, catch};
use crate::telemetry::outcome::Outcome;

/// The result of a method, as a response.
#[doc(hidden)]
pub trait IntoResponse {
    /// Writes the response. Returns its outcome.
    ///
    /// # Errors
    ///
    /// The reason to refuse the request instead, for example a value that cannot be encoded.
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection>;
}

/// The value of a method without an application error.
#[doc(hidden)]
#[derive(Debug)]
pub struct Value<T>(pub T);

/// The result of a method that returns a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible<T, E>(pub Result<T, E>);

/// The end of a oneway method, which has no response.
#[doc(hidden)]
#[derive(Debug)]
pub struct NoResponse(pub ());

/// Makes a response of a method's value. Never fails: the error is that of decoding the arguments.
#[doc(hidden)]
pub const fn respond<T>(value: T) -> Result<Value<T>, ArgumentError> {
    Ok(Value(value))
}

/// Makes a response of a method's `Result`, like [`respond`].
#[doc(hidden)]
pub const fn respond_result<T, E>(result: Result<T, E>) -> Result<Fallible<T, E>, ArgumentError> {
    Ok(Fallible(result))
}

/// Ends a oneway method, which has no response, like [`respond`].
#[doc(hidden)]
pub const fn no_response((): ()) -> Result<NoResponse, ArgumentError> {
    Ok(NoResponse(()))
}

/// The return type `T` of a method without an application error.
///
/// The compiler takes its method from this type if `T` is a `Result`, and from [`AnyReturnOf`] if
/// not.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReturnOf<T>(PhantomData<fn(T)>);

/// A return type that is no `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnyReturnOf<T>(PhantomData<fn(T)>);

impl<T> ReturnOf<T> {
    pub const TYPE: Self = Self(PhantomData);
}

impl<T> Deref for ReturnOf<T> {
    type Target = AnyReturnOf<T>;

    fn deref(&self) -> &Self::Target {
        const { &AnyReturnOf(PhantomData) }
    }
}

impl<T> AnyReturnOf<T> {
    /// Makes a response of a value, as [`respond`].
    ///
    /// # Errors
    ///
    /// Never: the error is that of decoding the arguments.
    pub fn respond(&self, value: T) -> Result<Value<T>, ArgumentError> {
        respond(value)
    }
}

/// The bound on a `Result` that is returned as a value. No type satisfies it.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the return type is a `Result` under another name",
    label = "this is `{Self}`",
    note = "mark the method with `#[rpc(fallible)]`, so that callers get the `Err` as their call's typed error",
    note = "or mark it with `#[rpc(value)]`, so that the `Result` travels as a value, which is a map of `Ok` or `Err`"
)]
pub trait IsValue {}

impl<T, E> ReturnOf<Result<T, E>> {
    /// Fails to compile, with a message that says why.
    ///
    /// # Errors
    ///
    /// Never, as [`respond`].
    pub fn respond(&self, result: Result<T, E>) -> Result<Value<Result<T, E>>, ArgumentError>
    where
        Result<T, E>: IsValue,
    {
        respond(result)
    }
}

impl<T: Serialize> IntoResponse for Value<T> {
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        writer.value(&self.0)
    }
}

impl<T: Serialize, E: Serialize> IntoResponse for Fallible<T, E> {
    fn write(&self, writer: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        match &self.0 {
            Ok(value) => writer.value(value),
            Err(error) => writer.error(error),
        }
    }
}

impl IntoResponse for NoResponse {
    fn write(&self, _: &mut ResponseWriter<'_>) -> Result<Outcome, Rejection> {
        Ok(Outcome::Done)
    }
}

/// A writer of one response, at the end of a buffer that may hold other responses.
#[doc(hidden)]
#[derive(Debug)]
pub struct ResponseWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    head: &'a RequestHead,
    handler_time: Option<Duration>,
}

impl<'a> ResponseWriter<'a> {
    /// `handler_time` is the time since the request arrived, if the response is to report it.
    pub(crate) fn new(out: &'a mut Vec<u8>, head: &'a RequestHead, handler_time: Option<Duration>) -> Self {
        Self { start: out.len(), out, head, handler_time }
    }

    /// Writes the response to a request whose handler has ended. Returns its outcome.
    pub(crate) fn finish<R: IntoResponse>(&mut self, result: Result<Result<R, ArgumentError>, Panicked>) -> Outcome {
        let response = match result {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return self.refuse(&Rejection::MalformedArguments(error)),
            Err(Panicked) => return self.refuse(&Rejection::Panicked),
        };
        // `Serialize` and `Drop` are user code too.
        let written = catch(|| {
            let response = response;
            response.write(self)
        });
        match written {
            Ok(Ok(outcome)) => self.check_len(outcome),
            Ok(Err(rejection)) => self.refuse(&rejection),
            Err(Panicked) => self.refuse(&Rejection::Panicked),
        }
    }

    /// Writes a refusal in place of anything written before, counts it and logs it. Every refusal
    /// goes through here, once.
    pub(crate) fn refuse(&mut self, rejection: &Rejection) -> Outcome {
        self.refuse_method(&self.head.method, rejection)
    }

    /// Refuses a request whose method is not in the router. `method` is the name in the request.
    pub(crate) fn refuse_unknown(&mut self, method: &str) -> Outcome {
        self.refuse_method(method, &Rejection::UnknownMethod)
    }

    fn refuse_method(&mut self, method: &str, rejection: &Rejection) -> Outcome {
        self.out.truncate(self.start);
        let RequestHead { context, len, .. } = self.head;
        let Context { shared, id, sender, link, .. } = context;
        let kind = rejection.kind();
        shared.counters.add(Counter::RequestsRefused, 1);
        shared.counters.add(Counter::RequestsPanicked, u64::from(matches!(rejection, Rejection::Panicked)));
        rejection.log(method, context);
        if shared.config.dialect.has_failures() && self.head.expects_response() {
            let (message, detail) = (rejection.message(method), rejection.detail());
            let failure = Failure { id: *id, code: kind.into(), message: &message, detail: detail.as_deref() };
            // A source that may be forged gets no more bytes than were sent in its name.
            let is_forgeable = link.is_none()
                && shared.config.limits.applies_to(*sender)
                && !shared.limiter().is_validated(*sender, now());
            let max_len = if is_forgeable { *len } else { usize::MAX };
            failure.encode(self.out, max_len);
            self.end(max_len);
        }
        Outcome::Refused(kind)
    }

    fn value<T: Serialize>(&mut self, value: &T) -> Result<Outcome, Rejection> {
        let Context { shared, id, .. } = &self.head.context;
        Response::begin(self.out, shared.config.dialect, *id);
        codec::encode(self.out, value).map_err(Rejection::ResponseUnencodable)?;
        Ok(Outcome::Completed)
    }

    /// Writes the response of a method that returns a stream, and begins to send the items.
    #[cfg(feature = "secure")]
    pub(super) fn items(&mut self, source: Source) -> Result<Outcome, Rejection> {
        let context = &self.head.context;
        let stream = context.link.as_ref().and_then(|link| link.stream.as_ref());
        let stream = stream.ok_or(Rejection::NeedsSecureLink)?;
        context.shared.send_items(source, &stream.for_items());
        self.value(&())
    }

    pub(super) fn error<E: Serialize>(&mut self, error: &E) -> Result<Outcome, Rejection> {
        if !self.head.context.shared.config.dialect.has_failures() {
            return Ok(Outcome::ApplicationError);
        }
        let mut detail = Vec::new();
        codec::encode(&mut detail, error).map_err(Rejection::ResponseUnencodable)?;
        Ok(self.encoded_error(&detail))
    }

    /// Writes a value that is already encoded.
    pub(crate) fn encoded_value(&mut self, value: &[u8]) -> Outcome {
        let Context { shared, id, .. } = &self.head.context;
        Response::begin(self.out, shared.config.dialect, *id);
        copy::append(self.out, value);
        Outcome::Completed
    }

    /// Writes an application error that is already encoded.
    pub(crate) fn encoded_error(&mut self, error: &[u8]) -> Outcome {
        let Context { shared, id, .. } = &self.head.context;
        if shared.config.dialect.has_failures() {
            // An application error is a response, so it may be longer than the request.
            let failure = Failure { id: *id, code: FailureCode::APPLICATION, message: "", detail: Some(error) };
            failure.encode(self.out, usize::MAX);
        }
        Outcome::ApplicationError
    }

    /// Returns whether the caller waits for a response.
    pub(crate) fn expects_response(&self) -> bool {
        self.head.expects_response()
    }

    /// Refuses a response that is larger than the endpoint may send.
    fn check_len(&mut self, outcome: Outcome) -> Outcome {
        let size = (self.out.len() - self.start).saturating_sub(HEADER_LEN);
        let limit = self.head.max_response_len();
        if size > limit {
            return self.refuse(&Rejection::ResponseTooLarge { size, limit });
        }
        self.end(usize::MAX);
        outcome
    }

    /// Appends the trailer, if the response has at most `max_len` bytes with it.
    fn end(&mut self, max_len: usize) {
        let len = self.out.len() - self.start;
        if len == 0 || !self.head.has_trailer {
            return;
        }
        let Context { sender, link, .. } = &self.head.context;
        // No datagram on loopback has fragments, so none can be forged. A link's are authenticated.
        let has_checksum =
            len > HEADER_LEN + Trailer::MAX_UNCHECKED_LEN && !sender.ip().is_loopback() && link.is_none();
        if has_checksum || self.handler_time.is_some() {
            Trailer::end_response(self.out, self.start, self.handler_time, has_checksum, max_len);
        }
    }
}
