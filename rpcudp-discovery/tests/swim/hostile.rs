//! Sources that are no members, or lie.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpcudp::{Endpoint, rpc_service};
use tokio::time::sleep;

use crate::SECOND;
use crate::cluster::{Cluster, addr};

/// The contract of members, as an attacker writes it.
#[rpc_service(namespace = "swim.")]
trait Forged {
    #[rpc(oneway)]
    fn packet(&self, cluster: &str, packet: &[u8]);
    fn identity(&self, cluster: &str) -> Option<(SocketAddr, u64)>;
}

/// Counts requests, and responds with an identity that is not its own.
#[derive(Clone, Default)]
struct Liar {
    packets: Arc<AtomicU64>,
    calls: Arc<AtomicU64>,
}

impl Forged for Liar {
    fn packet(&self, _: &str, _: &[u8]) {
        self.packets.fetch_add(1, Ordering::Relaxed);
    }

    fn identity(&self, _: &str) -> Option<(SocketAddr, u64)> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Some((addr(1), u64::MAX))
    }
}

/// Returns a packet that announces a node.
fn announcement(source: SocketAddr) -> Vec<u8> {
    let mut packet = Vec::new();
    for (node, generation) in [(source, 1_u64), (addr(1), 0)] {
        let IpAddr::V4(ip) = node.ip() else { panic!("{node} is IPv4") };
        packet.push(4);
        packet.extend(ip.octets());
        packet.extend(node.port().to_be_bytes());
        packet.extend(generation.to_be_bytes());
        packet.extend([0; 2]);
    }
    // The destination has no incarnation: its place is that of the tag.
    packet.truncate(packet.len() - 2);
    packet.push(6);
    packet.resize(1_100, 0);
    packet
}

#[tokio::test(start_paused = true)]
async fn sources_that_lie_about_themselves_are_no_members_and_get_no_packets() {
    let mut cluster = Cluster::new(1);
    cluster.start(1..=3);
    cluster.converge(2 * SECOND).await;
    let mut liars = Vec::new();
    for number in [66, 77] {
        let liar = Liar::default();
        let builder = Endpoint::builder().serve(ForgedServer::new(liar.clone()));
        liars.push((liar, builder.bind_transport(cluster.network.bind(addr(number)).unwrap()).unwrap()));
    }
    let [(liar, endpoint), (victim, _victim)] = &liars[..] else { panic!("two") };
    for target in [1, 2, 3] {
        let client = ForgedClient::new(endpoint, addr(target));
        for _ in 0..100 {
            for source in [66, 77, target] {
                client.packet("test", &announcement(addr(source))).await.unwrap();
            }
            client.packet("test", b"\x04rubbish").await.unwrap();
            client.packet("test", &[0; 1_101]).await.unwrap();
            sleep(SECOND / 10).await;
        }
    }
    cluster.converge(SECOND).await;
    // The liar was asked who it is, at most once for each announcement. The victim was not.
    let calls = liar.calls.load(Ordering::Relaxed);
    assert!((3..=300).contains(&calls), "{calls} calls");
    assert_eq!(liar.packets.load(Ordering::Relaxed), 0);
    assert_eq!([&victim.calls, &victim.packets].map(|count| count.load(Ordering::Relaxed)), [0, 0]);
}
