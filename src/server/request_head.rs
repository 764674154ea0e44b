use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, DropReason, MessageId};
use rpcudp_transport::Datagram;

use super::context::Context;
use super::delayed_response::send_later;
use super::handler_time;
use super::method_name::MethodName;
use crate::clock::now;
use crate::endpoint::config::Config;
use crate::endpoint::handlers::{Bounds, HandlerKind, HandlerPermit, Origin};
use crate::endpoint::send_queue::SendMode;
use crate::endpoint::shared::Shared;
#[cfg(feature = "secure")]
use crate::links::flow::Flow;
use crate::telemetry::outcome::Outcome;

/// The head of an incoming request: everything but its arguments.
#[derive(Clone, Debug)]
pub(crate) struct RequestHead {
    pub(crate) context: Context,
    pub(crate) method: MethodName,
    pub(crate) delivery: Delivery,
    /// The length of the request's datagram, in bytes. A refusal is never longer.
    pub(crate) len: usize,
    /// The time at which the request was received.
    pub(crate) arrived: Instant,
    /// Whether the request had a trailer, so that its caller understands the trailer of a response.
    pub(crate) has_trailer: bool,
    /// The time between the arrival and the response, in milliseconds, if the request reaches
    /// several peers. Else 0.
    pub(crate) response_delay: u16,
    pub(crate) origin: Origin,
    /// Whether the method requires a session, and the caller has one.
    pub(crate) session: SessionCheck,
}

/// The result of the search for a caller's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionCheck {
    NotRequired,
    Missing,
    Found,
}

impl RequestHead {
    /// Returns a head without a request, for a socket of an endpoint.
    pub(crate) fn idle(shared: &Arc<Shared>, socket: usize) -> Self {
        let context = Context {
            sender: shared.local_addr,
            local: None,
            id: MessageId::from_bytes([0; MessageId::LEN]),
            deadline: None,
            handler: None,
            metadata: None,
            link: None,
            session: None,
            shared: Arc::clone(shared),
            socket: u16::try_from(socket).expect("an endpoint has few sockets"),
        };
        Self {
            context,
            method: MethodName::Declared(""),
            delivery: Delivery::Maybe,
            len: 0,
            arrived: now(),
            has_trailer: false,
            response_delay: 0,
            origin: Origin::Exempt,
            session: SessionCheck::NotRequired,
        }
    }

    /// Looks for the session that the caller must have in a pool, if the method requires one.
    #[inline]
    pub(crate) fn check_session(&mut self, pool: Option<u32>) {
        if let Some(pool) = pool {
            self.find_session(pool);
        } else if self.session != SessionCheck::NotRequired {
            // Of the request before.
            (self.session, self.context.session) = (SessionCheck::NotRequired, None);
        }
    }

    fn find_session(&mut self, pool: u32) {
        let Context { shared, sender, link, .. } = &self.context;
        // The peer of a link is known by its key, and its session belongs to that.
        let roster = shared.sessions.roster.get();
        let found = roster.and_then(|roster| roster.sender(pool as usize, *sender, link.as_ref()));
        self.session = if found.is_some() { SessionCheck::Found } else { SessionCheck::Missing };
        #[cfg(feature = "secure")]
        if let (Some(member), Some(link)) = (&found, link)
            && let Some(stream) = &link.stream
        {
            stream.end_with(member.streams());
        }
        self.context.session = found;
    }

    /// Returns whether the caller waits for a response.
    pub(crate) fn expects_response(&self) -> bool {
        self.delivery != Delivery::OneWay
    }

    /// Returns the length of the largest response, in bytes of the body.
    pub(crate) fn max_response_len(&self) -> usize {
        let Context { shared, link, .. } = &self.context;
        match (link, &shared.links) {
            #[cfg(feature = "secure")]
            (Some(link), Some(_)) if link.stream.is_some() => Flow::MAX_RESPONSE_BODY_LEN,
            (Some(_), Some(links)) => links.max_body_len(),
            _ => shared.config.max_response_len,
        }
    }

