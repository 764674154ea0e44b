//! The dissector's table of failure codes is the list of refusals in `rpcudp-core`.

use rpcudp_core::{FailureCode, RefusalKind};

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
fn the_table_lists_all_refusals_of_core_in_order() {
    let refusals = RefusalKind::ALL.map(|refusal| (refusal.code(), refusal.message()));
    let application_error = (FailureCode::APPLICATION.number(), "the method returned an error");
    assert_eq!(table(), [&[application_error], &refusals[..]].concat());
}
