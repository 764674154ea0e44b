//! Lists, dicts, structs and enums.

use std::collections::BTreeMap;

use rpcudp::CallError;
use rpcudp_interop::{Exchange, Venv};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

rpcudp_interop::for_each_peer!(
    tuples_and_vectors_are_lists,
    lists_nest_up_to_the_depth_limit,
    maps_are_dicts,
    structs_are_dicts_by_field_name,
    structs_are_read_from_lists_too,
    structs_are_read_from_dicts_with_other_keys,
    untagged_enums_are_their_content,
    tagged_enums_are_names_or_dicts,
);

async fn tuples_and_vectors_are_lists(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let pair = (String::from("127.0.0.1"), 4_567_u16);
    exchange.assert_round_trip(pair.clone(), "('127.0.0.1', 4567)", "list [str '127.0.0.1', int 4567]").await;
    exchange.assert_round_trip(pair, "['127.0.0.1', 4567]", "list [str '127.0.0.1', int 4567]").await;
    exchange.assert_round_trip(Vec::<i32>::new(), "[]", "list []").await;
    exchange.assert_round_trip(Vec::<i32>::new(), "()", "list []").await;
    exchange.assert_round_trip([true, false], "[True, False]", "list [bool True, bool False]").await;
    let nested = vec![vec![String::from("a")], vec![]];
    exchange.assert_round_trip(nested, "[['a'], []]", "list [list [str 'a'], list []]").await;
    // The lengths at which the msgpack format changes.
    for len in [15, 16, 1_000] {
        let list: Vec<i64> = (0..len).collect();
        let ints: Vec<_> = list.iter().map(|number| format!("int {number}")).collect();
        exchange.assert_round_trip(list.clone(), &format!("{list:?}"), &format!("list [{}]", ints.join(", "))).await;
    }
}

/// The depth limit of lists and dicts in a body. The request itself uses two levels.
const MAX_DEPTH: usize = 32;

/// A list that contains lists of the same type.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Nested(Vec<Self>);

async fn lists_nest_up_to_the_depth_limit(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let deepest = MAX_DEPTH - 2;
    let nested = |depth| (1..depth).fold(Nested(vec![]), |inner, _| Nested(vec![inner]));
    let enclosed = |open: &str| open.repeat(deepest) + &"]".repeat(deepest);
    exchange.assert_round_trip(nested(deepest), &enclosed("["), &enclosed("list [")).await;

    let error = exchange.describe(&nested(deepest + 1)).await.unwrap_err();
    assert!(matches!(error, CallError::Encode { argument: 1, .. }), "{error}");
}

async fn maps_are_dicts(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(BTreeMap::<String, i32>::new(), "{}", "dict {}").await;
    let texts = BTreeMap::from([("a".to_owned(), -1), ("b".to_owned(), 2)]);
    exchange.assert_round_trip(texts, "{'a': -1, 'b': 2}", "dict {str 'a': int -1, str 'b': int 2}").await;
    let numbers = BTreeMap::from([(-1, "m".to_owned()), (1_000, "k".to_owned())]);
    exchange.assert_round_trip(numbers, "{-1: 'm', 1000: 'k'}", "dict {int -1: str 'm', int 1000: str 'k'}").await;
    for len in [15, 16] {
        let map: BTreeMap<u32, u32> = (0..len).map(|number| (number, number)).collect();
        let pairs: Vec<_> = (0..len).map(|number| format!("int {number}: int {number}")).collect();
        exchange.assert_round_trip(map.clone(), &format!("{map:?}"), &format!("dict {{{}}}", pairs.join(", "))).await;
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: Option<i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Path {
    name: String,
    points: Vec<Point>,
}

async fn structs_are_dicts_by_field_name(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let described = "dict {str 'x': int -1, str 'y': int 2}";
    exchange.assert_round_trip(Point { x: -1, y: Some(2) }, "{'x': -1, 'y': 2}", described).await;
    exchange
        .assert_round_trip(Point { x: 1, y: None }, "{'x': 1, 'y': None}", "dict {str 'x': int 1, str 'y': None}")
        .await;
    let path = Path { name: "p".into(), points: vec![Point { x: -1, y: Some(2) }] };
    let literal = "{'points': [{'y': 2, 'x': -1}], 'name': 'p'}";
    let description = format!("dict {{str 'name': str 'p', str 'points': list [{described}]}}");
    exchange.assert_round_trip(path, literal, &description).await;
}

async fn structs_are_read_from_lists_too(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let described = "dict {str 'x': int 1, str 'y': int 2}";
    exchange.assert_round_trip(Point { x: 1, y: Some(2) }, "[1, 2]", described).await;
    exchange.assert_round_trip(Point { x: 1, y: Some(2) }, "(1, 2)", described).await;
    let path = Path { name: "p".into(), points: vec![Point { x: 1, y: Some(2) }] };
    let description = format!("dict {{str 'name': str 'p', str 'points': list [{described}]}}");
    exchange.assert_round_trip(path, "['p', [[1, 2]]]", &description).await;
}

async fn structs_are_read_from_dicts_with_other_keys(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let described = "dict {str 'x': int 1, str 'y': None}";
    let point = Point { x: 1, y: None };
    exchange.assert_round_trip(point.clone(), "{'x': 1}", described).await;
    exchange.assert_round_trip(point, "{'colour': [b'red', {}], 'x': 1, 'y': None, 'z': 3}", described).await;
}

/// The result of `find_value` of Python's `kademlia`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Found {
    Value { value: Value },
    Nodes(Vec<(ByteArray<20>, String, u16)>),
}

/// The values that Python's `kademlia` stores.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
    Text(String),
}

async fn untagged_enums_are_their_content(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(Value::Bool(true), "True", "bool True").await;
    exchange.assert_round_trip(Value::Int(-5), "-5", "int -5").await;
    exchange.assert_round_trip(Value::Float(-0.0), "-0.0", "float -0.0").await;
    exchange.assert_round_trip(Value::Text("5".into()), "'5'", "str '5'").await;
    exchange.assert_round_trip(Value::Bytes(b"5".into()), "b'5'", "bytes b'5'").await;
    exchange.assert_round_trip(Value::Bytes(vec![]), "b''", "bytes b''").await;

    let found = Found::Value { value: Value::Bytes(b"v".into()) };
    exchange.assert_round_trip(found, "{'value': b'v'}", "dict {str 'value': bytes b'v'}").await;
    let found = Found::Nodes(vec![(ByteArray::new([b'n'; 20]), "10.0.0.1".into(), 8_468)]);
    let id = format!("b'{}'", "n".repeat(20));
    let description = format!("list [list [bytes {id}, str '10.0.0.1', int 8468]]");
    exchange.assert_round_trip(found, &format!("[({id}, '10.0.0.1', 8468)]"), &description).await;
    exchange.assert_round_trip(Found::Nodes(vec![]), "[]", "list []").await;
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(u32),
    Line(i8, i8),
    Rectangle { width: u8 },
}

async fn tagged_enums_are_names_or_dicts(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(Shape::Dot, "'Dot'", "str 'Dot'").await;
    exchange.assert_round_trip(Shape::Circle(3), "{'Circle': 3}", "dict {str 'Circle': int 3}").await;
    let description = "dict {str 'Line': list [int -1, int 1]}";
    exchange.assert_round_trip(Shape::Line(-1, 1), "{'Line': (-1, 1)}", description).await;
    let description = "dict {str 'Rectangle': dict {str 'width': int 2}}";
    exchange.assert_round_trip(Shape::Rectangle { width: 2 }, "{'Rectangle': {'width': 2}}", description).await;
}
