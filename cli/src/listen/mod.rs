//! Shows what arrives, and canned_responses it as it was told to.

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

use crate::args::ListenArguments;
use crate::exit::Failure;
use crate::interrupt::interrupted;
use crate::output;
use crate::peer::{Family, dialect, resolve};

/// Listens until it is interrupted.
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
    /// The one that is answered.
    dialect: Dialect,
    as_json: bool,
    started: Instant,
}

impl Listener {
    /// How long to wait after an error of the socket's, so that one that stays fills no terminal.
    const AFTER_ERROR: Duration = Duration::from_millis(500);

    /// Ends only where there is nothing to print to.
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
        let answer = match &content {
            Content::Frame(dialect, Frame::Request(request)) if *dialect == self.dialect => {
                self.canned_responses.response_to(request, self.dialect)
            }
            _ => None,
        };
        let shown = Event { at: self.started.elapsed(), from: datagram.source, len: datagram.contents.len(), content };
        let value = answer.as_ref().map(|answer| answer.value);
        if self.as_json {
            output::json_line(&shown.as_json(value))?;
        } else {
            output::line(&shown.as_text(value))?;
        }
        if let Some(answer) = answer
            && let Err(error) = self.send(&answer.datagram, &datagram).await
        {
            anstream::eprintln!("rpcudp: the answer to {} could not be sent: {error}", datagram.source);
        }
        Ok(())
    }

    /// CannedResponses from the address that was asked.
    async fn send(&self, contents: &[u8], to: &Received<'_>) -> io::Result<()> {
        let answer = Datagram { destination: to.source, source: to.local, contents };
        loop {
            match self.socket.try_send(answer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.socket.poll_writable(cx)).await?;
                }
                sent => return sent,
            }
        }
    }
}
