use std::collections::HashSet;
use std::io;

#[cfg(target_os = "linux")]
use super::{bind, receive, send};
use crate::{Transport, Udp, UdpOptions};

#[tokio::test]
async fn several_sockets_share_a_port_with_no_others() {
    let addr = "127.0.0.1:0".parse().unwrap();
    // Up to 600 files: a process may often open no more than 1,024.
    let bound: Vec<_> = (0..300).map(|_| Udp::bind_several(addr, 2, &UdpOptions::default()).unwrap()).collect();
    let ports: HashSet<_> = bound.iter().map(|sockets| sockets[0].local_addr().port()).collect();
    assert_eq!(ports.len(), 300);
    assert!(bound.iter().all(|sockets| sockets[0].local_addr() == sockets[1].local_addr()));
    // Nor does a second endpoint take a port that it is given.
    let taken = Udp::bind_several(bound[0][0].local_addr(), 2, &UdpOptions::default());
    assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AddrInUse);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn system_divides_peers_between_all_sockets_of_an_address() {
    let sockets = Udp::bind_several("127.0.0.1:0".parse().unwrap(), 4, &UdpOptions::default()).unwrap();
    for _ in 0..64 {
        send(&bind("127.0.0.1:0"), sockets[0].local_addr(), b"hello").await;
    }
    for socket in &sockets {
        assert!(!receive(socket).await.is_empty());
    }
}
