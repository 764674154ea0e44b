//! Sessions: peers that join an endpoint and leave it.

mod ends;
mod fixture;
mod hostile;
mod joining;
mod members;
mod moves;
mod required;
mod storm;
mod suspends;
