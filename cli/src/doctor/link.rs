//! The checks of the link to a peer.

use std::time::{Duration, Instant};

use rpcudp::{Call, CallError, DynamicMethod, Endpoint, Expected, LinkEnd, LinkStatus};
use tokio::time::sleep;

use super::path;
use super::probe_options::ProbeOptions;
use super::prober::Prober;
use super::reachability;
use super::report::{Check, Fault, Report};
use crate::address::{PeerAddr, unspecified};
use crate::args::DEFAULT_PING_METHOD;
use crate::exit::Failure;
use crate::latencies::{Latencies, as_millis, format_millis};
use crate::links::{self, LinkIdentity, Wire, errors};
use crate::output::grouped;
use crate::value::Value;

/// The length of the argument with which large requests are tested: one that no datagram carries.
const LARGE_LEN: usize = 100_000;

/// The shortest time to wait for a response after the first one.
const MIN_WAIT: Duration = Duration::from_millis(250);

/// Calls a method of a peer over a link.
struct Caller<'a> {
    endpoint: Endpoint,
    peer: PeerAddr,
    method: DynamicMethod,
    arguments: &'a [Value],
    timeout: Duration,
}

type CallOutcome = Result<Value, CallError<Value>>;

impl<'a> Caller<'a> {
    async fn new(peer: PeerAddr, identity: &LinkIdentity, options: &ProbeOptions<'a>) -> Result<Self, Failure> {
        let builder = identity.add_to_caller(Endpoint::builder().dialect(options.dialect));
        let endpoint = builder.bind(unspecified(peer.addr)).await?;
        // A peer with links responds to every method, because it is no Python peer.
        let method = DynamicMethod::new(options.method.unwrap_or(DEFAULT_PING_METHOD));
        Ok(Self { endpoint, peer, method, arguments: options.arguments, timeout: options.timeout })
    }

    fn call(&self, arguments: &[Value]) -> Call<Value, Value> {
        let Self { endpoint, peer: PeerAddr { addr, wire }, method, timeout, .. } = self;
        wire.call(method.fallible_call(endpoint, *addr, arguments)).timeout(*timeout)
    }

    /// Makes a call. Returns its outcome and the time that it took.
    async fn timed(&self, arguments: &[Value]) -> (CallOutcome, Duration) {
        let started = Instant::now();
        (self.call(arguments).await, started.elapsed())
    }
}

/// Checks the link to the first of these addresses that responds to a handshake.
pub(super) async fn check(
    addrs: &[PeerAddr],
    identity: &LinkIdentity,
    options: &ProbeOptions<'_>,
    count: u16,
    report: &mut Report,
) -> Result<(), Failure> {
    let (mut silent, mut last) = (Vec::new(), None);
    for peer in addrs {
        let caller = Caller::new(*peer, identity, options).await?;
        let outcome = caller.call(caller.arguments).await;
        let is_without_answer = outcome.as_ref().is_err_and(errors::is_without_answer);
        last = Some((caller, outcome));
        if !is_without_answer {
            break;
        }
        silent.push(peer.addr.to_string());
    }
    let (caller, outcome) = last.expect("a name resolves to at least one address");
    if !outcome.as_ref().is_err_and(errors::is_without_answer) && !silent.is_empty() {
        let message =
            format!("no response to a handshake from {}; the checks use {}", silent.join(", "), caller.peer.addr);
        report.add(Check::note("name", message).with_data("used", caller.peer.addr.to_string()))?;
    }
    match links::only_link(&caller.endpoint).await {
        Some(link) => check_link(&caller, &link, &outcome, (options, count), report).await,
        None => {
            let is_plain = responds_plainly(caller.peer, options, options.timeout).await?;
            report.add(no_link_check(caller.peer, outcome.err(), is_plain))
        }
    }
}

