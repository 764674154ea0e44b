//! SRV records, which `Srv` looks up.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rpcudp_discovery::Srv;

use crate::dnsmasq::Dnsmasq;
use crate::{View, is_missing};

const NAME: &str = "_greeter._udp.example";

const HOSTS: [&str; 3] = [
    "--host-record=node1.example,10.0.0.1,fd00::1",
    "--host-record=node2.example,10.0.0.2",
    "--host-record=node3.example,fd00::3",
];

/// Returns an address that no server has.
fn free_addr() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn start(server: SocketAddr, records: &[&str]) -> Dnsmasq {
    Dnsmasq::start(server, &[&HOSTS[..], records].concat())
}

fn srv(server: SocketAddr) -> Srv {
    // The records have a time to live of 1 s.
    Srv::new(NAME).unwrap().name_server(server).floor(Duration::from_millis(100)).ceiling(Duration::from_secs(2))
}

#[tokio::test]
async fn the_peers_follow_the_records_by_their_times_to_live() {
    if is_missing() {
        return;
    }
    let addr = free_addr();
    let both =
        ["--srv-host=_greeter._udp.example,node1.example,7001", "--srv-host=_greeter._udp.example,node3.example,7003"];
    let server = start(addr, &both);
    let mut view = View::of(srv(addr).peers());
    view.becomes(&["10.0.0.1:7001", "[fd00::3]:7003"]).await;
    let mut both_families = View::of(srv(addr).both_families().peers());
    both_families.becomes(&["10.0.0.1:7001", "[fd00::1]:7001", "[fd00::3]:7003"]).await;

    drop(server);
    let server = start(addr, &["--srv-host=_greeter._udp.example,node2.example,7002"]);
    view.becomes(&["10.0.0.2:7002"]).await;

    // Without records, and without a server, the peers stay.
    drop(server);
    let server = start(addr, &[]);
    let error = view.fails().await;
    assert!(error.contains(NAME), "{error}");
    drop(server);
    let error = view.fails().await;
    assert!(error.contains(NAME), "{error}");
    view.becomes(&["10.0.0.2:7002"]).await;
}

#[tokio::test]
async fn peers_of_the_first_priority_with_addresses_are_taken() {
    if is_missing() {
        return;
    }
    let addr = free_addr();
    let first = "--srv-host=_greeter._udp.example,node1.example,7001,1";
    let second = "--srv-host=_greeter._udp.example,node2.example,7002,2";
    let server = start(addr, &[first, second]);
    let mut view = View::of(srv(addr).peers());
    view.becomes(&["10.0.0.1:7001"]).await;
    drop(server);
    let absent = "--srv-host=_greeter._udp.example,absent.example,7001,1";
    let _server = start(addr, &[absent, second]);
    view.becomes(&["10.0.0.2:7002"]).await;
}
