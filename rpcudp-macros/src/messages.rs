//! The messages of all errors. Each says which rule a token breaks, and what to write instead.

use std::fmt;

pub(crate) const NOT_A_TRAIT: &str = "`#[rpc_service]` applies to a trait only: write it on the trait whose methods peers call; an attribute that copies \
     attributes to other items, such as `#[automock]`, belongs below it";
pub(crate) const UNSAFE_TRAIT: &str = "a contract cannot be an unsafe trait: remove `unsafe`";
pub(crate) const TRAIT_LIFETIME: &str = "a contract cannot have lifetime parameters: remove this one, and borrow in \
     the arguments, as in `fn f(&self, text: &str)`";
pub(crate) const NO_METHODS: &str = "a contract needs at least one method: add one, as in `fn ping(&self);`";
pub(crate) const ASSOCIATED_CONST: &str = "a contract cannot have constants: move this one out of the trait";
pub(crate) const ASSOCIATED_TYPE_GENERIC: &str = "an associated type of a contract cannot have parameters: remove them, as in `type Name: Serialize + \
     DeserializeOwned;`, and choose an owned type in the implementation";
pub(crate) const MACRO_ITEM: &str =
    "a contract cannot contain a macro call, because `#[rpc_service]` does not see the methods: write them out";
pub(crate) const UNKNOWN_ITEM: &str = "a contract consists of methods and associated types: remove this item";

pub(crate) const NO_RECEIVER: &str = "a method of a contract needs `&self`: write it as the first parameter";
pub(crate) const RECEIVER: &str = "a method of a contract takes `&self`, because handlers run concurrently and share \
     the service: write `&self`, and put mutable state into a lock or an atomic";
pub(crate) const GENERIC_METHOD: &str = "a method of a contract cannot be generic, because both peers must know the types: move the parameter to the trait, \
     with serde's bounds if its values travel, as in `trait Greeter<T: Serialize + DeserializeOwned>`";
pub(crate) const METHOD_WHERE: &str = "a method of a contract cannot have a where-clause, \
     because every peer may call every method: remove it, or write the bound on a parameter of the trait";
pub(crate) const UNSAFE_METHOD: &str =
    "a method of a contract cannot be unsafe, because a peer cannot uphold its conditions: remove `unsafe`";
pub(crate) const CONST_METHOD: &str = "a method of a contract cannot be const: remove `const`";
pub(crate) const EXTERN_METHOD: &str = "a method of a contract has Rust's calling convention: remove `extern`";
pub(crate) const VARIADIC: &str =
    "a method of a contract has a fixed number of arguments: take a `Vec` in place of `...`";

pub(crate) const ARGUMENT_PATTERN: &str = "an argument of a contract needs a plain name or `_`: write one here, and the pattern or `mut` in the implementation";
pub(crate) const ARGUMENT_CFG: &str = "an argument cannot depend on `cfg`, because the other peer may be built \
     differently: remove the `cfg`, and make the argument an `Option`";
pub(crate) const ARGUMENT_IMPL: &str = "an argument cannot be `impl Trait`, because both peers must know the type: \
     name the type, or give the trait a type parameter";
pub(crate) const ARGUMENT_MUT: &str =
    "an argument cannot be `&mut`, because the caller is another program: return the changed value instead";
pub(crate) const ARGUMENT_STATIC: &str =
    "an argument cannot be borrowed for `'static`, because it is borrowed from the datagram: remove the lifetime";
pub(crate) const CONTEXT_MUT: &str = "the context cannot be `&mut`, because it is shared: write `&Context`";
pub(crate) const TWO_CONTEXTS: &str = "a method has at most one context: remove this parameter, or mark it \
     `#[rpc(argument)]` if its type is not `rpcudp::Context`";
pub(crate) const BARE_SELF: &str = "a contract cannot mention `Self`, which is one type in the server and another in \
     the client: write a concrete type or an associated type in its place, or remove the bound that mentions it";
pub(crate) const DEFAULT_SELF: &str =
    "a default cannot mention `Self`, which is one type in the server and another in the client: name the type";
pub(crate) const TYPE_CFG: &str = "an associated type cannot depend on `cfg`, because it is a type parameter of the \
     client: put the `cfg` on the trait";

pub(crate) const RETURN_IMPL: &str = "a method of a contract cannot return `impl Trait`, because both peers must know the type: return a \
     type that serde reads and writes, such as `Vec<String>` for an iterator of texts";
