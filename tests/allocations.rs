//! How often a call that is like those before it takes memory from the heap: both sides of it together, on one thread.

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

const CALL_COUNT: u64 = 1_000;

/// How often memory is taken for so many calls, after as many have been made.
fn allocations(call: fn(&ChecksumClient) -> Call<u64>) -> u64 {
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
    // What looks after an endpoint once a second (feature `metrics`) takes some, and is no part of a call.
    (0..3).map(|_| allocation_counter::measure(make_calls).count_total).min().expect("there are three")
}

#[test]
fn a_sync_method_takes_none() {
    assert_eq!(allocations(|client| client.sum("a", &[1, 2, 3])), 0);
}

#[test]
fn an_async_method_takes_two() {
    let count = allocations(|client| client.sum_later("a", &[1, 2, 3]));
    assert!(count <= 2 * CALL_COUNT, "{count} for {CALL_COUNT} calls");
}

#[test]
fn what_is_counted_is_there() {
    assert_eq!(allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1)))).count_total, 1);
}
