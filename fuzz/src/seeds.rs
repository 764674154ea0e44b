//! The initial corpora: the datagrams of the project's vectors, valid arguments, and scripts that
//! reach deep states.

use std::collections::BTreeMap;
use std::time::Duration;

use rpcudp_core::contract::{
    Argument, AssociatedType, Contract, Definition, Delivery, Field, Fields, Method, Shape, Tagging, Variant,
};
use rpcudp_core::description::Description;
use serde_bytes::Bytes;
use serde_json::Value as Json;

use crate::contract::{self, encoded};

/// Returns the seeds of a target, each with its name.
///
/// # Panics
///
/// Panics if no target has this name.
#[must_use]
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "datagram" => datagrams(),
        "extension" => extensions(),
        "description" => descriptions(),
        "arguments" | "layers" => arguments(),
        "kademlia" => kademlia(),
        "command_line" => command_line(),
        "endpoint" => scripts(),
        "links" => handshakes(),
        "link_streams" => streams(),
        "stream_frames" => stream_frames(),
        other => panic!("no target `{other}`"),
    }
}

/// The names of the fuzz targets.
pub const TARGETS: [&str; 11] = [
    "datagram",
    "extension",
    "description",
    "arguments",
    "layers",
    "kademlia",
    "command_line",
    "endpoint",
    "links",
    "link_streams",
    "stream_frames",
];

/// Returns scripts for two tables of links: a handshake with frames in both directions, with loss,
/// with a restart, and with a large frame.
fn handshakes() -> Vec<(String, Vec<u8>)> {
    let deliveries = [1, 0, 0, 0].repeat(6);
    let events = |events: &[[u8; 2]]| events.concat();
    let (small, large) = (events(&[[26, 1]]), events(&[[26, 200]]));
    let (lost, restarted) = (events(&[[16, 0], [17, 0], [22, 255]]), events(&[[29, 9]]));
    let script = |parts: &[&Vec<u8>]| parts.iter().flat_map(|part| part.iter().copied()).collect();
    vec![
        ("small".into(), script(&[&deliveries, &small, &deliveries])),
        ("large".into(), script(&[&deliveries, &large, &deliveries, &deliveries])),
        ("loss".into(), script(&[&lost, &deliveries, &small, &lost, &deliveries])),
        ("restart".into(), script(&[&deliveries, &restarted, &small, &deliveries, &deliveries])),
        ("early".into(), script(&[&small, &large, &deliveries, &deliveries])),
    ]
}

/// Returns scripts for the streams of a hostile peer, of which each event is its kind, and the
/// number of the stream in the lowest three bits.
fn streams() -> Vec<(String, Vec<u8>)> {
    const EXCHANGE: u8 = 0;
    const OPEN: u8 = 3 << 3;
    const WRITE_LEN: u8 = 4 << 3;
    const WRITE_FOUR: u8 = 5 << 3;
    const WRITE_BODY: u8 = 6 << 3;
    const WRITE_BYTE: u8 = 8 << 3;
    const WRITE_REST: u8 = 9 << 3;
    const FINISH: u8 = 10 << 3;
    const RESET: u8 = 11 << 3;
    const SEND_DATAGRAM: u8 = 12 << 3;
    const SEND_TO_PEER: u8 = 13 << 3;
    const READ: u8 = 14 << 3;
    const STOP: u8 = 15 << 3;
    const PASS: u8 = 16 << 3;
    const LOSE: u8 = 17 << 3;
    const WRITE_WHOLE: u8 = 19 << 3;
    let scripts: [(&str, &[[u8; 2]]); 10] = [
        ("whole", &[[WRITE_WHOLE, 1], [WRITE_WHOLE, 250], [EXCHANGE, 0], [WRITE_WHOLE, 0], [WRITE_WHOLE, 255]]),
        (
            "pieces",
            &[[OPEN, 0], [WRITE_LEN, 9], [EXCHANGE, 0], [WRITE_BODY, 4], [EXCHANGE, 0], [WRITE_BODY, 5], [FINISH, 0]],
        ),
        (
            "split-length",
            &[
                [OPEN, 0],
                [WRITE_BYTE, 0],
                [EXCHANGE, 0],
                [WRITE_BYTE, 0],
                [WRITE_BYTE, 1],
                [EXCHANGE, 0],
                [WRITE_BYTE, 0],
                [WRITE_REST, 0],
                [FINISH, 0],
            ],
        ),
        ("too-long", &[[OPEN, 0], [WRITE_FOUR, 255], [EXCHANGE, 0], [WRITE_BODY, 9], [EXCHANGE, 0], [FINISH, 0]]),
        (
            "wrong-length",
            &[
                [OPEN, 0],
                [WRITE_LEN, 3],
                [WRITE_BODY, 9],
                [FINISH, 0],
                [OPEN, 0],
                [WRITE_LEN, 9],
                [WRITE_BODY, 3],
                [FINISH, 1],
            ],
        ),
        ("reset", &[[OPEN, 0], [WRITE_LEN, 99], [WRITE_BODY, 20], [EXCHANGE, 0], [RESET, 0], [EXCHANGE, 0]]),
        (
            "starved",
            &[[OPEN, 0], [WRITE_LEN, 250], [EXCHANGE, 0], [WRITE_WHOLE, 50], [EXCHANGE, 0], [PASS, 255], [EXCHANGE, 0]],
        ),
        ("datagrams", &[[SEND_DATAGRAM, 0], [SEND_DATAGRAM, 200], [EXCHANGE, 0], [LOSE, 0], [SEND_DATAGRAM, 255]]),
        (
            "both-ways",
            &[
                [SEND_TO_PEER, 250],
                [WRITE_WHOLE, 90],
                [EXCHANGE, 0],
                [READ, 0],
                [SEND_TO_PEER, 2],
                [EXCHANGE, 0],
                [READ, 0],
            ],
        ),
        (
            "stopped",
            &[[SEND_TO_PEER, 250], [EXCHANGE, 0], [STOP, 0], [EXCHANGE, 0], [SEND_TO_PEER, 90], [LOSE, 0], [PASS, 90]],
        ),
    ];
    scripts.into_iter().map(|(name, script)| (name.into(), script.concat())).collect()
}

