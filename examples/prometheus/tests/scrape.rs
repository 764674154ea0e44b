//! The real program, asked as Prometheus asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A role of the example, which ends with the test.
struct Running {
    program: Child,
    watched: SocketAddr,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Running {
    /// Starts it on a port for Prometheus that was free a moment ago.
    fn start(role: &str, addr: &str) -> Self {
        let watched = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rpcudp-prometheus"));
        command.args([role, addr, &watched.to_string()]).stdout(Stdio::piped());
        Self { program: command.spawn().unwrap(), watched }
    }

    /// What it says when it is there.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// Asks until everything is there that is looked for.
    fn scrape(&self, is_enough: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        for _ in 0..600 {
            last = get(self.watched).unwrap_or_else(|error| format!("nothing: {error}"));
            if is_enough(&last) {
                return last;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("what was looked for does not come: {last}");
    }
}

fn get(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// The value of a line, whatever the order of its labels.
fn value(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    page.lines().find_map(|line| {
        let (found, rest) = line.split_once('{')?;
        let (found_labels, value) = rest.rsplit_once("} ")?;
        // None of the values has a comma.
        let found_labels: Vec<_> = found_labels.split(',').collect();
        let is_it = found == name
            && found_labels.len() == labels.len()
            && labels.iter().all(|label| found_labels.contains(label));
        is_it.then(|| value.parse().expect("a number"))
    })
}

const SYSTEM: &str = r#"rpc_system_name="rpcudp""#;
const BALANCE: &str = r#"rpc_method="account.balance""#;
const WITHDRAW: &str = r#"rpc_method="account.withdraw""#;
const ERROR: &str = r#"error_type="application_error""#;

#[test]
fn prometheus_finds_what_was_called_on_either_side() {
    let mut server = Running::start("serve", "127.0.0.1:0");
    let addr = server.first_line();
    let addr = addr.strip_prefix("listening on ").expect("the server says where it is").trim();
    let client = Running::start("call", addr);
    // What nobody serves, in the protocol's own bytes: `["sesame", []]`.
    let mut datagram = vec![0; 21];
    datagram.extend_from_slice(b"\x92\xa6sesame\x90");
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&datagram, addr).unwrap();

    for (side, running) in [("client", &client), ("server", &server)] {
        let (calls, duration) = (format!("rpcudp_{side}_calls_total"), format!("rpc_{side}_call_duration_seconds"));
        let settled = |page: &str| {
            [&[SYSTEM, BALANCE][..], &[SYSTEM, WITHDRAW], &[SYSTEM, WITHDRAW, ERROR]].into_iter().all(|labels| {
                let (counted, timed) = (value(page, &calls, labels), value(page, &format!("{duration}_count"), labels));
                // So few are timed each, though perhaps not yet.
                counted >= Some(1.0) && timed == counted
            })
        };
        let page = running.scrape(settled);
        let of = |name: &str, labels: &[&str]| {
            value(&page, name, labels).unwrap_or_else(|| panic!("{name} {labels:?} in {page}"))
        };
        // It takes ten milliseconds and more.
        let withdrawals = of(&calls, &[SYSTEM, WITHDRAW]);
        assert!(of(&format!("{duration}_sum"), &[SYSTEM, WITHDRAW]) >= 0.01 * withdrawals, "{page}");
        let bucket = |end| of(&format!("{duration}_bucket"), &[SYSTEM, WITHDRAW, end]);
        assert_eq!([bucket(r#"le="0.005""#), bucket(r#"le="+Inf""#)], [0.0, withdrawals], "{page}");
        assert!(page.contains(&format!("# TYPE {duration} histogram")), "{page}");
    }
    let unknown = [SYSTEM, r#"rpc_method="_OTHER""#, r#"error_type="unknown_method""#];
    let page = server.scrape(|page| value(page, "rpcudp_server_calls_total", &unknown) == Some(1.0));
    assert!(!page.contains("sesame"), "{page}");
    assert!(page.contains("rpcudp_client_active_calls 0"), "{page}");
    let received = value(&page, "rpcudp_datagrams_total", &[r#"network_io_direction="receive""#]);
    assert!(received > Some(4.0), "{page}");
}
