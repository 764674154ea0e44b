//! The bodies of the fuzz targets, as functions that tests call too.

mod arguments;
mod command_line;
mod contract;
mod datagram;
mod description;
mod extension;
mod kademlia;
pub mod seeds;
mod stream_frames;

// The scripts of `rpcudp-secure/tests/scripts`. There they are random; here the fuzzer searches for
// them.
#[path = "../../rpcudp-secure/tests/scripts/hostile.rs"]
mod hostile;
#[path = "../../rpcudp-secure/tests/scripts/script.rs"]
mod links;
#[path = "../../rpcudp-secure/tests/scripts/peer.rs"]
mod peer;
#[path = "../../rpcudp-secure/tests/scripts/raw_keys.rs"]
mod raw_keys;

// The values of the program `rpcudp`, which has no library.
#[path = "../../cli/src/output.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod output;
#[path = "../../cli/src/value/mod.rs"]
#[allow(dead_code, reason = "the program uses the rest")]
mod value;

// The model of `tests/behaviour/model`. There the scripts are random; here the fuzzer searches for
// them.
#[path = "../../tests/behaviour/model/calls.rs"]
mod calls;
#[path = "../../tests/behaviour/model/history.rs"]
mod history;
#[path = "../../tests/behaviour/model/manual_network.rs"]
mod manual_network;
#[path = "../../tests/behaviour/model/service.rs"]
mod service;
#[path = "../../tests/behaviour/model/world.rs"]
mod world;

pub use arguments::{arguments, layers};
pub use command_line::command_line;
pub use datagram::datagram;
pub use description::description;
pub use extension::extension;
pub use kademlia::kademlia;
pub use stream_frames::stream_frames;

use std::future::Future;

/// Runs a script of events for two tables of links: see `rpcudp-secure/tests/scripts`.
pub fn links(script: &[u8]) {
    links::links(script);
}

/// Runs a script of events for a table of links and a peer that writes any bytes on its streams:
/// see `rpcudp-secure/tests/scripts`.
pub fn link_streams(script: &[u8]) {
    hostile::hostile(script);
}

/// Runs a script of events for two endpoints and an unvalidated source on a manual network, and
/// compares the outcome with the model in `tests/behaviour/model`.
pub fn endpoint(script: &[u8]) {
    block_on(world::run(1, script));
}

/// Runs a future on a runtime of its own, in virtual time.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs no resource of the system").block_on(future)
}