    /// Returns whether the caller's deadline has passed.
    pub(crate) fn is_expired(&self) -> bool {
        self.context.remaining() == Some(Duration::ZERO)
    }

    /// Returns the id and source of a request that its caller may cancel. `None` if the request has
    /// no remaining time: its id may be weak, so that a cancel frame in its caller's name could be
    /// forged.
    fn cancel_key(&self) -> Option<(MessageId, SocketAddr)> {
        self.has_trailer.then_some((self.context.id, self.context.source()))
    }

    /// Returns the head for the handler that the permit allows, which sees its cancellation.
    pub(crate) fn for_handler(&self, permit: &HandlerPermit) -> Self {
        let mut head = self.clone();
        head.context.handler = Some(Arc::clone(permit.handler()));
        head
    }

    /// Returns the conditions under which the handler ends before it returns.
    pub(crate) fn bounds(&self) -> Bounds {
        let is_abortable = matches!(self.delivery, Delivery::Maybe | Delivery::AtLeastOnce);
        Bounds {
            expiry: self.expiry().filter(|_| is_abortable),
            request: self.cancel_key(),
            ends_if_cancelled: is_abortable,
        }
    }

    /// Returns the time from which the endpoint may abort the handler, if its delivery allows it.
    /// `None` if the source is exempt from the limits.
    fn expiry(&self) -> Option<Instant> {
        if self.origin == Origin::Exempt {
            return None;
        }
        let timeout = self.context.shared.config.handler_timeout;
        // A forged request may claim any deadline.
        let max_timeout = timeout.saturating_mul(Config::MAX_HANDLER_TIMEOUTS);
        let claimed = self.context.deadline.map(|deadline| deadline.saturating_duration_since(self.arrived));
        self.arrived.checked_add(claimed.unwrap_or_default().clamp(timeout, max_timeout))
    }

    /// Returns the time since the request arrived, if the response is to report it.
    pub(crate) fn handler_time(&self) -> Option<Duration> {
        if self.has_trailer { handler_time::since(self.arrived) } else { None }
    }

    /// Returns the counter of the response. Refusals are counted when they are written.
    pub(crate) fn counter(&self, outcome: Outcome) -> Option<Counter> {
        let is_completed = matches!(outcome, Outcome::Completed | Outcome::ApplicationError);
        (is_completed && self.expects_response()).then_some(Counter::RequestsCompleted)
    }

    /// Sends the response of an ended handler, if it is not empty and the source's limits allow it.
    /// `destination` is the sender, unless a duplicate came from another address. Adds to `counter`
    /// if the limits allow the response.
    pub(crate) fn send_response(&self, counter: Option<Counter>, response: &[u8], destination: SocketAddr) {
        let Context { shared, local, socket, link, .. } = &self.context;
        if let (Some(link), Some(links)) = (link, &shared.links) {
            counter.into_iter().for_each(|counter| shared.counters.add(counter, 1));
            if !response.is_empty() && links.respond(link, response).is_err() {
                shared.counters.dropped(DropReason::SendQueueFull);
            }
            return;
        }
        if !response.is_empty() && shared.config.limits.applies_to(destination) {
            let now = now();
            if !shared.limiter().admit_response(destination, response.len(), now) {
                shared.counters.dropped(DropReason::ResponseBudget);
                return shared.warn_of_response_budget(destination, now);
            }
        }
        counter.into_iter().for_each(|counter| shared.counters.add(counter, 1));
        if response.is_empty() {
            return;
        }
        if self.response_delay > 0 {
            let at = self.arrived + Duration::from_millis(self.response_delay.into());
            if send_later(&self.context, at, self.cancel_key(), response, destination) {
                return;
            }
        }
        let datagram = Datagram { destination, source: *local, contents: response };
        // Other running handlers will soon have responses too.
        let mode = if shared.handlers.running(HandlerKind::Task) > 0 { SendMode::Batched } else { SendMode::Immediate };
        shared.send_queues.at(usize::from(*socket)).send_response(datagram, mode);
    }
}
