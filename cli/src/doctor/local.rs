use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rpcudp::UdpOptions;

use super::probe::Probe;
use super::prober::{Prober, ResponseContent, WaitFor};
use super::report::{Check, Report};
use crate::exit::Failure;
use crate::output::grouped;
use crate::value::Value;

/// How often the address is asked for.
const TRIES: usize = 3;

/// Asks which address the other side sees, and compares it with what this host believes.
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
        Some(ResponseContent::Value(value)) => address(value),
        _ => None,
    };
    let check = match (seen, prober.local_addr(), content) {
        (Some(seen), Ok(local), _) if seen == local => {
            Check::ok("address", format!("the peer sees {seen}, which is this socket's own: no NAT is between"))
                .with_data("seen", seen.to_string())
        }
        (Some(seen), Ok(local), _) => {
            Check::note("address", format!("the peer sees {seen}, and this socket is {local}"))
                .advise("a NAT is between: others reach this host only at what they see, and while something is sent")
                .with_data("seen", seen.to_string())
                .with_data("local", local.to_string())
        }
        (Some(seen), Err(error), _) => Check::note(
            "address",
            format!("the peer sees {seen}; what this host takes for its own is unknown: {error}"),
        )
        .with_data("seen", seen.to_string()),
        (None, _, Some(ResponseContent::Value(value))) => {
            Check::unknown("address", format!("what the peer answers to `stun` is no address: {value}"))
        }
        (None, ..) => {
            Check::unknown("address", "the peer has no `stun`, so that it does not tell which address it sees")
        }
    };
    report.add(check)
}

/// Looks whether the system gave the socket the buffers that it asked for.
pub(super) fn check_buffers(prober: &Prober, report: &mut Report) -> Result<(), Failure> {
    report.add(buffers(UdpOptions::DEFAULT_BUFFER_LEN, prober.buffers()?))
}

fn buffers(asked: usize, [receive, send]: [usize; 2]) -> Check {
    let kib = |len: usize| format!("{} KiB", grouped(len / 1_024));
    let check = if receive.min(send) >= asked {
        Check::ok("buffers", format!("this host gives the {} that an endpoint asks for", kib(asked)))
    } else {
        let says = format!(
            "an endpoint asks for {}, and this host gives {} to receive and {} to send: bursts may be lost here",
            kib(asked),
            kib(receive),
            kib(send)
        );
        let check = Check::note("buffers", says);
        if cfg!(target_os = "linux") {
            check.advise(format!(
                "sysctl -w net.core.rmem_max={asked} net.core.wmem_max={asked}, here and at the peer's host"
            ))
        } else {
            check
        }
    };
    check.with_data("asked", asked).with_data("receive", receive).with_data("send", send)
}

/// What `stun` responses: an address and a port.
fn address(value: &Value) -> Option<SocketAddr> {
    let Value::Array(parts) = value else { return None };
    let [Value::Text(ip), Value::Int(port)] = &parts[..] else { return None };
    let (ip, port) = (ip.parse::<IpAddr>().ok()?, u16::try_from(*port).ok()?);
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_none() {
        let of = |ip: &str, port| address(&Value::Array(vec![Value::Text(ip.into()), Value::Int(port)]));
        assert_eq!(of("192.0.2.1", 7), Some("192.0.2.1:7".parse().unwrap()));
        assert_eq!(of("::ffff:192.0.2.1", 7), Some("192.0.2.1:7".parse().unwrap()));
        assert_eq!((of("nowhere", 7), of("192.0.2.1", 65_536), of("192.0.2.1", -1)), (None, None, None));
        assert_eq!((address(&Value::Nil), address(&Value::Array(vec![]))), (None, None));
    }

    #[test]
    fn clamped_buffers_are_noted_with_what_there_is() {
        let clamped = format!("{:?}", buffers(4 << 20, [212_992, 4 << 20]));
        assert!(
            clamped.contains("asks for 4,096 KiB, and this host gives 208 KiB to receive and 4,096 KiB"),
            "{clamped}"
        );
        assert!(clamped.contains("Note") && !format!("{:?}", buffers(1, [1, 1])).contains("Note"), "{clamped}");
    }
}
