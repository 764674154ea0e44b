//! Metadata: texts that travel beside the arguments of a request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpcudp::sim::{Conditions, Network};
use rpcudp::testing::MockPeer;
use rpcudp::{
    Builder, Call, CallError, Change, Context, Dialect, DynamicMethod, Endpoint, MetadataError, Peers, rpc_service,
};
use rpcudp_core::{Metadata, Request};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::{CALLER, Pair, SERVER, bind, ms, receive, request, seeds, send};

#[rpc_service]
trait Notes {
    fn inline(&self, cx: &Context) -> Option<String>;
    async fn spawned(&self, cx: &Context, millis: u64) -> Option<String>;
    #[rpc(blocking)]
    fn blocking(&self, cx: &Context) -> Option<String>;
    #[rpc(at_least_once)]
    async fn repeat(&self, cx: &Context, millis: u64) -> Option<String>;
    #[rpc(at_most_once)]
    async fn once(&self, cx: &Context, millis: u64) -> Option<String>;
    #[rpc(oneway)]
    fn tell(&self, cx: &Context);
    #[rpc(oneway)]
    async fn tell_later(&self, cx: &Context);
}

/// A run of a handler: the metadata, and the milliseconds until the caller's deadline.
type Run = (Option<String>, Option<u64>);

#[derive(Clone, Default)]
struct Service {
    runs: Arc<Mutex<Vec<Run>>>,
    /// A delay of each async handler.
    delay: Duration,
}

impl Service {
    fn record(&self, cx: &Context) -> Option<String> {
        let note = cx.metadata("note").map(str::to_owned);
        let remaining = cx.remaining().map(|remaining| remaining.as_millis() as u64);
        self.runs.lock().unwrap().push((note.clone(), remaining));
        note
    }

    fn take(&self) -> Vec<Run> {
        std::mem::take(&mut self.runs.lock().unwrap())
    }
}

impl Notes for Service {
    fn inline(&self, cx: &Context) -> Option<String> {
        self.record(cx)
    }
    async fn spawned(&self, cx: &Context, millis: u64) -> Option<String> {
        sleep(ms(millis) + self.delay).await;
        self.record(cx)
    }
    fn blocking(&self, cx: &Context) -> Option<String> {
        self.record(cx)
    }
    async fn repeat(&self, cx: &Context, millis: u64) -> Option<String> {
        let note = self.record(cx);
        sleep(ms(millis) + self.delay).await;
        note
    }
    async fn once(&self, cx: &Context, millis: u64) -> Option<String> {
        let note = self.record(cx);
        sleep(ms(millis) + self.delay).await;
        note
    }
    fn tell(&self, cx: &Context) {
        self.record(cx);
    }
    async fn tell_later(&self, cx: &Context) {
        self.record(cx);
    }
}

fn pair_with(configure: fn(Builder) -> Builder) -> (Pair, NotesClient, Service) {
    let service = Service::default();
    let server = configure(Endpoint::builder().serve(NotesServer::new(service.clone())));
    let pair = Pair::new(Network::new(1), server, configure(Endpoint::builder()));
    let client = pair.client();
    (pair, client, service)
}

fn pair() -> (Pair, NotesClient, Service) {
    pair_with(|builder| builder)
}

fn some(note: &str) -> Option<String> {
    Some(note.to_owned())
}

#[tokio::test(start_paused = true)]
async fn handlers_of_every_kind_see_the_metadata_of_their_own_request() {
    let (_pair, client, service) = pair();
    type MakeCall = fn(&NotesClient) -> Call<Option<String>>;
    let calls: [(&str, MakeCall); 5] = [
        ("inline", |client| client.inline()),
        ("spawned", |client| client.spawned(10)),
        ("blocking", |client| client.blocking()),
        ("repeat", |client| client.repeat(10).without_delivery()),
        ("once", |client| client.once(10)),
    ];
    for (name, call) in calls {
        let all = call(&client).metadata("other", "x").metadata("note", name).metadata("more", "");
        let (with, without) = tokio::join!(all, call(&client));
        assert_eq!((with.unwrap(), without.unwrap()), (some(name), None), "{name}");
        let runs = service.take();
        assert!(runs.iter().all(|(_, remaining)| remaining.is_some_and(|left| left >= 4_980)), "{name}: {runs:?}");
    }
    client.tell().metadata("note", "psst").await.unwrap();
    client.tell_later().metadata("note", "later").await.unwrap();
    client.tell().await.unwrap();
    sleep(ms(1)).await;
    let mut runs = service.take();
    runs.sort();
    assert_eq!(runs, [(None, None), (some("later"), None), (some("psst"), None)]);
}

