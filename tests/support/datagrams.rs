//! Datagrams as bytes: encoded, sent and received without an endpoint.

use std::future::poll_fn;
use std::net::SocketAddr;

use rpcudp::sim::Node;
use rpcudp::transport::{Datagram, ReceiveBatch, Transport};
use rpcudp_core::{Dialect, MessageId, Request, codec};
use serde::Serialize;
use tokio::time::timeout;

use super::ms;

/// A value that can be an argument of a request, so that arguments of several types fit one list.
pub(crate) trait Encode {
    fn encode(&self, datagram: &mut Vec<u8>);
}

impl<T: Serialize> Encode for T {
    fn encode(&self, datagram: &mut Vec<u8>) {
        codec::encode(datagram, self).unwrap();
    }
}

/// Encodes a request as Python's rpcudp sends it, without the extension that carries the caller's
/// timeout.
pub(crate) fn request(id: [u8; MessageId::LEN], method: &str, arguments: &[&dyn Encode]) -> Vec<u8> {
    let mut datagram = Vec::new();
    Request::begin(&mut datagram, Dialect::Rpcudp, method, arguments.len() as u32);
    Request::set_id(&mut datagram, MessageId::from_bytes(id));
    arguments.iter().for_each(|argument| argument.encode(&mut datagram));
    datagram
}

/// Sends a datagram from a node of a simulated network.
pub(crate) fn send(from: &Node, to: SocketAddr, contents: &[u8]) {
    from.try_send(Datagram { destination: to, source: None, contents }).unwrap();
}

/// Returns the contents of the next datagrams that arrive at a node together, or an empty list
/// after 1 ms without any.
pub(crate) async fn receive(node: &Node) -> Vec<Vec<u8>> {
    let mut batch = ReceiveBatch::new();
    match timeout(ms(1), poll_fn(|cx| node.poll_receive(cx, &mut batch))).await {
        Ok(received) => received.unwrap(),
        Err(_) => return Vec::new(),
    }
    batch.iter().map(|datagram| datagram.contents.to_vec()).collect()
}

/// Decodes hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}
