use std::io::{BufRead, BufReader, Lines, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// Runs the binary until it ends.
pub(crate) fn rpcudp(arguments: &[&str]) -> Finished {
    Finished(command(arguments).output().expect("the binary can be run"))
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcudp"));
    command.args(arguments).stdin(Stdio::null());
    // The developer's colour settings must not change the output.
    command.env_remove("NO_COLOR").env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// The output and the exit code of a finished run.
#[derive(Debug)]
pub(crate) struct Finished(Output);

impl Finished {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().expect("no signal has killed the binary")
    }

    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).expect("output is UTF-8")
    }

    pub(crate) fn stderr(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).expect("output is UTF-8")
    }

    /// Returns standard output. Panics unless the run succeeded without errors.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &str {
        assert_eq!((self.code(), self.stderr()), (0, ""), "{self:?}");
        self.stdout().trim_end()
    }

    /// Parses each line of standard output as JSON. Panics unless the run succeeded without errors.
    #[track_caller]
    pub(crate) fn succeeded_in_json(&self) -> Vec<Value> {
        self.succeeded().lines().map(json).collect()
    }

    /// Returns the single line on standard error. Panics if the exit code differs or anything else
    /// was printed.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!((self.code(), self.stdout()), (code, ""), "{self:?}");
        let line = self.stderr().trim_end();
        assert!(!line.is_empty() && !line.contains(['\n', '\x1b']), "{self:?}");
        line
    }
}

#[track_caller]
pub(crate) fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The binary, running in the background. Killed on drop.
pub(crate) struct Background {
    lines: Lines<BufReader<ChildStdout>>,
    child: KillOnDrop,
}

/// A process that is killed on drop.
pub(crate) struct KillOnDrop(pub(crate) Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Background {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary can be run");
        let lines = BufReader::new(child.stdout.take().expect("the stream is a pipe")).lines();
        Self { lines, child: KillOnDrop(child) }
    }

    /// Starts `rpcudp listen --json` on a free port. Returns the process and its address.
    pub(crate) fn listen(arguments: &[&str]) -> (Self, SocketAddr) {
        let mut running = Self::start(&[&["listen", "127.0.0.1:0", "--json"], arguments].concat());
        let event = running.json();
        assert_eq!(event["event"], "listening");
        let addr = event["addr"].as_str().expect("an address").parse().expect("an address");
        (running, addr)
    }

    /// Returns the next line of standard output.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().expect("the binary is still running").expect("output is UTF-8")
    }

    pub(crate) fn json(&mut self) -> Value {
        json(&self.line())
    }

    /// Sends SIGINT. Returns the remaining lines of standard output, and the exit code.
    pub(crate) fn interrupt(mut self) -> (Vec<String>, i32) {
        let kill = Command::new("kill").args(["-INT", &self.child.0.id().to_string()]).status();
        assert!(kill.expect("a system with `kill`").success());
        let rest = self.lines.by_ref().map(|line| line.expect("output is UTF-8")).collect();
        let code = self.child.0.wait().expect("waiting for a child succeeds").code();
        (rest, code.expect("the binary handles SIGINT"))
    }

    /// Closes the pipe of standard output and runs `then`, which must make the binary print.
    /// Returns standard error and the exit code.
    pub(crate) fn close_stdout(self, then: impl FnOnce()) -> (String, Option<i32>) {
        let Self { lines, mut child } = self;
        drop(lines);
        then();
        let mut stderr = String::new();
        child.0.stderr.take().expect("the stream is a pipe").read_to_string(&mut stderr).expect("output is UTF-8");
        (stderr, child.0.wait().expect("waiting for a child succeeds").code())
    }
}
