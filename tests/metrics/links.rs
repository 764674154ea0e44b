//! The metrics of links.

use metrics::{Unit, set_default_local_recorder};
use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, Identity};

use crate::recorder::TestRecorder;
use crate::support::{Pair, ms};
use crate::{ShopClient, ShopServer, Shopkeeper, key, published, run};

#[test]
fn links_are_counted_by_end_and_have_no_label_of_a_peer() {
    let recorder = TestRecorder::default();
    let _guard = set_default_local_recorder(&recorder);
    run(async {
        let identity = |number| Identity::from_seed([number; 32]);
        let network = Network::new(1);
        network.set_conditions(Conditions::default().latency(ms(20)));
        let server = Endpoint::builder().identity(identity(1)).allow([identity(2).peer_id()]);
        let server = server.serve(ShopServer::new(Shopkeeper));
        let pair = Pair::new(network, server, Endpoint::builder().identity(identity(2)));
        let addr = pair.server.local_addr();
        let shop = ShopClient::secure(&pair.caller, addr, identity(1).peer_id());
        assert_eq!(shop.price("rope").await.unwrap(), 4);
        let stranger = Endpoint::builder().identity(identity(3));
        let stranger = stranger.bind_transport(pair.network.bind("10.0.0.3:7000").unwrap()).unwrap();
        ShopClient::secure(&stranger, addr, identity(1).peer_id()).price("rope").await.unwrap_err();
        ShopClient::secure(&pair.caller, addr, identity(7).peer_id()).price("rope").await.unwrap_err();
        published().await;
        assert_eq!(recorder.gauge("rpcudp.links{}"), Some(2.0), "both ends of one link");
        assert_eq!(recorder.gauge("rpcudp.links_unsent{}"), Some(0.0));
        assert_eq!(recorder.unit("rpcudp.links_arriving"), Some(Unit::Bytes));
        let ended = |reason| recorder.count(&format!("rpcudp.links_ended{{reason={reason}}}"));
        assert_eq!(["denied", "wrong_peer", "lost"].map(ended), [Some(1), Some(1), None]);
        let established = recorder.count("rpcudp.links_established{}");
        let stats = [&pair.caller, &pair.server, &stranger].map(|endpoint| endpoint.link_stats().established);
        assert_eq!(established, Some(stats.iter().sum()));
        assert_eq!(recorder.count(&key("rpcudp.client.calls", "shop.price", Some("wrong_peer"))), Some(1));

        // Peers can make any number of keys, so no key is a label.
        let peers = [1, 2, 3, 7].map(|number| identity(number).peer_id().to_string());
        let keys = recorder.keys();
        assert!(!keys.iter().any(|key| peers.iter().any(|peer| key.contains(peer))), "{keys:?}");
        pair.server.close(ms(0)).await;
        pair.caller.close(ms(0)).await;
        published().await;
        assert_eq!(recorder.gauge("rpcudp.links{}"), Some(0.0));
    });
}
