//! Hosts on this machine: network namespaces, linked by pairs of virtual Ethernet cards.
//!
//! A namespace has no name and adds nothing to the network of the machine. The kernel removes it
//! when its file and its sockets are closed, on every end of the test.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::process::{self, Command, Output};
use std::sync::Arc;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use rpcudp::transport::Udp;
use rpcudp::{Builder, Endpoint, UdpOptions};
use tokio::runtime::Handle;

/// A host. Sockets and programs inside it see only its network.
#[derive(Debug)]
pub(crate) struct Host {
    namespace: File,
    /// The namespace of the bridge that the host is linked to, which ends with its last host.
    _bridge: Option<Arc<File>>,
}

impl Host {
    /// The name of every host's network card.
    pub(crate) const CARD: &str = "wire";

    /// Makes a host with only a loopback interface.
    pub(crate) fn new() -> io::Result<Self> {
        // A thread enters the new namespace, so this thread does nothing else.
        let thread = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let host = Self { namespace: thread.join().expect("no panic")?, _bridge: None };
        host.ip("link set lo up")?;
        Ok(host)
    }

    /// Makes two hosts with a link between them that has the MTU of an Ethernet.
    pub(crate) fn linked() -> io::Result<[Self; 2]> {
        let [here, there] = [Self::new()?, Self::new()?];
        here.link(&there, Self::CARD, 1_500)?;
        Ok([here, there])
    }

    /// Makes hosts that a bridge links to each other. It passes multicast datagrams to all.
    pub(crate) fn bridged<const COUNT: usize>() -> io::Result<[Self; COUNT]> {
        let bridge = Self::new()?;
        bridge.ip("link add bridge type bridge mcast_snooping 0")?;
        bridge.ip("link set bridge up")?;
        let mut hosts = Vec::new();
        for number in 0..COUNT {
            let (host, port) = (Self::new()?, format!("port{number}"));
            bridge.link_cards(&port, &host, Self::CARD, 1_500)?;
            bridge.ip(&format!("link set {port} master bridge"))?;
            hosts.push(host);
        }
        let namespace = Arc::new(bridge.namespace);
        let hosts: Vec<_> =
            hosts.into_iter().map(|host| Self { _bridge: Some(Arc::clone(&namespace)), ..host }).collect();
        Ok(hosts.try_into().expect("as many as were made"))
    }

    /// Links this host to another by a pair of network cards of this name.
    pub(crate) fn link(&self, other: &Self, card: &str, mtu: u16) -> io::Result<()> {
        self.link_cards(card, other, card, mtu)
    }

    /// Links a network card of this host to one of another.
    fn link_cards(&self, card: &str, other: &Self, other_card: &str, mtu: u16) -> io::Result<()> {
        let namespace = format!("/proc/{}/fd/{}", process::id(), other.namespace.as_raw_fd());
        self.ip(&format!("link add {card} mtu {mtu} type veth peer name {other_card} mtu {mtu} netns {namespace}"))?;
        self.ip(&format!("link set {card} up"))?;
        other.ip(&format!("link set {other_card} up"))
    }

    /// Returns the index of the network card.
    pub(crate) fn card_index(&self) -> u32 {
        self.inside(|| nix::net::if_::if_nametoindex(Self::CARD)).expect("the host has the card")
    }

    /// Adds an address to the network card, for example `10.0.0.1/24`.
    pub(crate) fn add_addr(&self, addr: &str) {
        self.add_addr_to(addr, Self::CARD);
    }

    /// Adds an address to the network card of this name.
    pub(crate) fn add_addr_to(&self, addr: &str, card: &str) {
        // Without this, an IPv6 address is unusable for seconds, until duplicate detection is done.
        let nodad = if addr.contains(':') { "nodad" } else { "" };
        self.run_ip(&format!("addr add {addr} dev {card} {nodad}"));
    }

    /// Runs `ip` inside the host. Panics if it fails.
    pub(crate) fn run_ip(&self, arguments: &str) {
        self.ip(arguments).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Makes the host forward packets to other hosts.
    pub(crate) fn enable_forwarding(&self) -> io::Result<()> {
        self.inside(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        })
    }

    /// Binds an endpoint inside the host, on the current runtime.
    pub(crate) fn bind(&self, builder: Builder, addr: &str) -> Endpoint {
        let runtime = Handle::current();
        self.inside(|| runtime.block_on(async { builder.bind(addr).await })).unwrap()
    }

    /// Binds a socket inside the host, on the current runtime.
    pub(crate) fn socket(&self, addr: &str, options: &UdpOptions) -> Udp {
        let (addr, runtime) = (addr.parse().expect("an address"), Handle::current());
        self.inside(|| runtime.block_on(async { Udp::bind(addr, options) })).unwrap()
    }

    /// Returns the number of fragmented and of reassembled datagrams of this host, IPv4 and IPv6
    /// together.
    pub(crate) fn fragment_counts(&self) -> [u64; 2] {
        let [v4, v6] = ["snmp", "snmp6"].map(|file| {
            self.inside(|| fs::read_to_string(format!("/proc/thread-self/net/{file}"))).expect("Linux has these files")
        });
        // The counters of IPv4 are a line of names and a line of numbers. The counters of IPv6 have
        // a line each.
        let mut ip = v4.lines().filter_map(|line| line.strip_prefix("Ip:")).map(str::split_whitespace);
        let (names, counts) = (ip.next().expect("names"), ip.next().expect("numbers"));
        let v4: Vec<_> = names.zip(counts).collect();
        let v6: Vec<_> = v6.lines().filter_map(|line| line.split_once(char::is_whitespace)).collect();
        ["FragOKs", "ReasmOKs"].map(|name| {
            let has_name = |counter: &&(&str, &str)| counter.0.trim_start_matches("Ip6") == name;
            let counts = v4.iter().chain(&v6).filter(has_name).map(|(_, count)| count.trim().parse::<u64>());
            counts.sum::<Result<u64, _>>().expect("numbers")
        })
    }

    fn ip(&self, arguments: &str) -> io::Result<()> {
        let output = self.inside(|| Command::new("ip").args(arguments.split_whitespace()).output());
        let Output { status, stderr, .. } =
            output.map_err(|error| io::Error::new(error.kind(), "the program `ip` is not installed"))?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&stderr).trim_end())))
    }

    /// Runs a task inside the host, on a new thread.
    pub(crate) fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET)
                    .expect("a process that can make a namespace can enter it");
                task()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
