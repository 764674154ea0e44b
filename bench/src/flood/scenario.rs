//! The scenario of one sample: an endpoint, its callers and a flood.

use std::fs;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rpcudp::session::Sessions;
use rpcudp::transport::{ReceiveBatch, Transport, Udp, UdpOptions};
use rpcudp::{DropReason, Endpoint, Limits, Stats};
use serde::{Deserialize, Serialize};
use tokio::runtime::{self, Runtime};
use tokio::task::consume_budget;

use super::callers::{CallSummary, Callers};
use super::flooder::{Condition, Flooder};
use super::forged_flood::{FloodedTransport, ForgedFlood, ForgedTraffic, Forgery, Order};
use super::kind::{Kind, MAX_HANDLERS, VICTIM_COUNT};
use super::link_counts::{LinkCounts, LinkFigures};
use super::links;
use super::socket_flood::{SocketFlood, join, request};
use super::target::{MemberTargetServer, TargetServer, TargetService};
use crate::measuring::{BoxError, Clock, Phase, ProcessorTime, resident_len};

/// The places for members.
const SESSION_COUNT: usize = 1_024;

/// The parameters of a sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) kind: Kind,
    pub(super) condition: Condition,
    /// The rate in datagrams per second; `None` for the default of the kind.
    pub(super) rate: Option<u32>,
    pub(super) warm_up: Duration,
    pub(super) window: Duration,
    pub(super) seed: u64,
}

/// The result of a sample. Counts are per second.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Outcome {
    pub(super) validated: CallSummary,
    pub(super) unvalidated: CallSummary,
    /// The unvalidated peers that make lookups, if lookups are the flood.
    pub(super) lookups: Option<CallSummary>,
    /// Datagrams sent by the flood.
    pub(super) sent: f64,
    /// Datagrams that the endpoint received, from the flood and from the callers.
    pub(super) received: f64,
    /// Datagrams lost before the endpoint received them, because a buffer was full.
    pub(super) overrun: f64,
    /// Datagrams that the endpoint dropped, by reason.
    pub(super) dropped: Vec<(String, f64)>,
    /// Requests that the endpoint refused.
    pub(super) refused: f64,
    pub(super) links: LinkFigures,
    /// The processor time of the flooding thread, as a share of one core.
    pub(super) flooder_cpu: f64,
    /// The processor time of this process, the flooding thread included, as a share of one core.
    pub(super) our_cpu: f64,
    /// The processor time of all other processes on the machine, as a share of one core.
    pub(super) others_cpu: f64,
    /// The resident memory of this process in bytes: before the flood, at its end, and the maximum
    /// in between.
    pub(super) resident: [usize; 3],
}

impl Outcome {
    /// Returns the calls of both kinds of callers per second of processor time of this process,
    /// without the flooding thread. That time is spent by the endpoint, the callers, and the kernel
    /// on their behalf. This figure depends little on other processes.
    pub(super) fn calls_per_cpu_second(&self) -> f64 {
        (self.validated.per_second + self.unvalidated.per_second)
            / (self.our_cpu - self.flooder_cpu).max(f64::MIN_POSITIVE)
    }
}

impl Scenario {
    /// Measures the sample in this process.
    ///
    /// # Errors
    ///
    /// Returns an error if a socket cannot be bound.
    pub(super) fn run(self) -> Result<Outcome, BoxError> {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let traffic = ForgedTraffic::new(self.forgery()?, VICTIM_COUNT);
        let target = runtime.block_on(async { self.target(&traffic) })?;
        let clock = Arc::new(Clock::default());
        let has_lookups = self.kind == Kind::Lookups;
        let (validated, unvalidated, lookups) = runtime.block_on(async {
            let addr = target.local_addr();
            let lookups = if has_lookups { Some(Callers::looking_up(addr, &clock).await?) } else { None };
            let validated = match self.kind {
                Kind::Joins => Callers::members(&target, &clock).await?,
                kind if kind.has_links() => Callers::over_links(&target, &clock).await?,
                _ => Callers::validated(&target, &clock).await?,
            };
            Ok::<_, BoxError>((validated, Callers::unvalidated(addr, &clock).await?, lookups))
        })?;

        let flooded = match self.condition {
            Condition::Quiet | Condition::Flooded => target.local_addr(),
            Condition::Elsewhere => runtime.block_on(async { self.drain(&traffic) })?,
        };
        let mut flooder = self.flooder(flooded, &traffic);
        sleep(self.warm_up);
        let resident_before = resident_len()?;
        flooder.begin();
        sleep(self.warm_up);
        let (begin, counts, cpu) =
            (Instant::now(), Counts::now(&target, flooded, &flooder, &traffic)?, ProcessorTime::now());
        clock.set(Phase::Measured);
        let [resident_max, handshaking] = maxima(self.window, &target)?;
        clock.set(Phase::Over);
        let (elapsed, end, cpu_end) =
            (begin.elapsed(), Counts::now(&target, flooded, &flooder, &traffic)?, ProcessorTime::now());
        let resident_end = resident_len()?;
        let flooder_cpu = flooder.stop()?;

        let (validated, unvalidated) = finish(&runtime, validated, unvalidated, elapsed)?;
        let lookups = lookups.map(|lookups| runtime.block_on(lookups.finish(elapsed))).transpose()?;
        let per_second = |count: u64| count as f64 / elapsed.as_secs_f64();
        let link_figures = LinkFigures::between(&counts.links, &end.links, handshaking as u64, elapsed.as_secs_f64());
        Ok(Outcome {
            validated,
            unvalidated,
            lookups,
            sent: per_second(end.sent - counts.sent),
            received: per_second(end.stats.datagrams.received - counts.stats.datagrams.received),
            overrun: per_second(end.overrun - counts.overrun),
            dropped: dropped_between(&counts.stats, &end.stats, elapsed.as_secs_f64()),
            refused: per_second(end.stats.requests.refused - counts.stats.requests.refused),
            links: LinkFigures { amplification: traffic.amplification(), ..link_figures },
            flooder_cpu,
            our_cpu: cpu_end.ours_since(cpu).div_duration_f64(elapsed),
            others_cpu: cpu_end.others_since(cpu).div_duration_f64(elapsed),
            resident: [resident_before, resident_end, resident_max],
        })
    }