pub(crate) const ASYNC_TRAIT: &str = "a contract does not need `#[async_trait]`: remove it from the trait and its \
     implementations, and write `async fn` in both";
pub(crate) const RETURN_BORROW: &str = "a method of a contract cannot return a borrow, because the caller is another \
     program: return an owned type, such as `String` for `&str`";
pub(crate) const ONEWAY_RETURN: &str =
    "a oneway method cannot return a value, because the server sends no response: remove the return type";

pub(crate) const BLOCKING_ASYNC: &str = "an async method cannot be blocking, because a task must not block its thread: remove \
     `async` if the method blocks, or remove `blocking`";

pub(crate) const ONEWAY_TIMEOUT: &str =
    "a oneway method cannot have a timeout, because the caller does not wait for a response: remove `timeout`";
pub(crate) const ONEWAY_FALLIBLE: &str =
    "a oneway method cannot be fallible, because the server sends no response: remove `fallible`";
pub(crate) const ONEWAY_WAIT_FOR_READY: &str = "a oneway method cannot wait until the peer is ready, because no response \
     tells whether it is: remove `wait_for_ready`";
pub(crate) const FALLIBLE_WITHOUT_TYPE: &str = "the option `fallible` concerns a return type, and this method has none: write one, as in `-> Result<(), E>`, or \
     remove `fallible`";
pub(crate) const EMPTY_NAME: &str = "a wire name cannot be empty: write a name, or remove `name`";
pub(crate) const EMPTY_ALIAS: &str =
    "an alias cannot be empty: write the earlier name of the method, or remove `alias`";
pub(crate) const EMPTY_POOL: &str = "the name of a pool cannot be empty: write the name that `Sessions::pool` has, or \
     `session` alone for the default pool";
pub(crate) const VALUE_WITHOUT_TYPE: &str =
    "the option `value` concerns a return type, and this method has none: remove `value`";
pub(crate) const INFLOW_NOT_LAST: &str = "a stream must be the last argument, because its items follow the request: move it \
     behind the others, and pass several streams as one, of an enum";
pub(crate) const INFLOW_REFERENCE: &str = "a stream is passed by value: write `Inflow<T>` without `&`, or mark the \
     parameter with `#[rpc(argument)]` if this type is not `rpcudp::Inflow`";
pub(crate) const INFLOW_INSIDE: &str = "a stream cannot be a part of another type: write `Inflow<T>` alone, as the last \
     argument, or mark the parameter with `#[rpc(argument)]` if this type is not `rpcudp::Inflow`";
pub(crate) const INFLOW_SYNC: &str = "a method with a stream for an argument must be async, because it waits for the \
     items: write `async fn`";
pub(crate) const INFLOW_RETURN: &str = "a method returns an `Outflow`, because it sends the items: write `Outflow<T>`, which \
     callers get as an `Inflow<T>`";
pub(crate) const OUTFLOW_ARGUMENT: &str = "a method takes an `Inflow`, because it receives the items: write `Inflow<T>`, for \
     which callers pass an `Outflow<T>`, or mark the parameter with `#[rpc(argument)]` if this type is not `rpcudp::Outflow`";
pub(crate) const OUTFLOW_INSIDE: &str = "a stream cannot be a part of another type: return `Outflow<T>`, or \
     `Result<Outflow<T>, E>`, or mark the method with `#[rpc(value)]` if this type is not `rpcudp::Outflow`";
pub(crate) const STREAM_DELIVERY: &str = "a method with a stream has no delivery: its request is sent once, over a link that \
     loses nothing while it lives; remove this option";
pub(crate) const STREAM_WAIT_FOR_READY: &str = "a method with a stream cannot wait until the peer is ready, because its \
     request is sent once: remove `wait_for_ready`";

pub(crate) const TIMEOUT: &str =
    "a timeout must be a whole number and a unit, as in \"300ms\", \"2s\" or \"1m\" (units: us, ms, s, m)";
pub(crate) const TIMEOUT_ZERO: &str = "a timeout cannot be zero, because no response arrives in no time: write how \
     long a call may take, as in \"2s\", or write `oneway` if the caller needs no response";
pub(crate) const RPC_IN_CFG_ATTR: &str = "an option cannot depend on `cfg`, because the other peer may be built \
     differently: write `#[rpc(...)]` without `cfg_attr`";

pub(crate) const SCHEMA_CRATE: &str = "the option `crate` needs a path: write it as in `crate = my::rpcudp`";
pub(crate) const SCHEMA_OPTION: &str = "unknown option: write `#[schema(crate = path)]`, or remove it";
pub(crate) const SCHEMA_TWO_NAMES: &str = "a definition has one name for both directions: give the same name for \
     `serialize` and `deserialize`, or remove `Schema` from the derive, so that the type counts by name";
