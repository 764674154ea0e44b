use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::Dialect;

use super::probe::Probe;
use super::probe_options::ProbeOptions;
use super::prober::{ProbeResponse, ProbeResults, Prober, ResponseContent, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::{Failure, is_without_route};
use crate::latencies::format_millis;
use crate::peer::dialect_name;

/// A probe that the peer responds to, for the checks that follow.
pub(super) struct WorkingProbe {
    pub(super) probe: Probe,
    /// The round-trip time of the response.
    pub(super) round_trip: Duration,
}

/// The number of attempts, because a datagram may be lost.
const TRIES: usize = 3;

/// Checks that the peer responds, and in which dialect. Goes on to the next of `others` while the
/// peer is unreachable, as calls do; `prober` is then that of the address in use.
pub(super) async fn check(
    prober: &mut Prober,
    options: &ProbeOptions<'_>,
    others: &[SocketAddr],
    report: &mut Report,
) -> Result<Option<WorkingProbe>, Failure> {
    let mut others = others.iter().copied();
    let mut skipped = Vec::new();
    let mut unreachable = None;
    loop {
        let (dialect, candidates, outcome) = try_dialects(prober, options).await?;
        let peer = prober.peer();
        let failed = match outcome {
            ProbeOutcome::Response(index, response) => {
                if !skipped.is_empty() {
                    report.add(skipped_note(&skipped, peer))?;
                }
                let probe = candidates[index].clone();
                report_response(&probe, &response, peer, dialect == options.dialect, report)?;
                return Ok(Some(WorkingProbe { probe, round_trip: response.round_trip }));
            }
            ProbeOutcome::Unreachable => unreachable_check(peer),
            ProbeOutcome::SendFailed(error) if is_without_route(&error) => no_route_check(peer, &error),
            ProbeOutcome::SendFailed(error) => {
                report.add(send_failed_check(peer, &error))?;
                return Ok(None);
            }
            ProbeOutcome::Silence => {
                if !skipped.is_empty() {
                    report.add(skipped_note(&skipped, peer))?;
                }
                let check = silence_check(peer, &candidates, options);
                let others: Vec<_> = others.collect();
                report.add(advise_other_addresses(check, &others, &candidates, options.timeout).await?)?;
                return Ok(None);
            }
        };
        skipped.push(peer);
        let first = unreachable.get_or_insert(failed);
        // An address of a family that this host lacks is left out.
        let Some(next) = others.find_map(|addr| Prober::new(addr).ok()) else {
            report.add(first.clone())?;
            return Ok(None);
        };
        *prober = next;
    }
}

/// Probes the peer in the selected dialect, and if it is silent in the other one. Returns the
/// dialect of the outcome with its probes.
async fn try_dialects(
    prober: &mut Prober,
    options: &ProbeOptions<'_>,
) -> Result<(Dialect, Vec<Probe>, ProbeOutcome), Failure> {
    let selected = options.candidates(options.dialect)?;
    match try_probes(prober, &selected, options.timeout).await {
        ProbeOutcome::Silence => {}
        outcome => return Ok((options.dialect, selected, outcome)),
    }
    let other = if options.dialect == Dialect::Storj { Dialect::Rpcudp } else { Dialect::Storj };
    let candidates = options.candidates(other)?;
    match try_probes(prober, &candidates, options.timeout).await {
        ProbeOutcome::Silence => Ok((options.dialect, selected, ProbeOutcome::Silence)),
        outcome => Ok((other, candidates, outcome)),
    }
}

/// The outcome of probing the peer in one dialect.
enum ProbeOutcome {
    /// The index of the candidate that got a response, and the response.
    Response(usize, ProbeResponse),
    Unreachable,
    SendFailed(io::Error),
    Silence,
}

/// Sends the candidates until one gets a response, at most [`TRIES`] times.
async fn try_probes(prober: &mut Prober, candidates: &[Probe], timeout: Duration) -> ProbeOutcome {
    for _ in 0..TRIES {
        let results = prober.send_probes(candidates, Duration::ZERO, WaitFor::First(timeout)).await;
        let ProbeResults { responses, is_unreachable, send_error } = results;
        let responses = responses.into_iter().enumerate().filter_map(|(index, response)| Some((index, response?)));
        // A value is preferred to a refusal, and an earlier candidate to a later one.
        let best =
            responses.min_by_key(|(index, response)| (matches!(response.content, ResponseContent::Failure(_)), *index));
        match (best, send_error) {
            (Some((index, response)), _) => return ProbeOutcome::Response(index, response),
            (None, _) if is_unreachable => return ProbeOutcome::Unreachable,
            (None, Some(error)) => return ProbeOutcome::SendFailed(error),
            (None, None) => {}
        }
    }
    ProbeOutcome::Silence
}

/// Returns whether the peer responds to any of the candidates.
#[cfg(feature = "secure")]
pub(super) async fn responds(prober: &mut Prober, candidates: &[Probe], wait: Duration) -> bool {
    matches!(try_probes(prober, candidates, wait).await, ProbeOutcome::Response(..))
}

/// Reports the response, its dialect, and its source.
fn report_response(
    probe: &Probe,
    response: &ProbeResponse,
    peer: SocketAddr,
    is_right_dialect: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let method = probe.method.escape_debug();
    let dialect = dialect_name(probe.dialect());
    let took = format_millis(response.round_trip);
    let message = match response.content {
        ResponseContent::Value(_) | ResponseContent::Undecodable => format!("`{method}` responds in {took}"),
        ResponseContent::Failure(code) => {
            format!("`{method}` is refused in {took} ({code:?}): the peer is up, and runs the Rust crate")
        }
    };
    report.add(Check::ok("answer", message).with_data("method", probe.method.clone()).with_data("dialect", dialect))?;
    report.add(match is_right_dialect {
        true => Check::ok("dialect", format!("the peer uses the dialect of {dialect}, as selected")),
        false => Check::fault(
            "dialect",
            Fault::WrongDialect,
            format!("the peer uses the dialect of {dialect}, and drops requests in the selected one"),
        )
        .advise(match probe.dialect() {
            Dialect::Storj => "pass --storj; in Rust, set `Endpoint::builder().dialect(Dialect::Storj)`",
            _ => "omit --storj; in Rust, use the default dialect",
        }),
    })?;
    if !is_same_address(response.source, peer) {
        report.add(
            Check::fault(
                "source",
                Fault::OtherSource,
                format!("the response comes from {}, not from {peer}", response.source),
            )
            .advise("pass --any-source; in Rust, set `Endpoint::builder().any_source(true)`")
            .advise("or bind the peer to the single address that its callers use")
            .with_data("source", response.source.to_string()),
        )?;
    }
    Ok(())
}

/// Whether a response comes from the called address. A link-local address without interface is that
/// of any interface.
fn is_same_address(source: SocketAddr, called: SocketAddr) -> bool {
    let is_without_interface = matches!(called, SocketAddr::V6(called) if called.scope_id() == 0);
    source == called || is_without_interface && source.ip() == called.ip() && source.port() == called.port()
}

fn unreachable_check(peer: SocketAddr) -> Check {
    // This host itself is always reachable.
    let or_host = if peer.ip().is_loopback() { "" } else { ", or its host cannot be reached" };
    let message = format!("{peer} is unreachable: the port is closed{or_host}");
    Check::fault("answer", Fault::ClosedPort, message)
        .advise("start the peer, or check the port number: no program is bound to this one")
        .advise("a peer bound to 127.0.0.1 is reachable only from its own host: bind it to 0.0.0.0 or [::]")
        .advise("check the firewall: one that rejects datagrams causes the same error")
}

fn no_route_check(peer: SocketAddr, error: &io::Error) -> Check {
    Check::fault("answer", Fault::NoRoute, format!("{peer} is unreachable: {error}"))
        .advise("this host has no route to the peer: check `ip route get` and its network connection")
}

fn send_failed_check(peer: SocketAddr, error: &io::Error) -> Check {
    Check::fault("answer", Fault::Unsendable, format!("sending to {peer} failed: {error}"))
        .advise("the cause is this host, not the peer: check its firewall's rules, and the route with `ip route get`")
}

/// Reports that the name has addresses before the one in use that are unreachable.
fn skipped_note(skipped: &[SocketAddr], used: SocketAddr) -> Check {
    let all: Vec<_> = skipped.iter().map(ToString::to_string).collect();
    let are = if all.len() > 1 { "are" } else { "is" };
    let flag = if used.is_ipv4() { "--ipv4" } else { "--ipv6" };
    let all = all.join(", ");
    Check::note("name", format!("{all} {are} unreachable; calls go on to {used}, and so do these checks"))
        .advise(format!("pass {flag}, or bind the peer to [::], which serves both families"))
        .with_data("used", used.to_string())
}

fn silence_check(peer: SocketAddr, candidates: &[Probe], options: &ProbeOptions<'_>) -> Check {
    let methods: Vec<_> = candidates.iter().map(|probe| format!("`{}`", probe.method.escape_debug())).collect();
    let methods = methods.join(", ");
    let message =
        format!("no response from {peer} to {methods}: {TRIES} attempts in each dialect, {:?} each", options.timeout);
    let mut check = Check::fault("answer", Fault::Silence, message);
    if peer.ip().is_loopback() && cfg!(target_os = "linux") {
        check = check.advise(
            "a program is bound to the port but does not respond: a closed port of this host would be reported as closed",
        );
    } else {
        check = check
            .advise("a firewall or a NAT may drop the requests, or the host is down: try from the peer's own host");
    }
    check = match options.method {
        None => check.advise(format!(
            "a Python peer does not respond to methods that it does not have: name one that it has, \
             `rpcudp doctor {peer} METHOD ARG...`"
        )),
        Some(_) => check.advise(
            "a Python peer does not respond to a method that it does not have, to arguments that it does not accept, \
             and if the method raises: read its log",
        ),
    };
    check.advise("both dialects were tried, rpcudp and storjrpcudp: the dialect is not the cause")
}

/// Adds advice to `check` for each other address of the name that responds.
async fn advise_other_addresses(
    mut check: Check,
    others: &[SocketAddr],
    candidates: &[Probe],
    timeout: Duration,
) -> Result<Check, Failure> {
    for &addr in others {
        // An address without a route from this host is skipped.
        let Ok(mut prober) = Prober::new(addr) else { continue };
        if let ProbeOutcome::Response(..) = try_probes(&mut prober, candidates, timeout).await {
            let flag = if addr.is_ipv4() { "--ipv4" } else { "--ipv6" };
            check = check
                .advise(format!("the name has another address, {addr}, which responds: call that one, or pass {flag}"));
        }
    }
    Ok(check)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use rpcudp_core::{Frame, Response};

    use super::*;

    /// Starts a peer that responds to every request.
    fn responsive() -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut datagram = [0; 1_500];
            while let Ok((len, from)) = socket.recv_from(&mut datagram) {
                let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], Dialect::Rpcudp) else { panic!() };
                let mut response = Vec::new();
                Response::begin(&mut response, Dialect::Rpcudp, request.id);
                response.push(0xc0);
                socket.send_to(&response, from).unwrap();
            }
        });
        addr
    }

    #[tokio::test]
    async fn checks_go_on_to_the_next_address_while_the_peer_is_unreachable() {
        let options = ProbeOptions {
            dialect: Dialect::Rpcudp,
            method: Some("m"),
            arguments: &[],
            timeout: Duration::from_secs(1),
        };
        let [closed, next] = ["[::1]:9", "127.0.0.1:9"].map(|addr| addr.parse().unwrap());
        let responsive = responsive();
        let mut report = Report::new(true);
        let mut prober = Prober::new(closed).unwrap();
        let found = check(&mut prober, &options, &[next, responsive], &mut report).await.unwrap();
        assert!(found.is_some());
        assert_eq!(prober.peer(), responsive);
        let note = format!("[::1]:9, 127.0.0.1:9 are unreachable; calls go on to {responsive}, and so do these checks");
        assert!(format!("{report:?}").contains(&note), "{report:?}");
        assert_eq!(report.finish("name").unwrap(), None);

        let mut report = Report::new(true);
        let mut prober = Prober::new(closed).unwrap();
        assert!(check(&mut prober, &options, &[next], &mut report).await.unwrap().is_none());
        assert!(format!("{report:?}").contains("[::1]:9 is unreachable: the port is closed"), "{report:?}");
        assert_eq!(report.finish("name").unwrap(), Some(crate::exit::FailureKind::Unreachable));
    }

    #[test]
    fn link_local_address_without_interface_is_that_of_any() {
        let same = |source: &str, called: &str| is_same_address(source.parse().unwrap(), called.parse().unwrap());
        assert!(same("[fe80::1%4]:7", "[fe80::1]:7") && same("10.0.0.1:7", "10.0.0.1:7"));
        assert!(!same("[fe80::1%4]:7", "[fe80::1%5]:7") && !same("[fe80::2%4]:7", "[fe80::1]:7"));
    }

    #[tokio::test]
    async fn another_address_that_responds_is_advised() {
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let others = [silent.local_addr().unwrap(), responsive()];
        let candidates = [Probe::new(Dialect::Rpcudp, "ping", &[]).unwrap()];
        let check = unreachable_check("127.0.0.1:9".parse().unwrap());
        let check = format!(
            "{:?}",
            advise_other_addresses(check, &others, &candidates, Duration::from_millis(100)).await.unwrap()
        );
        assert!(check.contains(&format!("another address, {}, which responds", others[1])), "{check}");
        assert!(!check.contains(&others[0].to_string()), "{check}");
    }
}
