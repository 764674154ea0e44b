//! Requests and responses on streams of which one end does not take the whole.

use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::{CallError, DidRun, Endpoint, LinkEnd, LinkOptions, MessageId, Refusal};
use rpcudp_core::{Dialect, Request, codec};
use rpcudp_secure::{FrameId, LinkEvent, LinkId};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::fixture::{Runs, bind, builder, peer};
use crate::raw_peer::RawPeer;
use crate::store::{Counts, StoreClient, StoreServer};
use crate::support::{CALLER, SERVER, ms};

const MIB: usize = 1 << 20;

/// The time in which all calls of these tests end, far below their timeouts.
const SOON: Duration = Duration::from_secs(10);

fn options() -> LinkOptions {
    LinkOptions::default().max_message_len(100_000)
}

/// Returns the reason for the end of a call, and whether its method ran.
fn reason<T>(result: Result<T, CallError>) -> (LinkEnd, DidRun) {
    match result.err().expect("the frame is dropped") {
        CallError::Link { reason, did_run, .. } => (reason, did_run),
        error => panic!("{error}"),
    }
}

/// A server and a caller, one of which takes short frames only.
fn pair(takes_short: [bool; 2]) -> (Endpoint, Endpoint, Counts, StoreClient) {
    let network = Network::new(1);
    let counts = Counts::default();
    let [server, caller] = [(1, takes_short[0]), (2, takes_short[1])].map(|(number, is_short)| {
        let builder = builder(number, &Runs::default());
        if is_short { builder.link_options(options()) } else { builder }
    });
    let server = bind(&network, SERVER, server.serve(StoreServer::new(counts.clone())));
    let caller = bind(&network, CALLER, caller);
    let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
    (server, caller, counts, store)
}

