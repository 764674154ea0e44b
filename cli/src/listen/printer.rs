use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rpcudp::Context;
use rpcudp::dynamic::RawArguments;
use rpcudp::transport::Received;
use rpcudp_core::{Dialect, Frame};
use tokio::sync::mpsc::UnboundedSender;

use super::canned_responses::CannedResponses;
use super::event::{Content, Event, LinkRequest, is_link_packet};
use crate::exit::Failure;
use crate::links;
use crate::output;
use crate::value::Value;

/// The options of a [`Printer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct PrintOptions {
    /// The dialect of the requests that get responses.
    pub(super) dialect: Dialect,
    pub(super) as_json: bool,
    /// Whether the endpoint handles the datagrams of links, whose contents are encrypted.
    pub(super) has_links: bool,
    /// Whether requests over the plain wire get no response.
    pub(super) refuses_plain: bool,
}

/// Prints datagrams, and the requests that come over links.
pub(super) struct Printer {
    canned_responses: Arc<CannedResponses>,
    options: PrintOptions,
    started: Instant,
    /// The first failure of standard output ends the program.
    failures: UnboundedSender<Failure>,
    /// The time of the last error that was printed.
    last_error: Mutex<Option<Instant>>,
}

impl Printer {
    /// The time between two errors of the socket that are printed, so that a persistent error does
    /// not flood the terminal.
    const BETWEEN_ERRORS: Duration = Duration::from_millis(500);

    pub(super) fn new(
        canned_responses: Arc<CannedResponses>,
        options: PrintOptions,
        failures: UnboundedSender<Failure>,
    ) -> Self {
        let (started, last_error) = (Instant::now(), Mutex::default());
        Self { canned_responses, options, started, failures, last_error }
    }

    /// Prints a datagram. Ends the program if that fails.
    pub(super) fn print(&self, datagram: &Received<'_>) {
        let PrintOptions { dialect: selected, has_links, refuses_plain, .. } = self.options;
        if has_links && is_link_packet(datagram.contents) {
            return;
        }
        let content = Content::decode(datagram.contents, selected);
        let value = match &content {
            Content::Frame(dialect, Frame::Request(request)) if *dialect == selected && !refuses_plain => {
                self.canned_responses.value(request.method)
            }
            _ => None,
        };
        self.print_event(datagram.source, datagram.contents.len(), content, value);
    }

    /// Prints a request that came over a link. Other requests were printed as datagrams.
    pub(super) fn print_link_request(&self, cx: &Context, method: &str, arguments: RawArguments<'_>) {
        let Some(key) = links::sender_key(cx) else { return };
        // In whole milliseconds, as it travels.
        let remaining = cx.remaining().map(|time| Duration::from_millis(time.as_micros().div_ceil(1_000) as u64));
        let id = cx.message_id();
        let content = Content::LinkRequest(LinkRequest { key, id, method, arguments, remaining });
        self.print_event(cx.sender(), arguments.bytes().len(), content, self.canned_responses.value(method));
    }

    fn print_event(&self, from: SocketAddr, len: usize, content: Content<'_>, value: Option<&Value>) {
        let event = Event { at: self.started.elapsed(), from, len, content };
        let printed = if self.options.as_json {
            output::json_line(&event.as_json(value))
        } else {
            output::line(&event.as_text(value))
        };
        if let Err(failure) = printed {
            // The program ends already if there is no receiver.
            let _ = self.failures.send(failure.into());
        }
    }

    pub(super) fn print_error(&self, failed: impl fmt::Display, error: &io::Error) {
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= Self::BETWEEN_ERRORS) {
            *last = Some(Instant::now());
            anstream::eprintln!("rpcudp: {failed} failed: {error}");
        }
    }

    pub(super) fn print_send_error(&self, destination: SocketAddr, error: &io::Error) {
        if error.kind() != io::ErrorKind::WouldBlock {
            self.print_error(format_args!("sending the response to {destination}"), error);
        }
    }
}
