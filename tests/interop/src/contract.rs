use std::time::Duration;

use rpcudp::{Context, rpc_service};

/// The contract that both a Python peer (`python/peer.py`) and [`RustPeer`] serve.
#[rpc_service]
pub trait Peer {
    /// Adds two numbers, in an ordinary function.
    fn add(&self, a: i64, b: i64) -> i64;
    /// Adds two numbers, in a coroutine.
    async fn add_later(&self, a: i64, b: i64) -> i64;
    /// Returns the length of the argument in bytes.
    fn size(&self, data: &[u8]) -> usize;
    /// Returns `size` bytes: the alphabet, repeated.
    fn blob(&self, size: usize) -> Vec<u8>;
    /// Returns the caller's address, as the handler sees it.
    fn sender(&self, cx: &Context) -> (String, u16);
    /// Raises an exception or panics, in an ordinary function.
    fn fail(&self, message: &str) -> i64;
    /// Raises an exception or panics, in a coroutine.
    async fn fail_later(&self, message: &str) -> i64;
    /// Calls the caller's `add` with `number` and 1 on the socket that received the request, and
    /// returns the result.
    async fn call_back(&self, cx: &Context, number: i64) -> i64;
}

/// The Rust side of the contract.
#[derive(Clone, Copy, Debug)]
pub struct RustPeer;

impl Peer for RustPeer {
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn add_later(&self, a: i64, b: i64) -> i64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        a + b
    }

    fn size(&self, data: &[u8]) -> usize {
        data.len()
    }

    fn blob(&self, size: usize) -> Vec<u8> {
        blob(size)
    }

    fn sender(&self, cx: &Context) -> (String, u16) {
        (cx.sender().ip().to_string(), cx.sender().port())
    }

    fn fail(&self, message: &str) -> i64 {
        panic!("{message}")
    }

    async fn fail_later(&self, message: &str) -> i64 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        panic!("{message}")
    }

    async fn call_back(&self, cx: &Context, number: i64) -> i64 {
        PeerClient::new(cx, cx.sender()).add(number, 1).await.expect("the caller responds")
    }
}

/// Returns `size` bytes: the alphabet, repeated, as in `python/peer.py`.
#[must_use]
pub fn blob(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}
