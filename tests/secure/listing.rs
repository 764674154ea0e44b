//! The list of links, and the counts of their ends.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{AnyPeer, Endpoint, LinkEnds, LinkStatus};
use tokio::time::sleep;

use crate::fixture::{Runs, VaultClient, World, bind, builder, peer};
use crate::support::{CALLER, SERVER, ms};

/// Returns the one link of an endpoint.
async fn only_link(endpoint: &Endpoint) -> LinkStatus {
    let links = endpoint.links().await;
    let [link] = links.try_into().unwrap_or_else(|links| panic!("{links:?}"));
    link
}

#[tokio::test(start_paused = true)]
async fn list_has_the_peer_and_the_traffic_of_each_link() {
    let world = World::new(1);
    let World { network, server, caller, vault, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(50)));
    assert_eq!(caller.links().await, []);
    assert_eq!(vault.echo(vec![7; 100_000]).timeout(Duration::from_secs(60)).await.unwrap().len(), 100_000);
    sleep(ms(2_000)).await;
    let (opened, accepted) = (only_link(caller).await, only_link(server).await);
    assert_eq!((opened.peer_id, opened.addr), (peer(1), server.local_addr()));
    assert_eq!((accepted.peer_id, accepted.addr), (peer(2), caller.local_addr()));
    let handshake = opened.handshake.expect("this end has opened the link");
    assert!((ms(100)..ms(130)).contains(&handshake), "{handshake:?}");
    assert_eq!(accepted.handshake, None);
    for link in [&opened, &accepted] {
        assert!(link.idle >= ms(2_000) && link.age > link.idle && link.age < ms(10_000), "{link:?}");
        assert!((ms(90)..ms(160)).contains(&link.round_trip), "{link:?}");
        assert!(link.mtu == 1_200 && link.bytes_sent > 100_000 && link.packets_sent > 80, "{link:?}");
        assert_eq!(link.packets_lost, 0);
    }
    // The first packet opens the link, and is not counted by it.
    assert_eq!((opened.bytes_sent, opened.bytes_received), (accepted.bytes_received + 1_200, accepted.bytes_sent));
}

#[tokio::test(start_paused = true)]
async fn list_has_links_that_are_up_alone() {
    let world = World::new(1);
    let World { network, server, caller, vault, .. } = &world;
    network.set_conditions(Conditions::default().latency(ms(50)));
    let first = tokio::spawn(vault.echo(Vec::new()));
    sleep(ms(60)).await;
    assert_eq!(caller.links().await, [], "the link is in its handshake");
    first.await.unwrap().unwrap();
    assert_eq!(server.links().await.len(), 1);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(server.links().await, [], "the link was idle for too long");

    vault.echo(Vec::new()).await.unwrap();
    server.close(ms(0)).await;
    assert_eq!(server.links().await, [], "the endpoint is closed");
    sleep(ms(100)).await;
    assert_eq!(caller.links().await, [], "the peer has closed");
    let plain = Endpoint::builder().bind_transport(network.bind("10.0.0.9:7000").unwrap()).unwrap();
    assert_eq!(plain.links().await, [], "the endpoint has no identity");
}

#[tokio::test(start_paused = true)]
async fn list_tells_the_peers_that_are_served() {
    let network = Network::new(1);
    let runs = Runs::default();
    let server = bind(&network, SERVER, builder(1, &runs).allow([peer(2)]));
    let friend = bind(&network, CALLER, builder(2, &runs));
    let stranger = bind(&network, "10.0.0.3:7000", builder(3, &runs));
    VaultClient::secure(&friend, server.local_addr(), peer(1)).echo(Vec::new()).await.unwrap();
    VaultClient::secure(&server, stranger.local_addr(), peer(3)).echo(Vec::new()).await.unwrap();
    let mut served: Vec<_> = server.links().await.iter().map(|link| (link.peer_id, link.is_allowed)).collect();
    served.sort_by_key(|(_, is_allowed)| *is_allowed);
    assert_eq!(served, [(peer(3), false), (peer(2), true)]);
}

#[tokio::test(start_paused = true)]
async fn ends_of_links_are_counted_by_reason() {
    let network = Network::new(1);
    let runs = Runs::default();
    let server = bind(&network, SERVER, builder(1, &runs).allow([peer(2)]));
    let friend = bind(&network, CALLER, builder(2, &runs));
    let stranger = bind(&network, "10.0.0.3:7000", builder(3, &runs));
    let of = |caller: &Endpoint, key| VaultClient::secure(caller, server.local_addr(), peer(key));
    let ends = |endpoint: &Endpoint| {
        let stats = endpoint.link_stats();
        (stats.ends.by_reason().into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>(), stats.failed)
    };

    of(&stranger, 1).echo(Vec::new()).await.unwrap_err();
    sleep(ms(100)).await;
    assert_eq!(ends(&server), (vec![("denied", 1)], 1));
    // To the caller the link was up, because its own part of the handshake was complete.
    assert_eq!(ends(&stranger).0, [("refused", 1)]);

    of(&friend, 7).echo(Vec::new()).await.unwrap_err();
    assert_eq!(ends(&friend), (vec![("wrong_peer", 1)], 1));
    let nowhere = VaultClient::secure(&friend, "10.0.0.7:7000".parse().unwrap(), AnyPeer);
    nowhere.echo(Vec::new()).await.unwrap_err();
    // The handshake goes on for the time of an idle link.
    sleep(Duration::from_secs(60)).await;
    assert_eq!(ends(&friend).0, [("no_answer", 1), ("wrong_peer", 1)]);

    of(&friend, 1).echo(Vec::new()).await.unwrap();
    network.partition([server.local_addr().ip()]);
    sleep(Duration::from_secs(60)).await;
    let LinkEnds { lost, .. } = friend.link_stats().ends;
    assert_eq!((lost, server.link_stats().ends.lost), (1, 1));
    network.heal();
    of(&friend, 1).echo(Vec::new()).await.unwrap();
    server.close(ms(0)).await;
    sleep(ms(100)).await;
    assert_eq!(friend.link_stats().ends.closed, 1);
}
