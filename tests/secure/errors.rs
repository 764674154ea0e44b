use std::time::Duration;

use rpcudp::sim::Network;
use rpcudp::{AnyPeer, CallError, Context, DidRun, Endpoint, Expected, Identity, LinkEnd, Plain, Refusal};
use tokio::time::{Instant, sleep};

use crate::fixture::{Runs, VaultClient, VaultServer, World, bind, bind_both, builder, peer};
use crate::support::{CALLER, SERVER, ms};

/// Returns the reason of a call that ended for want of a link.
fn reason<T: std::fmt::Debug, E: std::fmt::Debug>(result: Result<T, CallError<E>>) -> LinkEnd {
    match result {
        Err(CallError::Link { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn peer_with_another_key_gets_no_request() {
    let world = World::new(1);
    let World { caller, server, runs, .. } = &world;
    let vault = VaultClient::secure(caller, server.local_addr(), peer(7));
    let error = vault.once(1, Vec::new()).await.unwrap_err();
    let CallError::WrongPeer { method: "once", peer: addr, expected, found, .. } = error else { panic!("{error}") };
    assert_eq!((addr, expected, found), (server.local_addr(), peer(7), peer(1)));
    let expected = format!("`once`: the peer at {addr} is {}, and {} was expected", peer(1), peer(7));
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.did_run(), DidRun::No);
    assert!(!error.is_retryable());
    sleep(Duration::from_secs(5)).await;
    assert_eq!((runs.begun(1), server.stats().requests.received), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn method_may_have_run_before_the_address_had_another_key() {
    let world = World::new(1);
    let World { network, server, vault, runs, .. } = &world;
    let calls = [1, 2].map(|number| tokio::spawn(vault.once_slowly(number, 60_000).timeout(Duration::from_secs(50))));
    sleep(Duration::from_secs(1)).await;
    assert_eq!((runs.begun(1), runs.begun(2)), (1, 1));
    server.close(ms(0)).await;
    let _other = bind(network, SERVER, builder(9, &Runs::default()));
    // The first that is retransmitted finds the other key, and ends both.
    for call in calls {
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::WrongPeer { found, .. } if found == peer(9)), "{error}");
        assert_eq!(error.did_run(), DidRun::Maybe);
    }
}

#[tokio::test(start_paused = true)]
async fn key_that_is_not_allowed_is_refused() {
    let network = Network::new(1);
    let runs = Runs::default();
    let server = bind(&network, SERVER, builder(1, &runs).allow([peer(3)]));
    let (stranger, friend) =
        (bind(&network, CALLER, builder(2, &runs)), bind(&network, "10.0.0.3:7000", builder(3, &runs)));
    let of = |caller: &Endpoint| VaultClient::secure(caller, server.local_addr(), peer(1));
    let refused = of(&stranger).once(1, Vec::new()).await;
    assert_eq!(refused.as_ref().unwrap_err().did_run(), DidRun::No);
    assert_eq!(reason(refused), LinkEnd::Refused);
    assert_eq!(reason(of(&stranger).echo(Vec::new()).await), LinkEnd::Refused);
    assert_eq!(of(&friend).once(2, Vec::new()).await.unwrap(), 2);
    assert_eq!(runs.begun(1), 0);
    // The other way is open: the stranger's own list counts there.
    let back = VaultClient::secure(&server, stranger.local_addr(), peer(2));
    assert_eq!(back.whoami().await.unwrap(), Some(peer(1).to_string()));
}

/// The list is about callers, and a link carries calls of both ends.
#[tokio::test(start_paused = true)]
async fn peer_that_is_called_but_not_allowed_is_not_served() {
    for expected in [peer(2).into(), Expected::Any] {
        let (network, runs) = (Network::new(1), Runs::default());
        let server = bind(&network, SERVER, builder(1, &runs).allow([peer(3)]));
        let stranger = bind(&network, CALLER, builder(2, &Runs::default()));
        let friend = bind(&network, "10.0.0.3:7000", builder(3, &Runs::default()));
        let to_stranger = VaultClient::secure(&server, stranger.local_addr(), expected);
        assert_eq!(to_stranger.whoami().await.unwrap(), Some(peer(1).to_string()));
        // The stranger calls back within its handler, and later over the same link.
        let error = to_stranger.mirror(vec![7]).await.unwrap_err().into_application().unwrap();
        assert!(error.contains("rejected"), "{error}");
        let to_server = VaultClient::secure(&stranger, server.local_addr(), peer(1));
        let refused = to_server.once(1, Vec::new()).await.unwrap_err();
        assert!(matches!(refused, CallError::Refused { reason: Refusal::Rejected, .. }), "{refused}");
        to_server.note(2).await.unwrap();
        sleep(ms(100)).await;
        assert_eq!((runs.begun(1), runs.begun(2), server.stats().requests.refused), (0, 0, 3));
        // The endpoint serves a friend over either one's link.
        let to_friend = VaultClient::secure(&server, friend.local_addr(), peer(3));
        assert_eq!(to_friend.mirror(vec![7]).await.unwrap(), [7]);
    }
}

#[tokio::test(start_paused = true)]
async fn plain_peer_does_not_respond_to_a_link() {
    let network = Network::new(1);
    let plain = Endpoint::builder().serve(VaultServer::new(Runs::default()));
    let plain = bind_both(&network, SERVER, plain);
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let vault = VaultClient::secure(&caller, plain.local_addr(), peer(1));
    let begun = Instant::now();
    let error = vault.echo(Vec::new()).await.unwrap_err();
    assert_eq!(begun.elapsed().as_secs(), 5, "the timeout of the call");
    assert!(error.to_string().contains("a peer without an identity does not respond to links"), "{error}");
    assert!(error.is_retryable());
    assert_eq!(reason::<_, rpcudp::NoError>(Err::<(), _>(error)), LinkEnd::NoAnswer);
    assert_eq!(reason(vault.once(1, Vec::new()).timeout(Duration::from_secs(100)).await), LinkEnd::NoAnswer);
    assert!(plain.stats().dropped(rpcudp::DropReason::UnknownKind) > 0);
}

#[tokio::test(start_paused = true)]
async fn endpoint_without_an_identity_has_no_links() {
    let world = World::new(1);
    let World { network, server, .. } = &world;
    let plain = Endpoint::builder().serve(VaultServer::new(Runs::default()));
    let plain = bind_both(network, "10.0.0.5:7000", plain);
    assert_eq!(plain.peer_id(), None);
    let vault = VaultClient::secure(&plain, server.local_addr(), peer(1));
    for _ in 0..2 {
        assert_eq!(reason(vault.echo(Vec::new()).await), LinkEnd::NotSecure);
    }
    assert_eq!(reason(vault.once(1, Vec::new()).await), LinkEnd::NotSecure);
    assert_eq!(plain.stats().calls.in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn sender_over_the_plain_wire_cannot_be_called_back_over_a_link() {
    let network = Network::new(1);
    let endpoint = |number, addr| {
        let builder = builder(number, &Runs::default()).plain(Plain::On);
        bind_both(&network, addr, builder)
    };
    let (server, caller) = (endpoint(1, SERVER), endpoint(2, CALLER));
    let error = VaultClient::new(&caller, server.local_addr()).mirror(Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("there is no link"), "{error}");
}

/// The call must not get into the table, whose retransmissions would go over the plain wire.
#[tokio::test(start_paused = true)]
async fn call_back_to_a_plain_sender_ends_at_its_first_poll() {
    let World { caller, server, .. } = World::new(1);
    let cx = Context::for_test().endpoint(&caller).sender(server.local_addr()).build();
    let vault = VaultClient::back(&cx);
    let call = tokio::time::timeout(ms(0), vault.once(1, Vec::new()).timeout(Duration::from_secs(60)));
    let error = call.await.expect("the call ends before it waits").unwrap_err();
    assert_eq!((error.did_run(), caller.stats().calls.in_flight), (DidRun::No, 0));
    assert_eq!(reason::<_, rpcudp::NoError>(Err::<(), _>(error)), LinkEnd::NotSecure);
    assert_eq!(reason(vault.note(1).await), LinkEnd::NotSecure);
    assert_eq!(caller.stats().datagrams.sent, 0);
}

#[tokio::test(start_paused = true)]
async fn plain_calls_of_an_endpoint_without_the_plain_wire_end_before_they_are_sent() {
    let world = World::new(1);
    let World { caller, server, .. } = &world;
    let error = VaultClient::new(caller, server.local_addr()).echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Insecure { method: "echo" }), "{error}");
    assert_eq!(error.did_run(), DidRun::No);
    assert_eq!(caller.stats().datagrams.sent, 0);
}

#[tokio::test(start_paused = true)]
async fn request_beyond_the_largest_message_is_not_sent() {
    let world = World::new(1);
    let World { vault, .. } = &world;
    let error = vault.echo(vec![7; 17 << 20]).await.unwrap_err();
    let CallError::TooLarge { limit, .. } = error else { panic!("{error}") };
    assert_eq!(limit, (16 << 20) - 1_024);
    assert!(error.to_string().contains("the endpoint's links allow 16776192"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn lost_link_ends_calls_that_are_sent_once_and_closing_tells_at_once() {
    let world = World::new(1);
    let World { server, vault, .. } = &world;
    vault.echo(Vec::new()).await.unwrap();
    let waiting = tokio::spawn(vault.slow(1, 60_000).timeout(Duration::from_secs(100)));
    sleep(ms(100)).await;
    let begun = Instant::now();
    server.close(ms(0)).await;
    let error = waiting.await.unwrap().unwrap_err();
    assert!(begun.elapsed() < ms(100), "{:?}", begun.elapsed());
    assert_eq!(error.did_run(), DidRun::Maybe);
    assert_eq!(reason::<_, rpcudp::NoError>(Err::<(), _>(error)), LinkEnd::Closed);
}

#[tokio::test(start_paused = true)]
async fn unspecified_address_is_refused() {
    let world = World::new(1);
    let World { caller, .. } = &world;
    let vault = VaultClient::secure(caller, "0.0.0.0:7000".parse().unwrap(), AnyPeer);
    let error = vault.echo(Vec::new()).await.unwrap_err();
    assert!(matches!(error, CallError::Io { .. }), "{error}");
    let _ = Identity::generate();
}
