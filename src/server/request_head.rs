use std::time::{Duration, Instant};

use rpcudp_core::DropReason;
use rpcudp_core::contract::Delivery;
use rpcudp_transport::Datagram;

use super::context::Context;
use super::handler_time;
use crate::clock::now;
use crate::endpoint::send_queue::SendMode;

/// The head of an incoming request: everything but its arguments.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) context: Context,
    pub(crate) method: &'static str,
    pub(crate) delivery: Delivery,
    /// The length of the request's datagram, in bytes. A refusal is never longer.
    pub(crate) len: usize,
    /// The time at which the request was received.
    pub(crate) arrived: Instant,
    /// Whether the request had a trailer, so that its caller understands the trailer of a response.
    pub(crate) has_trailer: bool,
}

impl RequestHead {
    /// Returns whether the caller waits for a response.
    pub(crate) fn expects_response(&self) -> bool {
        self.delivery != Delivery::OneWay
    }

    /// Returns whether the caller's deadline has passed.
    pub(crate) fn is_expired(&self) -> bool {
        self.context.remaining() == Some(Duration::ZERO)
    }

    /// Returns the time since the request arrived, if the response is to report it.
    pub(crate) fn handler_time(&self) -> Option<Duration> {
        if self.has_trailer { handler_time::since(self.arrived) } else { None }
    }

    /// Stores the response to an at-most-once request, for its duplicates.
    pub(crate) fn store_response(&self, response: &[u8]) {
        if self.delivery == Delivery::AtMostOnce {
            let Context { shared, sender, id, .. } = &self.context;
            shared.stored_responses().finish(now(), *sender, *id, response);
        }
    }

    /// Drops the request because its deadline had passed before the method ran. Duplicates do not
    /// run either.
    pub(crate) fn expire(&self) {
        self.context.shared.counters.dropped(DropReason::Expired);
        self.store_response(b"");
    }

    /// Sends a response, if it is not empty and the source's limits allow it.
    pub(crate) fn send_response(&self, response: &[u8]) {
        if response.is_empty() {
            return;
        }
        let Context { shared, sender, local, socket, .. } = &self.context;
        if shared.config.limits.applies_to(*sender) && !shared.limiter().admit_response(*sender, response.len(), now())
        {
            return shared.counters.dropped(DropReason::ResponseBudget);
        }
        let datagram = Datagram { destination: *sender, source: *local, contents: response };
        // Other running handlers will soon have responses too.
        let mode = if shared.handlers.running() > 1 { SendMode::Batched } else { SendMode::Immediate };
        shared.send_queues.at(*socket).send_response(datagram, mode);
    }
}
