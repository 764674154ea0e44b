//! Links on a network in memory and in virtual time, from printed seeds.

mod dropped;
mod floods;
mod handshakes;
mod memory;
mod messages;
mod network;
mod outages;
mod paths;
mod streams;
