//! The means for users' unit tests: contexts without an endpoint, and peers in memory.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use rpcudp::testing::MockPeer;
use rpcudp::{CallError, Context, Dialect, Endpoint, MessageId, NoError, Refusal, rpc_service};
use tokio::runtime;
use tokio::time::{Instant, timeout};

use crate::support::{TestResult, ms};

#[rpc_service]
trait Vault {
    fn open(&self, cx: &Context, key: u8) -> Result<String, u8>;
    #[rpc(at_least_once)]
    async fn look(&self, cx: &Context) -> u8;
    #[rpc(at_most_once)]
    async fn wait_for_ever(&self);
    #[rpc(oneway)]
    fn slam(&self);
}

struct Steel;

impl Vault for Steel {
    fn open(&self, cx: &Context, key: u8) -> Result<String, u8> {
        match key {
            0 => panic!("the key is missing"),
            1 => Ok(format!("open for {}", cx.sender())),
            other => Err(other),
        }
    }

    async fn look(&self, cx: &Context) -> u8 {
        let caller = VaultClient::new(cx, cx.sender());
        match caller.open(2).await {
            Err(CallError::Closed) => 1,
            Err(CallError::Application(error)) => error,
            result => panic!("{result:?}"),
        }
    }

    async fn wait_for_ever(&self) {
        pending::<()>().await;
    }

