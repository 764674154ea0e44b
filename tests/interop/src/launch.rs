use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::stderr_file::StderrFile;
use crate::{Python, Venv};

/// The options of a Python peer before its start.
#[must_use = "a peer runs only after `start`"]
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    venv: &'a Venv,
    host: IpAddr,
    wait_timeout: Duration,
    verbose: bool,
    shim: bool,
    max_packet_len: Option<usize>,
}

impl Venv {
    /// Prepares the start of a peer in this environment.
    pub fn launch(&self) -> Launch<'_> {
        Launch {
            venv: self,
            host: Ipv4Addr::LOCALHOST.into(),
            wait_timeout: Launch::WAIT_TIMEOUT,
            verbose: false,
            shim: true,
            max_packet_len: None,
        }
    }
}

impl Launch<'_> {
    /// The default `wait_timeout` of the packages.
    const WAIT_TIMEOUT: Duration = Duration::from_secs(5);

    /// Sets the address to bind to, with a free port. Default: `127.0.0.1`.
    pub fn host(mut self, host: IpAddr) -> Self {
        self.host = host;
        self
    }

    /// Sets the timeout of the peer's calls. Default: 5 s, the default of the packages.
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.wait_timeout = timeout;
        self
    }

    /// Writes the package's log at level DEBUG to stderr. Default: level WARNING.
    pub fn verbose(mut self) -> Self {
        self.verbose = true;
        self
    }

    /// Leaves out the shim for `asyncio.coroutine`, which Python 3.11 removed and rpcudp 4.0.0
    /// uses.
    pub fn without_shim(mut self) -> Self {
        self.shim = false;
        self
    }

    /// Sets the length at which Twisted truncates received datagrams. Default: 8,192 bytes, the
    /// default of Twisted. No effect on asyncio, which does not truncate them.
    pub fn max_packet_len(mut self, len: usize) -> Self {
        self.max_packet_len = Some(len);
        self
    }

    /// Starts the peer and waits until it is ready.
    ///
    /// # Panics
    ///
    /// Panics if the peer does not start, or runs another version of the package.
    pub async fn start(self) -> Python {
        let package = self.venv.package();
        let (stderr, stderr_end) =
            StderrFile::create(self.venv.scratch()).expect("the target directory can be written");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(package.script());
        let mut command = Command::new(self.venv.python());
        // `-B` writes no bytecode files beside the sources.
        command.arg("-B").arg(script);
        command.arg("--host").arg(self.host.to_string());
        command.arg("--wait-timeout").arg(self.wait_timeout.as_secs_f64().to_string());
        command.args(self.verbose.then_some("--verbose"));
        command.args((!self.shim).then_some("--no-shim"));
        command.args((package == crate::Package::Fast).then_some("--fast"));
        if let (Some(len), rpcudp::Dialect::Storj) = (self.max_packet_len, package.dialect()) {
            command.arg("--max-packet-size").arg(len.to_string());
        }
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env("PYTHONIOENCODING", "utf-8");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr_end).kill_on_drop(true);
        let child = command.spawn().expect("the interpreter of a virtual environment can be run");
        Python::handshake(child, stderr, package, self.host).await
    }
}
