//! Peers that return false contacts, forge addresses and flood: their input is refused and counted,
//! and lookups go on to succeed.

mod contacts;
mod flood;
mod forgery;
mod hostile_node;
mod identity;
mod strangers;
mod values;
