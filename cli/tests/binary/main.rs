//! The binary, as a shell uses it: what it prints where, and its exit codes.

#![cfg(unix)]

mod call;
mod describe;
mod doctor;
mod listen;
mod load;
mod peers;
mod ping;
mod process;
mod terminal;
mod usage;
