//! Links: encrypted calls between peers that prove their keys, on the same port as the plain wire.
//!
//! Every run on the simulated network has a seed, which a failure prints. `RPCUDP_SEEDS=1000` runs
//! that many for each property.

#[path = "../support/bulk.rs"]
mod bulk;
mod calls;
mod contract;
mod delivery;
mod dropped_frames;
mod errors;
mod feed;
mod fixture;
mod groups;
mod hostile;
mod hostile_streams;
mod large;
mod listing;
mod outages;
mod panics;
mod raw_peer;
mod sessions;
mod store;
mod stream_ends;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod trace;
mod transfers;
mod trouble;
mod unvalidated;
mod uploads;
mod wires;
