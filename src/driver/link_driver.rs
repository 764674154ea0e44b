use std::collections::HashMap;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rpcudp_core::{Counter, DropReason};
use rpcudp_secure::{LinkId, Links};
use rpcudp_transport::{Datagram, ReceiveBatch, SendBatch, Transport};

use super::dispatch::Dispatch;
use super::known_link::{KnownLink, keep_alive};
use super::open_stream::LinkStreams;
use super::recent_links::RecentLinks;
use super::transfers::Transfers;
use crate::clock::now;
use crate::endpoint::send_queues::SendQueues;
use crate::endpoint::shared::Shared;
use crate::links::commands::Commands;
use crate::links::endpoint_links::EndpointLinks;
use crate::links::linked_peer::LinkedPeer;

/// The driver of an endpoint's links: passes datagrams and frames between `rpcudp_secure::Links`,
/// the socket and the dispatcher.
///
/// The driver of the first socket owns the links. The drivers of other sockets pass their datagrams
/// to it.
pub(super) struct LinkDriver {
    pub(super) shared: Arc<Shared>,
    /// Whether this is the driver of the first socket.
    is_owner: bool,
    /// `None` at the driver of another socket.
    links: Option<Box<Links>>,
    pub(super) known: HashMap<LinkId, KnownLink>,
    pub(super) transfers: Transfers,
    /// The streams of all links.
    pub(super) streams: LinkStreams,
    commands: Commands,
    recent: RecentLinks,
    /// Whether tasks that queue commands do not wake the driver.
    awaits_commands: bool,
    batch: SendBatch,
    sent_count: usize,
    /// The time at which the last responses of a closing endpoint should have arrived.
    settles_at: Option<Instant>,
    /// The time to show peers that this end is alive, while a link is up.
    pub(super) keep_alive_at: Option<Instant>,
}

impl LinkDriver {
    /// Bytes of commands that are executed and sent although more may be queued. Less than for the
    /// plain wire, because the cryptography takes longer than waking the peer.
    const FLUSH_LEN: usize = 32 << 10;

    /// The time after which a closing endpoint looks again for frames that wait.
    const UNSENT_INTERVAL: Duration = Duration::from_millis(1);

    /// Returns the driver of the links for a socket of an endpoint that has links.
    pub(super) fn new(shared: &Arc<Shared>, socket: usize) -> Option<Box<Self>> {
        let EndpointLinks { identity, options, seed, .. } = shared.links.as_deref()?;
        let is_owner = socket == SendQueues::TIMEKEEPER;
        let options = options.clone().local_addr(shared.local_addr);
        let links = is_owner.then(|| Box::new(Links::new(identity, options, now(), *seed)));
        Some(Box::new(Self {
            shared: Arc::clone(shared),
            is_owner,
            links,
            known: HashMap::new(),
            transfers: Transfers::default(),
            streams: LinkStreams::default(),
            commands: Commands::default(),
            recent: RecentLinks::default(),
            awaits_commands: false,
            batch: SendBatch::new(),
            sent_count: 0,
            settles_at: None,
            keep_alive_at: None,
        }))
    }

    pub(super) fn endpoint_links(shared: &Shared) -> &EndpointLinks {
        shared.links.as_deref().expect("an endpoint with a driver of links has links")
    }

    /// Handles the datagrams of a batch that belong to links. Returns whether there were any.
    pub(super) fn receive(&mut self, batch: &ReceiveBatch) -> bool {
        let mut first = None;
        for received in batch.iter().filter(|received| Links::is_link_datagram(received.contents)) {
            // A batch of plain datagrams does not read the clock here.
            let now = *first.get_or_insert_with(now);
            match &mut self.links {
                Some(links) => links.handle(now, received.source, received.local, received.contents),
                None => {
                    let links = Self::endpoint_links(&self.shared);
                    if links.receive(received.source, received.local, received.contents).is_err() {
                        self.shared.counters.dropped(DropReason::SendQueueFull);
                    }
                }
            }
        }
        first.is_some() && self.links.is_some()
    }

