//! Unit tests of code on both sides of a contract, without a network.
//!
//! | under test | take |
//! | --- | --- |
//! | the implementation of a contract | the implementation itself: call its methods, with a [`Context`](crate::Context) from [`Context::for_test`](crate::Context::for_test) if they take one |
//! | code that takes a generated client | a [`MockPeer`]: its clients reach any implementation of the contract, or a peer that refuses or is silent |
//! | delivery, timeouts, several peers, a bad network | [`sim`](crate::sim) |
//!
//! The README has an example of both. A mock made by hand, without [`MockPeer`], is an
//! implementation of the contract too: code that is generic over the contract, or takes an
//! `Arc<dyn DynGreeter>` (the option `dyn` of [`#[rpc_service]`](macro@crate::rpc_service)), can be
//! given one directly.

mod context_builder;
mod fault;
mod mock_peer;

pub use context_builder::ContextBuilder;
pub use mock_peer::MockPeer;
