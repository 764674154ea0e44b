use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::Dialect;

use super::probe::Probe;
use super::probe_options::ProbeOptions;
use super::prober::{Answer, Prober, Reply, Until, Volley};
use super::report::{Check, Fault, Report};
use crate::exit::Failure;
use crate::latencies::millis;
use crate::peer::dialect_name;

/// What the peer answers, so that the rest can be looked at.
pub(super) struct Found {
    pub(super) probe: Probe,
    /// How long that took.
    pub(super) slowest: Duration,
}

/// How often silence is asked again: a datagram may just have been lost.
const TRIES: usize = 3;

/// Looks whether anybody answers, and in which dialect.
pub(super) async fn check(
    prober: &mut Prober,
    asked: &ProbeOptions<'_>,
    others: &[SocketAddr],
    report: &mut Report,
) -> Result<Option<Found>, Failure> {
    let other = if asked.dialect == Dialect::Storj { Dialect::Rpcudp } else { Dialect::Storj };
    for dialect in [asked.dialect, other] {
        let candidates = asked.candidates(dialect)?;
        match ask(prober, &candidates, asked.timeout).await {
            Asking::Answered(index, answer) => {
                let probe = candidates[index].clone();
                report_answer(&probe, &answer, prober.peer(), dialect == asked.dialect, report)?;
                return Ok(Some(Found { probe, slowest: answer.took }));
            }
            Asking::Bounced => {
                let check = closed(prober.peer());
                let check = elsewhere(check, others, &candidates, asked.timeout).await?;
                report.add(check)?;
                return Ok(None);
            }
            Asking::Unsent(error) => {
                let says = format!("nothing could be sent to {}: {error}", prober.peer());
                report.add(Check::fault("answer", Fault::Unsendable, says).advise(
                    "the route or this host's firewall is at fault, not the peer: look at `ip route get` and the firewall's rules",
                ))?;
                return Ok(None);
            }
            Asking::Silence => {}
        }
    }
    let candidates = asked.candidates(asked.dialect)?;
    let check = elsewhere(silent(prober.peer(), &candidates, asked), others, &candidates, asked.timeout).await?;
    report.add(check)?;
    Ok(None)
}

enum Asking {
    /// Which candidate was, and how.
    Answered(usize, Answer),
    Bounced,
    Unsent(std::io::Error),
    Silence,
}

async fn ask(prober: &mut Prober, candidates: &[Probe], timeout: Duration) -> Asking {
    for _ in 0..TRIES {
        let volley = prober.volley(candidates, Duration::ZERO, Until::First(timeout)).await;
        let Volley { answers, has_bounced, unsent } = volley;
        let answers = answers.into_iter().enumerate().filter_map(|(index, answer)| Some((index, answer?)));
        // A value is more than a refusal; of two values the first.
        let best = answers.min_by_key(|(index, answer)| (matches!(answer.reply, Reply::Failure(_)), *index));
        match (best, unsent) {
            (Some((index, answer)), _) => return Asking::Answered(index, answer),
            (None, _) if has_bounced => return Asking::Bounced,
            (None, Some(error)) => return Asking::Unsent(error),
            (None, None) => {}
        }
    }
    Asking::Silence
}

fn report_answer(
    probe: &Probe,
    answer: &Answer,
    peer: SocketAddr,
    is_right_dialect: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let method = probe.method.escape_debug();
    let dialect = dialect_name(probe.dialect());
    let took = millis(answer.took);
    let how = match answer.reply {
        Reply::Value(_) | Reply::Undecodable => format!("`{method}` is answered in {took}"),
        Reply::Failure(code) => {
            format!("`{method}` is refused in {took} ({code:?}): the peer is there, and is one of this crate")
        }
    };
    report.add(Check::well("answer", how).with("method", probe.method.clone()).with("dialect", dialect))?;
    report.add(match is_right_dialect {
        true => Check::well("dialect", format!("the peer speaks that of {dialect}, as you do")),
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
    if answer.from != peer {
        report.add(
            Check::fault(
                "source",
                Fault::OtherSource,
                format!("the answer comes from {}, not from {peer}, which was asked", answer.from),
            )
            .advise("call it with --any-source, and in Rust with `Endpoint::builder().any_source(true)`")
            .advise("or bind the peer to the one address that it is called at")
            .with("source", answer.from.to_string()),
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

fn silent(peer: SocketAddr, candidates: &[Probe], asked: &ProbeOptions<'_>) -> Check {
    let methods: Vec<_> = candidates.iter().map(|probe| format!("`{}`", probe.method.escape_debug())).collect();
    let methods = methods.join(", ");
    let says =
        format!("{peer} says nothing to {methods}, {TRIES} times in each dialect, within {:?} each", asked.timeout);
    let mut check = Check::fault("answer", Fault::Silence, says);
    if peer.ip().is_loopback() && cfg!(target_os = "linux") {
        check = check.advise("a closed port of this host would say so: a program has bound to it, and does not answer");
    } else {
        check = check
            .advise("a firewall or a NAT may drop what is sent, or the host is down: try from the peer's own host");
    }
    check = match asked.method {
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
        if let Asking::Answered(..) = ask(&mut prober, candidates, timeout).await {
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