/// Returns the datagrams that Python produced, in both dialects, and the frames that Python does
/// not know.
fn datagrams() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, datagram) in vectors() {
        let mut storj = datagram.clone();
        storj[0] += 2;
        seeds.push((format!("{name}-storj"), storj));
        seeds.push((format!("{name}-remaining"), [&datagram[..], b"\xc1RuT\x01\x04\x00\x00\x13\x88"].concat()));
        seeds.push((name, datagram));
    }
    for (name, body) in [
        ("failure-application", &b"\x93\x00\xa0\x81\xa2by\x1e"[..]),
        ("failure-unknown", b"\x92\x01\xa6nobody"),
        ("failure-size", b"\x93\x05\xa9too large\x92\xcd\x20\x01\xcd\x20\x00"),
    ] {
        seeds.push((name.into(), [b"\x04", &[9; 20][..], body].concat()));
    }
    for (name, kind) in [("cancel", 5), ("running", 6)] {
        seeds.push((name.into(), [&[kind][..], &[9; 20], b"\xc0"].concat()));
    }
    seeds
}

/// Returns the bytes of streams, after a byte that decides the chunks that they arrive in.
fn stream_frames() -> Vec<(String, Vec<u8>)> {
    let items = b"\x00\x00\x00\x01\x07\x00\x00\x00\x00\x00\x00\x00\x03abc";
    let ends = [
        ("end", &b"\x80\x00\x00\x00"[..]),
        ("error", b"\x80\x00\x00\x02\xa1x"),
        ("cancelled", b"\xc0\x00\x00\x00"),
        ("too-long", b"\x00\x10\x00\x01"),
        ("incomplete", b"\x00\x00\x01\x00half"),
        ("two-ends", b"\x80\x00\x00\x00\xc0\x00\x00\x00"),
    ];
    ends.map(|(name, end)| (name.into(), [b"\x05", &items[..], end].concat())).into()
}

/// Returns byte strings that may follow a body.
fn extensions() -> Vec<(String, Vec<u8>)> {
    let seeds = [
        ("five-seconds", &b"\xc1RuT\x01\x04\x00\x00\x13\x88"[..]),
        ("nothing-left", b"\xc1RuT\x01\x04\x00\x00\x00\x00"),
        ("more", b"\xc1RuT\x01\x06\x00\x00\x13\x88ab"),
        ("metadata", b"\xc1RuT\x01\x04\x00\x00\x13\x88\x04\x06\x01a\x00\x021!"),
        ("split-metadata", b"\xc1RuT\x04\x02\x01a\x04\x03\x00\x011\x01\x04\x00\x00\x13\x88\x04\x01x"),
        ("another-field", b"\xc1RuT\x02\x04\x00\x00\x13\x88\x01\x04\x00\x00\x13\x88"),
        ("none", b""),
    ];
    seeds.map(|(name, bytes)| (name.into(), bytes.into())).into()
}

