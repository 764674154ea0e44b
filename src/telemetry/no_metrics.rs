//! The counterpart of `metrics` without the feature: empty types that cost nothing.

use std::future::Future;
use std::time::Instant;

use rpcudp_core::Stats;
use tokio::runtime;

use super::outcome::Outcome;
use crate::links::endpoint_links::LinkCounts;

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

    pub(crate) fn end(&self, _: CallTiming, _: Outcome) {}
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
    pub(crate) fn end(self, _: Outcome) {}
}

pub(crate) fn publish(
    _: &runtime::Handle,
    _: impl Future<Output = ()> + Send + 'static,
    _: impl Fn() -> (Stats, LinkCounts) + Send + 'static,
) {
}
