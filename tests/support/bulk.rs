//! Many large values over one link, in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rpcudp::{Endpoint, Progress, rpc_service};
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio::time::sleep;

#[rpc_service]
pub(crate) trait Bulk {
    /// Takes a part, and returns its hash.
    #[rpc(timeout = "60m")]
    async fn put(&self, part: Vec<u8>) -> Vec<u8>;
    /// Returns the part with a number. The request is short, so that it can be lost.
    #[rpc(at_least_once, timeout = "60m")]
    async fn get(&self, number: u64, len: usize) -> Vec<u8>;
}

pub(crate) struct Parts;

impl Bulk for Parts {
    async fn put(&self, part: Vec<u8>) -> Vec<u8> {
        Sha256::digest(&part).to_vec()
    }
    async fn get(&self, number: u64, len: usize) -> Vec<u8> {
        part(number, len)
    }
}

/// Returns a part whose bytes depend on its number.
fn part(number: u64, len: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut part = Vec::with_capacity(len + 8);
    while part.len() < len {
        // A step of xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        part.extend_from_slice(&state.to_le_bytes());
    }
    part.truncate(len);
    part
}

/// Counts the bytes of progress, and asserts that none shrinks and that each ends at its length.
async fn watch(mut progress: Progress, total: Arc<AtomicU64>) {
    let mut last = (0, 0);
    while progress.changed().await {
        let now = (progress.sent(), progress.received());
        assert!(now.0 >= last.0 && now.1 >= last.1, "{last:?} {now:?}");
        total.fetch_add(now.0 - last.0 + now.1 - last.1, Ordering::Relaxed);
        last = now;
    }
    assert_eq!((Some(last.0), Some(last.1)), (progress.request_len(), progress.response_len()));
}

/// Transfers `len` bytes each way, in parts of `part_len` of which four are under way, and asserts
/// that they arrive unchanged and that the ends keep within their bounds of memory.
pub(crate) async fn transfer(client: &BulkClient, len: usize, part_len: usize, ends: [&Endpoint; 2]) {
    const MAX_BYTES: u64 = 64 << 20;
    let total = Arc::new(AtomicU64::new(0));
    for gets in [false, true] {
        let (mut calls, mut most) = (JoinSet::new(), 0);
        for number in 0..len.div_ceil(part_len) as u64 {
            let (client, total) = (client.clone(), Arc::clone(&total));
            calls.spawn(async move {
                let (mut expected, mut put, mut get) = (part(number, part_len), None, None);
                let progress = if gets {
                    get.insert(client.get(number, part_len)).progress()
                } else {
                    put.insert(client.put(expected.clone())).progress()
                };
                let watched = tokio::spawn(watch(progress, total));
                if let Some(put) = put {
                    expected = Sha256::digest(&expected).to_vec();
                    assert!(put.await.unwrap() == expected, "part {number}");
                }
                if let Some(get) = get {
                    assert!(get.await.unwrap() == expected, "part {number}");
                }
                watched.await.unwrap();
            });
            while calls.len() >= 4 {
                calls.join_next().await.unwrap().unwrap();
                for end in ends {
                    let stats = end.link_stats();
                    most = most.max(stats.arriving_bytes).max(stats.unsent_bytes);
                }
            }
        }
        calls.join_all().await;
        println!("{len} bytes {}, {most} bytes of memory", if gets { "received" } else { "sent" });
        assert!(most <= MAX_BYTES + (1 << 20), "{most} bytes of memory");
    }
    assert!(total.load(Ordering::Relaxed) >= 2 * len as u64);
    // The last response is acknowledged a little later.
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        if ends.iter().all(|end| end.link_stats().unsent_bytes == 0) {
            break;
        }
    }
    for end in ends {
        let stats = end.link_stats();
        assert_eq!((stats.arriving_bytes, stats.unsent_bytes), (0, 0), "{stats:?}");
    }
}

/// Returns the number of MiB that a variable sets, in bytes, or a default.
pub(crate) fn len_of(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |mib| mib.parse::<usize>().expect("a number of MiB") << 20)
}
