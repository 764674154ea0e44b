//! Peers of links that send frames which are not theirs to send.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{CallError, Context, DropReason, Endpoint, MessageId, Plain, rpc_service};
use rpcudp_core::{Dialect, Response, codec};
use tokio::time::sleep;

use crate::fixture::{Runs, VaultClient, bind_both, builder, identity, peer};
use crate::raw_peer::RawPeer;
use crate::support::{CALLER, SERVER, ms, receive, send};

const GROUP: &str = "239.1.2.3:7000";

/// Returns a response with a number, to the request in a datagram.
fn response_to(request: &[u8], number: u64) -> Vec<u8> {
    response_with(MessageId::from_bytes(request[1..21].try_into().unwrap()), number)
}

fn response_with(id: MessageId, number: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    Response::begin(&mut frame, Dialect::Rpcudp, id);
    codec::encode(&mut frame, &number).unwrap();
    frame
}

/// Plain calls to several peers, and to peers with several addresses, take responses from any
/// address. The address that stands for a key in the tables is none.
#[tokio::test(start_paused = true)]
async fn response_over_a_link_completes_no_plain_call() {
    let network = Network::new(1);
    let builder = builder(1, &Runs::default()).plain(Plain::On).any_source(true);
    let caller = bind_both(&network, CALLER, builder);
    let plain_peer = network.bind("10.0.0.7:7000").unwrap();
    plain_peer.join_multicast([239, 1, 2, 3].into());
    let mut linked_peer = RawPeer::new(network.bind("10.0.0.8:7000").unwrap(), 8);
    let link = linked_peer.connect(caller.local_addr(), 1).await;

    let client = VaultClient::new(&caller, "10.0.0.9:7000".parse().unwrap());
    let to_all = VaultClient::new(&caller, GROUP.parse().unwrap());
    let one = client.with_peer("10.0.0.7:7000".parse().unwrap()).once(1, Vec::new()).timeout(ms(2_000));
    let mut all = to_all.once(2, Vec::new()).all().within(ms(2_000));
    let (one, all) = (tokio::spawn(one), tokio::spawn(async move { all.next().await }));
    sleep(ms(1)).await;
    let requests = receive(&plain_peer).await;
    assert_eq!(requests.len(), 2);
    for request in requests {
        linked_peer.send(link, &response_to(&request, 666)).await;
    }
    sleep(ms(10)).await;
    assert_eq!(caller.stats().dropped(DropReason::WrongSource), 2);
    let error = one.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error}");
    assert!(all.await.unwrap().is_none());
    assert_eq!(linked_peer.run(Duration::from_secs(1)).await, []);
}

#[rpc_service]
trait Slow {
    async fn slow(&self, cx: &Context) -> u64;
}

/// The message ids of the requests that run.
#[derive(Clone, Default)]
struct Ids(Arc<Mutex<Vec<MessageId>>>);

impl Slow for Ids {
    async fn slow(&self, cx: &Context) -> u64 {
        self.0.lock().unwrap().push(cx.message_id());
        sleep(ms(500)).await;
        1
    }
}

/// Even of a peer that knows the id of the request.
#[tokio::test(start_paused = true)]
async fn plain_response_completes_no_call_over_a_link() {
    let (network, ids) = (Network::new(1), Ids::default());
    let server = Endpoint::builder().identity(identity(1)).serve(SlowServer::new(ids.clone()));
    let server = bind_both(&network, SERVER, server);
    let caller = bind_both(&network, CALLER, Endpoint::builder().identity(identity(2)).any_source(true));
    let call = tokio::spawn(SlowClient::secure(&caller, server.local_addr(), peer(1)).slow().into_future());
    sleep(ms(100)).await;
    let id = ids.0.lock().unwrap()[0];
    let forger = network.bind("10.0.0.9:7000").unwrap();
    send(&forger, caller.local_addr(), &response_with(id, 666));
    sleep(ms(10)).await;
    assert_eq!(caller.stats().dropped(DropReason::WrongSource), 1);
    assert_eq!(call.await.unwrap().unwrap(), 1);
}
