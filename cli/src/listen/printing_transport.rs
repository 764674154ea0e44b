use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rpcudp::transport::{Datagram, ReceiveBatch, Received, SendBatch, Transport, Udp};
use rpcudp_core::{Dialect, Frame};
use tokio::sync::mpsc::UnboundedSender;

use super::canned_responses::CannedResponses;
use super::event::{Content, Event};
use crate::exit::Failure;
use crate::output;

/// A socket that prints the datagrams that it receives, before the endpoint handles them.
pub(super) struct PrintingTransport {
    socket: Udp,
    printer: Printer,
}

/// Prints datagrams.
pub(super) struct Printer {
    canned_responses: Arc<CannedResponses>,
    /// The dialect of the requests that get responses.
    dialect: Dialect,
    as_json: bool,
    started: Instant,
    /// The first failure of standard output ends the program.
    failures: UnboundedSender<Failure>,
    /// The time of the last error that was printed.
    last_error: Mutex<Option<Instant>>,
}

impl PrintingTransport {
    pub(super) fn new(socket: Udp, printer: Printer) -> Self {
        Self { socket, printer }
    }
}

impl Printer {
    /// The time between two errors of the socket that are printed, so that a persistent error does
    /// not flood the terminal.
    const BETWEEN_ERRORS: Duration = Duration::from_millis(500);

    pub(super) fn new(
        canned_responses: Arc<CannedResponses>,
        dialect: Dialect,
        as_json: bool,
        failures: UnboundedSender<Failure>,
    ) -> Self {
        let (started, last_error) = (Instant::now(), Mutex::default());
        Self { canned_responses, dialect, as_json, started, failures, last_error }
    }

    /// Prints a datagram. Ends the program if that fails.
    fn print(&self, datagram: &Received<'_>) {
        let content = Content::decode(datagram.contents, self.dialect);
        let value = match &content {
            Content::Frame(dialect, Frame::Request(request)) if *dialect == self.dialect => {
                self.canned_responses.value(request.method)
            }
            _ => None,
        };
        let event = Event { at: self.started.elapsed(), from: datagram.source, len: datagram.contents.len(), content };
        let printed =
            if self.as_json { output::json_line(&event.as_json(value)) } else { output::line(&event.as_text(value)) };
        if let Err(failure) = printed {
            // The program ends already if there is no receiver.
            let _ = self.failures.send(failure.into());
        }
    }

    fn print_error(&self, failed: impl fmt::Display, error: &io::Error) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= Self::BETWEEN_ERRORS) {
            *last = Some(Instant::now());
            anstream::eprintln!("rpcudp: {failed} failed: {error}");
        }
    }

    fn print_send_error(&self, destination: SocketAddr, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock {
            self.print_error(format_args!("sending the response to {destination}"), error);
        }
    }
}

impl Transport for PrintingTransport {
    fn poll_receive(&self, cx: &mut Context<'_>, batch: &mut ReceiveBatch) -> Poll<io::Result<()>> {
        let received = self.socket.poll_receive(cx, batch);
        match &received {
            Poll::Ready(Ok(())) => batch.iter().for_each(|datagram| self.printer.print(&datagram)),
            Poll::Ready(Err(error)) => self.printer.print_error("receiving", error),
            Poll::Pending => {}
        }
        received
    }

    fn try_send(&self, datagram: Datagram<'_>) -> io::Result<()> {
        let sent = self.socket.try_send(datagram);
        sent.inspect_err(|error| self.printer.print_send_error(datagram.destination, error))
    }

    fn try_send_batch(&self, batch: &SendBatch, from: usize) -> io::Result<usize> {
        let sent = self.socket.try_send_batch(batch, from);
        sent.inspect_err(|error| self.printer.print_send_error(batch.datagram(from).destination, error))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_writable(cx)
    }

    fn local_addr(&self) -> SocketAddr {
        self.socket.local_addr()
    }
}

impl fmt::Debug for PrintingTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrintingTransport")
    }
}
