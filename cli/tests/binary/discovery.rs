//! Services of the local network, and lists of addresses.

use std::io::{self, Write};
use std::process;

use rpcudp::{Dialect, Endpoint};
use rpcudp_discovery::Announcement;
use serde_json::json;

#[cfg(target_os = "linux")]
use crate::peers::CLOSED;
use crate::peers::serve;
use crate::process::rpcudp;

/// Announces a peer by a name that no other run of the tests has. Prints `SKIPPED` and returns
/// `None` on a host without multicast.
fn announce(endpoint: &Endpoint) -> Option<Announcement> {
    let service = format!("cli-test-{}", process::id());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _guard = runtime.enter();
    let announcement = Announcement::new(&service, endpoint).expect("a thread and sockets");
    // The engine announces after a second of probes.
    for _ in 0..3 {
        if rpcudp(&["ls", &service]).code() == 0 {
            return Some(announcement);
        }
    }
    // The test runner hides the output of `eprintln` if the test passes.
    let line = "\nSKIPPED: announced services need a network interface with multicast\n";
    io::stderr().write_all(line.as_bytes()).expect("stderr can be written to");
    None
}

#[test]
fn an_announced_peer_is_listed_and_called_by_its_service() {
    let (endpoint, addr) = serve(Dialect::Rpcudp);
    let Some(announcement) = announce(&endpoint) else { return };
    let (service, name) = (announcement.service(), announcement.instance());
    assert_eq!(rpcudp(&["ls", service]).succeeded(), format!("{service}  {addr}  {name}"));
    let listed = rpcudp(&["ls", service, "--json"]).succeeded_in_json();
    assert_eq!(listed, [json!({ "service": service, "addr": addr, "name": name })]);
    let peer = format!("mdns:{service}");
    assert_eq!(rpcudp(&["call", &peer, "sayhi", "\"S\""]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    assert!(rpcudp(&["ping", &peer, "--count", "1"]).succeeded().contains("1 responses"));
    let failed = rpcudp(&["call", &peer, "sayhi", "\"S\"", "--ipv6"]);
    assert!(failed.failed(2).ends_with("it has no address of the requested family"), "{failed:?}");
}

#[test]
fn a_service_that_no_host_announces_is_an_error_that_names_it() {
    let listed = rpcudp(&["ls", "no-such-service"]);
    assert!(listed.failed(2).contains("no host of the local network announces `no-such-service`"), "{listed:?}");
    let called = rpcudp(&["call", "mdns:no-such-service", "m"]);
    assert!(called.failed(2).contains("mdns:no-such-service does not resolve"), "{called:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn of_several_addresses_the_first_that_can_be_reached_is_used() {
    let (_endpoint, addr) = serve(Dialect::Rpcudp);
    for peers in [format!("{CLOSED},{addr}"), format!("{CLOSED},dns:{addr},{CLOSED}"), format!("dns:{addr}")] {
        assert_eq!(rpcudp(&["call", &peers, "sayhi", "\"S\""]).succeeded(), "\"Hello S you live at 127.0.0.1\"");
    }
    let failed = rpcudp(&["call", &format!("{addr},"), "m"]);
    assert!(failed.failed(64).contains("`` is not an address"), "{failed:?}");
}
