//! The first version of a contract, and the version after each change.

use rpcudp::rpc_service;
use serde::{Deserialize, Serialize};

/// A service of every contract of this file.
pub(crate) struct Served;

/// Returns the result of `find` in every version.
fn found(key: &str, limit: u16) -> String {
    format!("{key} {limit}")
}

/// A contract with one method, called `Case`, its service, and the types that it needs.
macro_rules! contract {
    (
        $name:ident $(@ $namespace:literal)? $([$($item:item)*])?: $(#[$option:meta])*
        $($function:ident)+ (&self $(, $argument:ident: $ty:ty)*) $(-> $returns:ty)? $body:block
    ) => {
        pub(crate) mod $name {
            #[allow(unused_imports, reason = "not every contract uses them")]
            use super::*;

            $($($item)*)?

            #[rpc_service($(namespace = $namespace)?)]
            pub(crate) trait Case {
                $(#[$option])*
                $($function)+ (&self $(, $argument: $ty)*) $(-> $returns)?;
            }

            impl Case for Served {
                $($function)+ (&self $(, $argument: $ty)*) $(-> $returns)? $body
            }
        }
    };
}

contract! { before: fn find(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }

pub(crate) mod method_added {
    use super::*;

    #[rpc_service]
    pub(crate) trait Case {
        fn find(&self, key: &str, limit: u8) -> String;
        fn count(&self) -> u64;
    }

    impl Case for Served {
        fn find(&self, key: &str, limit: u8) -> String {
            found(key, limit.into())
        }
        fn count(&self) -> u64 {
            1
        }
    }
}

contract! { option_added: fn find(&self, key: &str, limit: u8, more: Option<u8>) -> String {
    found(key, u16::from(limit) + u16::from(more.unwrap_or(0)))
} }
contract! { argument_added: fn find(&self, key: &str, limit: u8, more: u8) -> String {
    found(key, u16::from(limit) + u16::from(more))
} }
contract! { argument_removed: fn find(&self, key: &str) -> String { found(key, 7) } }
contract! { argument_renamed: fn find(&self, name: &str, count: u8) -> String { found(name, count.into()) } }
contract! { argument_wider: fn find(&self, key: &str, limit: u16) -> String { found(key, limit) } }
contract! { argument_respelled: fn find(&self, key: String, limit: u8) -> String { found(&key, limit.into()) } }
contract! { argument_of_bytes: fn find(&self, key: &[u8], limit: u8) -> String {
    found(&String::from_utf8_lossy(key), limit.into())
} }
contract! { arguments_swapped: fn find(&self, limit: u8, key: &str) -> String { found(key, limit.into()) } }
contract! { alike: fn divide(&self, dividend: u64, divisor: u64) -> u64 { dividend / divisor } }
contract! { alike_swapped: fn divide(&self, divisor: u64, dividend: u64) -> u64 { dividend / divisor } }

contract! { renamed: fn search(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }
contract! { renamed_in_rust: #[rpc(name = "find")] fn search(&self, key: &str, limit: u8) -> String {
    found(key, limit.into())
} }
contract! { in_namespace @ "new.": fn find(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }
contract! { asynchronous: async fn find(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }
contract! { at_least_once: #[rpc(at_least_once)] fn find(&self, key: &str, limit: u8) -> String {
    found(key, limit.into())
} }
contract! { at_most_once: #[rpc(at_most_once)] fn find(&self, key: &str, limit: u8) -> String {
    found(key, limit.into())
} }
contract! { session: #[rpc(session)] fn find(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }
contract! { secure: #[rpc(secure)] fn find(&self, key: &str, limit: u8) -> String { found(key, limit.into()) } }
contract! { oneway: #[rpc(oneway)] fn find(&self, key: &str, limit: u8) { let _ = (key, limit); } }

contract! { result_changed: fn find(&self, key: &str, limit: u8) -> u64 { (key.len() as u64) + u64::from(limit) } }
contract! { result_none: fn find(&self, _key: &str, _limit: u8) -> Option<String> { None } }
contract! { result_some: fn find(&self, key: &str, limit: u8) -> Option<String> { Some(found(key, limit.into())) } }
contract! { succeeds: fn find(&self, key: &str, limit: u8) -> Result<String, String> { Ok(found(key, limit.into())) } }
contract! { fails: fn find(&self, key: &str, _limit: u8) -> Result<String, String> { Err(key.into()) } }

contract! { item [
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Item {
        pub(crate) name: String,
    }
]: fn name(&self, item: Item) -> String { item.name } }
contract! { item_grown [
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Item {
        pub(crate) name: String,
        pub(crate) size: u64,
    }
]: fn name(&self, item: Item) -> String { item.name } }
contract! { item_grown_by_default [
    #[derive(Serialize, Deserialize)]
    pub(crate) struct Item {
        pub(crate) name: String,
        #[serde(default)]
        pub(crate) size: u64,
    }
]: fn name(&self, item: Item) -> String { item.name } }

contract! { described [
    #[derive(Serialize, Deserialize, rpcudp::Schema)]
    pub(crate) struct Item {
        pub(crate) name: String,
    }
]: fn name(&self, item: Item) -> String { item.name } }
contract! { described_grown [
    #[derive(Serialize, Deserialize, rpcudp::Schema)]
    pub(crate) struct Item {
        pub(crate) name: String,
        pub(crate) size: u64,
    }
]: fn name(&self, item: Item) -> String { item.name } }
contract! { described_grown_by_default [
    #[derive(Serialize, Deserialize, rpcudp::Schema)]
    pub(crate) struct Item {
        pub(crate) name: String,
        #[serde(default)]
        pub(crate) size: u64,
    }
]: fn name(&self, item: Item) -> String { item.name } }
contract! { described_renamed [
    #[derive(Serialize, Deserialize, rpcudp::Schema)]
    pub(crate) struct Item {
        #[serde(rename = "name")]
        pub(crate) title: String,
    }
]: fn name(&self, item: Item) -> String { item.title } }
