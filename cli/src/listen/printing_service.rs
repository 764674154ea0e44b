use std::sync::Arc;

use rpcudp::contract::{Delivery, Method};
use rpcudp::dynamic::RawArguments;
use rpcudp::{Context, DynamicResponse, DynamicService};

use super::canned_responses::CannedResponses;
use super::printer::Printer;

/// The service behind `--answer`. Prints the requests that come over links, whose datagrams the
/// transport cannot read.
pub(super) struct PrintingService {
    responses: Arc<CannedResponses>,
    printer: Arc<Printer>,
}

impl PrintingService {
    pub(super) fn new(responses: &Arc<CannedResponses>, printer: &Arc<Printer>) -> Self {
        Self { responses: Arc::clone(responses), printer: Arc::clone(printer) }
    }
}

impl DynamicService for PrintingService {
    fn name(&self) -> &str {
        self.responses.name()
    }

    fn methods(&self) -> Vec<Method> {
        self.responses.methods()
    }

    fn other_methods(&self) -> Option<Delivery> {
        self.responses.other_methods()
    }

    async fn call(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) -> DynamicResponse {
        self.printer.print_link_request(cx, method, arguments);
        self.responses.call(cx, method, arguments).await
    }
}
