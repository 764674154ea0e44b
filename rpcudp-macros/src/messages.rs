//! What the macro says: each message names what is wrong and what to write instead.

use std::fmt;

pub(crate) const NOT_A_TRAIT: &str = "#[rpc_service] goes on a trait: its methods are the contract";
pub(crate) const UNSAFE_TRAIT: &str = "a contract cannot be an unsafe trait: remove `unsafe`";
pub(crate) const TRAIT_LIFETIME: &str =
    "a contract has no lifetime parameters: borrow in the arguments instead, as in `fn f(&self, text: &str)`";
pub(crate) const NO_METHODS: &str = "a contract without methods serves nothing: add one, as in `fn ping(&self);`";
pub(crate) const ASSOCIATED_CONST: &str = "a contract has no constants: put it beside the trait";
pub(crate) const ASSOCIATED_TYPE_GENERIC: &str =
    "an associated type of a contract has no parameters of its own: give the trait a type parameter instead";
pub(crate) const MACRO_ITEM: &str = "the contract has to be visible: write out the methods instead of calling a macro";
pub(crate) const UNKNOWN_ITEM: &str = "a contract consists of methods and associated types";

pub(crate) const NO_RECEIVER: &str = "a method of a contract starts with `&self`";
pub(crate) const RECEIVER: &str =
    "handlers run side by side and share the service: take `&self`, and put what changes into a lock or an atomic";
pub(crate) const DEFAULT_BODY: &str =
    "a method of a contract has no body: a handler that is forgotten should not compile";
pub(crate) const GENERIC_METHOD: &str =
    "a method of a contract cannot be generic, for the peer has to know the type: give the trait the parameter instead";
pub(crate) const METHOD_WHERE: &str = "a method of a contract has no where-clause: put it on the trait";
pub(crate) const UNSAFE_METHOD: &str = "a method of a contract cannot be unsafe: a peer can promise nothing";
pub(crate) const CONST_METHOD: &str = "a method of a contract cannot be const: remove `const`";
pub(crate) const EXTERN_METHOD: &str = "a method of a contract has Rust's own calling convention: remove `extern`";
pub(crate) const VARIADIC: &str = "a method of a contract has a fixed number of arguments: take a `Vec` instead";

pub(crate) const ARGUMENT_PATTERN: &str = "an argument needs a name, not a pattern: take it apart in the method";
pub(crate) const ARGUMENT_CFG: &str =
    "an argument cannot depend on `cfg`, for the peer may be built otherwise: make it an `Option`";
pub(crate) const ARGUMENT_IMPL: &str = "an argument cannot be `impl Trait`, for the peer has to know the type: name it, or give the trait a type parameter";
pub(crate) const ARGUMENT_MUT: &str =
    "an argument cannot be `&mut`, for the caller is another program: return what has changed";
pub(crate) const ARGUMENT_STATIC: &str =
    "an argument is borrowed from the datagram, which does not live for `'static`: remove the lifetime";
pub(crate) const CONTEXT_MUT: &str = "the context is shared: take `&Context`";
pub(crate) const TWO_CONTEXTS: &str =
    "a request has one context: remove this one, or mark it `#[rpc(argument)]` if it is a type of your own";
pub(crate) const BARE_SELF: &str =
    "`Self` is one type for the server and another for the client: name the type, or use an associated type";
pub(crate) const DEFAULT_SELF: &str =
    "`Self` is one type for the server and another for the client: a default names a type";
pub(crate) const TYPE_CFG: &str = "an associated type cannot depend on `cfg`, for it is a parameter of the client: put the `cfg` on the whole contract";

pub(crate) const RETURN_IMPL: &str = "the caller has to know the type: name it instead of `impl Trait`";
pub(crate) const ASYNC_TRAIT: &str = "a contract needs no `#[async_trait]`: remove it here and where the trait is implemented, and write `async fn` in both places";
pub(crate) const RETURN_BORROW: &str =
    "the caller is another program and can borrow nothing: return an owned type, as `String` for `&str`";
pub(crate) const ONEWAY_RETURN: &str = "nobody waits for the answer of a oneway method: remove the return type";

pub(crate) const ONEWAY_TIMEOUT: &str = "nobody waits for a oneway method: remove the timeout";
pub(crate) const ONEWAY_FALLIBLE: &str = "nobody hears the error of a oneway method: remove `fallible`";
pub(crate) const FALLIBLE_WITHOUT_TYPE: &str = "a fallible method returns a `Result`: give it a return type";
pub(crate) const EMPTY_NAME: &str = "a wire name cannot be empty";
pub(crate) const TIMEOUT: &str =
    "a timeout is a whole number and a unit, as in \"300ms\", \"2s\" or \"1m\" (units: us, ms, s, m)";
pub(crate) const TIMEOUT_ZERO: &str = "nobody answers within no time: write how long a call waits, as in \"2s\", or `oneway` for a method that nobody waits for";
pub(crate) const RPC_IN_CFG_ATTR: &str =
    "an option cannot depend on `cfg`, for the peer may be built otherwise: write `#[rpc(...)]` without `cfg_attr`";

pub(crate) fn rpc_without_options(example: &str) -> String {
    format!("#[rpc] needs options in parentheses, as in `{example}`: remove it where there are none")
}

pub(crate) fn option_without_name(example: &str, allowed: &[&str]) -> String {
    format!("an option starts with its name, as in `{example}`: there are {}", list(allowed))
}

pub(crate) fn after_option(example: &str) -> String {
    format!("an option is a name, or a name, `=` and a value, as in `{example}`; a comma separates it from the next")
}

pub(crate) fn underscore_name(name: &str) -> String {
    format!(
        "Python cannot call `{name}`, for its name begins with `_` or `rpc_`: give it another with \
         `#[rpc(name = \"...\")]`"
    )
}

pub(crate) fn taken_in_python(name: &str) -> String {
    format!(
        "Python cannot call `{name}`, for that is an attribute of its own protocol class: give it another name with \
         `#[rpc(name = \"...\")]`"
    )
}

pub(crate) fn undeclared_type(name: &str) -> String {
    format!(
        "`Self::{name}` is no type of this contract: declare it, as in `type {name}: Serialize + DeserializeOwned;`, or \
         name the type (one that a supertrait declares is unknown to the client)"
    )
}

pub(crate) fn returns_future(method: &str, output: Option<&str>) -> String {
    let arrow = output.filter(|output| *output != "()").map(|output| format!(" -> {output}")).unwrap_or_default();
    format!(
        "a method that returns a future is an async one: write `async fn {method}(...){arrow}`, and the future is `Send`"
    )
}

pub(crate) fn duplicate_name(name: &str) -> String {
    format!(
        "another method of this contract has the wire name `{name}`: give one of them another with `#[rpc(name = \"...\")]`"
    )
}

pub(crate) fn unknown_option(found: impl fmt::Display, allowed: &[&str]) -> String {
    format!("unknown option `{found}`: there are {}", list(allowed))
}

pub(crate) fn duplicate_option(name: &str) -> String {
    format!("`{name}` is given twice: remove one")
}

pub(crate) fn needs_value(name: &str, example: &str) -> String {
    format!("`{name}` needs a value: `{name} = {example}`")
}

pub(crate) fn takes_no_value(name: &str) -> String {
    format!("`{name}` takes no value: write `{name}` alone")
}

pub(crate) fn conflict(one: &str, other: &str) -> String {
    format!("`{one}` and `{other}` contradict each other: remove one")
}

/// `a`, `b` and `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
