//! Bytes of every Rust type are `bytes` in Python; other sequences are lists.

use std::collections::BTreeMap;
use std::time::Duration;

use rpcudp::rpc_service;
use rpcudp_interop::{CallOutcome, Exchange, Venv};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};

rpcudp_interop::for_each_peer!(
    vectors_of_bytes_are_bytes_even_when_empty,
    nested_bytes_are_bytes,
    byte_arrays_are_bytes,
    arrays_of_integers_are_read_from_bytes_and_written_as_lists,
    vectors_of_bytes_are_read_from_lists_too,
    borrowed_bytes_and_text_are_bytes_and_str,
    borrowed_bytes_are_not_read_from_a_list,
);

async fn vectors_of_bytes_are_bytes_even_when_empty(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(Vec::<u8>::new(), "b''", "bytes b''").await;
    exchange.assert_round_trip(vec![0_u8, 255], r"b'\x00\xff'", r"bytes b'\x00\xff'").await;
    exchange.assert_round_trip(vec![b'a'], "b'a'", "bytes b'a'").await;
    // The lengths at which the msgpack format changes.
    for len in [255, 256, 4_000] {
        let literal = format!("b'{}'", "z".repeat(len));
        exchange.assert_round_trip(vec![b'z'; len], &literal, &format!("bytes {literal}")).await;
    }
}

async fn nested_bytes_are_bytes(venv: &Venv) {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Block {
        hash: Vec<u8>,
        parents: Vec<Vec<u8>>,
    }

    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(Some(vec![1_u8]), r"b'\x01'", r"bytes b'\x01'").await;
    exchange.assert_round_trip(vec![vec![b'a'], vec![]], "[b'a', b'']", "list [bytes b'a', bytes b'']").await;
    exchange.assert_round_trip(Vec::<Vec<u8>>::new(), "[]", "list []").await;
    let triple = (vec![b'k'], String::from("k"), 7_u16);
    exchange.assert_round_trip(triple, "(b'k', 'k', 7)", "list [bytes b'k', str 'k', int 7]").await;
    let map = BTreeMap::from([(String::from("value"), vec![b'v'])]);
    exchange.assert_round_trip(map, "{'value': b'v'}", "dict {str 'value': bytes b'v'}").await;
    let keyed = BTreeMap::from([(vec![b'k'], 7_u8)]);
    exchange.assert_round_trip(keyed, "{b'k': 7}", "dict {bytes b'k': int 7}").await;
    let block = Block { hash: vec![b'h'], parents: vec![vec![], vec![b'p']] };
    let literal = "{'hash': b'h', 'parents': [b'', b'p']}";
    let description = "dict {str 'hash': bytes b'h', str 'parents': list [bytes b'', bytes b'p']}";
    exchange.assert_round_trip(block, literal, description).await;
}

async fn byte_arrays_are_bytes(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let id = ByteArray::<20>::new(*b"abcdefghijklmnopqrst");
    exchange.assert_round_trip(id, "b'abcdefghijklmnopqrst'", "bytes b'abcdefghijklmnopqrst'").await;
    exchange.assert_round_trip(ByteBuf::from(b"buffer"), "b'buffer'", "bytes b'buffer'").await;
    exchange.assert_round_trip(ByteBuf::new(), "b''", "bytes b''").await;
}

async fn arrays_of_integers_are_read_from_bytes_and_written_as_lists(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let description = "list [int 1, int 2, int 255]";
    exchange.assert_round_trip([1_u8, 2, 255], r"b'\x01\x02\xff'", description).await;
    exchange.assert_round_trip([1_u8, 2, 255], "[1, 2, 255]", description).await;
}

async fn vectors_of_bytes_are_read_from_lists_too(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(vec![1_u8, 2], "[1, 2]", r"bytes b'\x01\x02'").await;
    exchange.assert_round_trip(Vec::<u8>::new(), "[]", "bytes b''").await;
}

#[rpc_service]
trait DescribeBytes {
    fn describe(&self, bytes: &[u8]) -> String;
}

#[rpc_service]
trait DescribeText {
    fn describe(&self, text: &str) -> String;
}

#[rpc_service]
trait Borrows {
    fn joined(&self, bytes: &[u8], text: &str) -> Vec<u8>;
}

struct Joiner;

impl Borrows for Joiner {
    fn joined(&self, bytes: &[u8], text: &str) -> Vec<u8> {
        [bytes, text.as_bytes()].concat()
    }
}

async fn borrowed_bytes_and_text_are_bytes_and_str(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let bytes = DescribeBytesClient::new(exchange.rust(), exchange.python().addr());
    assert_eq!(bytes.describe(b"").await.unwrap(), "bytes b''");
    assert_eq!(bytes.describe(b"\x00a\xff").await.unwrap(), r"bytes b'\x00a\xff'");
    let text = DescribeTextClient::new(exchange.rust(), exchange.python().addr());
    assert_eq!(text.describe("").await.unwrap(), "str ''");
    assert_eq!(text.describe("a").await.unwrap(), "str 'a'");

    let joiner = venv.endpoint().serve(BorrowsServer::new(Joiner)).bind("127.0.0.1:0").await.unwrap();
    for (bytes, text, joined) in [("b''", "''", "b''"), (r"b'\xff'", "'a'", r"b'\xffa'")] {
        let outcome = exchange.python().call(joiner.local_addr(), "joined", &[bytes, text]).await;
        assert_eq!(outcome, CallOutcome::returned(format!("bytes {joined}")));
    }
}

async fn borrowed_bytes_are_not_read_from_a_list(venv: &Venv) {
    let joiner = venv.endpoint().serve(BorrowsServer::new(Joiner)).bind("127.0.0.1:0").await.unwrap();
    let python = venv.launch().wait_timeout(Duration::from_millis(500)).start().await;
    assert_eq!(python.call(joiner.local_addr(), "joined", &["[255]", "'a'"]).await, CallOutcome::TimedOut);
    assert_eq!(joiner.stats().requests.refused, 1);
}