async fn check_link(
    caller: &Caller<'_>,
    link: &LinkStatus,
    outcome: &CallOutcome,
    (options, count): (&ProbeOptions<'_>, u16),
    report: &mut Report,
) -> Result<(), Failure> {
    report.add(link_check(link))?;
    report.add(key_check(caller.peer, link))?;
    let round_trip = check_answer(caller, outcome, report).await?;
    // Further responses take about as long. A shorter wait keeps a lost one from costing a full
    // timeout.
    let wait = round_trip.map_or(options.timeout, |time| (time * 4).max(MIN_WAIT).min(options.timeout));
    if round_trip.is_some() {
        check_path(caller, count, wait, report).await?;
    }
    report.add(mtu_check(link.mtu))?;
    if round_trip.is_some() {
        check_large_request(caller, report).await?;
    }
    report.add(plain_check(responds_plainly(caller.peer, options, wait).await?))
}

fn link_check(link: &LinkStatus) -> Check {
    let took = link.handshake.unwrap_or_default();
    Check::ok("link", format!("a link is up after a handshake of {}", format_millis(took)))
        .with_data("handshake_ms", as_millis(took))
}

fn key_check(peer: PeerAddr, link: &LinkStatus) -> Check {
    let key = link.peer_id;
    let check = match peer.wire {
        Wire::Link(Expected::Key(_)) => Check::ok("key", format!("the peer has proven the expected key, {key}")),
        _ => Check::note("key", format!("the peer has proven the key {key}")).advise(format!(
            "compare it with the key that the owner of the peer knows, and pin it: {key}@{}",
            peer.addr
        )),
    };
    check.with_data("key", key.to_string())
}

/// Checks that the peer responds over the link. Returns the time of a response.
async fn check_answer(
    caller: &Caller<'_>,
    first: &CallOutcome,
    report: &mut Report,
) -> Result<Option<Duration>, Failure> {
    let method = caller.method.name();
    let name = method.escape_debug();
    if let Some(error) = first.as_ref().err().filter(|error| !is_response(error)) {
        report.add(silence_check(error).with_data("method", method))?;
        return Ok(None);
    }
    // The first call has waited for the handshake.
    let (outcome, took) = caller.timed(caller.arguments).await;
    let time = format_millis(took);
    let check = match &outcome {
        Err(CallError::Refused { reason, .. }) => {
            Check::ok("answer", format!("`{name}` is refused in {time} ({reason}): the peer is up"))
        }
        Err(error) if !is_response(error) => silence_check(error),
        _ => Check::ok("answer", format!("`{name}` responds in {time}")),
    };
    report.add(check.with_data("method", method))?;
    Ok(outcome.as_ref().err().is_none_or(is_response).then_some(took))
}

fn silence_check(error: &CallError<Value>) -> Check {
    Check::fault("answer", Fault::Silence, format!("the link is up, but there is no response: {error}"))
        .advise("the method may take longer than --timeout: name another one")
}

/// Whether the error shows that the peer has responded.
fn is_response(error: &CallError<Value>) -> bool {
    matches!(error, CallError::Application(_) | CallError::Refused { .. } | CallError::Decode { .. })
}

/// Measures the round-trip time and the loss. Small calls are sent once, as over the plain wire.
async fn check_path(caller: &Caller<'_>, count: u16, wait: Duration, report: &mut Report) -> Result<(), Failure> {
    let mut latencies = Latencies::new();
    for _ in 0..count {
        let started = Instant::now();
        let outcome = caller.call(caller.arguments).timeout(wait).await;
        if outcome.as_ref().err().is_none_or(is_response) {
            latencies.record(started.elapsed());
        }
        sleep(path::PACE.saturating_sub(started.elapsed())).await;
    }
    path::report(&latencies, count.into(), report)
}

fn mtu_check(mtu: u16) -> Check {
    let message = format!("packets have at most {} bytes, of UDP payload", grouped(mtu));
    Check::ok("mtu", message).with_data("mtu", mtu)
}

/// Checks that a request arrives that no datagram carries.
async fn check_large_request(caller: &Caller<'_>, report: &mut Report) -> Result<(), Failure> {
    let arguments = [caller.arguments, &[Value::Bytes(vec![0; LARGE_LEN])]].concat();
    let (outcome, took) = caller.timed(&arguments).await;
    let len = grouped(LARGE_LEN);
    report.add(match outcome {
        Err(error) if !is_response(&error) => {
            let message = format!("a request of {len} bytes gets no response: {error}");
            Check::fault("sizes", Fault::Size, message)
                .advise("the peer's `LinkOptions::max_message_len` may be smaller, or the path slower than --timeout")
        }
        _ => Check::ok("sizes", format!("a request of {len} bytes is responded to in {}", format_millis(took)))
            .with_data("len", LARGE_LEN),
    })
}

/// Returns whether the peer responds over the plain wire.
async fn responds_plainly(peer: PeerAddr, options: &ProbeOptions<'_>, wait: Duration) -> Result<bool, Failure> {
    let mut prober = Prober::new(peer.addr)?;
    let candidates = options.candidates(options.dialect)?;
    Ok(reachability::responds(&mut prober, &candidates, wait).await)
}

fn plain_check(responds: bool) -> Check {
    let check = if responds {
        Check::note("plain", "the peer also responds over the plain wire, which others can read and forge")
            .advise("without plain callers, such as Python's, set `Builder::plain(Plain::CallsOnly)` at the peer")
    } else {
        Check::ok("plain", "the peer does not respond over the plain wire")
    };
    check.with_data("plain", responds)
}

/// Returns the fault of a peer to which no link came up.
fn no_link_check(peer: PeerAddr, error: Option<CallError<Value>>, is_plain: bool) -> Check {
    let addr = peer.addr;
    let check = match error {
        Some(CallError::WrongPeer { expected, found, .. }) => {
            let message = format!("the peer at {addr} has proven the key {found}, and {expected} was expected");
            Check::fault("key", Fault::WrongPeer, message)
                .advise("ask the owner of the peer which of the keys is right: the identity may be new, or not theirs")
                .with_data("key", found.to_string())
        }
        Some(CallError::Link { reason: LinkEnd::Refused, .. }) => {
            Check::fault("link", Fault::LinkRefused, format!("{addr} refused the link"))
                .advise("it may allow listed keys only: pass --identity FILE with one of them")
                .advise("it may have as many links as it allows: try again")
        }
        Some(CallError::Link { reason: LinkEnd::NoAnswer, .. }) => {
            let check = Check::fault("link", Fault::NoLink, format!("{addr} does not respond to a handshake"));
            if is_plain {
                check.advise(
                    "it responds over the plain wire, so it serves no links: `Builder::identity` gives it a key",
                )
            } else {
                check
                    .advise("it does not respond over the plain wire either: it is away, or the port is another")
                    .advise("a firewall may drop datagrams of 1,200 bytes, with which handshakes begin")
            }
        }
        Some(error) => Check::fault("link", Fault::BrokenLink, format!("no link to {addr} came up: {error}")),
        None => Check::unknown("link", "the link has ended already"),
    };
    check.with_data("plain", is_plain)
}
