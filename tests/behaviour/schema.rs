//! `#[derive(Schema)]`: definitions of types in fingerprints and in published contracts.

use std::collections::{BTreeMap, HashMap};

use rpcudp::contract::{Contract, Definition};
use rpcudp::sim::Network;
use rpcudp::{Client, Endpoint, Schema, rpc_service};
use serde::{Deserialize, Serialize};

use crate::support::Pair;

/// Declares modules with a contract `Api`, whose method `call` takes an `Item` as each module
/// defines it.
macro_rules! versions {
    ($($name:ident { $($items:tt)* })*) => {$(
        #[allow(dead_code, reason = "most versions are only compared")]
        mod $name {
            use rpcudp::rpc_service;
            use serde::{Deserialize, Serialize};

            $($items)*

            #[rpc_service]
            pub(super) trait Api {
                fn call(&self, items: Vec<(u8, Item)>);
            }

            pub(super) struct Service;

            impl Api for Service {
                fn call(&self, _: Vec<(u8, Item)>) {}
            }
        }
    )*};
}

versions! {
    plain { #[derive(Deserialize, Serialize)] pub(super) struct Item { pub name: String } }
    plain_grown { #[derive(Deserialize, Serialize)] pub(super) struct Item { pub name: String, pub size: u8 } }
    item { #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub name: String } }
    same {
        /// Documented, and spelled otherwise.
        #[derive(Clone, Deserialize, rpcudp::Schema, Serialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Item {
            #[serde(default, rename = "name", alias = "called")]
            title: String,
            #[serde(skip)]
            cache: u64,
        }
    }
    grown { #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub name: String, pub size: u8 } }
    renamed {
        #[derive(Deserialize, rpcudp::Schema, Serialize)]
        #[serde(rename_all = "UPPERCASE")]
        pub(super) struct Item { pub name: String }
    }
    retyped { #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub name: Vec<u8> } }
    unnamed { #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item(pub String); }
    tagged {
        #[derive(Deserialize, rpcudp::Schema, Serialize)]
        #[serde(tag = "kind")]
        pub(super) enum Item { Named { name: String } }
    }
    untagged {
        #[derive(Deserialize, rpcudp::Schema, Serialize)]
        #[serde(untagged)]
        pub(super) enum Item { Named { name: String } }
    }
    nested {
        #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Inner { pub a: u8 }
        #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub inner: Option<Inner> }
    }
    nested_grown {
        #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Inner { pub a: u8, pub b: u8 }
        #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub inner: Option<Inner> }
    }
    nested_without {
        #[derive(Deserialize, Serialize)] pub(super) struct Inner { pub a: u8 }
        #[derive(Deserialize, rpcudp::Schema, Serialize)] pub(super) struct Item { pub inner: Option<Inner> }
    }
}

fn fingerprint<C: Client>() -> u64 {
    C::CONTRACT.fingerprint()
}

#[test]
fn types_without_a_definition_count_by_name_as_before() {
    assert_eq!(fingerprint::<plain::ApiClient>(), fingerprint::<plain_grown::ApiClient>());
    let method = &plain::ApiClient::CONTRACT.methods[0];
    assert_eq!((method.structure, plain::ApiClient::CONTRACT.definitions.len()), (0, 0));
}

#[test]
fn definitions_of_one_name_are_told_apart_by_their_encoding() {
    let all = [
        fingerprint::<plain::ApiClient>(),
        fingerprint::<item::ApiClient>(),
        fingerprint::<grown::ApiClient>(),
        fingerprint::<renamed::ApiClient>(),
        fingerprint::<retyped::ApiClient>(),
        fingerprint::<unnamed::ApiClient>(),
        fingerprint::<tagged::ApiClient>(),
        fingerprint::<untagged::ApiClient>(),
        fingerprint::<nested::ApiClient>(),
        fingerprint::<nested_grown::ApiClient>(),
        fingerprint::<nested_without::ApiClient>(),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(!all[..at].contains(one), "{at}");
    }
    assert_eq!(fingerprint::<item::ApiClient>(), fingerprint::<same::ApiClient>());
}

#[tokio::test(start_paused = true)]
async fn compare_tells_two_structs_of_one_name_apart() {
    let pair = Pair::new(
        Network::new(1),
        Endpoint::builder().serve_described(item::ApiServer::new(item::Service)),
        Endpoint::builder(),
    );
    let peer = pair.server.local_addr();
    for (contract, changed) in [
        (item::ApiClient::CONTRACT, vec![]),
        (same::ApiClient::CONTRACT, vec![]),
        (grown::ApiClient::CONTRACT, vec!["call"]),
        (nested::ApiClient::CONTRACT, vec!["call"]),
        (plain::ApiClient::CONTRACT, vec!["call"]),
    ] {
        let differences = pair.caller.compare(peer, contract).await.unwrap();
        assert_eq!(
            (differences.changed, differences.missing.len()),
            (changed.iter().map(ToString::to_string).collect(), 0)
        );
    }
    let described = pair.caller.describe(peer).await.unwrap();
    assert_eq!((described.len(), &described[0]), (1, item::ApiClient::CONTRACT));
    assert_eq!(described[0].fingerprint(), fingerprint::<item::ApiClient>());
    assert!(described[0].to_string().contains("pub struct Item {\n    name: String,\n}\n"));
}

/// A type that contains itself, in both spellings, and another that does.
#[allow(clippy::use_self, reason = "the other spelling is of interest too")]
#[derive(Deserialize, Schema, Serialize)]
struct Tree<'a, T> {
    #[serde(borrow)]
    name: &'a str,
    value: T,
    children: Vec<Self>,
    sibling: Option<Box<Tree<'a, T>>>,
    forest: Forest,
}

#[derive(Deserialize, Schema, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[allow(clippy::use_self, reason = "the other spelling is of interest too")]
enum Forest {
    Empty,
    OneTree {
        tree_name: String,
        in_forest: Box<Forest>,
        number: Number,
    },
    #[serde(rename = "Lots")]
    Many(HashMap<String, Option<[Leaf; 2]>>, #[serde(default)] u8),
    #[serde(skip)]
    #[allow(dead_code, reason = "only its absence is of interest")]
    Local(std::time::Instant),
}

#[derive(Clone, Copy, Deserialize, Schema, Serialize)]
struct Leaf;

#[derive(Deserialize, Schema, Serialize)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    leaf: Leaf,
    #[serde(with = "serde_bytes_like", skip_serializing_if = "Vec::is_empty", default)]
    bytes: Vec<u8>,
}

mod serde_bytes_like {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        bytes.serialize(serializer)
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        Vec::deserialize(deserializer)
    }
}

#[derive(Debug, Deserialize, Schema, Serialize)]
#[serde(transparent)]
struct Number(u64);

#[derive(Debug, Deserialize, Schema, Serialize)]
struct Failure {
    code: Number,
}

/// A type without a definition.
#[derive(Deserialize, Serialize)]
struct Foreign;

type Outcome<T> = Result<T, Failure>;

#[rpc_service]
trait Garden {
    fn plant(&self, tree: &Tree<'_, Foreign>, by: BTreeMap<u8, Foreign>);
    #[rpc(fallible)]
    async fn fell(&self, number: u64) -> Outcome<()>;
    fn flat(&self, flats: &[Flat]) -> (Leaf, Foreign);
}

#[test]
fn definitions_of_a_contract_are_those_that_its_types_lead_to() {
    const GARDEN: &Contract = GardenClient::CONTRACT;
    let names: Vec<_> = GARDEN.definitions.iter().map(|definition| &*definition.name).collect();
    assert_eq!(names, ["Tree", "Failure", "Flat", "Leaf", "Forest", "Number"]);
    let printed = GARDEN.definitions.iter().map(Definition::to_string).collect::<Vec<_>>().join("");
    let expected = r#"#[derive(Deserialize, Schema, Serialize)]
pub struct Tree<'a, T> {
    name: &'a str,
    value: T,
    children: Vec<Self>,
    sibling: Option<Box<Tree<'a, T>>>,
    forest: Forest,
}
#[derive(Deserialize, Schema, Serialize)]
pub struct Failure {
    code: Number,
}
#[derive(Deserialize, Schema, Serialize)]
pub struct Flat {
    id: u64,
    #[serde(flatten)]
    leaf: Leaf,
    #[serde(default, with = "serde_bytes_like")]
    bytes: Vec<u8>,
}
#[derive(Deserialize, Schema, Serialize)]
pub struct Leaf;
#[derive(Deserialize, Schema, Serialize)]
pub enum Forest {
    empty,
    #[serde(rename = "one-tree")]
    one_tree {
        treeName: String,
        inForest: Box<Forest>,
        number: Number,
    },
    Lots(HashMap<String, Option<[Leaf; 2]>>, #[serde(default)] u8),
}
#[derive(Deserialize, Schema, Serialize)]
pub struct Number(u64);
"#;
    assert_eq!(printed, expected);
    assert!(GARDEN.methods.iter().all(|method| method.structure != 0));
}

/// The definitions of the contract as they are printed.
#[allow(
    clippy::use_self,
    non_camel_case_types,
    non_snake_case,
    dead_code,
    reason = "names on the wire, and only the contract is of interest"
)]
mod printed {
    use std::collections::{BTreeMap, HashMap};

    use rpcudp::{Schema, rpc_service};
    use serde::{Deserialize, Serialize};

    use super::{Foreign, serde_bytes_like};

    type Outcome<T> = Result<T, Failure>;

    #[derive(Deserialize, Schema, Serialize)]
    pub(super) struct Tree<'a, T> {
        name: &'a str,
        value: T,
        children: Vec<Self>,
        sibling: Option<Box<Tree<'a, T>>>,
        forest: Forest,
    }
    #[derive(Deserialize, Schema, Serialize)]
    pub(super) struct Failure {
        code: Number,
    }
    #[derive(Deserialize, Schema, Serialize)]
    pub(super) struct Flat {
        id: u64,
        #[serde(flatten)]
        leaf: Leaf,
        #[serde(default, with = "serde_bytes_like")]
        bytes: Vec<u8>,
    }
    #[derive(Deserialize, Schema, Serialize)]
    pub(super) struct Leaf;
    #[derive(Deserialize, Schema, Serialize)]
    pub(super) enum Forest {
        empty,
        #[serde(rename = "one-tree")]
        one_tree {
            treeName: String,
            inForest: Box<Forest>,
            number: Number,
        },
        Lots(HashMap<String, Option<[Leaf; 2]>>, #[serde(default)] u8),
    }
    #[derive(Deserialize, Schema, Serialize)]
    pub(super) struct Number(u64);

    #[rpc_service]
    pub(super) trait Garden {
        fn plant(&self, tree: &Tree<'_, Foreign>, by: BTreeMap<u8, Foreign>);
        #[rpc(fallible)]
        async fn fell(&self, number: u64) -> Outcome<()>;
        fn flat(&self, flats: &[Flat]) -> (Leaf, Foreign);
    }
}

#[test]
fn printed_definitions_have_the_encoding_of_the_types() {
    assert_eq!(fingerprint::<printed::GardenClient>(), fingerprint::<GardenClient>());
}

#[test]
fn fingerprints_with_definitions_are_constants() {
    const FINGERPRINT: u64 = GardenClient::CONTRACT.fingerprint();
    assert_eq!(FINGERPRINT, GardenClient::CONTRACT.fingerprint());
}

#[rpc_service]
trait Shelf<T: Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> {
    fn put(&self, values: Vec<T>, leaf: Leaf) -> Box<Number>;
}

#[test]
fn parameters_of_a_contract_count_by_name() {
    let names: Vec<_> =
        ShelfClient::<Flat>::CONTRACT.definitions.iter().map(|definition| definition.name.to_string()).collect();
    assert_eq!(names, ["Leaf", "Number"]);
    assert_eq!(ShelfClient::<Flat>::CONTRACT.fingerprint(), ShelfClient::<Leaf>::CONTRACT.fingerprint());
}

/// Types that lead to one another, more than a fingerprint follows.
macro_rules! chain {
    ($last:ty; $($name:ident -> $next:ident,)*) => {
        $(#[derive(Deserialize, Schema, Serialize)] pub(super) struct $name { next: Option<Box<$next>> })*
        #[derive(Deserialize, Schema, Serialize)] pub(super) struct L9 { last: $last }
    };
}

#[allow(dead_code, reason = "the contracts are only compared")]
mod deep {
    use super::{Deserialize, Schema, Serialize, rpc_service};
    chain! { u8; L0 -> L1, L1 -> L2, L2 -> L3, L3 -> L4, L4 -> L5, L5 -> L6, L6 -> L7, L7 -> L8, L8 -> L9, }
    #[rpc_service]
    pub(super) trait Deep {
        fn zero(&self, zero: L0);
        fn one(&self, one: L1);
    }
}

#[allow(dead_code, reason = "the contracts are only compared")]
mod deep_changed {
    use super::{Deserialize, Schema, Serialize, rpc_service};
    chain! { u16; L0 -> L1, L1 -> L2, L2 -> L3, L3 -> L4, L4 -> L5, L5 -> L6, L6 -> L7, L7 -> L8, L8 -> L9, }
    #[rpc_service]
    pub(super) trait Deep {
        fn zero(&self, zero: L0);
        fn one(&self, one: L1);
    }
}

#[test]
fn types_behind_eight_others_count_by_name() {
    let (one, other) = (deep::DeepClient::CONTRACT, deep_changed::DeepClient::CONTRACT);
    let fingerprints = |contract: &Contract| [0, 1].map(|at: usize| contract.methods[at].fingerprint());
    let (one, other) = (fingerprints(one), fingerprints(other));
    assert_eq!(one[0], other[0]);
    assert_ne!(one[1], other[1]);
}

/// Types with the names of items that generated code imports or declares.
mod names {
    use rpcudp::rpc_service;

    macro_rules! types {
        ($($name:ident)*) => {$(
            #[derive(serde::Deserialize, rpcudp::Schema, serde::Serialize)]
            pub(super) struct $name {
                number: u8,
            }
        )*};
    }
    types! { Method Contract Argument Definition Field Fields Shape Node Probe NoSchema }

    const TYPES: usize = 2;

    #[derive(serde::Deserialize, rpcudp::Schema, serde::Serialize)]
    struct Matrix<const METHODS: usize> {
        node: Node,
    }

    #[derive(serde::Deserialize, rpcudp::Schema, serde::Serialize)]
    struct IO;

    #[allow(dead_code, reason = "only the contract is of interest")]
    #[rpc_service]
    trait Names {
        fn urls(&self, urls: Vec<IO>);
        fn call(&self, method: Method, contract: Contract, argument: Argument, definition: Definition, field: Field);
        fn call_too(&self, fields: Fields, shape: Shape, probe: Probe, no_schema: NoSchema, matrix: Matrix<TYPES>);
    }

    #[test]
    fn types_may_have_names_of_generated_items() {
        let definitions = &NamesClient::CONTRACT.definitions;
        assert_eq!(definitions.len(), 12);
        assert!(definitions.iter().all(|definition| !definition.to_string().contains("wire_name")));
    }
}

mod crate_path {
    mod renamed {
        pub(super) use ::rpcudp as rpc;
    }

    #[derive(renamed::rpc::Schema, serde::Deserialize, serde::Serialize)]
    #[schema(crate = renamed::rpc)]
    struct Item {
        number: u8,
    }

    #[test]
    fn crate_of_a_definition_may_have_another_path() {
        use rpcudp::Schema as _;
        assert_eq!(<Item as rpcudp::Schema>::DEFINITION.name, "Item");
        assert_ne!(Item::HASH, 0);
        let Item { number } = Item { number: 1 };
        assert_eq!(number, 1);
    }
}
