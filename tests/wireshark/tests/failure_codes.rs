//! The dissector's table of failure codes is the list in `rpcudp-core`.

use rpcudp_core::FailureCode;

/// The codes of `rpcudp-core` with the texts that the dissector shows for them.
const EXPECTED: [(FailureCode, &str); 10] = [
    (FailureCode::APPLICATION, "the method returned an error"),
    (FailureCode::UNKNOWN_METHOD, "unknown method"),
    (FailureCode::MALFORMED_ARGUMENTS, "malformed arguments"),
    (FailureCode::BUSY, "busy"),
    (FailureCode::PANICKED, "the handler panicked"),
    (FailureCode::RESPONSE_TOO_LARGE, "the response is too large"),
    (FailureCode::RESPONSE_UNENCODABLE, "the response could not be encoded"),
    (FailureCode::CLOSING, "closing"),
    (FailureCode::STOPPED, "stopped"),
    (FailureCode::REJECTED, "rejected"),
];

/// Returns the rows of the dissector's table: `[code] = "text",`.
fn table() -> Vec<(u8, &'static str)> {
    let dissector = include_str!("../../../docs/wireshark/rpcudp.lua");
    let (_, table) = dissector.split_once("local FAILURE_NAMES = {\n").expect("the dissector has the table");
    let (rows, _) = table.split_once("\n}").expect("the table ends");
    let rows = rows.lines().map(|row| {
        let row = row.trim().strip_prefix('[').and_then(|row| row.strip_suffix("\","));
        let (code, text) = row.and_then(|row| row.split_once("] = \"")).expect("a row is a code and a text");
        (code.parse().expect("a code is a number"), text)
    });
    rows.collect()
}

#[test]
fn the_table_has_the_codes_of_core_in_order() {
    assert_eq!(table(), EXPECTED.map(|(code, text)| (code.number(), text)));
}

#[test]
fn the_table_has_every_code_of_core() {
    // The `Debug` text of a code that core does not define contains its number.
    let is_defined = |code: &u8| !format!("{:?}", FailureCode::new(*code)).contains(char::is_numeric);
    let defined: Vec<_> = (0..=u8::MAX).filter(is_defined).collect();
    assert_eq!(table().iter().map(|(code, _)| *code).collect::<Vec<_>>(), defined);
}
