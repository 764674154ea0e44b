//! Services that are announced and found by multicast DNS, between hosts: network namespaces with
//! pairs of virtual Ethernet cards on a bridge.
//!
//! This needs Linux, the programs `ip`, `nsenter` and `unshare`, and root. Without them the test is
//! skipped and prints `SKIPPED`.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use rpcudp::{Change, Endpoint, Peers};
use rpcudp_discovery::{Announcement, Mdns, MdnsBrowser, MdnsEvent};
use tokio::time::timeout;

const TEST: &str = "hosts_find_each_other_by_name";

/// The part of a process in the test: `browse`, or the name of the service that it announces.
const PART: &str = "RPCUDP_MDNS_PART";

/// Far above the time that a change takes. A test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes a network of three hosts, in one namespace with a bridge, and two more. Prints their ids.
const NETWORK: &str = "
    ip link set lo up
    ip link add wire type bridge mcast_snooping 0
    ip addr add 10.7.0.1/24 dev wire
    ip link set wire up
    for host in 2 3; do
        unshare --net sleep 300 &
        pid=$!
        while [ \"$(readlink /proc/$pid/ns/net)\" = \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.01; done
        ip link add wire$host type veth peer name wire netns /proc/$pid/ns/net
        ip link set wire$host master wire up
        nsenter --net=/proc/$pid/ns/net sh -c \"ip addr add 10.7.0.$host/24 dev wire; ip link set lo up; ip link set wire up\"
        eval host$host=$pid
    done
";

#[test]
fn hosts_find_each_other_by_name() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match env::var(PART) {
        Ok(part) if part == "browse" => runtime.block_on(browse()),
        Ok(service) => runtime.block_on(announce(&service)),
        Err(_) => in_network(),
    }
}

/// Runs the browsing part on one of three hosts.
fn in_network() {
    let run = |last: &str| {
        let script = format!("set -e\n{NETWORK}\nset +e\n{last}\nstatus=$?\nkill $host2 $host3\nexit $status");
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", &script]).arg(env::current_exe().unwrap());
        command.env(PART, "browse").output()
    };
    if !run("true").is_ok_and(|output| output.status.success()) {
        let line = "\nSKIPPED: hosts on a network need Linux with network namespaces, `ip`, `nsenter` and root\n";
        // The test runner hides the output of `eprintln` if the test passes.
        io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
        return;
    }
    let output = run(&format!("HOST2=$host2 HOST3=$host3 \"$0\" --exact {TEST} --nocapture")).unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{stdout}\n{stderr}");
}

/// A process on another host that announces a service until its input ends.
struct Other {
    process: Child,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn start(host: &str, service: &str) -> Self {
        let namespace = format!("--net=/proc/{}/ns/net", env::var(host).unwrap());
        let mut command = Command::new("nsenter");
        command.arg(namespace).arg(env::current_exe().unwrap()).args(["--exact", TEST, "--nocapture"]);
        let mut process =
            command.env(PART, service).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter runs");
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
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

    /// Lets the process withdraw its announcement and end.
    fn end(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

async fn change(peers: &mut Peers) -> Change {
    timeout(PATIENCE, peers.next_change()).await.expect("a change").expect("the source goes on")
}

async fn inserted(peers: &mut Peers) -> String {
    match change(peers).await {
        Change::Insert(addr) => addr.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn browse() {
    let mut absent = Mdns::new("absent").unwrap().peers();
    let Change::Failed(error) = change(&mut absent).await else { panic!("no host announces it") };
    assert_eq!(error.to_string(), "no host of the local network announces `absent`");

    let mut two = Other::start("HOST2", "greeter");
    let two_port = two.wait_for("announces port ");

    // Itself is no peer.
    let endpoint = Endpoint::bind("0.0.0.0:0").await.unwrap();
    let own = Announcement::new("greeter", &endpoint).unwrap();
    let mut peers = Mdns::new("greeter").unwrap().except(&own).peers();
    let two_addr = format!("10.7.0.2:{two_port}");
    assert_eq!(inserted(&mut peers).await, two_addr);
    // The other one finds this host.
    assert_eq!(two.wait_for("found "), format!("10.7.0.1:{}", endpoint.local_addr().port()));

    // Another service is no peer, and is shown to those who browse.
    let mut three = Other::start("HOST3", "clock");
    let clock_addr = format!("10.7.0.3:{}", three.wait_for("announces port "));
    let mut browser = MdnsBrowser::new().unwrap();
    let own_addr = format!("10.7.0.1:{}", endpoint.local_addr().port());
    let expected = [("clock", clock_addr), ("greeter", own_addr), ("greeter", two_addr.clone())];
    let expected = expected.map(|(service, addr)| (service.to_owned(), addr));
    let mut found = BTreeMap::new();
    loop {
        let mut services: Vec<_> = found.values().cloned().collect();
        services.sort();
        if services == expected {
            break;
        }
        match timeout(PATIENCE, browser.next()).await.expect("an event") {
            // This host's own service is found by its loopback address first.
            Some(MdnsEvent::Found(instance)) => {
                found.insert(instance.name, (instance.service, instance.addr.to_string()));
            }
            other => panic!("{other:?}"),
        }
    }
    three.end();

    // A host that joins later, and one that leaves.
    let mut three = Other::start("HOST3", "greeter");
    let three_addr = format!("10.7.0.3:{}", three.wait_for("announces port "));
    // Known peers are reported again.
    while inserted(&mut peers).await != three_addr {}
    two.end();
    loop {
        match change(&mut peers).await {
            Change::Insert(addr) => assert!([&two_addr, &three_addr].contains(&&addr.to_string()), "{addr}"),
            Change::Remove(addr) => break assert_eq!(addr.to_string(), two_addr),
            other => panic!("{other:?}"),
        }
    }
    three.end();
}

async fn announce(service: &str) {
    let endpoint = Endpoint::bind("0.0.0.0:0").await.unwrap();
    let announcement = Announcement::new(service, &endpoint).unwrap();
    // The test runner has written to the line.
    println!("\nannounces port {}", endpoint.local_addr().port());
    let mut peers = Mdns::new(service).unwrap().except(&announcement).peers();
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    let follow = async {
        while let Some(change) = peers.next_change().await {
            if let Change::Insert(addr) = change {
                println!("found {addr}");
            }
        }
    };
    tokio::select! {
        () = follow => {}
        _ = ended => {}
    }
    announcement.withdraw().await;
}
