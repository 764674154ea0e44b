//! `rpcudp listen`: prints the datagrams that arrive, and sends the responses of `--answer`.

mod canned_responses;
mod event;
mod printing_transport;

use std::sync::Arc;

use canned_responses::CannedResponses;
use printing_transport::{Printer, PrintingTransport};
use rpcudp::transport::{Transport, Udp};
use rpcudp::{Endpoint, UdpOptions};
use serde_json::json;
use tokio::sync::mpsc;

use crate::address::{Family, resolve};
use crate::args::ListenArguments;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use crate::output;
use crate::peer::dialect;

/// Runs `rpcudp listen` until it is interrupted.
pub(crate) async fn run(arguments: &ListenArguments, as_json: bool) -> Result<(), Failure> {
    let canned_responses = Arc::new(CannedResponses::parse(&arguments.answer)?);
    let addr = resolve(&arguments.addr, Family::Any).await?[0];
    let options = UdpOptions::default().report_unreachable(false);
    let socket = Udp::bind(addr, &options).map_err(|error| Failure::bind_failed(addr, &error))?;
    let addr = socket.local_addr();
    let interrupted = interrupted()?;
    if as_json {
        output::json_line(&json!({ "event": "listening", "addr": addr }))?;
    } else {
        output::line(&format!("listening on {addr}"))?;
    }
    let (report, mut failures) = mpsc::unbounded_channel();
    let dialect = dialect(arguments.storj);
    let printer = Printer::new(Arc::clone(&canned_responses), dialect, as_json, report);
    let endpoint = Endpoint::builder().dialect(dialect).trusted_network().serve_dynamic(canned_responses);
    let _endpoint = endpoint.bind_transport(PrintingTransport::new(socket, printer))?;
    tokio::select! {
        Some(failure) = failures.recv() => Err(failure),
        () = interrupted => Ok(()),
    }
}
