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

/// What the peer responses, so that the rest can be looked at.
pub(super) struct WorkingProbe {
    pub(super) probe: Probe,
    /// How long that took.
    pub(super) slowest: Duration,
}

/// How often silence is asked again: a datagram may just have been lost.
const TRIES: usize = 3;

/// Looks whether anybody responses, and in which dialect.
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
                return Ok(Some(WorkingProbe { probe, slowest: response.round_trip }));
            }
            ProbeOutcome::Unreachable => {
                let check = closed(prober.peer());
                let check = elsewhere(check, others, &candidates, options.timeout).await?;
                report.add(check)?;
                return Ok(None);
            }
            ProbeOutcome::SendFailed(error) => {
                let says = format!("nothing could be sent to {}: {error}", prober.peer());
                report.add(Check::fault("answer", Fault::Unsendable, says).advise(
                    "the route or this host's firewall is at fault, not the peer: look at `ip route get` and the firewall's rules",
                ))?;
                return Ok(None);
            }
            ProbeOutcome::Silence => {}
        }
    }
    let candidates = options.candidates(options.dialect)?;
    let check = elsewhere(silent(prober.peer(), &candidates, options), others, &candidates, options.timeout).await?;
    report.add(check)?;
    Ok(None)
}

enum ProbeOutcome {
    /// Which candidate was, and how.
    Response(usize, ProbeResponse),
    Unreachable,
    SendFailed(std::io::Error),
    Silence,
}

async fn try_probes(prober: &mut Prober, candidates: &[Probe], timeout: Duration) -> ProbeOutcome {
    for _ in 0..TRIES {
        let results = prober.send_probes(candidates, Duration::ZERO, WaitFor::First(timeout)).await;
        let ProbeResults { responses, is_unreachable, send_error } = results;
        let responses = responses.into_iter().enumerate().filter_map(|(index, response)| Some((index, response?)));
        // A value is more than a refusal; of two values the first.
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
    let how = match response.content {
        ResponseContent::Value(_) | ResponseContent::Undecodable => format!("`{method}` is answered in {took}"),
        ResponseContent::Failure(code) => {
            format!("`{method}` is refused in {took} ({code:?}): the peer is there, and is one of this crate")
        }
    };
    report.add(Check::ok("answer", how).with_data("method", probe.method.clone()).with_data("dialect", dialect))?;
    report.add(match is_right_dialect {
        true => Check::ok("dialect", format!("the peer speaks that of {dialect}, as you do")),
        false => Check::fault(
            "dialect",
            Fault::WrongDialect,
            format!("the peer speaks that of {dialect}, and drops what you send"),
        )
        .advise(match probe.dialect() {
            Dialect::Storj => "call it with --storj, and in Rust with `Endpoint::builder().dialect(Dialect::Storj)`",
            _ => "call it without --storj, and in Rust with the default dialect",
        }),
    })?;
    if response.source != peer {
        report.add(
            Check::fault(
                "source",
                Fault::OtherSource,
                format!("the answer comes from {}, not from {peer}, which was asked", response.source),
            )
            .advise("call it with --any-source, and in Rust with `Endpoint::builder().any_source(true)`")
            .advise("or bind the peer to the one address that it is called at")
            .with_data("source", response.source.to_string()),
        )?;
    }
    Ok(())
}

fn closed(peer: SocketAddr) -> Check {
    // This host can always be reached.
    let or_host = if peer.ip().is_loopback() { "" } else { ", or its host cannot be reached" };
    let says = format!("the network says that nobody is there: the port {peer} is closed{or_host}");
    Check::fault("answer", Fault::ClosedPort, says)
        .advise("start the peer, or look up its port: no program has bound to this one")
        .advise("a peer that is bound to 127.0.0.1 is there for its own host alone: bind it to 0.0.0.0 or [::]")
        .advise("a firewall that rejects what it does not know says the same")
}

fn silent(peer: SocketAddr, candidates: &[Probe], options: &ProbeOptions<'_>) -> Check {
    let methods: Vec<_> = candidates.iter().map(|probe| format!("`{}`", probe.method.escape_debug())).collect();
    let methods = methods.join(", ");
    let says =
        format!("{peer} says nothing to {methods}, {TRIES} times in each dialect, within {:?} each", options.timeout);
    let mut check = Check::fault("answer", Fault::Silence, says);
    if peer.ip().is_loopback() && cfg!(target_os = "linux") {
        check = check.advise("a closed port of this host would say so: a program has bound to it, and does not answer");
    } else {
        check = check
            .advise("a firewall or a NAT may drop what is sent, or the host is down: try from the peer's own host");
    }
    check = match options.method {
        None => check.advise(format!(
            "a Python peer says nothing to methods that it does not have: name one that it has, `rpcudp doctor {peer} METHOD ARG...`"
        )),
        Some(_) => check.advise(
            "a Python peer says nothing to a method that it does not have, to arguments that it does not take, and where the \
             method raises: its log tells",
        ),
    };
    check.advise("both dialects were tried, rpcudp and storjrpcudp: it is not that one")
}

/// Looks whether the peer is at another address of its name.
async fn elsewhere(
    mut check: Check,
    others: &[SocketAddr],
    candidates: &[Probe],
    timeout: Duration,
) -> Result<Check, Failure> {
    for &addr in others {
        // One that this host cannot reach is no advice.
        let Ok(mut prober) = Prober::new(addr) else { continue };
        if let ProbeOutcome::Response(..) = try_probes(&mut prober, candidates, timeout).await {
            let flag = if addr.is_ipv4() { "--ipv4" } else { "--ipv6" };
            check =
                check.advise(format!("the name has another address, {addr}, which answers: call that, or try {flag}"));
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
    async fn another_address_of_the_name_that_answers_is_advice() {
        let there = UdpSocket::bind("127.0.0.1:0").unwrap();
        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let others = [silent.local_addr().unwrap(), there.local_addr().unwrap()];
        std::thread::spawn(move || {
            let mut datagram = [0; 1_500];
            let (len, from) = there.recv_from(&mut datagram).unwrap();
            let Ok(Frame::Request(request)) = Frame::decode(&datagram[..len], Dialect::Rpcudp) else { panic!() };
            let mut answer = Vec::new();
            Response::begin(&mut answer, Dialect::Rpcudp, request.id);
            answer.push(0xc0);
            there.send_to(&answer, from).unwrap();
        });
        let candidates = [Probe::new(Dialect::Rpcudp, "ping", &[]).unwrap()];
        let check = closed("127.0.0.1:9".parse().unwrap());
        let check = format!("{:?}", elsewhere(check, &others, &candidates, Duration::from_millis(100)).await.unwrap());
        assert!(check.contains(&format!("another address, {}, which answers", others[1])), "{check}");
        assert!(!check.contains(&others[0].to_string()), "{check}");
    }
}