    /// Announces that the driver will execute the commands of the tasks that it is about to wake.
    pub(super) fn await_commands(&mut self) {
        if self.is_owner && !mem::replace(&mut self.awaits_commands, true) {
            Self::endpoint_links(&self.shared).commands.set_awaited(true);
        }
    }

    /// Ends the announcement, before the driver looks for commands. Returns whether there was one.
    pub(super) fn end_await(&mut self) -> bool {
        let awaited_commands = mem::take(&mut self.awaits_commands);
        if awaited_commands {
            Self::endpoint_links(&self.shared).commands.set_awaited(false);
        }
        awaited_commands
    }

    /// Returns whether the driver must look for commands.
    pub(super) fn awaits_commands(&self) -> bool {
        self.awaits_commands
    }

    /// Returns whether enough is queued to send without waiting for more.
    pub(super) fn has_flush_len(&self) -> bool {
        self.is_owner && Self::endpoint_links(&self.shared).commands.len() >= Self::FLUSH_LEN
    }

    /// Returns whether there is work to do, besides received datagrams. Cheap, because the driver
    /// asks whenever it runs.
    pub(super) fn has_work(&self) -> bool {
        let Some(links) = &self.links else { return false };
        let shared = Self::endpoint_links(&self.shared);
        !shared.commands.is_empty()
            || shared.ready_flows.has_ready()
            || shared.large_frames.has_released()
            || links.has_events()
            || self.deadline().is_some_and(|at| at <= now())
    }

    /// Returns whether the work of a link has been due for so long that the process must have been
    /// paused.
    pub(super) fn is_late(&self, max_lateness: Duration) -> bool {
        self.deadline().is_some_and(|at| now() >= at + max_lateness)
    }

    /// Executes queued commands, does what is due, and handles the events.
    pub(super) fn work(&mut self, dispatch: &mut Dispatch) {
        let Some(mut links) = self.links.take() else { return };
        let now = now();
        let is_due = links.deadline().is_some_and(|at| at <= now);
        if self.keep_alive_at.is_some_and(|at| at <= now) {
            keep_alive(&mut links, &self.known, &self.shared, now);
            let is_up = self.known.values().any(|link| link.peer.is_some());
            self.keep_alive_at = is_up.then(|| now + links.keep_alive_interval());
        }
        for held in Self::endpoint_links(&self.shared).large_frames.take() {
            links.release(now, held);
        }
        let mut commands = mem::take(&mut self.commands);
        Self::endpoint_links(&self.shared).commands.take(&mut commands);
        let mut recent = mem::take(&mut self.recent);
        // First the ends of links, so that they do not end calls that open a new one.
        self.handle_events(&mut links, dispatch, (&mut recent, now));
        let (batch, mut calls) = commands.batch();
        for command in batch {
            self.execute(&mut links, (command, &mut calls), &mut recent, now);
        }
        drop(calls);
        commands.clear();
        self.commands = commands;
        for flow in Self::endpoint_links(&self.shared).ready_flows.take() {
            if let Some(stream) = flow.stream().filter(|stream| self.streams.contains(*stream)) {
                self.handle_stream(&mut links, stream, dispatch, now);
            }
        }
        if is_due {
            links.handle_timeout(now);
        }
        self.handle_events(&mut links, dispatch, (&mut recent, now));
        self.recent = recent;
        if !self.streams.is_empty() {
            dispatch.expect_datagrams();
        }
        let stats = links.stats();
        let before = mem::replace(&mut *Self::endpoint_links(&self.shared).stats.lock(), stats);
        if before.panics < stats.panics {
            tracing::error!(
                target: "rpcudp",
                panics = stats.panics,
                "the QUIC implementation panicked: all links have ended, and new ones can be opened"
            );
        }
        self.links = Some(links);
    }

