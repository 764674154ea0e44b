use std::io::{BufRead, BufReader, Lines, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// Runs the binary to its end.
pub(crate) fn rpcudp(arguments: &[&str]) -> Finished {
    Finished(command(arguments).output().expect("the binary can be run"))
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rpcudp"));
    command.args(arguments).stdin(Stdio::null());
    // A developer's own wishes are not those of the tests.
    command.env_remove("NO_COLOR").env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Finished(Output);

impl Finished {
    pub(crate) fn code(&self) -> i32 {
        self.0.status.code().expect("no signal has finished it")
    }

    pub(crate) fn stdout(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).expect("what is printed is text")
    }

    pub(crate) fn stderr(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).expect("what is printed is text")
    }

    /// What it printed, if all was well.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &str {
        assert_eq!((self.code(), self.stderr()), (0, ""), "{self:?}");
        self.stdout().trim_end()
    }

    /// What it printed in JSON, if all was well: a value for each line.
    #[track_caller]
    pub(crate) fn succeeded_in_json(&self) -> Vec<Value> {
        self.succeeded().lines().map(json).collect()
    }

    /// The one line in which it said what was wrong, if it said nothing else and finished with this code.
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

/// The binary in the background. Killed when it is dropped, unless it has finished.
pub(crate) struct Background {
    lines: Lines<BufReader<ChildStdout>>,
    child: KillOnDrop,
}

/// A process that is killed when this is dropped.
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
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Self { lines, child: KillOnDrop(child) }
    }

    /// `rpcudp listen --json` on a free port, and which that is.
    pub(crate) fn listen(arguments: &[&str]) -> (Self, SocketAddr) {
        let mut running = Self::start(&[&["listen", "127.0.0.1:0", "--json"], arguments].concat());
        let event = running.json();
        assert_eq!(event["event"], "listening");
        let addr = event["addr"].as_str().expect("an address").parse().expect("an address");
        (running, addr)
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().expect("it has not finished").expect("what is printed is text")
    }

    pub(crate) fn json(&mut self) -> Value {
        json(&self.line())
    }

    /// Ctrl-C. Gives what it printed afterwards, and its exit code.
    pub(crate) fn interrupt(mut self) -> (Vec<String>, i32) {
        let kill = Command::new("kill").args(["-INT", &self.child.0.id().to_string()]).status();
        assert!(kill.expect("a system with `kill`").success());
        let rest = self.lines.by_ref().map(|line| line.expect("what is printed is text")).collect();
        let code = self.child.0.wait().expect("it can be waited for").code();
        (rest, code.expect("it has taken the signal for what it is"))
    }

    /// Closes the pipe that it prints to, does something that makes it print, and gives what it says and its exit code.
    pub(crate) fn stop_reading(self, then: impl FnOnce()) -> (String, Option<i32>) {
        let Self { lines, mut child } = self;
        drop(lines);
        then();
        let mut said = String::new();
        child.0.stderr.take().expect("it is a pipe").read_to_string(&mut said).expect("what is printed is text");
        (said, child.0.wait().expect("it can be waited for").code())
    }
}