pub(crate) const SCHEMA_TAGGED_STRUCT: &str = "a definition cannot describe a struct with a `tag`: remove `tag`, or \
     remove `Schema` from the derive, so that the type counts by name";
pub(crate) const SCHEMA_VARIANT: &str = "a definition cannot describe a variant with an encoding of its own: remove \
     `with` or `untagged`, or remove `Schema` from the derive, so that the type counts by name";
pub(crate) const SCHEMA_UNION: &str = "a union has no definition, because serde does not encode it: remove `Schema` \
     from the derive";

pub(crate) fn schema_attribute(name: &str) -> String {
    format!(
        "a definition cannot describe `{name}`: remove it, or remove `Schema` from the derive, so that the type counts \
         by name"
    )
}

pub(crate) fn not_a_name(option: &str, example: &str) -> String {
    format!("the option `{option}` needs the name of a type: write `{option} = {example}`")
}

pub(crate) fn rpc_without_options(example: &str) -> String {
    format!("`#[rpc]` needs options in parentheses, as in `{example}`: add them, or remove `#[rpc]`")
}

pub(crate) fn option_without_name(example: &str, allowed: &[&str]) -> String {
    format!("expected the name of an option, as in `{example}`: the options here are {}", list(allowed))
}

pub(crate) fn after_option(example: &str) -> String {
    format!("expected `=` and a value, a comma, or the end of the options: write options as in `{example}`")
}

pub(crate) fn underscore_name(name: &str) -> String {
    format!(
        "Python peers cannot call `{name}`, because the name starts with `_` or `rpc_`: give the method another wire \
         name with `#[rpc(name = \"...\")]`, or write `#[rpc_service(python = false)]` if no Python peer calls it"
    )
}

pub(crate) fn taken_in_python(name: &str) -> String {
    format!(
        "Python peers cannot call `{name}`, because their protocol class has an attribute of that name: give the \
         method another wire name with `#[rpc(name = \"...\")]`, or write `#[rpc_service(python = false)]` if no Python peer \
         calls it"
    )
}

pub(crate) fn undeclared_type(name: &str) -> String {
    format!(
        "`Self::{name}` is not an associated type of this contract: check the name, remove the bound, or write a number or a \
         concrete type in its place (the client knows neither constants nor types of supertraits; the contract's own types are \
         declared as in `type Name: Serialize + DeserializeOwned;`)"
    )
}

pub(crate) fn returns_future(method: &str, output: Option<&str>) -> String {
    let arrow = output.filter(|output| *output != "()").map(|output| format!(" -> {output}")).unwrap_or_default();
    format!(
        "a method of a contract cannot return a future: if `#[async_trait]` is above the trait, it has made the method return \
         one, so remove it there and from the implementations; otherwise write `async fn {method}(...){arrow}`, whose future \
         is `Send`, or mark the method with `#[rpc(value)]` if this type is no future"
    )
}

pub(crate) fn duplicate_name(name: &str) -> String {
    format!(
        "two methods of this contract have the wire name or alias `{name}`: change one of them, with `name = \"...\"` or \
         `alias = \"...\"` in its `#[rpc(...)]`"
    )
}

pub(crate) fn unknown_option(found: impl fmt::Display, allowed: &[&str]) -> String {
    format!("unknown option `{found}`: the options here are {}", list(allowed))
}

pub(crate) fn duplicate_option(name: &str) -> String {
    format!("the option `{name}` is given twice: remove one")
}

pub(crate) fn needs_value(name: &str, example: &str, has_value: bool) -> String {
    let fault = if has_value { "has a value of the wrong kind" } else { "needs a value" };
    format!("the option `{name}` {fault}: write it as in `{name} = {example}`")
}

pub(crate) fn needs_bool(name: &str, has_value: bool) -> String {
    let fault = if has_value { "has a value of the wrong kind" } else { "needs a value" };
    format!("the option `{name}` {fault}: write `{name} = false`, or remove it, because it is `true` by default")
}

pub(crate) fn takes_no_value(name: &str) -> String {
    format!("the option `{name}` takes no value: write `{name}` alone")
}

pub(crate) fn conflict(one: &str, other: &str) -> String {
    format!("the options `{one}` and `{other}` exclude each other: remove one")
}

/// Returns a list as text: `a`, `b` and `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