    /// Returns the peer of a link that is up, and the address that stands for the target that the
    /// link was opened for.
    pub(super) fn peer_of(&self, link: LinkId) -> Option<(Arc<LinkedPeer>, Option<SocketAddr>)> {
        let KnownLink { peer, target, .. } = self.known.get(&link)?;
        Some((Arc::clone(peer.as_ref()?), *target))
    }

    pub(super) fn is_up(&self, link: LinkId) -> bool {
        self.known.get(&link).is_some_and(|known| known.peer.is_some())
    }

    /// Sends the datagrams of the links. Returns whether the socket is full.
    pub(super) fn send(&mut self, transport: &dyn Transport) -> bool {
        loop {
            if self.sent_count == self.batch.len() {
                self.batch.clear();
                self.sent_count = 0;
                let (Some(links), batch) = (&mut self.links, &mut self.batch) else { return false };
                if !links.has_output() {
                    return false;
                }
                links.flush(now(), |datagram| {
                    let rpcudp_secure::Outgoing { destination, source, contents } = datagram;
                    batch.push(Datagram { destination, source, contents });
                });
                if self.batch.is_empty() {
                    return false;
                }
            }
            match transport.try_send_batch(&self.batch, self.sent_count) {
                Ok(count) => {
                    self.shared.counters.add(Counter::DatagramsSent, count as u64);
                    self.sent_count += count;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // The link's own timers repeat what matters, or end it.
                Err(_) => {
                    self.shared.counters.dropped(DropReason::SendFailed);
                    self.sent_count += 1;
                }
            }
        }
    }

    /// Returns whether there are datagrams to send.
    pub(super) fn has_output(&self) -> bool {
        self.sent_count < self.batch.len() || self.links.as_ref().is_some_and(|links| links.has_output())
    }

    /// Returns whether sending has ended links.
    pub(super) fn has_events(&self) -> bool {
        self.links.as_ref().is_some_and(|links| links.has_events())
    }

    /// Returns the time at which a link has work to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadline = self.links.as_ref()?.deadline();
        deadline.into_iter().chain(self.keep_alive_at).min()
    }

    /// Returns whether all commands are executed, all ready streams served, and all datagrams sent.
    /// The driver of another socket does not wait: the one that owns the links may have closed, and
    /// wakes no other.
    pub(super) fn is_idle(&self) -> bool {
        let shared = Self::endpoint_links(&self.shared);
        let has_work = || !shared.commands.is_empty() || shared.ready_flows.has_ready();
        self.links.is_none() || (self.sent_count == self.batch.len() && !has_work())
    }

    /// Returns whether methods of this endpoint have streams that have not ended.
    pub(super) fn has_served_streams(&self) -> bool {
        self.streams.has_served()
    }

    /// Returns the time to look again before the links of an endpoint without handlers are closed,
    /// for the sake of its last responses. `None` if they have left and should have arrived.
    pub(super) fn settles_at(&mut self) -> Option<Instant> {
        if !self.is_idle() {
            // The last response may be among the commands.
            return None;
        }
        let (links, now) = (self.links.as_mut()?, now());
        if links.has_unsent() || links.has_unsent_responses() || links.has_finishing_streams() {
            self.settles_at = links.settles_at(now);
            return Some(now + Self::UNSENT_INTERVAL);
        }
        // Not longer for the sake of requests that arrive meanwhile, and are refused.
        let settles_at = *self.settles_at.get_or_insert_with(|| links.settles_at(now).unwrap_or(now));
        Some(settles_at).filter(|at| *at > now)
    }

    /// Closes all links and tells the peers, as far as the socket has room.
    pub(super) fn close(&mut self, transport: &dyn Transport) {
        if let Some(links) = &mut self.links {
            links.close_all(now());
            let _ = self.send(transport);
        }
        self.end_all_streams();
    }
}

impl Drop for LinkDriver {
    fn drop(&mut self) {
        self.end_all_streams();
        // Also after a panic, which has dropped the links.
        if self.is_owner {
            Self::endpoint_links(&self.shared).commands.close();
            mem::take(&mut self.commands).end();
        }
    }
}
