//! Text, numbers, booleans and `None`.

use std::net::SocketAddr;

use rpcudp::value::{Timestamp, Value};
use rpcudp_interop::{Exchange, Venv};

rpcudp_interop::for_each_peer!(
    text_is_str_of_any_script_and_length,
    unsigned_integers_of_every_size_round_trip,
    signed_integers_of_every_size_round_trip,
    floats_of_64_bits_round_trip_exactly,
    floats_of_32_bits_are_widened_and_narrowed,
    a_float_is_read_from_an_int,
    none_and_bools_round_trip,
    options_are_none_or_the_value,
    addresses_are_str,
    a_datetime_is_a_timestamp,
);

async fn text_is_str_of_any_script_and_length(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(String::new(), "''", "str ''").await;
    let text = "h\u{e9}llo \u{4e16}\u{754c} \u{1f600}";
    exchange.assert_round_trip(text.to_owned(), &format!("'{text}'"), &format!("str '{text}'")).await;
    exchange.assert_round_trip('\u{1f600}', "'\u{1f600}'", "str '\u{1f600}'").await;
    // The lengths at which the msgpack format changes.
    for len in [31, 32, 255, 256, 4_000] {
        let literal = format!("'{}'", "x".repeat(len));
        exchange.assert_round_trip("x".repeat(len), &literal, &format!("str {literal}")).await;
    }
}

/// The values at which the msgpack format changes, and the values before them.
const UNSIGNED: [u64; 13] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x100,
    0xffff,
    0x1_0000,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    i64::MAX as u64 + 1,
    u64::MAX,
];

const SIGNED: [i64; 14] = [
    -1,
    -0x20,
    -0x21,
    -0x80,
    -0x81,
    -0x8000,
    -0x8001,
    i32::MIN as i64,
    i32::MIN as i64 - 1,
    i64::MIN,
    0,
    0x7f,
    0x80,
    i64::MAX,
];

async fn unsigned_integers_of_every_size_round_trip(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    for value in UNSIGNED {
        exchange.assert_round_trip(value, &value.to_string(), &format!("int {value}")).await;
    }
    exchange.assert_round_trip(u8::MAX, "255", "int 255").await;
    exchange.assert_round_trip(u16::MAX, "65535", "int 65535").await;
    exchange.assert_round_trip(u32::MAX, "4294967295", "int 4294967295").await;
}

async fn signed_integers_of_every_size_round_trip(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    for value in SIGNED {
        exchange.assert_round_trip(value, &value.to_string(), &format!("int {value}")).await;
    }
    exchange.assert_round_trip(i8::MIN, "-128", "int -128").await;
    exchange.assert_round_trip(i16::MIN, "-32768", "int -32768").await;
    exchange.assert_round_trip(i32::MIN, "-2147483648", "int -2147483648").await;
}

async fn floats_of_64_bits_round_trip_exactly(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(0.0_f64, "0.0", "float 0.0").await;
    exchange.assert_round_trip(-0.0_f64, "-0.0", "float -0.0").await;
    exchange.assert_round_trip(0.1_f64, "0.1", "float 0.1").await;
    exchange.assert_round_trip(f64::MAX, "1.7976931348623157e308", "float 1.7976931348623157e+308").await;
    exchange.assert_round_trip(5e-324_f64, "5e-324", "float 5e-324").await;
    // A Python literal that is too large is infinity.
    exchange.assert_round_trip(f64::INFINITY, "1e999", "float inf").await;
    exchange.assert_round_trip(f64::NEG_INFINITY, "-1e999", "float -inf").await;
    exchange.assert_round_trip(f64::NAN, "nan", "float nan").await;
}

async fn floats_of_32_bits_are_widened_and_narrowed(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(1.5_f32, "1.5", "float 1.5").await;
    exchange.assert_round_trip(0.1_f32, "0.1", "float 0.10000000149011612").await;
    exchange.assert_round_trip(-0.0_f32, "-0.0", "float -0.0").await;
    exchange.assert_round_trip(f32::MAX, "3.4028234663852886e+38", "float 3.4028234663852886e+38").await;
    exchange.assert_round_trip(f32::INFINITY, "1e999", "float inf").await;
    exchange.assert_round_trip(f32::NAN, "nan", "float nan").await;
}

async fn a_float_is_read_from_an_int(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(1.0_f64, "1", "float 1.0").await;
    exchange.assert_round_trip(-70_000.0_f32, "-70000", "float -70000.0").await;
}

async fn none_and_bools_round_trip(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip((), "None", "None").await;
    exchange.assert_round_trip(true, "True", "bool True").await;
    exchange.assert_round_trip(false, "False", "bool False").await;
}

async fn options_are_none_or_the_value(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    exchange.assert_round_trip(None::<u8>, "None", "None").await;
    exchange.assert_round_trip(Some(0_u8), "0", "int 0").await;
    exchange.assert_round_trip(Some(String::new()), "''", "str ''").await;
    exchange.assert_round_trip(vec![Some(1_i8), None], "[1, None]", "list [int 1, None]").await;
}

async fn addresses_are_str(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    let addr: SocketAddr = "127.0.0.1:80".parse().unwrap();
    exchange.assert_round_trip(addr, "'127.0.0.1:80'", "str '127.0.0.1:80'").await;
    exchange.assert_round_trip(addr.ip(), "'127.0.0.1'", "str '127.0.0.1'").await;
}

/// Python's peer puts the time into a list, together with another value.
async fn a_datetime_is_a_timestamp(venv: &Venv) {
    let exchange = Exchange::start(venv).await;
    for (literal, seconds, nanoseconds) in [
        ("time 2018-01-02T03:04:05+00:00", 1_514_862_245, 0),
        ("time 2018-01-02T03:04:05.678901+00:00", 1_514_862_245, 678_901_000),
        ("time 1969-12-31T23:59:59.500000+00:00", -1, 500_000_000),
        ("time 2600-01-01T00:00:00+00:00", 19_880_899_200, 0),
    ] {
        let time = Timestamp::new(seconds, nanoseconds).unwrap();
        exchange.assert_rust_receives(&(time, 7), literal).await;
        exchange.assert_rust_receives(&Value::from(vec![Value::from(time), 7.into()]), literal).await;
    }
    let time = Timestamp::new(1_514_862_245, 678_901_000).unwrap();
    let described = exchange.describe(&time).await.unwrap();
    assert!(described.starts_with("datetime datetime.datetime(2018, 1, 2, 3, 4, 5, 678901"), "{described}");
}
