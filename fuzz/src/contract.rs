//! A contract with a method for each kind of argument. Each method returns its arguments unchanged.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rpcudp::{Service as _, rpc_service};
use rpcudp_core::codec;
use serde::{Deserialize, Serialize};

#[rpc_service]
pub(crate) trait Echo {
    fn text(&self, text: &str) -> (String,);
    fn bytes(&self, bytes: &[u8]) -> (Vec<u8>,);
    fn buffers(&self, buffer: Vec<u8>, array: [u8; 4], cow: Cow<'_, str>, chars: Vec<char>) -> Buffers;
    fn unsigned(&self, a: u8, b: u16, c: u32, d: u64, e: usize) -> (u8, u16, u32, u64, usize);
    fn signed(&self, a: i8, b: i16, c: i32, d: i64) -> (i8, i16, i32, i64);
    fn wide(&self, unsigned: u128, signed: i128) -> (u128, i128);
    fn floats(&self, single: f32, double: f64) -> (f32, f64);
    fn small(&self, flag: bool, letter: char, nothing: (), unit: Unit, newtype: Newtype) -> Small;
    fn options(&self, first: Option<u8>, second: Option<Vec<Option<String>>>, third: Option<()>) -> Options;
    fn maps(&self, map: BTreeMap<String, Vec<u8>>, keys: BTreeMap<i64, BTreeSet<u8>>, wide: BTreeMap<u128, ()>)
    -> Maps;
    fn by_reference(&self, point: &Point, words: &[String]) -> (Point, Vec<String>);
    fn borrowed(&self, rumour: Rumour<'_>) -> (OwnedRumour,);
    async fn borrowed_async(&self, rumour: Rumour<'_>, key: &[u8]) -> (OwnedRumour, Vec<u8>);
    fn nested(&self, tree: Tree) -> (Tree,);
    fn any(&self, any: Any) -> (Any,);
    fn tagged(&self, internally: Internally, adjacently: Adjacently) -> (Internally, Adjacently);
    fn flat(&self, flat: Flat) -> (Flat,);
    fn no_arguments(&self);
}

type Buffers = (Vec<u8>, [u8; 4], String, Vec<char>);
type Small = (bool, char, (), Unit, Newtype);
type Options = (Option<u8>, Option<Vec<Option<String>>>, Option<()>);
type Maps = (BTreeMap<String, Vec<u8>>, BTreeMap<i64, BTreeSet<u8>>, BTreeMap<u128, ()>);

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Unit;

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Newtype(u64);

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Point {
    x: i32,
    #[serde(default)]
    y: f64,
    name: Option<String>,
}

/// An argument that borrows from the datagram.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Rumour<'a> {
    about: &'a str,
    #[serde(borrow)]
    proof: Option<&'a [u8]>,
    #[serde(borrow)]
    told_by: Vec<Cow<'a, str>>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct OwnedRumour {
    about: String,
    proof: Option<Vec<u8>>,
    told_by: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) enum Tree {
    Leaf,
    Boxed(Box<Self>),
    Branch(Vec<Self>),
    Pair(Box<Self>, u16),
    Named { name: String, inner: Box<Self> },
}

/// Any value that a dynamic language sends.
///
/// No variant is a special case of a later one. Otherwise a value that an earlier variant refuses
/// for some detail, for example a duplicate key, would be returned by the later one without that
/// detail, and would then decode as the earlier.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(crate) enum Any {
    Nil(()),
    Flag(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind")]
pub(crate) enum Internally {
    Empty,
    Bytes { bytes: Vec<u8> },
    Nested { inner: Box<Self>, count: Option<u32> },
    Point(Point),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", content = "value")]
pub(crate) enum Adjacently {
    Empty,
    Bytes(Vec<u8>),
    Pair(u8, Box<Self>),
    Any(Any),
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Flat {
    id: u64,
    #[serde(flatten)]
    point: Point,
    #[serde(flatten)]
    rest: BTreeMap<String, Any>,
}

impl From<Rumour<'_>> for OwnedRumour {
    fn from(Rumour { about, proof, told_by }: Rumour<'_>) -> Self {
        let told_by = told_by.into_iter().map(Cow::into_owned).collect();
        Self { about: about.into(), proof: proof.map(Into::into), told_by }
    }
}

/// The service of the contract.
pub(crate) struct Service;

impl Echo for Service {
    fn text(&self, text: &str) -> (String,) {
        (text.into(),)
    }
    fn bytes(&self, bytes: &[u8]) -> (Vec<u8>,) {
        (bytes.into(),)
    }
    fn buffers(&self, buffer: Vec<u8>, array: [u8; 4], cow: Cow<'_, str>, chars: Vec<char>) -> Buffers {
        (buffer, array, cow.into_owned(), chars)
    }
    fn unsigned(&self, a: u8, b: u16, c: u32, d: u64, e: usize) -> (u8, u16, u32, u64, usize) {
        (a, b, c, d, e)
    }
    fn signed(&self, a: i8, b: i16, c: i32, d: i64) -> (i8, i16, i32, i64) {
        (a, b, c, d)
    }
    fn wide(&self, unsigned: u128, signed: i128) -> (u128, i128) {
        (unsigned, signed)
    }
    fn floats(&self, single: f32, double: f64) -> (f32, f64) {
        (single, double)
    }
    fn small(&self, flag: bool, letter: char, nothing: (), unit: Unit, newtype: Newtype) -> Small {
        (flag, letter, nothing, unit, newtype)
    }
    fn options(&self, first: Option<u8>, second: Option<Vec<Option<String>>>, third: Option<()>) -> Options {
        (first, second, third)
    }
    fn maps(
        &self,
        map: BTreeMap<String, Vec<u8>>,
        keys: BTreeMap<i64, BTreeSet<u8>>,
        wide: BTreeMap<u128, ()>,
    ) -> Maps {
        (map, keys, wide)
    }
    fn by_reference(&self, point: &Point, words: &[String]) -> (Point, Vec<String>) {
        (point.clone(), words.into())
    }
    fn borrowed(&self, rumour: Rumour<'_>) -> (OwnedRumour,) {
        (rumour.into(),)
    }
    async fn borrowed_async(&self, rumour: Rumour<'_>, key: &[u8]) -> (OwnedRumour, Vec<u8>) {
        tokio::task::yield_now().await;
        (rumour.into(), key.into())
    }
    fn nested(&self, tree: Tree) -> (Tree,) {
        (tree,)
    }
    fn any(&self, any: Any) -> (Any,) {
        (any,)
    }
    fn tagged(&self, internally: Internally, adjacently: Adjacently) -> (Internally, Adjacently) {
        (internally, adjacently)
    }
    fn flat(&self, flat: Flat) -> (Flat,) {
        (flat,)
    }
    fn no_arguments(&self) {}
}

/// Returns the names of the methods in their order, and the index of the method that accepts any
/// value.
pub(crate) fn methods() -> (Vec<&'static str>, u8) {
    let methods = EchoServer::<Service>::CONTRACT.methods.iter().map(|method| &*method.name);
    let methods: Vec<_> = methods.collect();
    let any = methods.iter().position(|method| *method == "any").expect("the contract has the method `any`");
    (methods, any as u8)
}

/// Returns valid arguments for a method.
pub(crate) fn samples(method: &str) -> Vec<Vec<u8>> {
    let point = Point { x: -7, y: 0.5, name: Some("here".into()) };
    let rumour = Rumour { about: "it", proof: Some(b"\x00\xff"), told_by: vec!["her".into(), "him".into()] };
    let leaf = || Box::new(Tree::Leaf);
    let branch = vec![Tree::Leaf, Tree::Pair(leaf(), 300), Tree::Named { name: "n".into(), inner: leaf() }];
    let any = || Any::List(vec![Any::Nil(()), Any::Signed(-1), Any::Text("t".into()), Any::Bytes(vec![1, 2])]);
    let map = || Any::Map([("key".into(), any()), ("flag".into(), Any::Flag(true))].into());
    match method {
        "text" => vec![encoded(("Snake Plissken",))],
        "bytes" => vec![encoded((vec![0_u8, 255],))],
        "buffers" => vec![encoded((vec![1_u8], [1_u8, 2, 3, 4], "cow", vec!['a', 'ß']))],
        "unsigned" => vec![encoded((u8::MAX, u16::MAX, u32::MAX, u64::MAX, 0_usize))],
        "signed" => vec![encoded((i8::MIN, i16::MIN, i32::MIN, i64::MIN))],
        "wide" => vec![encoded((u128::MAX, i128::MIN)), encoded((7_u128, -7_i128))],
        "floats" => vec![encoded((1.5_f32, f64::NAN))],
        "small" => vec![encoded((true, 'x', (), Unit, Newtype(7)))],
        "options" => vec![encoded((Some(1_u8), Some(vec![Some("a"), None]), None::<()>)), encoded((None::<u8>,))],
        "maps" => {
            let keys = BTreeMap::from([(-1_i64, BTreeSet::from([1_u8, 2]))]);
            vec![encoded((BTreeMap::from([("k", vec![0_u8])]), keys, BTreeMap::from([(u128::MAX, ())])))]
        }
        "by_reference" => vec![encoded((point, ["a", "b"]))],
        "borrowed" => vec![encoded((rumour,))],
        "borrowed_async" => vec![encoded((rumour, vec![7_u8; 20]))],
        "nested" => vec![encoded((Tree::Boxed(Box::new(Tree::Branch(branch))),))],
        "any" => vec![encoded((any(),)), encoded((map(),)), encoded((point,))],
        "tagged" => vec![
            encoded((Internally::Empty, Adjacently::Empty)),
            encoded((Internally::Point(point), Adjacently::Pair(1, Box::new(Adjacently::Any(map()))))),
            encoded((Internally::Bytes { bytes: vec![1, 2] }, Adjacently::Bytes(vec![3]))),
            encoded((Internally::Nested { inner: Box::new(Internally::Empty), count: None }, Adjacently::Empty)),
        ],
        "flat" => vec![encoded((Flat { id: 1, point, rest: [("more".into(), any())].into() },))],
        "no_arguments" => vec![vec![0x90]],
        other => panic!("no sample for `{other}`"),
    }
}

/// Encodes arguments as in a request.
pub(crate) fn encoded<T: Serialize>(arguments: T) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(&mut bytes, &arguments).expect("valid arguments can be encoded");
    bytes
}
