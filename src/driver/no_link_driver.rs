//! The counterpart of `link_driver` without the feature `secure`: a type that has no value.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_transport::{ReceiveBatch, Transport};

use super::dispatch::Dispatch;
use crate::endpoint::shared::Shared;

pub(super) struct LinkDriver(Infallible);

impl LinkDriver {
    pub(super) fn new(_: &Arc<Shared>, _: usize) -> Option<Box<Self>> {
        None
    }

    pub(super) fn receive(&mut self, _: &ReceiveBatch) -> bool {
        match self.0 {}
    }

    pub(super) fn is_late(&self, _: Duration) -> bool {
        match self.0 {}
    }

    pub(super) fn await_commands(&mut self) {
        match self.0 {}
    }

    pub(super) fn end_await(&mut self) -> bool {
        match self.0 {}
    }

    pub(super) fn awaits_commands(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_flush_len(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_work(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn work(&mut self, _: &mut Dispatch) {
        match self.0 {}
    }

    pub(super) fn send(&mut self, _: &dyn Transport) -> bool {
        match self.0 {}
    }

    pub(super) fn has_output(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_events(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn has_served_streams(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.0 {}
    }

    pub(super) fn is_idle(&self) -> bool {
        match self.0 {}
    }

    pub(super) fn settles_at(&mut self) -> Option<Instant> {
        match self.0 {}
    }

    pub(super) fn close(&mut self, _: &dyn Transport) {
        match self.0 {}
    }
}
