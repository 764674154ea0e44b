use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::Dialect;

use super::probe::Probe;
use super::probe_options::ProbeOptions;
use super::prober::{ProbeResponse, ProbeResults, Prober, ResponseContent, WaitFor};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
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

/// Checks that the peer responds, and in which dialect.
pub(super) async fn check(
    prober: &mut Prober,
    options: &ProbeOptions<'_>,
    others: &[SocketAddr],
    report: &mut Report,
) -> Result<Option<WorkingProbe>, Failure> {
    let other = if options.dialect == Dialect::Storj { Dialect::Rpcudp } else { Dialect::Storj };
    for dialect in [options.dialect, other] {
        let candidates = options.candidates(dialect)?;
        match try_probes(prober, &candidates, options.timeout).await {
            ProbeOutcome::Response(index, response) => {
                let probe = candidates[index].clone();
                report_response(&probe, &response, prober.peer(), dialect == options.dialect, report)?;
                return Ok(Some(WorkingProbe { probe, round_trip: response.round_trip }));
            }
            ProbeOutcome::Unreachable => {
                let check = unreachable_check(prober.peer());
                let check = advise_other_addresses(check, others, &candidates, options.timeout).await?;
                report.add(check)?;
                return Ok(None);
            }
            ProbeOutcome::SendFailed(error) => {
                let message = format!("sending to {} failed: {error}", prober.peer());
                report.add(Check::fault("answer", Fault::Unsendable, message).advise(
                    "the cause is the route or this host's firewall, not the peer: check `ip route get` and the \
                     firewall's rules",
                ))?;
                return Ok(None);
            }
            ProbeOutcome::Silence => {}
        }
    }
    let candidates = options.candidates(options.dialect)?;
    let check = advise_other_addresses(
        silence_check(prober.peer(), &candidates, options),
        others,
        &candidates,
        options.timeout,
    )
    .await?;
    report.add(check)?;
    Ok(None)
}

/// The outcome of probing the peer in one dialect.
enum ProbeOutcome {
    /// The index of the candidate that got a response, and the response.
    Response(usize, ProbeResponse),
    Unreachable,
    SendFailed(std::io::Error),
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
    if response.source != peer {
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

fn unreachable_check(peer: SocketAddr) -> Check {
    // This host itself is always reachable.
    let or_host = if peer.ip().is_loopback() { "" } else { ", or its host cannot be reached" };
    let message = format!("{peer} is unreachable: the port is closed{or_host}");
    Check::fault("answer", Fault::ClosedPort, message)
        .advise("start the peer, or check the port number: no program is bound to this one")
        .advise("a peer bound to 127.0.0.1 is reachable only from its own host: bind it to 0.0.0.0 or [::]")
        .advise("check the firewall: one that rejects datagrams causes the same error")
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

    #[tokio::test]
    async fn another_address_that_responds_is_advised() {
        let responsive = UdpSocket::bind("127.0.0.1:0").unwrap();
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let others = [silent.local_addr().unwrap(), responsive.local_addr().unwrap()];
        std::thread::spawn(move || {
            let mut datagram = [0; 1_500];
            let (len, from) = responsive.recv_from(&mut datagram).unwrap();
            let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], Dialect::Rpcudp) else { panic!() };
            let mut response = Vec::new();
            Response::begin(&mut response, Dialect::Rpcudp, request.id);
            response.push(0xc0);
            responsive.send_to(&response, from).unwrap();
        });
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
