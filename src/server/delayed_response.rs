//! Responses to requests that reach several peers. Each waits for a random part of the window that
//! the request names, so that the responses of all peers do not arrive in one burst.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::MessageId;
use rpcudp_transport::Datagram;

use super::context::Context;
use crate::clock::now;
use crate::endpoint::send_queue::SendMode;
use crate::endpoint::shared::Shared;

/// The longest time that a response waits, because the window comes from the network: the default
/// leisure of CoAP (RFC 7252, section 8.2).
const MAX_DELAY: Duration = Duration::from_secs(5);

/// Draws the time between the arrival of a request and its response, in milliseconds.
pub(crate) fn response_delay(window: Duration, remaining: Option<Duration>, shared: &Shared) -> u16 {
    let window = window.min(remaining.unwrap_or(MAX_DELAY)).min(MAX_DELAY);
    (shared.calls.random() % (window.as_millis() as u64 + 1)) as u16
}

/// Sends a response at a later time. Returns `false` if it has to be sent now: the time has passed,
/// or as many responses wait as may. `request` is the id and source of a request that its caller
/// may cancel, after which the response is not sent.
pub(crate) fn send_later(
    context: &Context,
    at: Instant,
    request: Option<(MessageId, SocketAddr)>,
    response: &[u8],
    destination: SocketAddr,
) -> bool {
    let Context { shared, local, socket, .. } = context;
    if at <= now() {
        return false;
    }
    let Some(permit) = shared.handlers.try_delay(response.len()) else { return false };
    let (response, source, socket) = (response.to_vec(), *local, usize::from(*socket));
    let runtime = shared.runtime.clone();
    let shared = Arc::clone(shared);
    runtime.spawn(async move {
        if permit.wait(at, request).await {
            let datagram = Datagram { destination, source, contents: &response };
            shared.send_queues.at(socket).send_response(datagram, SendMode::Immediate);
        }
    });
    true
}
