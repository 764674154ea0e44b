//! Counters and timers of the feature `metrics`; [`metrics`](crate::metrics) documents what they
//! mean.
//!
//! A call costs two additions to memory that few other threads write, and a clock reading only if
//! the call is sampled. The recorder is user code, so a task of the endpoint calls it once a
//! second.

mod figures;
#[cfg(feature = "secure")]
mod link_figures;
#[cfg(not(feature = "secure"))]
#[path = "no_link_figures.rs"]
mod link_figures;
mod method;
mod publisher;

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use self::method::{Method, Side};
pub(crate) use self::publisher::publish;
use super::metric_names::UNKNOWN_METHOD;
use super::outcome::Outcome;
use crate::clock::now;

/// The measurements of a method at its client, kept with the method's `CallSpec`.
#[derive(Default)]
pub(crate) struct CallMeter {
    method: OnceLock<&'static Method>,
}

/// The start of a call, if the call is sampled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTiming {
    started: Option<Instant>,
}

/// The measurements of a method at its server.
#[derive(Clone, Copy)]
pub(crate) struct RequestMeter {
    method: &'static Method,
}

/// The start of a request, if the request is sampled.
#[derive(Debug)]
pub(crate) struct RequestTiming {
    meter: RequestMeter,
    started: Option<Instant>,
}

impl CallMeter {
    pub(crate) const fn new() -> Self {
        Self { method: OnceLock::new() }
    }

    /// Returns the one meter for methods that are called by name, without a contract.
    pub(crate) fn unnamed() -> Self {
        Self { method: OnceLock::from(Method::of(Side::Client, UNKNOWN_METHOD)) }
    }

    pub(crate) fn begin(&self, name: &'static str, now: Instant) -> CallTiming {
        let method = self.method.get_or_init(|| Method::of(Side::Client, name));
        CallTiming { started: method.begin().then_some(now) }
    }

    pub(crate) fn end(&self, timing: CallTiming, outcome: Outcome) {
        // A call that was dropped before it was sent has no method here and is not counted.
        if let Some(method) = self.method.get() {
            method.end(outcome, timing.started.map(elapsed));
        }
    }
}

impl CallTiming {
    /// The timing of a call that has not begun.
    pub(crate) const NONE: Self = Self { started: None };
}

impl RequestMeter {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { method: Method::of(Side::Server, name) }
    }

    /// Returns the one meter for requests whose method no service has. The names come from peers
    /// and must not become labels.
    pub(crate) fn unknown() -> Self {
        static UNKNOWN: OnceLock<RequestMeter> = OnceLock::new();
        *UNKNOWN.get_or_init(|| Self::of(UNKNOWN_METHOD))
    }

    pub(crate) fn begin(self) -> RequestTiming {
        RequestTiming { meter: self, started: self.method.begin().then(now) }
    }
}

impl RequestTiming {
    pub(crate) fn end(self, outcome: Outcome) {
        self.meter.method.end(outcome, self.started.map(elapsed));
    }
}

fn elapsed(since: Instant) -> f64 {
    now().saturating_duration_since(since).as_secs_f64()
}

impl fmt::Debug for CallMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallMeter")
    }
}

impl fmt::Debug for RequestMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestMeter({})", self.method.name())
    }
}
