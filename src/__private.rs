//! Items that generated code refers to. Not a public interface: it changes with the macro, whose
//! crate is pinned to the same version.

pub use std::sync::Arc;
pub use std::time::Duration;

pub use rpcudp_core::codec::{ArgumentError, Arguments};
pub use rpcudp_core::contract;
pub use rpcudp_core::contract::Delivery;

pub use crate::client::is_result::IsResult;
pub use crate::client::request::{CallSpec, OutgoingRequest};
pub use crate::client::stub::Stub;
pub use crate::introspection::literal::{Text, list, text};
pub use crate::locals;
pub use crate::server::argument::{AnyArgumentOf, ArgumentOf, BorrowedArgumentOf, IsArgument, UnsizedArgumentOf};
pub use crate::server::context::{IsContext, as_context};
pub use crate::server::incoming_request::IncomingRequest;
pub use crate::server::owned_request::{OwnedRequest, as_slice};
pub use crate::server::rejection::Rejection;
pub use crate::server::response::{
    AnyReturnOf, Fallible, IntoResponse, IsValue, NoResponse, ResponseWriter, ReturnOf, Value, no_response, respond,
    respond_result,
};
#[cfg(feature = "secure")]
pub use crate::server::secure_context::secure_context;
pub use crate::server::service::Method;
#[cfg(feature = "secure")]
pub use crate::server::stream_response::{FallibleItems, Items, inflow, respond_items, respond_items_result};
#[cfg(feature = "secure")]
pub use crate::streams::inflow::StreamFailure;
pub use crate::telemetry::outcome::Outcome;
pub use crate::{client_links, use_client_links};

/// The parts of a type's definition.
pub mod schema {
    pub use core::module_path;

    pub use rpcudp_core::contract::structure::{Mention, Node, definition_count, definitions, hash, structure};
    pub use rpcudp_core::contract::{Definition, Field, Fields, Shape, Tagging, Variant};

    pub use crate::introspection::literal::{list, text};
    pub use crate::introspection::schema::{NoSchema, Probe};
}

/// A value of the type of a const parameter.
pub trait ConstParameter {
    const ANY: Self;
}

macro_rules! const_parameters {
    ($($ty:ty = $any:expr),*) => {
        $(impl ConstParameter for $ty {
            const ANY: Self = $any;
        })*
    };
}

const_parameters!(u8 = 0, u16 = 0, u32 = 0, u64 = 0, u128 = 0, usize = 0);
const_parameters!(i8 = 0, i16 = 0, i32 = 0, i64 = 0, i128 = 0, isize = 0);
const_parameters!(bool = false, char = '0');

/// Writes an item of the trait `Client` that needs links as an item of a generated client.
#[cfg(feature = "secure")]
#[doc(hidden)]
#[macro_export]
macro_rules! client_links {
    ($vis:vis secure) => {
        /// Returns a client for calls over a link: encrypted, to the peer with this key,
        /// or with any key (`AnyPeer`).
        $vis fn secure(
            via: &impl $crate::AsEndpoint,
            peer: ::std::net::SocketAddr,
            expected: impl ::core::convert::Into<$crate::Expected>,
        ) -> Self {
            <Self as $crate::Client>::secure(via, peer, expected)
        }
    };
    ($vis:vis back) => {
        /// Returns a client that calls the sender of a request back, over its link.
        $vis fn back(cx: &$crate::Context) -> Self {
            <Self as $crate::Client>::back(cx)
        }
    };
    ($vis:vis peer_id) => {
        /// Returns the key that the peer must have, or has proven. `None` for a plain client.
        #[must_use]
        $vis fn peer_id(&self) -> ::core::option::Option<$crate::PeerId> {
            <Self as $crate::Client>::peer_id(self)
        }
    };
}

/// Uses an item that [`client_links`] has written, so that the compiler does not report it as
/// unused.
#[cfg(feature = "secure")]
#[doc(hidden)]
#[macro_export]
macro_rules! use_client_links {
    (secure $($client:tt)*) => {
        let _: fn(&$crate::Endpoint, ::std::net::SocketAddr, $crate::AnyPeer) -> _ = $($client)*::secure;
    };
    ($item:ident $($client:tt)*) => {
        let _ = $($client)*::$item;
    };
}

/// Without links, a generated client has no such item.
#[cfg(not(feature = "secure"))]
#[doc(hidden)]
#[macro_export]
macro_rules! client_links {
    ($vis:vis $item:ident) => {};
}

/// Without links, there is no item to use.
#[cfg(not(feature = "secure"))]
#[doc(hidden)]
#[macro_export]
macro_rules! use_client_links {
    ($($item:tt)*) => {};
}

/// Declares names that generated code gives to parameters and locals, as functions. A pattern may
/// shadow a function, but not a static or a unit struct of the same name in the user's module.
#[doc(hidden)]
#[macro_export]
macro_rules! locals {
    ($($name:ident),*) => {
        $(const fn $name() {})*
        const _: () = { $($name();)* };
    };
}
