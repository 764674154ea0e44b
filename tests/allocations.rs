//! Heap allocations of a repeated call, client and server together, on one thread.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rpcudp::{Call, Endpoint, Peers, rpc_service};
use rpcudp_core::{Dialect, Frame, MessageId, Request, RequestKey, Seen, StoredResponses};
use tokio::runtime::Builder;

#[rpc_service]
trait Checksum {
    fn sum(&self, name: &str, bytes: &[u8]) -> u64;
    async fn sum_later(&self, name: &str, bytes: &[u8]) -> u64;
    #[rpc(at_least_once)]
    fn sum_repeatable(&self, name: &str, bytes: &[u8]) -> u64;
}

struct Adder;

impl Checksum for Adder {
    fn sum(&self, name: &str, bytes: &[u8]) -> u64 {
        name.bytes().chain(bytes.iter().copied()).map(u64::from).sum()
    }
    async fn sum_later(&self, name: &str, bytes: &[u8]) -> u64 {
        tokio::task::yield_now().await;
        self.sum(name, bytes)
    }
    fn sum_repeatable(&self, name: &str, bytes: &[u8]) -> u64 {
        self.sum(name, bytes)
    }
}

/// The number of calls that are measured together.
const CALL_COUNT: u64 = 1_000;

/// Returns the number of allocations of [`CALL_COUNT`] calls, after the same number of calls as a
/// warm-up.
fn allocation_count(call: fn(&ChecksumClient) -> Call<u64>) -> u64 {
    allocation_count_of(call, ChecksumClient::new)
}

/// The same for a client that `connect` makes.
fn allocation_count_of(
    call: fn(&ChecksumClient) -> Call<u64>,
    connect: fn(&Endpoint, SocketAddr) -> ChecksumClient,
) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bind = || Endpoint::builder().serve(ChecksumServer::new(Adder)).bind("0.0.0.0:0");
    let (server, caller) = runtime.block_on(async { (bind().await.unwrap(), bind().await.unwrap()) });
    let client = connect(&caller, (Ipv4Addr::LOCALHOST, server.local_addr().port()).into());
    let make_calls = || {
        runtime.block_on(async {
            for _ in 0..CALL_COUNT {
                assert_eq!(call(&client).await.unwrap(), u64::from(b'a') + 6);
            }
        });
    };
    make_calls();
    // The publisher of metrics (feature `metrics`) allocates once a second and is no part of a
    // call, so the smallest of three counts is the calls' own.
    (0..3).map(|_| allocation_counter::measure(make_calls).count_total).min().expect("three counts")
}

#[test]
fn call_of_a_sync_method_allocates_nothing() {
    assert_eq!(allocation_count(|client| client.sum("a", &[1, 2, 3])), 0);
}

/// The state of a call to a group that ends at its first peer is in the call.
#[test]
fn call_to_a_group_allocates_nothing() {
    let group_of_one = |caller: &Endpoint, server| ChecksumClient::group(caller, Peers::fixed([server]));
    let group_of_two = |caller: &Endpoint, server: SocketAddr| {
        let other_addr = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), server.port()));
        ChecksumClient::group(caller, Peers::fixed([server, other_addr]))
    };
    let connects: [fn(&Endpoint, SocketAddr) -> ChecksumClient; 2] = [group_of_one, group_of_two];
    for connect in connects {
        assert_eq!(allocation_count_of(|client| client.sum("a", &[1, 2, 3]), connect), 0);
        let repeatable = |client: &ChecksumClient| client.sum_repeatable("a", &[1, 2, 3]).without_delivery();
        // A retransmission, as on a busy machine, copies the request.
        assert!(allocation_count_of(repeatable, connect) < CALL_COUNT / 100);
    }
}

#[test]
fn call_of_an_async_method_allocates_at_most_twice() {
    let count = allocation_count(|client| client.sum_later("a", &[1, 2, 3]));
    assert!(count <= 2 * CALL_COUNT, "{count} allocations for {CALL_COUNT} calls");
}

/// The budget for stored responses includes all overhead, for one source and for many.
#[test]
fn stored_responses_take_no_more_memory_than_their_budget() {
    const BUDGET: usize = 4 << 20;
    for (response_len, source_count) in [(0, 1), (8, 1 << 16), (100, 8), (1_000, 1), (20_000, 3)] {
        let fill = || {
            let now = Instant::now();
            let mut responses = StoredResponses::new(BUDGET, Duration::from_secs(60));
            let response = vec![7; response_len];
            for number in 0..20_000_u64 {
                // Ids in no order, as they arrive.
                let mut id = [0; MessageId::LEN];
                id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                let mut datagram = Vec::new();
                Request::begin(&mut datagram, Dialect::Rpcudp, "m", 0);
                Request::set_id(&mut datagram, MessageId::from_bytes(id));
                Request::end(&mut datagram, Duration::from_secs(5));
                let Ok(Frame::Request(request)) = Frame::decode(&datagram, Dialect::Rpcudp) else {
                    panic!("no request")
                };
                let sender = SocketAddr::from((Ipv4Addr::from(number as u32 % source_count), 7_000));
                let key = RequestKey::new(&request, &datagram, sender, 7);
                assert_eq!(responses.begin(now, key, sender), Seen::Never);
                responses.finish(now, key, &response);
            }
            assert!(responses.evicted() > 0);
        };
        let max_len = allocation_counter::measure(fill).bytes_max as usize;
        // The response that is about to be stored, and the datagram.
        let allowed_len = BUDGET + 2 * response_len + 1_000;
        assert!(max_len <= allowed_len, "{max_len} bytes, for {response_len} bytes of {source_count} sources");
    }
}

#[test]
fn allocation_of_a_box_is_counted() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}