/// Returns the pages of two contracts: one that uses every part of a contract, and one with long
/// documentation.
fn descriptions() -> Vec<(String, Vec<u8>)> {
    let method = Method {
        name: "lookup".into(),
        wire_name: "kad.lookup".into(),
        doc: "Finds a value.\n\nOr does not.".into(),
        arguments: vec![Argument { name: "key".into(), ty: "&[u8]".into() }].into(),
        returns: "Result<Option<K>, Missing<'_>>".into(),
        fallible: true,
        timeout: Some(Duration::from_millis(1_500)),
        ..Method::EMPTY
    };
    let field = |name: &'static str| Field { name: name.into(), ty: "Option<K>".into(), ..Field::EMPTY };
    let rest = Field { is_optional: true, is_flattened: true, with: "path".into(), ..field("rest") };
    let named = Fields::Named(vec![field("hit-points"), rest].into());
    let variant = |name: &'static str, fields| Variant { name: name.into(), fields };
    let unnamed = Fields::Unnamed(vec![field("")].into());
    let variants = vec![variant("unit", Fields::Unit), variant("One", unnamed), variant("two", named.clone())];
    let tagging = Tagging::Adjacent("kind".into(), "content".into());
    let definition = |shape| Definition { name: "Type".into(), generics: "K".into(), shape };
    let definitions = [Shape::Struct(named), Shape::Enum(tagging, variants.into())].map(definition);
    let full = Contract {
        name: "Table".into(),
        namespace: "kad.".into(),
        doc: "A table.".into(),
        generics: "K: Ord, const N: usize = 2".into(),
        bounds: vec!["Self::Value: Clone".into()].into(),
        types: vec![AssociatedType { name: "Value".into(), bounds: "Serialize".into() }].into(),
        methods: vec![method.clone(), Method { delivery: Delivery::OneWay, structure: 7, ..method }].into(),
        definitions: definitions.to_vec().into(),
    };
    let long = Contract { doc: "Words, words, words. ".repeat(40).into(), ..full.clone() };
    let seeds = [("full", full, 1_200), ("long", long, 300)].map(|(name, contract, page_len)| {
        let description = Description::new(&[Box::leak(Box::new(contract))], page_len);
        let (mut pages, mut from) = (Vec::new(), 0);
        loop {
            let page = description.page(from);
            if page.parts.is_empty() {
                return (name.into(), encoded(pages));
            }
            from += page.parts.len() as u32;
            pages.push(page);
        }
    });
    seeds.into()
}

/// Returns the index of each method with valid arguments, and Python's arguments for the method
/// that accepts any value.
fn arguments() -> Vec<(String, Vec<u8>)> {
    let (methods, any) = contract::methods();
    let mut seeds = Vec::new();
    for (index, method) in methods.iter().enumerate() {
        for (at, arguments) in contract::samples(method).into_iter().enumerate() {
            seeds.push((format!("{method}-{at}"), [&[index as u8][..], &arguments].concat()));
        }
    }
    for (name, datagram) in vectors() {
        let Ok(rpcudp_core::Frame::Request(request)) = rpcudp_core::Frame::decode(&datagram, Default::default()) else {
            continue;
        };
        let mut seed = vec![any, 0x91, 0xdc];
        seed.extend_from_slice(&(request.arguments.count() as u16).to_be_bytes());
        seed.extend_from_slice(request.arguments.bytes());
        seeds.push((format!("any-{name}"), seed));
    }
    seeds
}

/// Returns the index of each method of a Kademlia node with valid arguments, and responses.
fn kademlia() -> Vec<(String, Vec<u8>)> {
    let (id, short) = (Bytes::new(&[9; 20]), Bytes::new(&[1, 2, 3, 4]));
    let contact = |ip: &str| (id, ip.to_owned(), 8_468);
    let named: Vec<_> = ["10.0.0.1", "2001:db8::1", "fe80::1%eth0", "localhost"].map(contact).into();
    let inputs: [(&str, u8, Vec<u8>); 12] = [
        ("stun", 0, vec![0x90]),
        ("ping", 1, encoded((id,))),
        ("ping-short", 1, encoded((short,))),
        ("store", 2, encoded((id, id, "value"))),
        ("store-list", 2, encoded((id, id, ("a", 1)))),
        ("store-nil", 2, encoded((id, short, ()))),
        ("find-node", 3, encoded((id, id))),
        ("find-value", 4, encoded((id, short))),
        ("contacts", 0, encoded(&named)),
        ("value", 0, encoded(BTreeMap::from([("value", 7)]))),
        ("observed", 0, encoded(("10.0.0.1", 7))),
        ("python-2", 0, encoded(((id, Bytes::new(b"10.0.0.1"), 7),))),
    ];
    inputs.map(|(name, method, bytes)| (name.into(), [&[method][..], &bytes].concat())).into()
}