#[tokio::test(start_paused = true)]
async fn request_that_is_too_large_for_its_server_ends_at_once_and_does_not_run() {
    let (_server, _caller, counts, store) = pair([true, false]);
    let begun = Instant::now();
    let too_large = LinkEnd::RequestTooLarge { limit: 100_000 };
    // However often the request would be sent.
    assert_eq!(reason(store.put(vec![7; 100_000], 0).await), (too_large, DidRun::No));
    assert_eq!(reason(store.put_again(vec![7; MIB]).await), (too_large, DidRun::No));
    let error = store.put_once(vec![7; 8 * MIB]).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("allows 100000 bytes"), "{error}");
    assert_eq!(reason(Err::<(), _>(error)), (too_large, DidRun::No));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // The link goes on.
    assert_eq!(store.put(vec![7; 90_000], 0).await.unwrap(), 90_000);
    assert_eq!(counts.get(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn response_that_is_too_large_for_its_caller_ends_the_call_at_once() {
    let (server, caller, counts, store) = pair([false, true]);
    let begun = Instant::now();
    let ended = [
        reason(store.get(100_000).await),
        reason(store.get_again(2 * MIB).await),
        reason(store.get_once(4 * MIB).await),
    ];
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    for ((end, did_run), len) in ended.into_iter().zip([100_000, 2 * MIB, 4 * MIB]) {
        let LinkEnd::ResponseTooLarge { size, limit: 100_000 } = end else { panic!("{end}") };
        assert!((len..len + 100).contains(&(size as usize)), "{size}");
        assert_eq!(did_run, DidRun::Yes);
    }
    assert_eq!(store.get(90_000).await.unwrap().len(), 90_000);
    // None was sent again.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((counts.get().0, server.stats().requests.replayed), (4, 0));
    assert_eq!((server.link_stats().unsent_bytes, caller.link_stats().arriving_bytes), (0, 0));
}

/// A server whose frames are those of the test.
struct Script {
    server: RawPeer,
    store: StoreClient,
    _caller: Endpoint,
}

impl Script {
    fn new() -> Self {
        let network = Network::new(1);
        network.set_conditions(Conditions::default().latency(ms(20)));
        let server = RawPeer::new(network.bind(SERVER).unwrap(), 1);
        let caller = bind(&network, CALLER, builder(2, &Runs::default()));
        let store = StoreClient::secure(&caller, SERVER.parse().unwrap(), peer(1));
        Self { server, store, _caller: caller }
    }

    /// Returns the first event that `take` accepts.
    async fn event<T>(&mut self, mut take: impl FnMut(&LinkEvent) -> Option<T>) -> T {
        let begun = Instant::now();
        while begun.elapsed() < SOON {
            if let Some(found) = self.server.run(ms(5)).await.iter().find_map(&mut take) {
                return found;
            }
        }
        panic!("the event does not come");
    }

    /// Waits until a large request begins to arrive.
    async fn arriving(&mut self) -> (LinkId, FrameId) {
        self.event(|event| match event {
            LinkEvent::Arriving { link, id, .. } => Some((*link, *id)),
            _ => None,
        })
        .await
    }

    /// Waits for a request. Returns its id.
    async fn request(&mut self) -> (LinkId, FrameId) {
        self.event(|event| match event {
            LinkEvent::Frame { link, frame, .. } => Some((*link, frame[1..21].try_into().unwrap())),
            _ => None,
        })
        .await
    }

    async fn end<T>(&mut self, call: JoinHandle<Result<T, CallError>>) -> Result<T, CallError> {
        let begun = Instant::now();
        while !call.is_finished() && begun.elapsed() < SOON {
            self.server.run(ms(5)).await;
        }
        assert!(call.is_finished());
        call.await.unwrap()
    }
}

/// Returns the response with this many bytes.
fn response(id: &FrameId, len: usize) -> Vec<u8> {
    let head = [&[1][..], id, &[0xc6], &(len as u32).to_be_bytes()].concat();
    [head, vec![7; len]].concat()
}

#[tokio::test(start_paused = true)]
async fn request_that_its_server_stops_ends_a_call_that_is_sent_once() {
    let mut script = Script::new();
    let call = tokio::spawn(script.store.put(vec![7; 8 * MIB], 0));
    let (link, id) = script.arriving().await;
    let stopped = Instant::now();
    script.server.cancel(link, &id).await;
    // The server says that it has not taken the request, and gives no reason.
    let error = script.end(call).await.unwrap_err();
    assert!(stopped.elapsed() < SOON && error.is_retryable(), "{:?}: {error}", stopped.elapsed());
    assert_eq!(reason(Err::<(), _>(error)), (LinkEnd::Dropped, DidRun::Maybe));
}

#[tokio::test(start_paused = true)]
async fn request_that_its_server_stops_is_sent_again_if_the_contract_says_so() {
    for is_at_most_once in [false, true] {
        let mut script = Script::new();
        let (store, bytes) = (script.store.clone(), vec![7; MIB]);
        let call = tokio::spawn(async move {
            if is_at_most_once { store.put_once(bytes).await } else { store.put_again(bytes).await }
        });
        let (link, id) = script.arriving().await;
        let stopped = Instant::now();
        script.server.cancel(link, &id).await;
        let (link, again) = script.request().await;
        assert_eq!(again, id);
        script.server.send(link, &[&[1][..], &id, &[5]].concat()).await;
        assert_eq!(script.end(call).await.unwrap(), 5);
        assert!(stopped.elapsed() < SOON, "{:?}", stopped.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn response_that_its_server_gives_up_ends_a_call_that_is_sent_once() {
    let mut script = Script::new();
    let call = tokio::spawn(script.store.get(1));
    let (link, id) = script.request().await;
    script.server.send(link, &response(&id, 8 * MIB)).await;
    script.server.run(ms(20)).await;
    let given_up = Instant::now();
    script.server.cancel(link, &id).await;
    assert_eq!(reason(script.end(call).await), (LinkEnd::Dropped, DidRun::Maybe));
    assert!(given_up.elapsed() < SOON, "{:?}", given_up.elapsed());
}

#[tokio::test(start_paused = true)]
async fn response_that_its_server_gives_up_is_asked_for_again_if_the_contract_says_so() {
    let mut script = Script::new();
    let call = tokio::spawn(script.store.get_once(1));
    let (link, id) = script.request().await;
    script.server.send(link, &response(&id, 8 * MIB)).await;
    script.server.run(ms(20)).await;
    let given_up = Instant::now();
    script.server.cancel(link, &id).await;
    let (link, again) = script.request().await;
    assert_eq!(again, id);
    script.server.send(link, &response(&id, MIB)).await;
    assert_eq!(script.end(call).await.unwrap().len(), MIB);
    assert!(given_up.elapsed() < SOON, "{:?}", given_up.elapsed());
}

/// The refusal of a duplicate would overtake the response, and end its call.
#[tokio::test(start_paused = true)]
async fn duplicate_gets_no_refusal_and_no_copy_while_the_response_is_sent() {
    for memory in [1_000, 64 << 20] {
        let network = Network::new(1);
        network.set_conditions(Conditions::default().latency(ms(20)));
        let counts = Counts::default();
        let server = builder(1, &Runs::default()).response_memory(memory, Duration::from_secs(60));
        let server = bind(&network, SERVER, server.serve(StoreServer::new(counts.clone())));
        let mut caller = RawPeer::new(network.bind(CALLER).unwrap(), 2);
        let link = caller.connect(server.local_addr(), 1).await;
        let mut request = Vec::new();
        Request::begin(&mut request, Dialect::Rpcudp, "get_once", 1);
        codec::encode(&mut request, &(8 * MIB)).unwrap();
        Request::set_id(&mut request, MessageId::from_bytes([9; 20]));
        Request::end(&mut request, Duration::from_secs(100));
        caller.send(link, &request).await;
        let mut kinds = Vec::new();
        for _ in 0..400 {
            let events = caller.run(ms(10)).await;
            kinds.extend(events.into_iter().filter_map(|event| match event {
                LinkEvent::Frame { frame, .. } => Some((frame[0], frame.len() > MIB)),
                _ => None,
            }));
            if kinds.is_empty() {
                caller.send(link, &request).await;
            }
        }
        // The last of them may have been sent when the response was acknowledged.
        assert!(kinds[0] == (1, true) && kinds.len() <= 3, "{kinds:?}");
        assert_eq!(counts.get().0, 1);
    }
}

/// The link of the response is lost, and the server has no room to store it.
#[tokio::test(start_paused = true)]
async fn large_response_that_is_lost_and_not_stored_ends_its_call_over_the_next_link() {
    let network = Network::new(1);
    network.set_conditions(Conditions::default().latency(ms(20)));
    let counts = Counts::default();
    let server = builder(1, &Runs::default()).response_memory(MIB, Duration::from_secs(600));
    let server = bind(&network, SERVER, server.serve(StoreServer::new(counts.clone())));
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let store = StoreClient::secure(&caller, server.local_addr(), peer(1));
    let call = tokio::spawn(async move { store.get_once(8 * MIB).await });
    while caller.link_stats().arriving_bytes == 0 {
        tokio::time::sleep(ms(5)).await;
    }
    network.partition([server.local_addr().ip()]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    network.heal();
    let healed = Instant::now();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Refused { reason: Refusal::AlreadyRan, .. }), "{error}");
    assert!(healed.elapsed() < Duration::from_secs(60), "{:?}", healed.elapsed());
    assert_eq!((error.did_run(), counts.get().0), (DidRun::Yes, 1));
}

/// The peer may not end calls that were not made to it.
#[tokio::test(start_paused = true)]
async fn response_of_another_peer_that_is_given_up_ends_no_call() {
    let network = Network::new(1);
    let mut servers =
        [(1, SERVER), (3, "10.0.0.3:7000")].map(|(number, addr)| RawPeer::new(network.bind(addr).unwrap(), number));
    let caller = bind(&network, CALLER, builder(2, &Runs::default()));
    let store = StoreClient::secure(&caller, SERVER.parse().unwrap(), peer(1));
    let call = tokio::spawn(store.get(1));
    let (mut id, mut own_link) = (None, None);
    for _ in 0..100 {
        for event in servers[0].run(ms(5)).await {
            if let LinkEvent::Frame { link, frame, .. } = event {
                (id, own_link) = (Some(frame[1..21].try_into().unwrap()), Some(link));
            }
        }
    }
    let (id, own_link) = (id.unwrap(), own_link.unwrap());
    let link = servers[1].connect(caller.local_addr(), 2).await;
    for len in [8 * MIB, MIB] {
        servers[1].send(link, &response(&id, len)).await;
        servers[1].run(ms(5)).await;
        servers[1].cancel(link, &id).await;
        servers[1].run(ms(500)).await;
    }
    assert!(!call.is_finished());
    servers[0].send(own_link, &response(&id, 5)).await;
    servers[0].run(ms(500)).await;
    assert_eq!(call.await.unwrap().unwrap(), [7; 5]);
}
