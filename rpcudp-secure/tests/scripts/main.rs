//! Random scripts of events for two tables of links, and for one and a hostile peer. Fuzzing
//! searches for such scripts with the same code (`fuzz/`).

mod hostile;
mod peer;
mod raw_keys;
mod script;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::hostile::hostile;
use crate::script::links;

#[test]
fn random_scripts_neither_panic_nor_leave_a_link() {
    for seed in 0..60 {
        println!("seed {seed}");
        let mut script = vec![0; 300];
        StdRng::seed_from_u64(seed).fill_bytes(&mut script);
        // Half of the events deliver a datagram unchanged, so that handshakes end.
        for event in script.chunks_exact_mut(2).step_by(2) {
            event[0] &= 1;
        }
        links(&script);
    }
}

#[test]
fn frames_of_hostile_streams_arrive_if_they_are_whole() {
    for seed in 0..30 {
        println!("seed {seed}");
        let mut script = vec![0; 300];
        StdRng::seed_from_u64(seed).fill_bytes(&mut script);
        hostile(&script);
    }
}
