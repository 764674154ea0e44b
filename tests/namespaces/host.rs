//! Hosts of their own on this machine: network namespaces, linked by pairs of virtual Ethernet cards.
//!
//! A namespace has no name and nothing of it is in the machine's own network: it is gone when its file and the sockets
//! in it are closed, however the test ends.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::process::{self, Command, Output};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use rpcudp::transport::Udp;
use rpcudp::{Builder, Endpoint, UdpOptions};
use tokio::runtime::Handle;

/// A host: what is bound and run inside sees its network and no other.
#[derive(Debug)]
pub(crate) struct Host {
    namespace: File,
}

impl Host {
    /// The name of every host's network card.
    pub(crate) const CARD: &str = "wire";

    /// A host with nothing but a loopback.
    fn new() -> io::Result<Self> {
        // A namespace belongs to a thread: this one has done nothing else and does nothing after.
        let thread = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let host = Self { namespace: thread.join().expect("no panic")? };
        host.ip("link set lo up")?;
        Ok(host)
    }

    /// Two hosts with a link between them, of an Ethernet's MTU.
    pub(crate) fn linked() -> io::Result<[Self; 2]> {
        let [here, there] = [Self::new()?, Self::new()?];
        let card = Self::CARD;
        let namespace = format!("/proc/{}/fd/{}", process::id(), there.namespace.as_raw_fd());
        here.ip(&format!("link add {card} mtu 1500 type veth peer name {card} mtu 1500 netns {namespace}"))?;
        for host in [&here, &there] {
            host.ip(&format!("link set {card} up"))?;
        }
        Ok([here, there])
    }

    /// Gives its card an address, `10.0.0.1/24` for example.
    pub(crate) fn has(&self, addr: &str) {
        // An IPv6 address could not be used for seconds, while the host asks whether another has it.
        let nodad = if addr.contains(':') { "nodad" } else { "" };
        self.must(&format!("addr add {addr} dev {} {nodad}", Self::CARD));
    }

    /// Runs `ip` inside, which has to succeed.
    pub(crate) fn must(&self, arguments: &str) {
        self.ip(arguments).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Passes on what is addressed to others.
    pub(crate) fn forwards(&self) -> io::Result<()> {
        self.inside(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
        })
    }

    /// Binds an endpoint inside, on the runtime of the caller.
    pub(crate) fn bind(&self, builder: Builder, addr: &str) -> Endpoint {
        let runtime = Handle::current();
        self.inside(|| runtime.block_on(async { builder.bind(addr).await })).unwrap()
    }

    /// Binds a socket inside, which the runtime of the caller watches.
    pub(crate) fn socket(&self, addr: &str, options: &UdpOptions) -> Udp {
        let (addr, runtime) = (addr.parse().expect("an address"), Handle::current());
        self.inside(|| runtime.block_on(async { Udp::bind(addr, options) })).unwrap()
    }

    /// How many datagrams were cut into fragments here and how many were put together, of both families.
    pub(crate) fn fragmented(&self) -> [u64; 2] {
        let [v4, v6] = ["snmp", "snmp6"].map(|file| {
            self.inside(|| fs::read_to_string(format!("/proc/thread-self/net/{file}"))).expect("Linux counts")
        });
        // The counters of IPv4 are a line of names and one of numbers, those of IPv6 have a line each.
        let mut ip = v4.lines().filter_map(|line| line.strip_prefix("Ip:")).map(str::split_whitespace);
        let (names, counts) = (ip.next().expect("names"), ip.next().expect("numbers"));
        let v4: Vec<_> = names.zip(counts).collect();
        let v6: Vec<_> = v6.lines().filter_map(|line| line.split_once(char::is_whitespace)).collect();
        ["FragOKs", "ReasmOKs"].map(|name| {
            let is_meant = |counter: &&(&str, &str)| counter.0.trim_start_matches("Ip6") == name;
            let counts = v4.iter().chain(&v6).filter(is_meant).map(|(_, count)| count.trim().parse::<u64>());
            counts.sum::<Result<u64, _>>().expect("numbers")
        })
    }

    fn ip(&self, arguments: &str) -> io::Result<()> {
        let output = self.inside(|| Command::new("ip").args(arguments.split_whitespace()).output());
        let Output { status, stderr, .. } = output.map_err(|error| io::Error::new(error.kind(), "there is no `ip`"))?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("`ip {arguments}`: {}", String::from_utf8_lossy(&stderr).trim_end())))
    }

    /// Runs something inside, on a thread of its own.
    fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                setns(&self.namespace, CloneFlags::CLONE_NEWNET).expect("whoever could make a namespace can enter it");
                task()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}
