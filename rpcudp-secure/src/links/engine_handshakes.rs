use std::net::SocketAddr;
use std::time::Instant;

use quinn_proto::{Connection, ConnectionHandle, Incoming};

use super::admission::Verdict;
use super::engine::Engine;
use super::event::{Expected, LinkEnd, LinkEvent, LinkId};
use super::link::{Link, Stage, Target, Unvalidated};
use crate::tls::{SERVER_NAME, allows, proven_key};

/// The beginnings of links, up to the end of their handshakes.
impl Engine {
    /// Opens a link, or returns the one that there is.
    pub(super) fn connect(&mut self, now: Instant, addr: SocketAddr, expected: Expected) -> Result<LinkId, LinkEnd> {
        let key = match expected {
            Expected::Key(key) => Some(key),
            Expected::Any => None,
        };
        let open = key.and_then(|key| self.newest_to(key)).or_else(|| self.index.opened_to(addr, expected));
        if let Some(open) = open {
            return Ok(open);
        }
        let (client, proven) = self.config.client(addr.ip(), key);
        let connected = self.endpoint.connect(now, client, addr, SERVER_NAME);
        let (handle, connection) = connected.map_err(|_| LinkEnd::NoAnswer)?;
        let mut link = self.new_link(handle, connection, now);
        let id = link.id;
        link.target = Some(Target { addr, expected, proven, handshake: None });
        self.index.add_target(addr, expected, id);
        self.work(Box::new(link), now);
        Ok(id)
    }

    pub(super) fn accept(&mut self, incoming: Incoming, received: usize, now: Instant) {
        let (source, is_validated) = (incoming.remote_address(), incoming.remote_address_validated());
        let (server, mut response) = (Some(self.config.server(source.ip())), Vec::new());
        let transmit = match self.admission.admit(now, source, is_validated) {
            Verdict::Accept => match self.endpoint.accept(incoming, now, &mut response, server) {
                Ok((handle, connection)) => {
                    let mut link = self.new_link(handle, connection, now);
                    link.stage = Stage::Handshaking { is_validated };
                    link.unvalidated = (!is_validated).then_some(Unvalidated { received, sent: 0 });
                    self.work(Box::new(link), now);
                    None
                }
                Err(error) => {
                    if error.response.is_some() {
                        self.admission.end(is_validated);
                    } else {
                        self.admission.end_unbegun(now, source, is_validated);
                    }
                    self.stats.failed += 1;
                    error.response
                }
            },
            Verdict::Retry => {
                self.config.id_order.bind_next(Some(source));
                let retried = self.endpoint.retry(incoming, &mut response);
                self.config.id_order.bind_next(None);
                match retried {
                    Ok(transmit) => {
                        self.stats.retried += 1;
                        Some(transmit)
                    }
                    Err(error) => {
                        self.endpoint.ignore(error.into_incoming());
                        None
                    }
                }
            }
            Verdict::Ignore => {
                self.stats.ignored += 1;
                self.endpoint.ignore(incoming);
                None
            }
        };
        self.responses.extend(transmit.map(|transmit| (transmit, response)));
    }

    pub(super) fn establish(&mut self, link: &mut Link, now: Instant) {
        let Stage::Handshaking { is_validated } = link.stage else { return };
        // Both ends have dropped the keys of first packets, and the peer may retire the id.
        self.forget_handshake_id(link);
        let Some(peer) = proven_key(link.connection.crypto_session()) else {
            return self.close_link(link, LinkEnd::Incompatible, now);
        };
        let addr = link.connection.remote_address();
        if link.target.is_none() {
            self.admission.end(is_validated);
            self.admission.know(now, addr);
            link.unvalidated = None;
        }
        // The handshake has checked the key of a peer that has opened the link.
        link.is_allowed = link.target.is_none() || allows(&self.config.options.allow, peer);
        link.establish(peer, now);
        self.index.add_peer(peer, link.id);
        self.stats.up += 1;
        self.stats.established += 1;
        self.events.push_back(LinkEvent::Up { link: link.id, peer, addr });
        link.send_waiting(self.config.max_unsent_len());
        let started = link.streams.start(&mut link.connection);
        self.report_streams(link, started);
        if self.stats.up > self.config.options.max_links as u64 {
            self.evict(now);
        }
    }

    /// Makes the link of a connection that quinn-proto has made just now.
    fn new_link(&mut self, handle: ConnectionHandle, connection: Connection, now: Instant) -> Link {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let id = LinkId { slot: u32::try_from(handle.0).expect("far fewer links are allowed"), generation };
        let mut link = Link::new(id, connection, now);
        link.handshake_id = self.config.id_order.newest();
        link.handshake_id.into_iter().for_each(|id| self.index.add_handshake(id));
        link
    }

    /// Lets packets that are addressed to the id of a handshake be dropped from now on.
    pub(super) fn forget_handshake_id(&mut self, link: &mut Link) {
        if let Some(id) = link.handshake_id.take() {
            self.index.remove_handshake(&id);
        }
    }
}
