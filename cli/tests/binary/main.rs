//! Runs the binary as a shell does, and checks its output and its exit codes.

#![cfg(unix)]

#[cfg(target_os = "linux")]
mod addresses;
mod call;
mod describe;
mod discovery;
mod doctor;
#[cfg(feature = "secure")]
mod links;
mod listen;
mod load;
mod peers;
mod ping;
mod process;
mod terminal;
mod usage;
