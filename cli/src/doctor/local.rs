use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rpcudp::UdpOptions;

use super::probe::Probe;
use super::prober::{Prober, ResponseContent, WaitFor};
use super::report::{Check, Report};
use crate::exit::Failure;
use crate::output::grouped;
use crate::value::Value;

/// The number of requests for the address, because one may be lost.
const TRIES: usize = 3;

/// Asks the peer which source address it sees, and compares it with this host's own address.
pub(super) async fn check_address(
    prober: &mut Prober,
    probe: &Probe,
    wait: Duration,
    report: &mut Report,
) -> Result<(), Failure> {
    let stun = Probe::new(probe.dialect(), "stun", &[])?;
    let mut content = None;
    for _ in 0..TRIES {
        let results = prober.send_probes(std::slice::from_ref(&stun), Duration::ZERO, WaitFor::All(wait)).await;
        content = results.responses.into_iter().flatten().next().map(|response| response.content);
        if content.is_some() {
            break;
        }
    }
    let seen = match &content {
        Some(ResponseContent::Value(value)) => parse_address(value),
        _ => None,
    };
    let check = match (seen, prober.local_addr(), content) {
        (Some(seen), Ok(local), _) if seen == local => Check::ok(
            "address",
            format!("the peer sees {seen}, this socket's own address: there is no NAT on the path"),
        )
        .with_data("seen", seen.to_string()),
        (Some(seen), Ok(local), _) => {
            Check::note("address", format!("the peer sees {seen}, but this socket's own address is {local}"))
                .advise(
                    "a NAT is on the path: peers reach this host only at the address that they see, and only while \
                     this host keeps sending",
                )
                .with_data("seen", seen.to_string())
                .with_data("local", local.to_string())
        }
        (Some(seen), Err(error), _) => {
            Check::note("address", format!("the peer sees {seen}; this host's own address is unknown: {error}"))
                .with_data("seen", seen.to_string())
        }
        (None, _, Some(ResponseContent::Value(value))) => {
            Check::unknown("address", format!("the response to `stun` is not an address: {value}"))
        }
        (None, ..) => {
            Check::unknown("address", "the address that the peer sees is unknown, because it has no method `stun`")
        }
    };
    report.add(check)
}

/// Checks that the operating system granted the buffer sizes that an endpoint requests.
pub(super) fn check_buffers(prober: &Prober, report: &mut Report) -> Result<(), Failure> {
    report.add(buffers_check(UdpOptions::DEFAULT_BUFFER_LEN, prober.buffers()?))
}

fn buffers_check(asked: usize, [receive, send]: [usize; 2]) -> Check {
    let kib = |len: usize| format!("{} KiB", grouped(len / 1_024));
    let check = if receive.min(send) >= asked {
        Check::ok("buffers", format!("this host grants the {} that an endpoint requests", kib(asked)))
    } else {
        let message = format!(
            "an endpoint requests {}, but this host grants {} to receive and {} to send: bursts may be lost",
            kib(asked),
            kib(receive),
            kib(send)
        );
        let check = Check::note("buffers", message);
        if cfg!(target_os = "linux") {
            check.advise(format!(
                "raise the limits on this host and on the peer's: \
                 sysctl -w net.core.rmem_max={asked} net.core.wmem_max={asked}"
            ))
        } else {
            check
        }
    };
    check.with_data("asked", asked).with_data("receive", receive).with_data("send", send)
}

/// Parses the response of `stun`: an IP address and a port.
fn parse_address(value: &Value) -> Option<SocketAddr> {
    let Value::Array(parts) = value else { return None };
    let [Value::Text(ip), Value::Int(port)] = &parts[..] else { return None };
    let (ip, port) = (ip.parse::<IpAddr>().ok()?, u16::try_from(*port).ok()?);
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_address_is_none() {
        let of = |ip: &str, port| parse_address(&Value::Array(vec![Value::Text(ip.into()), Value::Int(port)]));
        assert_eq!(of("192.0.2.1", 7), Some("192.0.2.1:7".parse().unwrap()));
        assert_eq!(of("::ffff:192.0.2.1", 7), Some("192.0.2.1:7".parse().unwrap()));
        assert_eq!((of("nowhere", 7), of("192.0.2.1", 65_536), of("192.0.2.1", -1)), (None, None, None));
        assert_eq!((parse_address(&Value::Nil), parse_address(&Value::Array(vec![]))), (None, None));
    }

    #[test]
    fn clamped_buffers_are_a_note_with_the_granted_sizes() {
        let clamped = format!("{:?}", buffers_check(4 << 20, [212_992, 4 << 20]));
        assert!(
            clamped.contains("requests 4,096 KiB, but this host grants 208 KiB to receive and 4,096 KiB"),
            "{clamped}"
        );
        assert!(clamped.contains("Note") && !format!("{:?}", buffers_check(1, [1, 1])).contains("Note"), "{clamped}");
    }
}
