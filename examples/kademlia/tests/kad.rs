//! The binary `kad`, run as from a shell.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// A `kad node --json` in the background. Killed when dropped, unless it has left before.
struct NodeProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    addr: String,
    id: String,
}

impl NodeProcess {
    fn start(arguments: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", arguments)
    }

    fn start_on(listen: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kad"));
        command.args(["node", "--listen", listen, "--json"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut node = Self { child, lines, addr: String::new(), id: String::new() };
        let event = node.event("listening");
        node.addr = event["addr"].as_str().unwrap().into();
        node.id = event["id"].as_str().unwrap().into();
        node
    }

    /// Reads the next line, which must be this event.
    fn event(&mut self, name: &str) -> Value {
        let line = self.lines.next().expect("the process has not ended").unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(event["event"], name);
        event
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end. Returns the event `left`.
    fn leave(self) -> Value {
        self.leave_on("-INT")
    }

    fn leave_on(mut self, signal: &str) -> Value {
        let signal = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(signal.success());
        let event = self.event("left");
        assert!(self.child.wait().unwrap().success());
        event
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn kad(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kad")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap().trim_end()
}

#[test]
fn put_values_are_returned_by_get_with_their_types() {
    let first = NodeProcess::start(&[]);
    let mut second = NodeProcess::start(&["--bootstrap", &first.addr]);
    assert_eq!(second.event("joined")["neighbours"], 1);

    let put = kad(&["put", "colour", "blue", "--bootstrap", &first.addr]);
    assert!(stdout(&put).starts_with("2 nodes store "), "{put:?}");
    assert_eq!(stdout(&kad(&["get", "colour", "--bootstrap", &second.addr])), "blue");
    for (kind, value, in_json) in [
        ("int", "-7", serde_json::json!({ "type": "int", "value": -7 })),
        ("int", "18446744073709551615", serde_json::json!({ "type": "int", "value": u64::MAX })),
        ("float", "1", serde_json::json!({ "type": "float", "value": 1.0 })),
        ("float", "inf", serde_json::json!({ "type": "float", "value": "inf" })),
        ("bool", "true", serde_json::json!({ "type": "bool", "value": true })),
        ("hex", "00ff", serde_json::json!({ "type": "bytes", "value": "00ff" })),
    ] {
        stdout(&kad(&["put", kind, value, "--as", kind, "--bootstrap", &first.addr]));
        let got = kad(&["get", kind, "--json", "--bootstrap", &second.addr]);
        let got: Value = serde_json::from_str(stdout(&got)).unwrap();
        assert_eq!((&got["type"], &got["value"]), (&in_json["type"], &in_json["value"]));
    }

    let missing = kad(&["get", "nothing", "--bootstrap", &second.addr]);
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(2), 0));
    let lookup = kad(&["lookup", &second.id, "--json", "--bootstrap", &first.addr]);
    let lookup: Value = serde_json::from_str(stdout(&lookup)).unwrap();
    assert_eq!(lookup["closest"][0]["id"], second.id.as_str());
    assert!(stdout(&kad(&["lookup", "colour", "--key", "--bootstrap", &first.addr])).contains("queried"));
    assert_eq!(first.leave()["values"], 5, "one value for each key");
}

#[test]
fn a_network_is_joined_at_either_address_of_its_name() {
    for (listen, other) in [("127.0.0.1:0", "[::1]"), ("[::1]:0", "127.0.0.1")] {
        let first = NodeProcess::start_on(listen, &[]);
        let port = first.addr.rsplit_once(':').unwrap().1;
        // `localhost` resolves to both, in an order that the host's configuration decides.
        let closed = format!("{other}:{port}");
        for addrs in [[&*first.addr, &closed], [&closed, &*first.addr]] {
            let bootstrap = ["--bootstrap", addrs[0], "--bootstrap", addrs[1]];
            let put = kad(&[&["put", "colour", "blue"][..], &bootstrap].concat());
            assert!(stdout(&put).starts_with("1 nodes store "), "{put:?}");
            assert_eq!(stdout(&kad(&[&["get", "colour"][..], &bootstrap].concat())), "blue");
            let mut second = NodeProcess::start_on("[::]:0", &bootstrap);
            assert_eq!(second.event("joined")["neighbours"], 1);
            second.leave();
        }
        first.leave();
    }
}

#[test]
fn a_node_rejoins_with_its_id_from_the_state_file() {
    let first = NodeProcess::start(&[]);
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kad-{}.json", std::process::id()));
    let state_text = state.to_str().unwrap();
    let mut second = NodeProcess::start(&["--bootstrap", &first.addr, "--state", state_text]);
    second.event("joined");
    let id = second.id.clone();
    assert_eq!(second.leave()["neighbours"], 1);

    let mut restored = NodeProcess::start(&["--state", state_text]);
    assert_eq!(restored.id, id);
    assert_eq!(restored.event("joined")["neighbours"], 1);
    restored.leave_on("-TERM");
    std::fs::remove_file(state).unwrap();
}

#[test]
fn a_swarm_finds_every_key() {
    for simulated in [&["--simulated"][..], &[]] {
        let swarm = kad(&[&["swarm", "--nodes", "12", "--keys", "20", "--lookups", "5", "--json"], simulated].concat());
        let swarm: Value = serde_json::from_str(stdout(&swarm)).unwrap();
        assert_eq!((&swarm["found"], &swarm["missing"]), (&20.into(), &serde_json::json!([])));
        assert_eq!(swarm["lookups"]["count"], 5);
    }
}

#[test]
fn errors_name_the_problem_and_the_remedy() {
    for (arguments, error) in [
        (
            &["put", "k", "v", "--as", "int", "--bootstrap", "127.0.0.1:1"][..],
            "`v` is not an int from -2^63 to 2^64 - 1",
        ),
        (
            &["put", "k", "abc", "--as", "hex", "--bootstrap", "127.0.0.1:1"],
            "`abc` is not an even number of hexadecimal digits",
        ),
        (&["lookup", "abc", "--bootstrap", "127.0.0.1:1"], "give --key to look up a key"),
        (&["get", "k", "--bootstrap", "nonsense"], "give an address as HOST:PORT"),
        (&["get", "k", "--bootstrap", "0.0.0.0:7"], "no node can be at 0.0.0.0:7"),
        (
            &["get", "k", "--bootstrap", "127.0.0.1:9"],
            "no bootstrap node responded: `ping`: 127.0.0.1:9 is unreachable",
        ),
        (&["node", "--listen", "203.0.113.1:1"], "203.0.113.1:1: "),
    ] {
        let output = kad(arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("kad: ") && stderr.contains(error), "{stderr}");
    }
}

#[test]
fn a_signal_right_after_the_first_line_saves_the_state() {
    for round in 0..20 {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("kad-signal-{}.json", std::process::id()));
        let node = NodeProcess::start(&["--state", path.to_str().unwrap()]);
        node.leave_on(if round % 2 == 0 { "-TERM" } else { "-INT" });
        assert!(path.exists(), "round {round}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_reader_that_closes_its_end_ends_the_command_without_a_panic() {
    let node = NodeProcess::start(&[]);
    for arguments in [
        &["lookup", "colour", "--key"][..],
        &["lookup", "colour", "--key", "--json"],
        &["put", "colour", "blue"],
        &["swarm", "--nodes", "3", "--keys", "3", "--simulated"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kad"));
        command.args(arguments);
        if arguments[0] != "swarm" {
            command.args(["--bootstrap", &node.addr]);
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.contains("panicked")), (Some(141), false), "{arguments:?}: {stderr}");
    }
}
