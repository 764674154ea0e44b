//! The commands of clients, calls and handlers to the driver of the links.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use rpcudp_core::limits::HEADER_LEN;
use rpcudp_core::{DropReason, MessageId};
use rpcudp_secure::{LinkEnd, LinkId, Links, SendError};

use super::link_cancel::cancel_call;
use super::link_driver::LinkDriver;
use super::recent_links::RecentLinks;
use crate::links::command::Command;
use crate::links::commands::ShortCalls;
use crate::links::secure_peer::{Route, SecurePeer};

impl LinkDriver {
    /// Executes a command. `calls` has the requests of [`Command::Calls`].
    pub(super) fn execute(
        &mut self,
        links: &mut Links,
        (command, calls): (Command, &mut ShortCalls<'_>),
        recent: &mut RecentLinks,
        now: Instant,
    ) {
        match command {
            Command::Receive { source, local, datagram } => links.handle(now, source, local, &datagram),
            Command::Respond { link, frame } => self.respond(links, &link, frame.into(), now),
            Command::Track { id, progress } => self.transfers.track(id, progress),
            Command::Cancel { peer, id, frame } => {
                // A link in its handshake has not delivered the request.
                let used = cancel_call(links, &peer, id, now);
                if let Some(link) = used.into_iter().rfind(|link| self.is_up(*link))
                    && !frame.is_empty()
                {
                    // The frame saves the peer some work, and no more depends on it.
                    let _ = links.send(now, link, frame);
                }
            }
            // The program may not wait for them any more.
            Command::List(listed) => _ = listed.send(links.statuses(now)),
            Command::Open { peer, call } => self.open_stream(links, &peer, call, now),
            Command::Call { peer, frame, call } => self.send_call(links, &peer, (frame.into(), call), (recent, now)),
            Command::Calls { peer, count } => {
                for (frame, call) in calls.take(count) {
                    self.send_call(links, &peer, (frame.into(), call), (&mut *recent, now));
                }
            }
        }
    }

    /// Sends a request. With the key of the call, if a response is expected.
    fn send_call(
        &mut self,
        links: &mut Links,
        peer: &Arc<SecurePeer>,
        (frame, call): (Cow<'_, [u8]>, Option<MessageId>),
        (recent, now): (&mut RecentLinks, Instant),
    ) {
        let link = match &recent.call {
            Some((known, link, is_up)) if Arc::ptr_eq(known, peer) => Ok((*link, *is_up)),
            _ => {
                let link = self.link_to(links, peer, now).map(|link| (link, self.is_up(link)));
                recent.call = link.ok().map(|(link, is_up)| (Arc::clone(peer), link, is_up));
                link
            }
        };
        if let (Ok((link, false)), Some(call)) = (link, call)
            && self.known.get(&link).is_some_and(|known| known.waiting.contains(&call))
        {
            // A retransmission, while the request waits for the handshake.
            return;
        }
        if let (Ok((link, true)), Some([_, id @ ..])) = (link, frame.first_chunk::<HEADER_LEN>())
            && links.is_under_way(link, id)
        {
            // A retransmission, while the request or its response is on a stream.
            return;
        }
        self.transfers.record_small(&frame);
        let sent = link.and_then(|(link, is_up)| match links.send(now, link, frame) {
            Ok(()) => {
                if let Some(call) = call.filter(|_| !is_up) {
                    self.wait_for_link(link, call);
                }
                Ok(())
            }
            Err(SendError::Ended) => {
                recent.call = None;
                Err(LinkEnd::Lost)
            }
            Err(error) => {
                self.shared.counters.dropped(DropReason::SendQueueFull);
                if let Some(call) = call {
                    // One that is retransmitted goes on.
                    let error = io::Error::new(io::ErrorKind::WouldBlock, error);
                    self.shared.calls.record_send_error(&call, error);
                }
                Ok(())
            }
        });
        match (sent, call) {
            // The link ended before its event was handled, or QUIC panicked.
            (Err(LinkEnd::Lost), Some(call)) if matches!(peer.route, Route::Open(_)) => {
                self.shared.calls.end_undelivered(&BTreeSet::from([call]), false, LinkEnd::Lost);
            }
            (Err(reason), Some(call)) => self.end_call(&call, reason),
            _ => {}
        }
    }

    /// Notes a call that waits with its request until the link is up.
    pub(super) fn wait_for_link(&mut self, link: LinkId, call: MessageId) {
        self.known.entry(link).or_default().waiting.insert(call);
    }

    /// Returns the link to a client's target.
    pub(super) fn link_to(&mut self, links: &mut Links, peer: &SecurePeer, now: Instant) -> Result<LinkId, LinkEnd> {
        match peer.route {
            Route::Open(expected) => {
                let link = links.connect(now, peer.addr(), expected)?;
                let known = self.known.entry(link).or_default();
                // A link that the peer has opened has no target: its key stands for it.
                if known.peer.is_none() {
                    (known.target, known.key) = (Some(peer.source()), peer.peer_id());
                }
                Ok(link)
            }
            Route::Back(link, key) => {
                let link = link.filter(|link| self.known.contains_key(link));
                link.or_else(|| links.newest_to(key)).ok_or(LinkEnd::Lost)
            }
            Route::Plain => Err(LinkEnd::NotSecure),
        }
    }
}
