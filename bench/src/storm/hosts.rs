//! The hosts of the servers: network namespaces on a bridge, which a shell script makes.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

use super::contender::Contender;
use crate::measuring::BoxError;

const NETWORK: &str = include_str!("network.sh");

/// The processes on the hosts, of which the script tells.
#[derive(Debug)]
pub(crate) struct Hosts {
    ids: Vec<String>,
}

/// A server on a host, which is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    /// The end of it ends the server with a grace.
    pub(crate) control: Option<ChildStdin>,
}

/// Runs this program again with the same arguments, inside a network of hosts.
pub(crate) fn run_inside(loss: u8) -> Result<ExitCode, BoxError> {
    let program = env::current_exe()?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", NETWORK, "network"]);
    let status = command.arg(loss.to_string()).arg(program).args(env::args_os().skip(1)).status();
    let status = status.map_err(|error| format!("`unshare` cannot be run: {error}"))?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        _ => Err("the hosts need Linux with network namespaces, `ip`, `nft`, `nsenter`, `unshare` and root".into()),
    }
}

impl Hosts {
    /// Returns the hosts of the network that this process is inside of, if it is.
    pub(crate) fn of_this_process() -> Result<Option<Self>, BoxError> {
        let Ok(ids) = env::var("HOSTS") else { return Ok(None) };
        Ok(Some(Self { ids: ids.split_whitespace().map(String::from).collect() }))
    }

    pub(crate) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Returns the address of the server on a host, counted from 0.
    pub(crate) fn addr(host: usize) -> SocketAddr {
        (Ipv4Addr::new(10, 8, 0, host as u8 + 1), 7_000).into()
    }

    pub(crate) fn addrs(&self) -> Vec<SocketAddr> {
        (0..self.count()).map(Self::addr).collect()
    }

    /// Starts a server on a host, and waits until it serves.
    pub(crate) fn start(&self, host: usize, contender: Contender) -> Result<Server, BoxError> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/proc/{}/ns/net", self.ids[host])).arg(env::current_exe()?);
        command.args(["storm-server", contender.server_name(), &Self::addr(host).to_string()]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the output is a pipe")?);
        let control = process.stdin.take();
        let server = Server { process, control };
        if output.read_line(&mut String::new())? == 0 {
            return Err(format!("the server on host {host} did not start").into());
        }
        Ok(server)
    }

    /// Cuts a host off from the network, or links it again.
    pub(crate) fn set_link(&self, host: usize, state: &str) -> Result<(), BoxError> {
        let status = Command::new("ip").args(["link", "set", &format!("wire{}", host + 1), state]).status()?;
        if status.success() { Ok(()) } else { Err("`ip link set` failed".into()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
