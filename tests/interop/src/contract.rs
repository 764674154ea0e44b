use std::time::Duration;

use rpcudp::{Context, rpc_service};

/// What both a Python peer (`python/peer.py`) and [`RustPeer`] serve.
#[rpc_service]
pub trait Peer {
    /// Adds in an ordinary function.
    fn add(&self, a: i64, b: i64) -> i64;
    /// Adds in a coroutine.
    async fn add_later(&self, a: i64, b: i64) -> i64;
    /// How many bytes it was given.
    fn size(&self, data: &[u8]) -> usize;
    /// So many bytes, of the alphabet.
    fn blob(&self, size: usize) -> Vec<u8>;
    /// Who called, as the handler sees it.
    fn sender(&self, cx: &Context) -> (String, u16);
    /// Raises or panics, in an ordinary function.
    fn fail(&self, message: &str) -> i64;
    /// Raises or panics, in a coroutine.
    async fn fail_later(&self, message: &str) -> i64;
    /// Calls the caller's `add`, on the socket that the request came to, and answers what that answers for `number` and 1.
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
        PeerClient::new(cx, cx.sender()).add(number, 1).await.expect("the caller answers")
    }
}

/// So many bytes that are not all the same: the alphabet, again and again, as in `python/peer.py`.
#[must_use]
pub fn blob(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}