    /// Binds the endpoint under attack, with default settings except that loopback is limited like
    /// any source.
    fn target(self, traffic: &Arc<ForgedTraffic>) -> Result<Endpoint, BoxError> {
        // If the flood goes elsewhere, the endpoint receives through the same transport, without
        // forged requests.
        let traffic = match self.condition {
            Condition::Elsewhere => &ForgedTraffic::new(Forgery::default(), 0),
            Condition::Quiet | Condition::Flooded => traffic,
        };
        let builder = Endpoint::builder()
            .serve(TargetServer::new(TargetService))
            .serve(MemberTargetServer::new(TargetService))
            .sessions(Sessions::new().capacity(SESSION_COUNT))
            .limits(Limits::default().limit_loopback(true))
            .max_handlers(MAX_HANDLERS as usize);
        let builder = if self.kind.has_links() { links::with_identity(builder) } else { builder };
        let udp = Udp::bind("127.0.0.1:0".parse()?, &UdpOptions::default())?;
        Ok(if self.kind.is_forged() {
            builder.bind_transport(FloodedTransport::new(udp, Arc::clone(traffic)))?
        } else {
            builder.bind_transport(udp)?
        })
    }

    /// Binds a socket and drains it with the same system calls as the endpoint.
    fn drain(self, traffic: &Arc<ForgedTraffic>) -> Result<SocketAddr, BoxError> {
        let udp = Udp::bind("127.0.0.1:0".parse()?, &UdpOptions::default())?;
        let addr = udp.local_addr();
        if self.kind.is_forged() {
            tokio::spawn(drain(FloodedTransport::new(udp, Arc::clone(traffic))));
        } else {
            tokio::spawn(drain(udp));
        }
        Ok(addr)
    }

    fn flooder(self, target: SocketAddr, traffic: &Arc<ForgedTraffic>) -> Flooder {
        let Self { kind, condition, seed, .. } = self;
        let rate = self.rate.or_else(|| kind.default_rate());
        match kind {
            Kind::Garbage => Flooder::new(condition, rate, move || SocketFlood::with_garbage(target, seed)),
            Kind::LinkGarbage => Flooder::new(condition, rate, move || SocketFlood::with_link_garbage(target, seed)),
            Kind::Forged | Kind::Joins | Kind::Handshakes => {
                let flood = ForgedFlood::new(Arc::clone(traffic), Order::Random, seed);
                Flooder::new(condition, rate, || Ok(flood))
            }
            Kind::Lookups => Flooder::new(condition, rate, move || SocketFlood::with_lookups(target, seed)),
            Kind::RealHandshakes => Flooder::new(condition, rate, move || links::HandshakeFlood::new(target, seed)),
        }
    }

    /// Returns the datagrams that are sent in the names of others.
    fn forgery(self) -> Result<Forgery, BoxError> {
        /// The number of different handshakes: a few that repeat belong to a handshake under way.
        const HANDSHAKE_COUNT: usize = 4_096;

        Ok(match self.kind {
            Kind::Joins => Forgery::Request(join(7)?),
            Kind::Handshakes => Forgery::Datagrams(links::first_datagrams(HANDSHAKE_COUNT, self.seed)),
            _ => Forgery::Request(request("echo", &[0xab_u8; 32].to_vec())?),
        })
    }
}