#[tokio::test(start_paused = true)]
async fn second_value_of_a_key_replaces_the_first() {
    let (_pair, client, _) = pair();
    assert_eq!(client.inline().metadata("note", "1").metadata("note", "2").await.unwrap(), some("2"));
}

#[tokio::test(start_paused = true)]
async fn metadata_travels_in_both_dialects_and_without_a_deadline() {
    let (_pair, client, service) = pair_with(|builder| builder.dialect(Dialect::Storj));
    assert_eq!(client.inline().metadata("note", "storj").await.unwrap(), some("storj"));
    assert_eq!(service.take(), [(some("storj"), None)]);
    let (_pair, client, service) = pair();
    assert_eq!(client.inline().metadata("note", "bare").omit_deadline().await.unwrap(), some("bare"));
    assert_eq!(service.take(), [(some("bare"), None)]);
    assert_eq!(client.inline().timeout(ms(700)).metadata("note", "short").await.unwrap(), some("short"));
    assert_eq!(service.take(), [(some("short"), Some(700))]);
}

#[tokio::test(start_paused = true)]
async fn methods_called_by_name_and_mock_peers_take_metadata() {
    let (pair, client, _) = pair();
    let call: Call<String> = DynamicMethod::new("inline").call(&pair.caller, client.peer(), &[(); 0]);
    assert_eq!(call.metadata("note", "by name").await.unwrap(), "by name");

    let mock: NotesClient = MockPeer::new(NotesServer::new(Service::default())).client();
    assert_eq!(mock.spawned(1).metadata("note", "mock").await.unwrap(), some("mock"));
}

#[tokio::test(start_paused = true)]
async fn retransmissions_carry_the_metadata_and_stay_duplicates() {
    for seed in seeds(20) {
        let service = Service::default();
        let network = Network::new(seed);
        network.set_conditions(Conditions::default().latency(ms(20)).jitter(ms(10)).loss(0.3).duplication(0.2));
        let server = Endpoint::builder().serve(NotesServer::new(service.clone()));
        let pair = Pair::new(network, server, Endpoint::builder());
        let client: NotesClient = pair.client();
        for number in 0..20 {
            let note = format!("{number}");
            let timeout = Duration::from_secs(60);
            let once = client.once(number % 3 * 200).timeout(timeout).metadata("note", &note);
            assert_eq!(once.await.unwrap(), some(&note), "seed {seed}");
            assert_eq!(service.take(), [(some(&note), Some(60_000))], "seed {seed}");
            let repeat = client.repeat(number % 3 * 200).timeout(timeout).metadata("note", &note);
            assert_eq!(repeat.await.unwrap(), some(&note), "seed {seed}");
            sleep(Duration::from_secs(10)).await;
            assert!(service.take().iter().all(|run| *run == (some(&note), Some(60_000))), "seed {seed}");
        }
        assert!(pair.caller.stats().calls.retransmitted > 0, "seed {seed}");
    }
}

/// Servers of a group, and the service of each.
struct Group {
    network: Network,
    servers: Vec<Endpoint>,
    services: Vec<Service>,
    caller: Endpoint,
}

