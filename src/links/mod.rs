//! The feature `secure`: links to peers that have proven their keys. The engine is
//! `rpcudp-secure`; a driver owns it (`src/driver/link_driver.rs`), and this folder holds the part
//! that other tasks see.

pub(crate) mod call_flow;
pub(crate) mod command;
pub(crate) mod command_queue;
pub(crate) mod commands;
pub(crate) mod endpoint_links;
pub(crate) mod flow;
pub(crate) mod flow_reader;
mod frame;
pub(crate) mod large_frames;
pub(crate) mod link_config;
pub(crate) mod linked_peer;
pub(crate) mod list;
pub(crate) mod plain;
pub(crate) mod pump;
pub(crate) mod ready_queue;
pub(crate) mod request_flow;
pub(crate) mod request_memory;
pub(crate) mod secure_peer;
pub(crate) mod session_streams;
pub(crate) mod source;
