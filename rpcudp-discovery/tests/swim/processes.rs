//! Members that are processes of their own, on the loopback network.

use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rpcudp::{Endpoint, Peers};
use rpcudp_discovery::{Swim, SwimEvent};

/// The seed of a process that is a member, or nothing for the first one.
const SEED: &str = "RPCUDP_SWIM_SEED";

const TEST: &str = "processes::processes_find_each_other_and_notice_that_one_is_killed";

struct Member {
    process: Child,
    output: BufReader<ChildStdout>,
    addr: String,
}

impl Member {
    fn start(seed: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", TEST, "--nocapture"]).env(SEED, seed).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut member = Self { process, output, addr: String::new() };
        member.addr = member.wait_for("is ");
        member
    }

    /// Waits for a line of the process, and returns its rest.
    fn wait_for(&mut self, start: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the process has ended before `{start}`");
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn processes_find_each_other_and_notice_that_one_is_killed() {
    if let Ok(seed) = env::var(SEED) {
        return run_member(&seed);
    }
    let mut first = Member::start("");
    let mut second = Member::start(&first.addr);
    first.wait_for(&format!("joined {}", second.addr));
    second.wait_for(&format!("joined {}", first.addr));
    // The third knows the first only, and finds the second by it.
    let mut third = Member::start(&first.addr);
    let mut found = [third.wait_for("joined "), third.wait_for("joined ")];
    found.sort();
    let mut expected = [first.addr.clone(), second.addr.clone()];
    expected.sort();
    assert_eq!(found, expected);
    second.wait_for(&format!("joined {}", third.addr));

    third.process.kill().unwrap();
    for member in [&mut first, &mut second] {
        member.wait_for(&format!("left {}", third.addr));
    }
}

/// Is a member until the process is killed.
fn run_member(seed: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seeds = seed.parse().into_iter();
        let builder = Swim::builder("test").probe_interval(Duration::from_millis(100)).seeds(Peers::fixed(seeds));
        let endpoint = Endpoint::builder().serve(builder.service()).bind("127.0.0.1:0").await.unwrap();
        let swim = builder.join(&endpoint).unwrap();
        let mut events = swim.events();
        // The test runner has written to the line.
        println!("\nis {}", swim.addr());
        while let Some(event) = events.next().await {
            match event {
                SwimEvent::Joined(addr) => println!("joined {addr}"),
                SwimEvent::Left(addr) => println!("left {addr}"),
                _ => {}
            }
        }
    });
}
