//! The attribute `#[rpc_service]` and the derive `Schema` of [rpcudp](https://docs.rs/rpcudp), which
//! documents them.
//!
//! `parse` reads the user's trait into a `Contract`, collects all errors, and returns a contract
//! only if it has none. `expand` writes the trait, the client and the server of a `Contract`, and
//! cannot fail. `schema` does the same for the derive.

#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod expand;
mod messages;
mod model;
mod parse;
mod probed;
mod report;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod tokens;
mod types;

use proc_macro::TokenStream;

/// Makes the definition of a type part of the contracts that mention it: derives the trait `Schema`
/// of [rpcudp](https://docs.rs/rpcudp), which documents it.
#[proc_macro_derive(Schema, attributes(schema, serde))]
pub fn schema(input: TokenStream) -> TokenStream {
    schema::derive(input.into()).into()
}

#[doc = include_str!("rpc_service.md")]
#[proc_macro_attribute]
pub fn rpc_service(options: TokenStream, input: TokenStream) -> TokenStream {
    match parse::contract(options.into(), input.into()) {
        Ok(contract) => expand::contract(&contract).into(),
        Err(invalid) => invalid.into_tokens().into(),
    }
}
