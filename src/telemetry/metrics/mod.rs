//! What is counted and timed for the feature `metrics`; [`metrics`](crate::metrics) says what for.
//!
//! A call costs two additions to memory that no other thread is using, and no clock unless its turn to be timed has come.
//! The recorder, which is somebody else's code, is asked once a second, by a task of its own.

mod method;
mod publisher;

use std::fmt;
use std::sync::OnceLock;
use std::time::Instant;

use self::method::{Method, Side};
pub(crate) use self::publisher::publish;
use crate::endpoint::shared::now;
use crate::telemetry::outcome::Conclusion;

/// What is measured of the calls of a method; part of what its client knows of it.
#[derive(Default)]
pub(crate) struct CallMeter {
    method: OnceLock<&'static Method>,
}

/// A call that was begun: when, if it is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTiming {
    begun: Option<Instant>,
}

/// What is measured of the requests for a method.
#[derive(Clone, Copy)]
pub(crate) struct RequestMeter {
    method: &'static Method,
}

/// A request that was begun: when, if it is timed.
#[derive(Debug)]
pub(crate) struct RequestTiming {
    meter: RequestMeter,
    begun: Option<Instant>,
}

impl CallMeter {
    pub(crate) const fn new() -> Self {
        Self { method: OnceLock::new() }
    }

    /// For methods that no contract names: one for all of them.
    pub(crate) fn unnamed() -> Self {
        Self { method: OnceLock::from(Method::of(Side::Client, crate::telemetry::metric_names::UNKNOWN_METHOD)) }
    }

    pub(crate) fn begin(&self, name: &'static str, now: Instant) -> CallTiming {
        let method = self.method.get_or_init(|| Method::of(Side::Client, name));
        CallTiming { begun: method.begin().then_some(now) }
    }

    pub(crate) fn end(&self, timing: CallTiming, conclusion: Conclusion) {
        // One that was not begun was dropped before it was sent: nothing has happened.
        if let Some(method) = self.method.get() {
            method.end(conclusion, timing.begun.map(elapsed));
        }
    }
}

impl CallTiming {
    /// That of a call that was not begun.
    pub(crate) const NONE: Self = Self { begun: None };
}

impl RequestMeter {
    pub(crate) fn of(name: &'static str) -> Self {
        Self { method: Method::of(Side::Server, name) }
    }

    /// For requests whose method no service has: one for all of them, whatever strangers call them.
    pub(crate) fn unknown() -> Self {
        static UNKNOWN: OnceLock<RequestMeter> = OnceLock::new();
        *UNKNOWN.get_or_init(|| Self::of(crate::telemetry::metric_names::UNKNOWN_METHOD))
    }

    pub(crate) fn begin(self) -> RequestTiming {
        RequestTiming { meter: self, begun: self.method.begin().then(now) }
    }
}

impl RequestTiming {
    pub(crate) fn end(self, conclusion: Conclusion) {
        self.meter.method.end(conclusion, self.begun.map(elapsed));
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
