//! The types of the matrix, with a sample or several of each.

use std::borrow::Cow;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use std::ops::Bound;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rpcudp_core::value::{Ext, Timestamp, Value};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use smallvec::SmallVec;

use crate::Matrix;
use crate::places::{External, Field, Newtype, Untagged};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Integers {
    a: u8,
    b: i8,
    c: u16,
    d: i16,
    e: u32,
    f: i32,
    g: u64,
    h: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Colour {
    Red,
    #[serde(rename = "bright green")]
    Green,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Key {
    a: u8,
    b: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[derive(Default)]
struct Options {
    max_len: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    #[serde(with = "serde_bytes")]
    raw: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum TextOrBytes {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum IntsOrBytes {
    Ints(Vec<u32>),
    Bytes(ByteBuf),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        if value.is_multiple_of(2) { Ok(Self(value)) } else { Err("odd".into()) }
    }
}

impl From<Even> for u8 {
    fn from(Even(value): Even) -> Self {
        value
    }
}

bitflags::bitflags! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Flags: u32 {
        const READ = 1;
        const WRITE = 2;
    }
}

pub(crate) fn add_all(matrix: &mut Matrix) {
    add_scalars(matrix);
    add_text_and_bytes(matrix);
    add_human_readable(matrix);
    add_collections(matrix);
    add_derived(matrix);
    add_dynamic(matrix);
}

fn add_scalars(matrix: &mut Matrix) {
    let integers =
        Integers { a: 200, b: i8::MIN, c: u16::MAX, d: i16::MIN, e: u32::MAX, f: i32::MIN, g: u64::MAX, h: i64::MIN };
    matrix.add("integers", integers);
    matrix.add("f32 and f64", (0.1_f32, [-0.1_f64, 1e300, 3.0]));
    matrix.add("u128", 7_u128);
    matrix.add("u128", u128::MAX);
    matrix.add("i128", -7_i128);
    matrix.add("i128", i128::MAX);
    matrix.add("i128", i128::MIN);
    matrix.add("char", 'x');
    matrix.add("()", ());
    matrix.add("unit struct", Unit);
    matrix.add("Option", Some(5_u8));
    matrix.add("Option", None::<u8>);
    matrix.add("Duration and SystemTime", (Duration::from_millis(1_500), SystemTime::UNIX_EPOCH + Duration::new(1, 2)));
    matrix.add("Bound", Bound::Included(7_u8));
    matrix.add("Result", Ok::<u8, String>(3));
    matrix.add("Result", Err::<u8, String>("failed".into()));
}

fn add_text_and_bytes(matrix: &mut Matrix) {
    matrix.add("String", "Grüße".to_owned());
    matrix.add("String", String::new());
    matrix.add("Cow<str>", Cow::Borrowed("text"));
    matrix.add("PathBuf", PathBuf::from("/tmp/file"));
    for bytes in [&b"abc"[..], b"\xff\x00", b"", &[7; 300]] {
        matrix.add("Vec<u8>", bytes.to_vec());
        matrix.add("ByteBuf", ByteBuf::from(bytes));
        matrix.add("Cow<[u8]>", Cow::<'static, [u8]>::Owned(bytes.to_vec()));
        matrix.add("SmallVec<[u8; 4]>", SmallVec::<[u8; 4]>::from_slice(bytes));
        matrix.add("TextOrBytes", TextOrBytes::Bytes(bytes.to_vec()));
        matrix.add("IntsOrBytes", IntsOrBytes::Bytes(ByteBuf::from(bytes)));
    }
    matrix.add("TextOrBytes", TextOrBytes::Text("abc".into()));
    matrix.add("IntsOrBytes", IntsOrBytes::Ints(vec![1, 2]));
    matrix.add("ByteArray", ByteArray::new([1, 200, 3]));
    matrix.add("[u8; 4]", [1_u8, 2, 3, 200]);
    matrix.add("BTreeSet<u8>", BTreeSet::from([1_u8, 200]));
    matrix.add("(u8, u8)", (1_u8, 200_u8));
}

/// Types that ask whether the format is human-readable.
fn add_human_readable(matrix: &mut Matrix) {
    let (v4, v6) = (Ipv4Addr::LOCALHOST, "2001:db8::1".parse::<Ipv6Addr>().unwrap());
    matrix.add("IpAddr", IpAddr::V4(v4));
    matrix.add("IpAddr", IpAddr::V6(v6));
    matrix.add("SocketAddrV6", SocketAddrV6::new(v6, 80, 0, 3));
    matrix.add("SocketAddr", SocketAddr::from((v4, 80)));
    matrix.add("SocketAddr", SocketAddr::from((v6, 65_535)));
    matrix.add("Uuid", uuid::Uuid::from_u128(0x1234_5678_9abc_def0_1234_5678_9abc_def0));
    matrix.add("IpNet", "10.0.0.0/8".parse::<ipnet::IpNet>().unwrap());
    matrix.add("IpNet", "2001:db8::/32".parse::<ipnet::IpNet>().unwrap());
    matrix.add("bitflags", Flags::READ | Flags::WRITE);
    matrix.add("bitflags", Flags::empty());
    matrix.add("map by IpAddr", BTreeMap::from([(IpAddr::V4(v4), 1_u8)]));
    matrix.add("map by SocketAddr", HashMap::from([(SocketAddr::from((v6, 1)), vec![1_u8])]));
}

fn add_collections(matrix: &mut Matrix) {
    matrix.add("Vec<u32>", vec![1_u32, 70_000]);
    matrix.add("Vec<u32>", Vec::<u32>::new());
    matrix.add("Vec<Vec<u8>>", vec![vec![1_u8], vec![]]);
    matrix.add("SmallVec<[u32; 4]>", SmallVec::<[u32; 4]>::from_slice(&[1, 2]));
    matrix.add("[u16; 32]", [300_u16; 32]);
    matrix.add("[u8; 0]", [0_u8; 0]);
    matrix.add("(i8, String, Vec<u8>)", (-1_i8, "a".to_owned(), vec![1_u8]));
    matrix.add("map by String", BTreeMap::from([("a".to_owned(), 1_u8), ("b".to_owned(), 2)]));
    matrix.add("map by u8", BTreeMap::from([(1_u8, "one".to_owned())]));
    matrix.add("map by i64", HashMap::from([(-5_i64, 0.5_f64)]));
    matrix.add("map by char", BTreeMap::from([('c', true)]));
    matrix.add("map by enum", BTreeMap::from([(Colour::Red, 1_u8), (Colour::Green, 2)]));
    matrix.add("map by tuple", BTreeMap::from([((1_u8, "a".to_owned()), 1_u8)]));
    matrix.add("map by struct", BTreeMap::from([(Key { a: 1, b: "b".into() }, 1_u8)]));
    matrix.add("map by ByteBuf", BTreeMap::from([(ByteBuf::from(b"key"), ByteBuf::from(b"value"))]));
}

fn add_derived(matrix: &mut Matrix) {
    matrix.add("newtype of bytes", Newtype(vec![5_u8, 200]));
    matrix.add("struct", Field { first: 1, value: "a".to_owned() });
    matrix.add("struct of struct", Field { first: 1, value: Field { first: 2, value: Some(-1_i64) } });
    matrix.add("struct with attributes", Options { max_len: Some(5), left_out: None, raw: vec![1, 200] });
    matrix.add("struct with attributes", Options { max_len: None, left_out: Some(5), raw: vec![] });
    matrix.add("try_from", Even(4));
    matrix.add("unit variant", Colour::Red);
    matrix.add("newtype variant", External::Newtype(5_u8));
    matrix.add("tuple variant", External::Tuple(1, 5_u8));
    matrix.add("struct variant", External::Struct { value: 5_u8 });
    matrix.add("untagged", Untagged::Value(5_u8));
    for scalar in [Scalar::Bool(true), Scalar::Int(-5), Scalar::Float(0.5), Scalar::Text("a".into())] {
        matrix.add("untagged scalar", scalar);
    }
}

fn add_dynamic(matrix: &mut Matrix) {
    matrix.add("serde_json::Value", serde_json::json!({ "a": [1, -1, 0.5, null, true, "text", {}] }));
    matrix.add("rmpv::Value", rmpv::Value::Map(vec![(1.into(), rmpv::Value::Nil), ("a".into(), (-1).into())]));
    for bytes in [&b"abc"[..], b"\xff", b""] {
        matrix.add("rmpv::Value of bytes", rmpv::Value::from(bytes));
        matrix.add("rmpv::Value of bytes", rmpv::Value::Array(vec![rmpv::Value::from(bytes), 5.into()]));
        matrix.add("Value of bytes", Value::from(bytes));
    }
    matrix.add("rmpv::Value::Ext", rmpv::Value::Ext(5, vec![1, 2]));
    matrix.add("rmpv::Value::Ext", rmpv::Value::Array(vec![rmpv::Value::Ext(-1, vec![0; 4])]));
    matrix
        .add("Value", Value::from(vec![Value::Nil, true.into(), (-5).into(), u64::MAX.into(), 0.5.into(), "a".into()]));
    matrix.add("Value", Value::from_iter([(1, Value::from("one")), (2, Value::from_iter([("a", 1)]))]));
    matrix.add("Ext", Ext::new(5, b"abc"));
    matrix.add("Ext", Ext::new(-128, b""));
    matrix.add("Timestamp", Timestamp::new(1, 0).unwrap());
    matrix.add("Timestamp", Timestamp::new(-1, 5).unwrap());
}
