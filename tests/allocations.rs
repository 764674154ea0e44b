//! Heap allocations of a repeated call, client and server together, on one thread.

use rpcudp::{Call, Endpoint, rpc_service};
use tokio::runtime::Builder;

#[rpc_service]
trait Checksum {
    fn sum(&self, name: &str, bytes: &[u8]) -> u64;
    async fn sum_later(&self, name: &str, bytes: &[u8]) -> u64;
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
}

/// The number of calls that are measured together.
const CALL_COUNT: u64 = 1_000;

/// Returns the number of allocations of [`CALL_COUNT`] calls, after the same number of calls as a
/// warm-up.
fn allocation_count(call: fn(&ChecksumClient) -> Call<u64>) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let bind = || Endpoint::builder().serve(ChecksumServer::new(Adder)).bind("127.0.0.1:0");
    let (server, caller) = runtime.block_on(async { (bind().await.unwrap(), bind().await.unwrap()) });
    let client = ChecksumClient::new(&caller, server.local_addr());
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

#[test]
fn call_of_an_async_method_allocates_at_most_twice() {
    let count = allocation_count(|client| client.sum_later("a", &[1, 2, 3]));
    assert!(count <= 2 * CALL_COUNT, "{count} allocations for {CALL_COUNT} calls");
}

#[test]
fn allocation_of_a_box_is_counted() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}