impl Group {
    fn new(delays: &[u64]) -> Self {
        let network = Network::new(1);
        network.set_conditions(Conditions::default().latency(ms(5)));
        network.return_undeliverable(true);
        let services: Vec<_> = delays.iter().map(|delay| Service { delay: ms(*delay), ..Service::default() }).collect();
        let serve = |(number, service): (usize, &Service)| {
            let builder = Endpoint::builder().serve(NotesServer::new(service.clone()));
            bind(&network, std::net::SocketAddr::from(([10, 0, 1, number as u8 + 1], 7_000)), builder)
        };
        let servers = services.iter().enumerate().map(serve).collect();
        let caller = bind(&network, CALLER, Endpoint::builder());
        Self { network, servers, services, caller }
    }

    fn client(&self) -> NotesClient {
        NotesClient::group(&self.caller, Peers::fixed(self.servers.iter().map(Endpoint::local_addr)))
    }

    fn take(&self) -> Vec<Run> {
        self.services.iter().flat_map(Service::take).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_move_keep_their_metadata_and_their_deadline() {
    for unreachable in [true, false] {
        let group = Group::new(&[0, 0]);
        let client = group.client();
        let gone = group.servers[0].local_addr();
        if unreachable {
            group.servers[0].close(Duration::ZERO).await;
        } else {
            group.network.set_link(group.caller.local_addr().ip(), gone.ip(), Conditions::default().loss(1.0));
        }
        for number in 0..6 {
            let call = client.repeat(1).timeout(Duration::from_secs(30)).metadata("note", "moved");
            assert_eq!(call.await.unwrap(), some("moved"), "{number}");
        }
        assert!(group.caller.stats().calls.moved >= 1);
        let runs = group.take();
        assert!(runs.iter().all(|(note, left)| *note == some("moved") && left.is_some_and(|left| left > 20_000)));
        // A request that moved has the time that was left when it was sent again.
        assert!(runs.iter().any(|(_, left)| *left < Some(30_000)), "{runs:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn hedges_and_fan_outs_carry_the_metadata() {
    let group = Group::new(&[1, 1, 1]);
    let client = group.client();
    for _ in 0..40 {
        client.repeat(1).hedged().metadata("note", "hedged").await.unwrap();
    }
    let slow: Vec<_> = (0..8).map(|_| tokio::spawn(client.repeat(300).hedged().metadata("note", "hedged"))).collect();
    for call in slow {
        assert_eq!(call.await.unwrap().unwrap(), some("hedged"));
    }
    assert!(group.caller.stats().calls.hedged > 0);
    assert!(group.take().iter().all(|(note, left)| *note == some("hedged") && left.is_some()));

    let mut all = client.spawned(1).metadata("note", "all").all().within(Duration::from_secs(1));
    while let Some((peer, result)) = all.next().await {
        assert_eq!(result.unwrap(), some("all"), "{peer}");
    }
    assert_eq!(group.take().len(), 3);
    let agreed = client.spawned(1).metadata("note", "quorum").quorum(3);
    assert_eq!(agreed.await.unwrap(), some("quorum"));
    let _ = group.take();
    let mut told = client.tell().metadata("note", "told").all();
    while let Some((_, result)) = told.next().await {
        result.unwrap();
    }
    sleep(ms(20)).await;
    assert_eq!(group.take(), vec![(some("told"), None); 3]);
}

#[tokio::test(start_paused = true)]
async fn call_that_waits_for_its_group_keeps_its_metadata() {
    let group = Group::new(&[0]);
    let (changes, source) = mpsc::channel(1);
    let client = NotesClient::group(&group.caller, Peers::changes(source));
    let call = tokio::spawn(client.spawned(0).timeout(ms(3_000)).wait_for_ready().metadata("note", "late"));
    sleep(ms(500)).await;
    changes.send(Change::Insert(group.servers[0].local_addr())).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), some("late"));
    let runs = group.take();
    assert!(matches!(&runs[..], [(Some(note), Some(2_300..=2_500))] if note == "late"), "{runs:?}");
}

#[tokio::test(start_paused = true)]
async fn invalid_metadata_fails_the_call_unsent() {
    let (pair, client, _) = pair();
    let value = "x".repeat(512 - 3 - 4);
    assert_eq!(client.inline().metadata("note", &value).await.unwrap(), some(&value));
    let sent = pair.network.stats().sent;

    let error = client.inline().metadata("a", "1").metadata("note", &value).metadata("b", "2").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`inline`: \"note\" cannot travel in the metadata: the metadata has 517 bytes with it, and 512 are allowed: pass \
         long data as an argument"
    );
    let CallError::Metadata { method: "inline", key, source: MetadataError::TooLong { len: 517, limit: 512 } } = error
    else {
        panic!("{error}")
    };
    assert_eq!(&*key, "note");
    for key in [String::new(), "k".repeat(256)] {
        let error = client.spawned(0).metadata(&key, "").await.unwrap_err();
        let expected = format!(
            "`spawned`: {key:?} cannot travel in the metadata: its key has {} bytes, and a key has 1 to 255",
            key.len()
        );
        assert_eq!(error.to_string(), expected);
        assert!(!error.is_retryable() && error.did_run() == rpcudp::DidRun::No);
    }
    assert!(matches!(client.tell().metadata("", "").await, Err(CallError::Metadata { .. })));
    assert_eq!(pair.network.stats().sent, sent);
    assert_eq!(pair.caller.stats().calls.unsendable, 4);
    assert_eq!(client.inline().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn metadata_without_room_in_the_datagram_fails_the_call_unsent() {
    #[rpc_service]
    trait Echo {
        fn len(&self, cx: &Context, bytes: &[u8]) -> usize;
    }
    struct Lens;
    impl Echo for Lens {
        fn len(&self, cx: &Context, bytes: &[u8]) -> usize {
            bytes.len() + cx.metadata("key").map_or(0, str::len)
        }
    }
    let configure = |builder: Builder| builder.max_request_len(usize::MAX);
    let server = configure(Endpoint::builder().serve(EchoServer::new(Lens)));
    let pair = Pair::new(Network::new(1), server, configure(Endpoint::builder()));
    let client: EchoClient = pair.client();
    // The body adds 9 bytes. The trailer has 4 bytes, the time has 6, and the metadata 2 + 6 + 5.
    let largest = 65_486 - 9 - 4 - 6 - 13;
    assert_eq!(client.len(&vec![7; largest]).metadata("key", "value").await.unwrap(), largest + 5);
    let error = client.len(&vec![7; largest + 1]).metadata("key", "value").await.unwrap_err();
    assert!(
        matches!(error, CallError::Metadata { source: MetadataError::TooLong { len: 11, limit: 10 }, .. }),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn hostile_metadata_is_ignored_and_the_request_runs() {
    let service = Service::default();
    let network = Network::new(1);
    let _server = bind(&network, SERVER, Endpoint::builder().serve(NotesServer::new(service.clone())));
    let node = network.bind(CALLER).unwrap();
    let field = [&[4, 255][..], &[b'x'; 255]].concat();
    let mut metadata = Metadata::new();
    metadata.set("note", "valid").unwrap();
    for (number, (trailer, expected)) in [
        (field.repeat(8), None),
        (b"\x04\x04\x04note".to_vec(), None),
        (b"\x04\x08\x04note\x00\x01\xff".to_vec(), None),
        (b"\x04\x10\x04note\x00\x011\x04note\x00\x012".to_vec(), some("1")),
        ([b"\x04\x08\x04note\x00\x01x", &b"\x07\x00".repeat(20)[..]].concat(), some("x")),
    ]
    .into_iter()
    .enumerate()
    {
        for (second, name) in ["inline", "tell_later"].into_iter().enumerate() {
            let mut datagram = request([(2 * number + second) as u8; 20], name, &[]);
            datagram.extend_from_slice(b"\xc1RuT");
            datagram.extend_from_slice(&trailer);
            send(&node, SERVER.parse().unwrap(), &datagram);
            let _ = receive(&node).await;
            assert_eq!(service.take(), [(expected.clone(), None)], "{number} {name}");
        }
    }
    let mut datagram = request([99; 20], "inline", &[]);
    Request::end_with_metadata(&mut datagram, None, &metadata).unwrap();
    send(&node, SERVER.parse().unwrap(), &datagram);
    let _ = receive(&node).await;
    assert_eq!(service.take(), [(some("valid"), None)]);
}
