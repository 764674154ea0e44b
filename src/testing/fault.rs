use std::sync::Arc;

use rpcudp_core::{Counter, Failure};

use crate::client::refusal::Refusal;
use crate::lock::Lock;
use crate::server::context::Context;
use crate::server::inline_request::InlineRequest;
use crate::server::router::Middleware;
use crate::server::service::AnyService;

/// A fault that a mock peer shows in place of its services.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Requests are dropped.
    Silence,
    /// Requests are refused.
    Refusal(Refusal),
}

/// The middleware of a mock peer: shows the fault, or passes requests on.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) current: Arc<Lock<Option<Fault>>>,
    /// The layers of the endpoint, if there are any.
    pub(super) inner: Option<Box<dyn Middleware>>,
}

impl Middleware for Faults {
    fn call(&self, service: &Arc<dyn AnyService>, index: usize, request: InlineRequest<'_>) {
        let fault = self.current.lock().clone();
        match (fault, &self.inner) {
            (None, None) => service.call(index, request.into()),
            (None, Some(inner)) => inner.call(service, index, request),
            (Some(Fault::Silence), _) => {}
            (Some(Fault::Refusal(refusal)), _) => refuse(request, &refusal),
        }
    }
}

/// Refuses a request, without a look at its duplicates.
fn refuse(request: InlineRequest<'_>, refusal: &Refusal) {
    let InlineRequest { head, responses, counter, .. } = request;
    *counter = Some(Counter::RequestsRefused);
    let Context { ref shared, sender, local, id, .. } = head.context;
    if !head.expects_response() || !shared.config.dialect.has_failures() {
        return;
    }
    let (code, detail) = refusal.to_failure();
    let failure = Failure { id, code, message: &head.method, detail: detail.as_deref() };
    responses.write(sender, local, |out| failure.encode(out, usize::MAX));
}
