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

use proc_macro2::{Group, TokenStream, TokenTree};
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

/// Contracts that use everything that the macro reads.
const CONTRACTS: [&str; 4] = [
    include_str!("../tests/expansion/greeter.rs"),
    include_str!("../tests/expansion/store.rs"),
    r#"#[rpc_service(dyn, client = "C", server = "S", python = false, crate = a::b)]
    pub(crate) trait Every<'a, T: Clone = Vec<u8>, const N: usize = 3>: Send where Self: Sync, T: Eq {
        type r#type: Serialize + for<'de> Deserialize<'de>;
        #[cfg_attr(all(), cfg(any()), expect(x), rpc(y))] #[doc = "a"] #[deprecated] #[rpc(alias = "b", fallible)]
        fn r#fn<'b, 'c: 'b>(self: &'b Self, _: &'c [Self::r#type], mut x: &mut [u8; N], #[rpc(context)] cx: &Cx) -> R<T>;
        #[rpc(oneway, at_least_once, timeout = "2s", wait_for_ready, blocking, session, session = "s", value, name = "n")]
        async fn later(&self, a: Cow<'_, str>, b: &dyn Fn(&u8) -> Self, c: $crate::X) -> BoxFuture<'static, u8> { self.f(); x? }
        const X: u8 = { 3 }; some!{} unsafe extern "C" fn g() where T: Copy;
    }"#,
    "#[rpc_service] trait T { fn async(&self, await: async::T) -> Pin<Box<dyn Future<Output = Result<(), E>> + 'a>>; }",
];

#[test]
fn no_contract_makes_the_macro_panic() {
    let words =
        "r#type async fn trait Self self & ' static mut _ : :: < > , ; = -> ? () {} [] #[rpc()] \"\" 0 impl dyn Cow";
    let words: Vec<TokenTree> =
        words.split(' ').flat_map(|word| word.parse::<TokenStream>().into_iter().flatten()).collect();
    let sources: Vec<TokenStream> = CONTRACTS.iter().map(|contract| contract.parse().expect("tokens")).collect();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut expanded = 0;
    for round in 0..2_000 {
        let mut tokens = sources[round % sources.len()].clone();
        for _ in 0..round % 4 {
            tokens = mutated(tokens, &words, &mut random);
        }
        // The first attribute is that of the macro.
        let mut trees = tokens.into_iter().skip(1);
        let options = match trees.next() {
            Some(TokenTree::Group(attr)) => match attr.stream().into_iter().nth(1) {
                Some(TokenTree::Group(options)) => options.stream(),
                _ => TokenStream::new(),
            },
            _ => TokenStream::new(),
        };
        if let Ok(contract) = parse::contract(options, trees.collect()) {
            let tokens = expand::contract(&contract);
            assert!(syn::parse2::<File>(tokens.clone()).is_ok(), "round {round}: {tokens}");
            expanded += 1;
        }
    }
    assert!(expanded > 300, "{expanded}");
}

/// Returns the tokens with one that is left out, doubled, or replaced.
fn mutated(tokens: TokenStream, words: &[TokenTree], random: &mut u64) -> TokenStream {
    let mut trees: Vec<_> = tokens.into_iter().collect();
    let mut below = |limit: usize| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(*random >> 33).unwrap_or(0) % limit
    };
    if trees.is_empty() {
        return words[below(words.len())].clone().into();
    }
    let at = below(trees.len());
    let (kind, word) = (below(8), below(words.len()));
    match &trees[at] {
        TokenTree::Group(group) if kind > 0 => {
            trees[at] = Group::new(group.delimiter(), mutated(group.stream(), words, random)).into();
        }
        tree if kind < 3 => {
            let tree = tree.clone();
            trees.insert(at, tree);
        }
        _ if kind < 5 => drop(trees.remove(at)),
        _ => trees[at] = words[word].clone(),
    }
    trees.into_iter().collect()
}
