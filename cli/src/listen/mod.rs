//! `rpcudp listen`: prints the datagrams that arrive, and sends the responses of `--answer`.

mod canned_responses;
mod event;
mod printer;
mod printing_service;
mod printing_transport;

use std::sync::Arc;

use canned_responses::CannedResponses;
use printer::{PrintOptions, Printer};
use printing_service::PrintingService;
use printing_transport::PrintingTransport;
use rpcudp::transport::{Transport, Udp};
use rpcudp::{Endpoint, UdpOptions};
use serde_json::json;
use tokio::sync::mpsc;

use crate::address::{Family, resolve};
use crate::args::ListenArguments;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use crate::links::LinkIdentity;
use crate::output;
use crate::peer::dialect;

/// Runs `rpcudp listen` until it is interrupted.
pub(crate) async fn run(arguments: &ListenArguments, as_json: bool) -> Result<(), Failure> {
    let ListenArguments { addr, storj, answer, identity, allow, no_plain } = arguments;
    let canned_responses = Arc::new(CannedResponses::parse(answer)?);
    let identity = LinkIdentity::of_listener(identity.as_deref())?;
    let dialect = dialect(*storj);
    let builder = Endpoint::builder().dialect(dialect).trusted_network();
    let builder = identity.add_to_listener(builder, allow, *no_plain)?;
    let addr = resolve(addr, Family::Any).await?[0];
    let options = UdpOptions::default().report_unreachable(false);
    let socket = Udp::bind(addr, &options).map_err(|error| Failure::bind_failed(addr, &error))?;
    let addr = socket.local_addr();
    let interrupted = interrupted()?;
    let key = identity.key();
    if as_json {
        output::json_line(&json!({ "event": "listening", "addr": addr, "key": key }))?;
    } else {
        // No peer can be called at the unspecified address.
        let host = if addr.ip().is_unspecified() { format!("HOST:{}", addr.port()) } else { addr.to_string() };
        let links = key.as_ref().map(|key| format!(", with links at {key}@{host}"));
        output::line(&format!("listening on {addr}{}", links.unwrap_or_default()))?;
    }
    let (report, mut failures) = mpsc::unbounded_channel();
    let options = PrintOptions { dialect, as_json, has_links: key.is_some(), refuses_plain: *no_plain };
    let printer = Arc::new(Printer::new(Arc::clone(&canned_responses), options, report));
    let builder = builder.serve_dynamic(PrintingService::new(&canned_responses, &printer));
    let _endpoint = builder.bind_transport(PrintingTransport::new(socket, printer))?;
    tokio::select! {
        Some(failure) = failures.recv() => Err(failure),
        () = interrupted => Ok(()),
    }
}