    fn slam(&self) {}
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn context_for_a_test_needs_no_runtime() {
    let cx = Context::for_test().build();
    assert_eq!((cx.sender(), cx.local_addr()), (addr("192.0.2.1:7000"), addr("192.0.2.2:7000")));
    assert_eq!(cx.remaining(), None);
    assert_eq!(Steel.open(&cx, 1).unwrap(), "open for 192.0.2.1:7000");
    assert_ne!(cx.message_id(), Context::for_test().build().message_id());

    let id = MessageId::from_bytes([7; 20]);
    let cx = Context::for_test().sender(addr("[::ffff:10.0.0.7]:9")).local_addr(addr("0.0.0.0:0")).message_id(id);
    let cx = cx.remaining(Duration::MAX).build();
    assert_eq!((cx.sender(), cx.local_addr().ip(), cx.message_id()), (addr("10.0.0.7:9"), addr("0.0.0.0:0").ip(), id));
    assert!(cx.remaining() > Some(Duration::from_secs(1_000_000)));
}

#[tokio::test(start_paused = true)]
async fn debug_output_is_short() {
    let cx = Context::for_test().message_id(MessageId::from_bytes([7; 20])).remaining(ms(1_500)).build();
    let id = cx.message_id();
    let expected = format!(
        "Context {{ sender: 192.0.2.1:7000, local_addr: 192.0.2.2:7000, message_id: {id:?}, remaining: 1.5s, .. }}"
    );
    assert_eq!(format!("{cx:?}"), expected);
    let peer = MockPeer::new(VaultServer::new(Steel));
    assert_eq!(format!("{peer:?}"), "MockPeer { addr: 127.0.0.1:7000, fault: None, .. }");
    peer.refuse_requests(Refusal::Busy);
    assert_eq!(format!("{peer:?}"), "MockPeer { addr: 127.0.0.1:7000, fault: Some(Refusal(Busy)), .. }");
}

#[tokio::test(start_paused = true)]
async fn calls_through_a_context_for_a_test_end_with_closed() {
    let cx = Context::for_test().remaining(ms(500)).build();
    let client = VaultClient::new(&cx, cx.sender());
    assert!(matches!(client.open(1).await, Err(CallError::Closed)));
    assert!(matches!(client.look().wait_for_ready().await, Err(CallError::Closed)));
    assert!(matches!(client.slam().await, Err(CallError::Closed)));
    assert_eq!(Steel.look(&cx).await, 1);

    let endpoint = cx.endpoint();
    endpoint.closed().await;
    endpoint.close(Duration::from_secs(1)).await;
    assert!(endpoint.downgrade().upgrade().is_none());
    assert_eq!(endpoint.stats().calls.in_flight, 0);

    assert!(timeout(ms(499), cx.deadline_passed()).await.is_err());
    assert!(timeout(ms(2), cx.deadline_passed()).await.is_ok());
    assert_eq!(cx.remaining(), Some(Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn context_for_a_test_calls_through_the_given_endpoint() {
    let peer = MockPeer::new(VaultServer::new(Steel));
    let cx = Context::for_test().endpoint(peer.endpoint()).sender(peer.addr()).local_addr(addr("10.0.0.1:1")).build();
    assert_eq!(cx.local_addr(), peer.addr());
    assert_eq!(Steel.look(&cx).await, 2);
    // Like every context, it does not keep the endpoint open.
    let closed = peer.endpoint().closed();
    drop(peer);
    closed.await;
    assert_eq!(Steel.look(&cx).await, 1);
}

#[tokio::test(start_paused = true)]
async fn mock_peer_serves_without_time() -> TestResult {
    let vault: VaultClient = MockPeer::new(VaultServer::new(Steel)).client();
    let start = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(vault.open(1).await.unwrap(), "open for 127.0.0.1:7000");
        assert_eq!(vault.look().await?, 2);
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(matches!(vault.open(5).await, Err(CallError::Application(5))));
    assert!(matches!(vault.open(0).await, Err(CallError::Refused { reason: Refusal::Panicked, .. })));
    assert!(vault.wait_for_ever().await.unwrap_err().is_timeout());
    assert!(vault.with_timeout(ms(50)).wait_for_ever().await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed(), ms(5_050));
    let elsewhere = vault.with_peer(addr("127.0.0.1:7001"));
    assert!(matches!(elsewhere.open(1).await, Err(CallError::Unreachable { .. })));
    vault.endpoint().close(Duration::ZERO).await;
    assert!(matches!(vault.open(1).await, Err(CallError::Closed)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn mock_peer_is_silent_or_refuses_until_it_serves_again() -> TestResult {
    let peer = MockPeer::new(VaultServer::new(Steel));
    let vault: VaultClient = peer.client();
    let refusals = [
        Refusal::UnknownMethod,
        Refusal::MalformedArguments,
        Refusal::Busy,
        Refusal::Closing,
        Refusal::Panicked,
        Refusal::Stopped,
        Refusal::Rejected,
        Refusal::ResponseTooLarge { size: None, limit: None },
        Refusal::ResponseTooLarge { size: Some(70_000), limit: Some(65_486) },
        Refusal::ResponseUnencodable,
        Refusal::AlreadyRan,
        Refusal::UndeclaredError,
        Refusal::Other { code: 200 },
    ];
    for refusal in refusals {
        peer.refuse_requests(refusal.clone());
        let is_expected = |result: Result<(), CallError<NoError>>| matches!(result, Err(CallError::Refused { reason, .. }) if reason == refusal);
        assert!(is_expected(vault.look().await.map(drop)), "{refusal:?}");
        assert!(is_expected(vault.wait_for_ever().await), "{refusal:?}");
        assert!(
            matches!(vault.open(1).await, Err(CallError::Refused { reason, .. }) if reason == refusal),
            "{refusal:?}"
        );
        vault.slam().await?;
    }
    tokio::time::sleep(ms(1)).await; // The last oneway request.
    assert_eq!(peer.endpoint().stats().requests.refused, 4 * 13);

    peer.drop_requests();
    let start = Instant::now();
    vault.slam().await?;
    assert!(vault.open(1).await.unwrap_err().is_timeout());
    assert!(vault.look().await.unwrap_err().is_timeout());
    assert_eq!(start.elapsed(), Duration::from_secs(10));

    // A retransmitted request arrives after the silence.
    let look = tokio::spawn(vault.look());
    tokio::time::sleep(Duration::from_secs(1)).await;
    peer.clone().serve_requests();
    assert_eq!(look.await??, 2);
    assert_eq!(vault.open(1).await.unwrap(), "open for 127.0.0.1:7000");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn mock_peer_without_refusals_in_its_dialect_is_silent() {
    let peer = MockPeer::with_builder(Endpoint::builder().dialect(Dialect::Storj).serve(VaultServer::new(Steel)));
    let vault: VaultClient = peer.client();
    assert!(vault.open(1).await.is_ok());
    peer.refuse_requests(Refusal::Busy);
    assert!(vault.open(1).await.unwrap_err().is_timeout());
}

#[test]
fn mock_peer_works_in_every_runtime() {
    let serve = async || {
        let vault: VaultClient = MockPeer::new(VaultServer::new(Steel)).client();
        for _ in 0..100 {
            assert_eq!(vault.open(1).await.unwrap(), "open for 127.0.0.1:7000");
            assert_eq!(vault.look().await.unwrap(), 2);
        }
        let calls: Vec<_> = (0..500).map(|_| tokio::spawn(vault.look())).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), 2);
        }
    };
    runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(serve());
    let several = runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    several.block_on(serve());

    // Outside async code.
    let _context = several.enter();
    let vault: VaultClient = MockPeer::new(VaultServer::new(Steel)).client();
    assert_eq!(vault.open(1).wait().unwrap(), "open for 127.0.0.1:7000");
}

#[test]
#[should_panic(expected = "MockPeer")]
fn mock_peer_outside_a_runtime_says_what_it_needs() {
    let _ = MockPeer::new(VaultServer::new(Steel));
}

#[tokio::test]
#[should_panic(expected = "`open`")]
async fn mock_peer_with_conflicting_services_names_the_method() {
    let builder = Endpoint::builder().serve(VaultServer::new(Steel)).serve(VaultServer::new(Steel));
    let _ = MockPeer::with_builder(builder);
}
