use rpcudp_core::contract::Delivery;
use rpcudp_core::{Counter, Request};
use rpcudp_transport::SendBatch;

use crate::server::handler_time::BatchClock;
use crate::server::inline_request::InlineRequest;
use crate::server::method_name::MethodName;
use crate::server::request_head::RequestHead;
use crate::server::response::ResponseWriter;
use crate::server::router::{Route, Router};
use crate::telemetry::metrics::RequestMeter;

/// A request for a method that no service declares.
pub(super) struct UndeclaredRequest<'a> {
    /// The head, whose method and delivery are not set yet.
    pub(super) head: &'a mut RequestHead,
    pub(super) request: &'a Request<'a>,
    pub(super) datagram: &'a [u8],
    pub(super) responses: &'a mut SendBatch,
    pub(super) clock: &'a mut BatchClock,
}

impl UndeclaredRequest<'_> {
    /// Returns the route to the service that takes methods which no service declares.
    ///
    /// # Errors
    ///
    /// The counter of the response, if the request ends here: it is a duplicate of a request for a
    /// removed method, or it is refused.
    // Out of line, for the sake of requests for declared methods.
    #[cold]
    pub(super) fn route(self, router: &Router) -> Result<&Route, Option<Counter>> {
        let Self { head, request, datagram, responses, clock } = self;
        if let Some((name, delivery)) = router.find_removed(request.method) {
            (head.method, head.delivery) = (MethodName::Declared(name), delivery);
            let (mut counter, meter) = (None, RequestMeter::unknown());
            let inline = InlineRequest { head, request, datagram, responses, counter: &mut counter, meter, clock };
            if inline.handle_duplicate() {
                return Err(counter);
            }
        }
        if let Some(route) = router.other() {
            head.method = MethodName::Other(request.method.into());
            return Ok(route);
        }
        // A member of a multicast group that does not have the method does not respond: all members
        // together would send the caller more than it can use.
        let is_multicast = request.response_window.is_some();
        head.method = MethodName::Declared("");
        head.delivery = if is_multicast { Delivery::OneWay } else { Delivery::Maybe };
        let timing = RequestMeter::unknown().begin();
        responses.write(head.context.sender, head.context.local, |out| {
            timing.end(ResponseWriter::new(out, head, None).refuse_unknown(request.method));
        });
        Err(None)
    }
}
