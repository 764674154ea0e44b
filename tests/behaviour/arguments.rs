//! Every kind of argument that a method can have reaches the handler.

#![allow(clippy::ptr_arg, clippy::too_many_arguments, reason = "the tests cover unusual signatures")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

use crate::support::{TestResult, loopback_pair};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Rumour<'a> {
    topic: &'a str,
    #[serde(borrow)]
    details: Cow<'a, str>,
}

#[rpc_service]
trait Arguments {
    fn nothing(&self);
    fn text(&self, text: &str) -> String;
    fn bytes(&self, bytes: &[u8]) -> Vec<u8>;
    fn points(&self, points: &[Point]) -> i32;
    fn lent(&self, point: &Point) -> i32;
    fn owned(&self, text: String, bytes: Vec<u8>, map: BTreeMap<String, u8>)
    -> (String, Vec<u8>, BTreeMap<String, u8>);
    fn borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String;
    fn named_lifetime<'a>(&self, one: &'a str, other: &'a str) -> bool;
    fn nested(&self, texts: Vec<&str>, pair: (&str, &[u8])) -> usize;
    fn reference_to_reference(&self, text: &&str, list: &Vec<u8>, maybe: &Option<u8>) -> usize;
    fn many(&self, a: u8, b: i8, c: u16, d: i64, e: f32, f: f64, g: bool, h: char, i: [u8; 3], j: ()) -> String;

    async fn later_text(&self, text: &str) -> String;
    async fn later_bytes(&self, bytes: &[u8]) -> Vec<u8>;
    async fn later_points(&self, points: &[Point]) -> i32;
    async fn later_lent(&self, point: &Point) -> i32;
    async fn later_borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String;
    async fn later_nothing(&self);
}

struct Echo;

impl Arguments for Echo {
    fn nothing(&self) {}
    fn text(&self, text: &str) -> String {
        text.into()
    }
    fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        bytes.into()
    }
    fn points(&self, points: &[Point]) -> i32 {
        points.iter().map(|point| point.x * point.y).sum()
    }
    fn lent(&self, point: &Point) -> i32 {
        point.x + point.y
    }
    fn owned(
        &self,
        text: String,
        bytes: Vec<u8>,
        map: BTreeMap<String, u8>,
    ) -> (String, Vec<u8>, BTreeMap<String, u8>) {
        (text, bytes, map)
    }
    fn borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String {
        assert!(matches!(rumour.details, Cow::Borrowed(_)), "the text is borrowed from the datagram");
        format!("{} {} {cow} {maybe:?}", rumour.topic, rumour.details)
    }
    fn named_lifetime<'a>(&self, one: &'a str, other: &'a str) -> bool {
        one == other
    }
    fn nested(&self, texts: Vec<&str>, pair: (&str, &[u8])) -> usize {
        texts.concat().len() + pair.0.len() + pair.1.len()
    }
    fn reference_to_reference(&self, text: &&str, list: &Vec<u8>, maybe: &Option<u8>) -> usize {
        text.len() + list.len() + maybe.iter().count()
    }
    fn many(&self, a: u8, b: i8, c: u16, d: i64, e: f32, f: f64, g: bool, h: char, i: [u8; 3], j: ()) -> String {
        format!("{a} {b} {c} {d} {e} {f} {g} {h} {i:?} {j:?}")
    }
    async fn later_text(&self, text: &str) -> String {
        tokio::task::yield_now().await;
        text.into()
    }
    async fn later_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        tokio::task::yield_now().await;
        bytes.into()
    }
    async fn later_points(&self, points: &[Point]) -> i32 {
        tokio::task::yield_now().await;
        self.points(points)
    }
    async fn later_lent(&self, point: &Point) -> i32 {
        tokio::task::yield_now().await;
        self.lent(point)
    }
    async fn later_borrowing(&self, rumour: Rumour<'_>, cow: Cow<'_, str>, maybe: Option<&str>) -> String {
        tokio::task::yield_now().await;
        self.borrowing(rumour, cow, maybe)
    }
    async fn later_nothing(&self) {}
}

#[tokio::test]
async fn every_kind_of_argument_reaches_the_handler() -> TestResult {
    let (server, caller) = loopback_pair(ArgumentsServer::new(Echo)).await;
    let client = ArgumentsClient::new(&caller, server.local_addr());
    let rumour = || Rumour { topic: "weather", details: Cow::Borrowed("rain") };

    client.nothing().await?;
    assert_eq!(client.text("h\u{e9}llo").await?, "h\u{e9}llo");
    assert_eq!(client.text("").await?, "");
    assert_eq!(client.bytes(b"\x00\xff").await?, b"\x00\xff");
    assert_eq!(client.bytes(b"").await?, b"");
    assert_eq!(client.points(&[Point { x: 2, y: 3 }, Point { x: 4, y: 5 }]).await?, 26);
    assert_eq!(client.lent(&Point { x: 2, y: 3 }).await?, 5);
    let map = BTreeMap::from([("a".to_owned(), 1)]);
    assert_eq!(client.owned("t".into(), vec![7], map.clone()).await?, ("t".into(), vec![7], map));
    assert_eq!(client.borrowing(rumour(), "cow".into(), Some("yes")).await?, "weather rain cow Some(\"yes\")");
    assert!(client.named_lifetime("same", "same").await?);
    assert_eq!(client.nested(vec!["ab", "c"], ("de", b"f")).await?, 6);
    assert_eq!(client.reference_to_reference(&"four", &vec![1, 2], &Some(1)).await?, 7);
    assert_eq!(
        client.many(1, -2, 3, -4, 0.5, -1.25, true, 'x', [7, 8, 9], ()).await?,
        "1 -2 3 -4 0.5 -1.25 true x [7, 8, 9] ()"
    );

    client.later_nothing().await?;
    assert_eq!(client.later_text("later").await?, "later");
    assert_eq!(client.later_bytes(b"\x00\xff").await?, b"\x00\xff");
    assert_eq!(client.later_points(&[Point { x: 2, y: 3 }]).await?, 6);
    assert_eq!(client.later_lent(&Point { x: 2, y: 3 }).await?, 5);
    assert_eq!(client.later_borrowing(rumour(), "cow".into(), None).await?, "weather rain cow None");
    Ok(())
}
