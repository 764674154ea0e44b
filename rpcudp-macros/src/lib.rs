//! The attribute `#[rpc_service]` of [rpcudp](https://docs.rs/rpcudp), which documents it.
//!
//! Three passes, each of which collects all the errors it finds and hands on only what has none: `parse` reads what
//! the user wrote into a `Service`, in which everything is legal; `expand` writes the trait, the
//! client and the server from it, and cannot fail.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod expand;
mod messages;
mod model;
mod parse;
mod report;
mod text;
mod tokens;

use proc_macro::TokenStream;

/// Turns a trait into a contract: a typed client and a typed server.
///
/// For `trait Greeter` it generates `GreeterClient`, whose methods return a `Call`, and `GreeterServer`, which makes a
/// service of anything that implements `Greeter`. The trait stays a trait.
///
/// # On the trait
///
/// `#[rpc_service(namespace = "kad.", crate = my::rpcudp)]`
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `namespace = "…"` | comes before the wire name of every method | nothing |
/// | `crate = path` | where the crate `rpcudp` is | `::rpcudp` |
///
/// Generic parameters, where-clauses and associated types become parameters of the client.
///
/// # On a method
///
/// `#[rpc(name = "…", timeout = "2s", at_least_once)]`
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `name = "…"` | its wire name | its name in Rust |
/// | `timeout = "…"` | how long a call waits: a number and `us`, `ms`, `s` or `m` | what the endpoint says |
/// | `at_least_once` | sent again until it is answered; runs for each copy that arrives | sent once |
/// | `at_most_once` | the same, and runs once | sent once |
/// | `oneway` | nobody waits for an answer, and none is sent | answered |
/// | `fallible` | its return type is an alias of `Result` by another name | by the name `Result` |
///
/// An async method runs as a task; another one runs on the receive loop, and must not block.
///
/// # On a parameter
///
/// | option | meaning | default |
/// | --- | --- | --- |
/// | `#[rpc(context)]` | the request's `Context`, which callers do not see | by the type's name `Context` |
/// | `#[rpc(argument)]` | an argument, even though its type is called `Context` | |
///
/// Arguments may borrow: `&str` and `&[u8]` are decoded out of the datagram without a copy, `&T` is decoded and lent,
/// and so may types with a lifetime.
///
/// # Example
///
/// ```
/// use rpcudp::{Context, Endpoint, rpc_service};
///
/// #[rpc_service]
/// pub trait Greeter {
///     fn sayhi(&self, cx: &Context, name: &str) -> String;
/// }
///
/// struct Hello;
///
/// impl Greeter for Hello {
///     fn sayhi(&self, cx: &Context, name: &str) -> String {
///         format!("Hello {name} you live at {}", cx.sender())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Endpoint::builder().serve(GreeterServer::new(Hello)).bind("127.0.0.1:0").await?;
/// let endpoint = Endpoint::bind("127.0.0.1:0").await?;
/// let greeter = GreeterClient::new(&endpoint, server.local_addr());
/// assert!(greeter.sayhi("Snake Plissken").await?.starts_with("Hello Snake Plissken"));
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn rpc_service(options: TokenStream, input: TokenStream) -> TokenStream {
    match parse::service(options.into(), input.into()) {
        Ok(service) => expand::service(&service).into(),
        Err(rejected) => rejected.into_tokens().into(),
    }
}
