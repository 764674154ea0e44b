//! Many large values, unchanged, within the bounds of memory, and with their progress.
//!
//! `RPCUDP_BULK_MIB=1024` transfers a gigabyte each way over loopback, and `RPCUDP_LOSSY_MIB=100`
//! that much over a lossy path.

use rpcudp::sim::{Conditions, Network};
use rpcudp::{Endpoint, LinkOptions};

use crate::bulk::{BulkClient, BulkServer, Parts, len_of, transfer};
use crate::fixture::{Runs, bind, builder, identity, peer};
use crate::support::{CALLER, SERVER, ms};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_over_loopback_arrives_unchanged_each_way() {
    let len = len_of("RPCUDP_BULK_MIB", 6 << 20);
    let part_len = (len / 6).min((16 << 20) - 2_000);
    for options in [LinkOptions::default(), LinkOptions::default().mtu(8_900)] {
        let server = Endpoint::builder().identity(identity(1)).link_options(options.clone());
        let server = server.serve(BulkServer::new(Parts)).bind("127.0.0.1:0").await.unwrap();
        let caller = Endpoint::builder().identity(identity(2)).link_options(options);
        let caller = caller.bind("127.0.0.1:0").await.unwrap();
        let client = BulkClient::secure(&caller, server.local_addr(), peer(1));
        transfer(&client, len, part_len, [&server, &caller]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn bulk_over_a_lossy_path_arrives_unchanged_each_way() {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(25)).loss(0.02));
    let server = bind(&network, SERVER, builder(1, &Runs::default()).serve(BulkServer::new(Parts)));
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let client = BulkClient::secure(&caller, server.local_addr(), peer(1));
    let len = len_of("RPCUDP_LOSSY_MIB", 1 << 20);
    transfer(&client, len, (len / 6).min((16 << 20) - 2_000), [&server, &caller]).await;
}
