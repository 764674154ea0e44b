//! Clients of groups: the choice of a peer, moves to other peers, health, fan-out and hedges.

mod choice;
mod fan_out;
mod fixture;
mod health;
mod hedges;
mod moves;
mod sources;
mod storm;