/// Receives and discards until the runtime ends.
async fn drain(transport: impl Transport) {
    let mut batch = ReceiveBatch::new();
    loop {
        // An error would concern an earlier send, and this socket sends none.
        let _ = poll_fn(|cx| transport.poll_receive(cx, &mut batch)).await;
        consume_budget().await;
    }
}

/// Returns the reasons for dropped datagrams between two readings, each with its rate per second.
pub(super) fn dropped_between(begin: &Stats, end: &Stats, seconds: f64) -> Vec<(String, f64)> {
    let counts = DropReason::ALL.map(|reason| (reason, end.dropped(reason) - begin.dropped(reason)));
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts.map(|(reason, count)| (reason.name().to_owned(), count as f64 / seconds)).collect()
}

/// A reading of the counters.
struct Counts {
    stats: Stats,
    links: LinkCounts,
    sent: u64,
    overrun: u64,
}

impl Counts {
    fn now(
        target: &Endpoint,
        flooded: SocketAddr,
        flooder: &Flooder,
        traffic: &ForgedTraffic,
    ) -> Result<Self, BoxError> {
        let overrun = dropped_by_kernel(flooded.port())? + traffic.lost();
        Ok(Self { stats: target.stats(), links: links::counts(target), sent: flooder.sent(), overrun })
    }
}

fn finish(
    runtime: &Runtime,
    validated: Callers,
    unvalidated: Callers,
    elapsed: Duration,
) -> Result<(CallSummary, CallSummary), BoxError> {
    runtime.block_on(async { Ok((validated.finish(elapsed).await?, unvalidated.finish(elapsed).await?)) })
}

/// Sleeps for `window`, and returns the maximum resident memory of this process meanwhile, and the
/// maximum number of handshakes under way.
fn maxima(window: Duration, target: &Endpoint) -> Result<[usize; 2], BoxError> {
    /// The interval between readings: too short for large allocations to come and go unseen.
    const INTERVAL: Duration = Duration::from_millis(10);

    let (begin, mut resident, mut handshaking) = (Instant::now(), 0, 0);
    while begin.elapsed() < window {
        sleep(INTERVAL.min(window.saturating_sub(begin.elapsed())));
        resident = resident.max(resident_len()?);
        handshaking = handshaking.max(links::counts(target).handshaking as usize);
    }
    Ok([resident, handshaking])
}

/// Returns the number of datagrams that the kernel dropped because the receive buffer of the socket
/// on this port was full.
fn dropped_by_kernel(port: u16) -> Result<u64, BoxError> {
    let sockets = fs::read_to_string("/proc/net/udp")?;
    Ok(parse_lost(&sockets, port).ok_or("/proc/net/udp does not list the socket")?)
}

/// Parses `/proc/net/udp`: the last column of the line whose second column ends with the port in
/// hexadecimal.
fn parse_lost(sockets: &str, port: u16) -> Option<u64> {
    let local = format!(":{port:04X}");
    let line =
        sockets.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|addr| addr.ends_with(&local)))?;
    line.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_flood_is_measured_without_a_failed_call() {
        for kind in Kind::value_variants().iter().copied().filter(|kind| kind.is_available()) {
            let (warm_up, window) = (Duration::from_millis(50), Duration::from_millis(300));
            // A rate low enough that the callers get their share even on a busy machine.
            let scenario =
                Scenario { kind, condition: Condition::Flooded, rate: Some(2_000), warm_up, window, seed: 7 };
            let outcome = scenario.run().unwrap();
            assert_eq!([outcome.validated.failed, outcome.unvalidated.failed], [0, 0], "{kind}: {outcome:?}");
            assert!(outcome.validated.per_second > 0.0 && outcome.unvalidated.per_second > 0.0, "{kind}: {outcome:?}");
            assert!(outcome.sent > 0.0, "{kind}: {outcome:?}");
            assert_eq!(kind == Kind::Garbage, outcome.dropped.iter().any(|(name, _)| name == "invalid_msgpack"));
            assert!(kind.allows(&outcome.links), "{kind}: {outcome:?}");
        }
    }

    #[test]
    fn dropped_datagrams_of_a_socket_are_parsed() {
        let sockets = "  sl  local_address rem_address   st ... drops\n\
                       10: 0100007F:1F90 00000000:0000 07 0 0 0 0 0 1 2 0 12\n\
                       11: 0100007F:1F91 00000000:0000 07 0 0 0 0 0 1 2 0 34\n";
        assert_eq!(parse_lost(sockets, 8081), Some(34));
        assert_eq!(parse_lost(sockets, 80), None);
    }
}
