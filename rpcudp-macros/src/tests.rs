//! The expansion of the contracts in `tests/expansion`, as formatted text.
//!
//! `greeter.expanded.rs` has the expansion of `greeter.rs`, and so on. To update these files after
//! a change of the generated code, run this command and read the difference:
//!
//! ```text
//! EXPANSION=overwrite cargo test -p rpcudp-macros
//! ```

use std::fs;
use std::path::Path;

use quote::ToTokens;
use syn::{File, ItemTrait, Meta, parse_quote};

use crate::{expand, parse};

#[test]
fn greeter_expands_to_its_file() {
    check_expansion("greeter");
}

#[test]
fn generic_store_expands_to_its_file() {
    check_expansion("store");
}

fn check_expansion(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansion");
    let contract = fs::read_to_string(directory.join(format!("{name}.rs"))).expect("the contract has a file");
    let path = directory.join(format!("{name}.expanded.rs"));
    let expanded = expansion(&contract);
    if std::env::var_os("EXPANSION").is_some_and(|value| value == "overwrite") {
        fs::write(&path, expanded).expect("the file can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expanded == expected,
        "{} is out of date: run `EXPANSION=overwrite cargo test -p rpcudp-macros` and read the difference. The expansion \
         is now:\n{expanded}",
        path.display()
    );
}

/// Returns the formatted expansion of a trait with the attribute `#[rpc_service]`.
fn expansion(contract: &str) -> String {
    let mut item: ItemTrait = syn::parse_str(contract).expect("the contract is a trait");
    let attr = item.attrs.extract_if(.., |attr| attr.path().is_ident("rpc_service")).next();
    let options = match attr.expect("the trait has the attribute").meta {
        Meta::List(list) => list.tokens,
        _ => Default::default(),
    };
    let Ok(contract) = parse::contract(options, item.into_token_stream()) else { panic!("the contract is legal") };
    let file: File = syn::parse2(expand::contract(&contract)).expect("the expansion is a list of items");
    let items = file.items.into_iter().map(|item| prettyplease::unparse(&parse_quote!(#item)));
    items.collect::<Vec<_>>().join("\n")
}
