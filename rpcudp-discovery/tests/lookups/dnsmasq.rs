//! The program `dnsmasq`.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::PATIENCE;

/// A running DNS server. Ends when it is dropped.
pub(crate) struct Dnsmasq {
    process: Child,
}

impl Dnsmasq {
    pub(crate) fn is_missing() -> bool {
        let version = Command::new("dnsmasq").arg("--version").stdout(Stdio::null()).status();
        version.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Starts a server at an address, with only these records. Their time to live is 1 s.
    pub(crate) fn start(addr: SocketAddr, records: &[&str]) -> Self {
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--user=root"]);
        command.args(["--no-resolv", "--no-hosts", "--bind-interfaces", "--local=/example/", "--local-ttl=1"]);
        command.arg(format!("--listen-address={}", addr.ip())).arg(format!("--port={}", addr.port()));
        let process = command.args(records).spawn().expect("dnsmasq starts");
        let server = Self { process };
        let start = Instant::now();
        while TcpStream::connect(addr).is_err() {
            assert!(start.elapsed() < PATIENCE, "dnsmasq does not listen on {addr}");
            sleep(Duration::from_millis(20));
        }
        server
    }

    /// Makes the server read its files of hosts again.
    pub(crate) fn reload(&self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("`kill` runs").success());
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        // It may have ended, which `kill` then reports.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