/// Returns words of the command line, and values from the network.
fn command_line() -> Vec<(String, Vec<u8>)> {
    let words = [
        r#"{"a": [1, -2.5, null, true], "hex:00ff": "hex:", "json:7": "str:hex:"}"#,
        r#"{"map:": [[[1], {"b": "float:nan"}], ["float:-inf", 18446744073709551615]]}"#,
        "hex:00ff",
        "-0.0",
        "1e300",
        r#""\u2028\u001b[2J\ud83d\ude00""#,
    ];
    let words = words.iter().enumerate().map(|(index, word)| (format!("word-{index}"), word.as_bytes().to_vec()));
    let values = vectors().into_iter().map(|(name, datagram)| (name, datagram[21.min(datagram.len())..].to_vec()));
    words.chain(values).collect()
}

/// Returns scripts of `tests/behaviour/model`. Each step is a byte, followed by its numbers.
fn scripts() -> Vec<(String, Vec<u8>)> {
    const CALL: u8 = 0;
    const DROP_CALL: u8 = 3;
    const DELIVER: u8 = 4;
    const DUPLICATE: u8 = 7;
    const LOSE: u8 = 8;
    const RETURN_UNREACHABLE: u8 = 9;
    const CHANGE: u8 = 10;
    const FORGE: u8 = 11;
    const WAIT: u8 = 13;
    const SPECIAL: u8 = 15;
    const CLOSE: u8 = 0;
    const RESTART: u8 = 1;
    const ALL: u8 = 4;
    const CLOSE_SERVER: u8 = 12;
    const CHANGE_ADDRESS: u8 = 14;
    let scripts: [(&str, Vec<u8>); 11] = [
        ("responses", [[CALL, 2, 3].repeat(5), vec![SPECIAL, ALL, SPECIAL, ALL]].concat()),
        (
            "each-method",
            [(0..7).flat_map(|method| [CALL, method, 2]).collect(), vec![SPECIAL, ALL, WAIT, 9, SPECIAL, ALL]].concat(),
        ),
        ("duplicates", vec![CALL, 2, 3, DUPLICATE, 0, DUPLICATE, 0, DELIVER, 0, DUPLICATE, 0, DELIVER, 1, DELIVER, 0]),
        ("retransmitted", vec![CALL, 2, 3, LOSE, 0, WAIT, 60, WAIT, 90, SPECIAL, ALL, SPECIAL, ALL]),
        ("busy", [[CALL, 3, 3].repeat(4), vec![SPECIAL, ALL, WAIT, 20, SPECIAL, ALL]].concat()),
        ("unreachable", vec![CALL, 0, 3, CALL, 1, 3, RETURN_UNREACHABLE, 0, SPECIAL, ALL, RETURN_UNREACHABLE, 0]),
        ("dropped", vec![CALL, 1, 3, DROP_CALL, 0, SPECIAL, ALL, SPECIAL, ALL]),
        ("changed", vec![CALL, 2, 3, CHANGE, 0, 0, 30, 7, FORGE, 0, DELIVER, 0, CHANGE, 0, 1, 1, 1, 22, 0]),
        (
            "restarted",
            vec![CALL, 2, 3, DUPLICATE, 0, SPECIAL, RESTART, DELIVER, 0, SPECIAL, ALL, CALL, 4, 3, SPECIAL, CLOSE],
        ),
        (
            "server-closing",
            vec![
                CALL,
                3,
                3,
                DUPLICATE,
                0,
                SPECIAL,
                CLOSE_SERVER,
                9,
                DELIVER,
                0,
                CALL,
                2,
                3,
                SPECIAL,
                ALL,
                SPECIAL,
                ALL,
            ],
        ),
        ("address-changed", vec![CALL, 2, 3, DUPLICATE, 0, SPECIAL, CHANGE_ADDRESS, DELIVER, 0, SPECIAL, ALL]),
    ];
    scripts.into_iter().map(|(name, script)| (name.into(), script)).collect()
}

/// Returns the datagrams of the vectors.
fn vectors() -> Vec<(String, Vec<u8>)> {
    let file = include_str!("../../rpcudp-core/tests/vectors/rpcudp.json");
    let file: Json = serde_json::from_str(file).expect("the vectors are JSON");
    let rows = file["rows"].as_array().expect("a list of rows").iter().enumerate();
    let datagrams = rows.filter_map(|(index, row)| {
        let digits = row["hex"].as_str()?;
        let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
        Some((format!("vector-{index}"), bytes.collect::<Result<_, _>>().expect("hexadecimal digits")))
    });
    datagrams.collect()
}
