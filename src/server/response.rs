//! What a handler's result becomes on the wire.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rpcudp_core::codec::{self, ArgumentError, EncodeError};
use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{Counter, Failure, FailureCode, Response};
use serde::Serialize;

use crate::Context;
use crate::server::rejection::Reason;
use crate::telemetry::outcome::Conclusion;

/// What an answer is that was written.
type Written = Result<Conclusion, EncodeError>;

/// A handler panicked instead of returning.
#[derive(Debug)]
pub(crate) struct Panicked;

/// What a method returned.
#[doc(hidden)]
pub trait Answer {
    /// Writes it, and says what it is.
    ///
    /// # Errors
    ///
    /// Where it cannot be encoded.
    fn write(&self, writer: &mut AnswerWriter<'_>) -> Written;
}

/// What a method returned that cannot fail by itself.
#[doc(hidden)]
#[derive(Debug)]
pub struct Value<T>(pub T);

/// What a method returned that returns a `Result`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fallible<T, E>(pub Result<T, E>);

/// What a oneway method returned.
#[doc(hidden)]
#[derive(Debug)]
pub struct Nothing(pub ());

impl<T: Serialize> Answer for Value<T> {
    fn write(&self, writer: &mut AnswerWriter<'_>) -> Written {
        writer.value(&self.0)
    }
}

impl<T: Serialize, E: Serialize> Answer for Fallible<T, E> {
    fn write(&self, writer: &mut AnswerWriter<'_>) -> Written {
        match &self.0 {
            Ok(value) => writer.value(value),
            Err(error) => writer.error(error),
        }
    }
}

impl Answer for Nothing {
    fn write(&self, _: &mut AnswerWriter<'_>) -> Written {
        Ok(Conclusion::Done)
    }
}

/// Where an answer is written to: the end of a buffer that may hold others.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnswerWriter<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    asked: Asked<'a>,
}

/// The request that is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) method: &'a str,
    /// How long the request's datagram was.
    pub(crate) len: usize,
    /// Whether the sender gets an answer at all.
    pub(crate) oneway: bool,
}

impl<'a> AnswerWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, asked: Asked<'a>) -> Self {
        Self { start: out.len(), out, asked }
    }

    /// Writes what came of a handler, and says what that is.
    pub(crate) fn conclude<A: Answer>(&mut self, result: Result<Result<A, ArgumentError>, Panicked>) -> Conclusion {
        let answer = match result {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return self.refuse(&Reason::Malformed(error)),
            Err(Panicked) => return self.refuse(&Reason::Panicked),
        };
        // `Serialize` and `Drop` are the user's code, as the handler was.
        let write = AssertUnwindSafe(|| {
            let answer = answer;
            answer.write(self)
        });
        match catch_unwind(write) {
            Ok(Ok(conclusion)) => self.limited(conclusion),
            Ok(Err(error)) => self.refuse(&Reason::Unencodable(error)),
            Err(_) => self.refuse(&Reason::Panicked),
        }
    }

    /// Writes that the request is refused, in place of anything written before, and says so in the log: once.
    pub(crate) fn refuse(&mut self, reason: &Reason) -> Conclusion {
        self.out.truncate(self.start);
        let Asked { cx, method, len, oneway } = self.asked;
        let shared = &cx.shared;
        shared.counters.add(Counter::RequestsRefused, 1);
        shared.counters.add(Counter::RequestsPanicked, u64::from(matches!(reason, Reason::Panicked)));
        reason.log(method, cx);
        if shared.config.dialect.has_failures() && !oneway {
            let (message, detail) = (reason.message(method), reason.detail());
            let failure = Failure { id: cx.id, code: reason.code(), message: &message, detail: detail.as_deref() };
            failure.encode(self.out, len);
        }
        reason.conclusion()
    }

    fn value<T: Serialize>(&mut self, value: &T) -> Written {
        let Asked { cx, .. } = self.asked;
        Response::begin(self.out, cx.shared.config.dialect, cx.id);
        codec::encode(self.out, value)?;
        Ok(Conclusion::Answered)
    }

    fn error<E: Serialize>(&mut self, error: &E) -> Written {
        let Asked { cx, .. } = self.asked;
        if !cx.shared.config.dialect.has_failures() {
            return Ok(Conclusion::ApplicationError);
        }
        let mut detail = Vec::new();
        codec::encode(&mut detail, error)?;
        // The application's own words may be longer than the request: they are an answer.
        let failure = Failure { id: cx.id, code: FailureCode::APPLICATION, message: "", detail: Some(&detail) };
        failure.encode(self.out, usize::MAX);
        Ok(Conclusion::ApplicationError)
    }

    /// Refuses an answer that is larger than answers may be.
    fn limited(&mut self, conclusion: Conclusion) -> Conclusion {
        let Asked { cx, oneway, .. } = self.asked;
        let size = (self.out.len() - self.start).saturating_sub(HEADER_LEN);
        let limit = cx.shared.config.max_response_len;
        if size > limit {
            return self.refuse(&Reason::TooLarge { size, limit });
        }
        cx.shared.counters.add(Counter::RequestsCompleted, u64::from(!oneway));
        conclusion
    }
}
