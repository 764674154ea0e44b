use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::OnceCell;

use crate::command_line::build;

/// The binary `kad` of `examples/kademlia`, running a node on 127.0.0.1. Killed on drop.
#[derive(Debug)]
pub struct Kad {
    /// The address that the node listens on.
    pub addr: SocketAddr,
    // Kept open, so that the node can print.
    _lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Kad {
    /// Builds the binary with cargo, and starts a node that bootstraps from these addresses.
    ///
    /// # Panics
    ///
    /// Panics if the binary does not compile or does not print its address.
    pub async fn start(bootstrap: &[SocketAddr]) -> Self {
        let mut command = Self::command().await;
        command.args(["node", "--listen", "127.0.0.1:0", "--json"]);
        command.args(bootstrap.iter().flat_map(|addr| ["--bootstrap".into(), addr.to_string()]));
        let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the built binary can be run");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let line = lines.next_line().await.expect("output is UTF-8").expect("the first line has the address");
        let event: Value = serde_json::from_str(&line).expect("the first line is JSON");
        let addr = event["addr"].as_str().and_then(|addr| addr.parse().ok()).expect("the first line has the address");
        Self { addr, _lines: lines, _child: child }
    }

    /// Builds the binary with cargo, and runs a command that joins a network through these
    /// addresses. Returns its standard output.
    ///
    /// # Panics
    ///
    /// Panics if the binary does not compile or the command fails.
    pub async fn run(arguments: &[&str], bootstrap: &[SocketAddr]) -> String {
        let mut command = Self::command().await;
        command.args(arguments).args(bootstrap.iter().flat_map(|addr| ["--bootstrap".into(), addr.to_string()]));
        let output = command.output().await.expect("the built binary can be run");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    async fn command() -> Command {
        static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
        Command::new(BUILT.get_or_init(|| build("rpcudp-kademlia", "kad")).await)
    }
}
