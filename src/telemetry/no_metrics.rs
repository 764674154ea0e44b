//! What `metering` is without the feature `metrics`: nothing, at no cost.

use std::sync::Arc;
use std::time::Instant;

use crate::endpoint::shared::Shared;
use crate::telemetry::outcome::Conclusion;

#[derive(Debug)]
pub(crate) struct CallMeter;

#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTiming;

#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestMeter;

#[derive(Debug)]
pub(crate) struct RequestTiming;

impl CallMeter {
    pub(crate) const fn new() -> Self {
        Self
    }

    pub(crate) fn unnamed() -> Self {
        Self
    }

    pub(crate) fn begin(&self, _: &'static str, _: Instant) -> CallTiming {
        CallTiming
    }

    pub(crate) fn end(&self, _: CallTiming, _: Conclusion) {}
}

impl CallTiming {
    pub(crate) const NONE: Self = Self;
}

impl RequestMeter {
    pub(crate) fn of(_: &'static str) -> Self {
        Self
    }

    pub(crate) fn unknown() -> Self {
        Self
    }

    pub(crate) fn begin(self) -> RequestTiming {
        RequestTiming
    }
}

impl RequestTiming {
    pub(crate) fn end(self, _: Conclusion) {}
}

pub(crate) fn publish(_: &Arc<Shared>) {}
