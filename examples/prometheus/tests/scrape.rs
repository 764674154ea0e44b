//! Runs the program, and scrapes its metrics as Prometheus does.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A process of the example, killed when it is dropped.
struct Process {
    child: Child,
    metrics_addr: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts the example, with its metrics on a port that was free before.
    fn start(role: &str, addr: &str) -> Self {
        let metrics_addr = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_rpcudp-prometheus"));
        command.args([role, addr, &metrics_addr.to_string()]).stdout(Stdio::piped());
        Self { child: command.spawn().unwrap(), metrics_addr }
    }

    /// Reads the first line of its output.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// Scrapes until the page is complete. Returns the page.
    fn scrape(&self, is_complete: impl Fn(&str) -> bool) -> String {
        let mut last = String::new();
        for _ in 0..600 {
            last = get(self.metrics_addr).unwrap_or_else(|error| format!("no page: {error}"));
            if is_complete(&last) {
                return last;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("the page is not complete after one minute: {last}");
    }
}

fn get(addr: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(addr)?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}

/// Returns the value of the line with this name and these labels, in any order.
fn value(page: &str, name: &str, labels: &[&str]) -> Option<f64> {
    page.lines().find_map(|line| {
        let (found, rest) = line.split_once('{')?;
        let (found_labels, value) = rest.rsplit_once("} ")?;
        // No label value contains a comma.
        let found_labels: Vec<_> = found_labels.split(',').collect();
        let matches = found == name
            && found_labels.len() == labels.len()
            && labels.iter().all(|label| found_labels.contains(label));
        matches.then(|| value.parse().expect("a number"))
    })
}

const SYSTEM: &str = r#"rpc_system_name="rpcudp""#;
const BALANCE: &str = r#"rpc_method="account.balance""#;
const WITHDRAW: &str = r#"rpc_method="account.withdraw""#;
const ERROR: &str = r#"error_type="application_error""#;

#[test]
fn both_sides_export_their_calls_and_durations() {
    let mut server = Process::start("serve", "127.0.0.1:0");
    let addr = server.first_line();
    let addr = addr.strip_prefix("listening on ").expect("the server prints its address").trim();
    let client = Process::start("call", addr);
    // A request for an unknown method, as bytes: `["sesame", []]`.
    let mut datagram = vec![0; 21];
    datagram.extend_from_slice(b"\x92\xa6sesame\x90");
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&datagram, addr).unwrap();

    for (side, process) in [("client", &client), ("server", &server)] {
        let (calls, duration) = (format!("rpcudp_{side}_calls_total"), format!("rpc_{side}_call_duration_seconds"));
        let settled = |page: &str| {
            [&[SYSTEM, BALANCE][..], &[SYSTEM, WITHDRAW], &[SYSTEM, WITHDRAW, ERROR]].into_iter().all(|labels| {
                let (counted, timed) = (value(page, &calls, labels), value(page, &format!("{duration}_count"), labels));
                // Each call is counted and timed, but a scrape may come between the two.
                counted >= Some(1.0) && timed == counted
            })
        };
        let page = process.scrape(settled);
        let of = |name: &str, labels: &[&str]| {
            value(&page, name, labels).unwrap_or_else(|| panic!("{name} {labels:?} in {page}"))
        };
        // The handler takes at least 10 ms.
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
