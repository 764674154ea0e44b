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
use crate::address::unspecified;
use crate::exit::Failure;
use crate::value::Value;

/// A socket that sends probes to one peer. It reports events that an endpoint hides: responses in
/// another dialect or from another address, and ICMP errors.
pub(super) struct Prober {
    peer: SocketAddr,
    socket: Udp,
    /// A second handle to the same socket, for its options.
    options: UdpSocket,
    rng: StdRng,
}

/// The results of a number of probes.
#[derive(Debug, Default)]
pub(super) struct ProbeResults {
    /// The response to each probe, in the order of the probes.
    pub(super) responses: Vec<Option<ProbeResponse>>,
    /// Whether the network reported the peer as unreachable.
    pub(super) is_unreachable: bool,
    /// The error of the latest probe that the socket did not send.
    pub(super) send_error: Option<io::Error>,
}

/// A response to a probe.
#[derive(Debug)]
pub(super) struct ProbeResponse {
    pub(super) content: ResponseContent,
    pub(super) round_trip: Duration,
    pub(super) source: SocketAddr,
}

/// The body of a response.
#[derive(Debug)]
pub(super) enum ResponseContent {
    Value(Value),
    /// A value that cannot be decoded, such as an extension type.
    Undecodable,
    Failure(FailureCode),
}

/// The time to wait for responses. Waiting ends earlier once every probe has one.
#[derive(Clone, Copy, Debug)]
pub(super) enum WaitFor {
    /// Waits this long after the last probe was sent.
    All(Duration),
    /// Waits at most this long, and only a little longer than for the first response.
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

    /// Returns the sizes of the receive and the send buffer of the socket, in bytes.
    pub(super) fn buffers(&self) -> io::Result<[usize; 2]> {
        let socket = SockRef::from(&self.options);
        // Linux reports twice the usable size: the kernel uses the other half for bookkeeping.
        let usable =
            |reported| if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported };
        Ok([usable(socket.recv_buffer_size()?), usable(socket.send_buffer_size()?)])
    }

    /// Returns this host's own view of the source address of the probes.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        let route = UdpSocket::bind(unspecified(self.peer))?;
        route.connect(self.peer)?;
        let ip: IpAddr = route.local_addr()?.ip();
        Ok(SocketAddr::new(ip, self.socket.local_addr().port()))
    }

    /// Sends probes at intervals of `pace`, and collects the responses.
    pub(super) async fn send_probes(&mut self, probes: &[Probe], pace: Duration, until: WaitFor) -> ProbeResults {
        let ids: Vec<_> = probes.iter().map(|_| self.random_id()).collect();
        let index_of: HashMap<_, _> = ids.iter().enumerate().map(|(index, id)| (*id, index)).collect();
        let mut sent = Vec::with_capacity(probes.len());
        let mut results = ProbeResults { responses: probes.iter().map(|_| None).collect(), ..ProbeResults::default() };
        let mut batch = ReceiveBatch::new();
        let started = Instant::now();
        let mut deadline = None;
        while !results.is_complete() {
            // `WaitFor::First` sends no further probe after the first response.
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
                // Datagrams that the socket already holds count, even if this task runs late:
                // waiting ends only once a receive after the deadline is empty.
                let is_over = Instant::now() >= end;
                self.receive(&mut batch, end).await;
                if is_over && batch.is_empty() {
                    break;
                }
            }
            let arrived = Instant::now();
            for datagram in batch.iter() {
                let decoded = probes.first().and_then(|probe| decode_response(datagram.contents, probe.dialect()));
                let Some((id, content)) = decoded else { continue };
                let Some(&index) = index_of.get(&id) else { continue };
                let Some(sent) = sent.get(index) else { continue };
                let round_trip = arrived.saturating_duration_since(*sent);
                results.responses[index].get_or_insert(ProbeResponse { content, round_trip, source: datagram.source });
                if let WaitFor::First(wait) = until {
                    // The same peer responds to the other probes in about the same time.
                    let soon = arrived + wait.min(round_trip * 2 + Duration::from_millis(50));
                    deadline = Some(deadline.map_or(soon, |end: Instant| end.min(soon)));
                }
            }
            let quoted = batch.unreachable().filter_map(|datagram| {
                probes.first().and_then(|probe| Request::quoted_id(datagram.contents, probe.dialect()))
            });
            results.is_unreachable |= quoted.into_iter().any(|id| index_of.contains_key(&id));
            batch.clear();
        }
        results
    }

    /// Receives datagrams, or returns at `until` without any.
    async fn receive(&self, batch: &mut ReceiveBatch, until: Instant) {
        let received = poll_fn(|cx| self.socket.poll_receive(cx, batch));
        if let Ok(Err(_)) = timeout_at(until.into(), received).await {
            // The error may belong to an earlier datagram. The pause prevents a busy loop if it
            // persists.
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

    fn random_id(&mut self) -> MessageId {
        let mut bytes = [0; MessageId::LEN];
        self.rng.fill_bytes(&mut bytes);
        MessageId::from_bytes(bytes)
    }
}

/// Decodes a response, and the id of the request that it belongs to.
fn decode_response(datagram: &[u8], dialect: Dialect) -> Option<(MessageId, ResponseContent)> {
    match Frame::decode(datagram, dialect).ok()? {
        // A probe waits for the response that follows a running frame.
        Frame::Request(_) | Frame::Cancel { .. } | Frame::Running { .. } => None,
        Frame::Response(response) => {
            let content = decode(response.body).map_or(ResponseContent::Undecodable, ResponseContent::Value);
            Some((response.id, content))
        }
        Frame::Failure(failure) => Some((failure.id, ResponseContent::Failure(failure.code))),
    }
}
