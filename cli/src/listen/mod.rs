//! `rpcudp listen`: prints the datagrams that arrive, and sends the responses of `--answer`.

mod canned_responses;
mod event;

use std::future::poll_fn;
use std::io;
use std::time::{Duration, Instant};

use canned_responses::CannedResponses;
use event::{Content, Event};
use rpcudp::UdpOptions;
use rpcudp::transport::{Datagram, ReceiveBatch, Received, Transport, Udp};
use rpcudp_core::{Dialect, Frame};
use serde_json::json;
use tokio::time::sleep;

use crate::address::{Family, resolve};
use crate::args::ListenArguments;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use crate::output;
use crate::peer::dialect;

/// Runs `rpcudp listen` until it is interrupted.
pub(crate) async fn run(arguments: &ListenArguments, as_json: bool) -> Result<(), Failure> {
    let canned_responses = CannedResponses::parse(&arguments.answer)?;
    let addr = resolve(&arguments.addr, Family::Any).await?[0];
    let options = UdpOptions::default().report_unreachable(false);
    let socket = Udp::bind(addr, &options).map_err(|error| Failure::bind_failed(addr, &error))?;
    let listener =
        Listener { socket, canned_responses, dialect: dialect(arguments.storj), as_json, started: Instant::now() };
    let addr = listener.socket.local_addr();
    let interrupted = interrupted()?;
    if as_json {
        output::json_line(&json!({ "event": "listening", "addr": addr }))?;
    } else {
        output::line(&format!("listening on {addr}"))?;
    }
    tokio::select! {
        result = listener.receive() => result,
        () = interrupted => Ok(()),
    }
}

struct Listener {
    socket: Udp,
    canned_responses: CannedResponses,
    /// The dialect of the requests that get responses.
    dialect: Dialect,
    as_json: bool,
    started: Instant,
}

impl Listener {
    /// The pause after an error of the socket, so that a persistent error does not flood the
    /// terminal.
    const AFTER_ERROR: Duration = Duration::from_millis(500);

    /// Receives datagrams. Returns only if printing fails.
    async fn receive(&self) -> Result<(), Failure> {
        let mut batch = ReceiveBatch::new();
        loop {
            if let Err(error) = poll_fn(|cx| self.socket.poll_receive(cx, &mut batch)).await {
                anstream::eprintln!("rpcudp: receiving failed: {error}");
                sleep(Self::AFTER_ERROR).await;
                continue;
            }
            for datagram in batch.iter() {
                self.handle(datagram).await?;
            }
        }
    }

    async fn handle(&self, datagram: Received<'_>) -> Result<(), Failure> {
        let content = Content::decode(datagram.contents, self.dialect);
        let response = match &content {
            Content::Frame(dialect, Frame::Request(request)) if *dialect == self.dialect => {
                self.canned_responses.response_to(request, self.dialect)
            }
            _ => None,
        };
        let event = Event { at: self.started.elapsed(), from: datagram.source, len: datagram.contents.len(), content };
        let value = response.as_ref().map(|response| response.value);
        if self.as_json {
            output::json_line(&event.as_json(value))?;
        } else {
            output::line(&event.as_text(value))?;
        }
        if let Some(response) = response
            && let Err(error) = self.send(&response.datagram, &datagram).await
        {
            anstream::eprintln!("rpcudp: sending the response to {} failed: {error}", datagram.source);
        }
        Ok(())
    }

    /// Sends a response from the address that the request was sent to.
    async fn send(&self, contents: &[u8], to: &Received<'_>) -> io::Result<()> {
        let response = Datagram { destination: to.source, source: to.local, contents };
        loop {
            match self.socket.try_send(response) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.socket.poll_writable(cx)).await?;
                }
                sent => return sent,
            }
        }
    }
}
