use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use rpcudp::UdpOptions;
use rpcudp::transport::{Datagram, ReceiveBatch, Transport, Udp};
use rpcudp_core::codec::decode;
use rpcudp_core::{Dialect, FailureCode, Frame, MessageId, Request};
use socket2::SockRef;
use tokio::time::{sleep_until, timeout_at};

use super::probe::Probe;
use crate::exit::Failure;
use crate::peer::unspecified;
use crate::value::Value;

/// A socket that sends requests of every kind to one peer and sees what an endpoint hides: other dialects, responses from
/// other addresses, and datagrams that came back.
pub(super) struct Prober {
    peer: SocketAddr,
    socket: Udp,
    /// The same socket, to look at its buffers.
    options: UdpSocket,
    rng: StdRng,
}

/// What came of some probes.
#[derive(Debug, Default)]
pub(super) struct ProbeResults {
    /// One for each probe, in their order.
    pub(super) responses: Vec<Option<ProbeResponse>>,
    /// Whether the network said that nobody is there.
    pub(super) is_unreachable: bool,
    /// What the socket said to a probe that it did not send.
    pub(super) send_error: Option<io::Error>,
}

#[derive(Debug)]
pub(super) struct ProbeResponse {
    pub(super) content: ResponseContent,
    pub(super) round_trip: Duration,
    pub(super) source: SocketAddr,
}

#[derive(Debug)]
pub(super) enum ResponseContent {
    Value(Value),
    /// A value of a kind that nobody knows.
    Undecodable,
    Failure(FailureCode),
}

/// When a results is over, if not earlier because all were answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitFor {
    /// So long after the last was sent.
    All(Duration),
    /// The same, and little later than the first answer.
    First(Duration),
}

impl ProbeResults {
    pub(super) fn received(&self) -> impl Iterator<Item = &ProbeResponse> {
        self.responses.iter().flatten()
    }

    fn is_complete(&self) -> bool {
        self.is_unreachable || self.responses.iter().all(Option::is_some)
    }
}

impl Prober {
    pub(super) fn new(peer: SocketAddr) -> Result<Self, Failure> {
        let from = unspecified(peer);
        let unbound = |error| Failure::bind_failed(from, &error);
        let socket = UdpSocket::bind(from).map_err(unbound)?;
        let options = socket.try_clone()?;
        let socket = Udp::from_socket(socket, &UdpOptions::default()).map_err(unbound)?;
        let rng = StdRng::try_from_rng(&mut SysRng).map_err(|error| Failure::from(io::Error::other(error)))?;
        Ok(Self { peer, socket, options, rng })
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// How many bytes of receive and of send buffer the socket has.
    pub(super) fn buffers(&self) -> io::Result<[usize; 2]> {
        let socket = SockRef::from(&self.options);
        // Linux reports twice what it gives: the other half is for its own books.
        let given =
            |reported| if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported };
        Ok([given(socket.recv_buffer_size()?), given(socket.send_buffer_size()?)])
    }

    /// What this host takes for the address that the peer is asked from.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        let route = UdpSocket::bind(unspecified(self.peer))?;
        route.connect(self.peer)?;
        let ip: IpAddr = route.local_addr()?.ip();
        Ok(SocketAddr::new(ip, self.socket.local_addr().port()))
    }

    /// Sends probes, one every `pace`, and collects their responses.
    pub(super) async fn send_probes(&mut self, probes: &[Probe], pace: Duration, until: WaitFor) -> ProbeResults {
        let ids: Vec<_> = probes.iter().map(|_| self.id()).collect();
        let index_of: HashMap<_, _> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut sent = Vec::with_capacity(probes.len());
        let mut results = ProbeResults { responses: probes.iter().map(|_| None).collect(), ..ProbeResults::default() };
        let mut batch = ReceiveBatch::new();
        let started = Instant::now();
        let mut deadline = None;
        while !results.is_complete() {
            // After a first answer, where one is enough, no more are asked for.
            let has_enough = matches!(until, WaitFor::First(_)) && results.received().next().is_some();
            if let (Some(probe), false) = (probes.get(sent.len()), has_enough) {
                let due = started + pace * sent.len() as u32;
                if Instant::now() >= due {
                    if let Err(error) = self.send(probe, ids[sent.len()]).await {
                        results.send_error = Some(error);
                    }
                    sent.push(Instant::now());
                    continue;
                }
                self.receive(&mut batch, due).await;
            } else {
                let (WaitFor::All(wait) | WaitFor::First(wait)) = until;
                let end = *deadline.get_or_insert_with(|| Instant::now() + wait);
                // What is there already counts, however late this process comes to look.
                let is_over = Instant::now() >= end;
                self.receive(&mut batch, end).await;
                if is_over && batch.is_empty() {
                    break;
                }
            }
            let arrived = Instant::now();
            for datagram in batch.iter() {
                let answered = probes.first().and_then(|probe| read(datagram.contents, probe.dialect()));
                let Some((id, content)) = answered else { continue };
                let Some(&index) = index_of.get(&id) else { continue };
                let Some(sent) = sent.get(index) else { continue };
                let round_trip = arrived.saturating_duration_since(*sent);
                results.responses[index].get_or_insert(ProbeResponse { content, round_trip, source: datagram.source });
                if let WaitFor::First(wait) = until {
                    // What the same peer says to the others comes about as soon.
                    let soon = arrived + wait.min(round_trip * 2 + Duration::from_millis(50));
                    deadline = Some(deadline.map_or(soon, |end: Instant| end.min(soon)));
                }
            }
            let quoted = batch.unreachable().filter_map(|bounced| {
                probes.first().and_then(|probe| Request::quoted_id(bounced.contents, probe.dialect()))
            });
            results.is_unreachable |= quoted.into_iter().any(|id| index_of.contains_key(&id));
            batch.clear();
        }
        results
    }

    /// Waits for datagrams until a time.
    async fn receive(&self, batch: &mut ReceiveBatch, until: Instant) {
        let received = poll_fn(|cx| self.socket.poll_receive(cx, batch));
        if let Ok(Err(_)) = timeout_at(until.into(), received).await {
            // The error may be about an earlier datagram. One that stays is not to make this a busy loop.
            sleep_until((Instant::now() + Duration::from_millis(5)).into()).await;
        }
    }

    async fn send(&self, probe: &Probe, id: MessageId) -> io::Result<()> {
        let contents = probe.datagram(id);
        loop {
            match self.socket.try_send(Datagram { destination: self.peer, source: None, contents: &contents }) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll_fn(|cx| self.socket.poll_writable(cx)).await?;
                }
                sent => return sent,
            }
        }
    }

    fn id(&mut self) -> MessageId {
        let mut bytes = [0; MessageId::LEN];
        self.rng.fill_bytes(&mut bytes);
        MessageId::from_bytes(bytes)
    }
}

/// Which request a datagram responses, and how.
fn read(datagram: &[u8], dialect: Dialect) -> Option<(MessageId, ResponseContent)> {
    match Frame::decode(datagram, dialect).ok()? {
        Frame::Request(_) => None,
        Frame::Response(response) => {
            let content = decode(response.body).map_or(ResponseContent::Undecodable, ResponseContent::Value);
            Some((response.id, content))
        }
        Frame::Failure(failure) => Some((failure.id, ResponseContent::Failure(failure.code))),
    }
}
