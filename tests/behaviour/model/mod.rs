//! An endpoint against a naive model of the outcomes that each call may have, under any network and
//! any peer.
//!
//! Every run has a seed, which a failure prints. `RPCUDP_SEEDS=10000` runs that many.

mod calls;
mod history;
mod manual_network;
mod service;
mod simulated;
mod world;

use std::collections::HashSet;
use std::mem::discriminant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{paused_runtime, seeds};

/// The number of runs unless `RPCUDP_SEEDS` sets another.
const SEED_COUNT: u64 = 500;

/// The number of runs on the simulated network unless `RPCUDP_SEEDS` sets another.
const SIMULATED_SEED_COUNT: u64 = 300;

#[test]
fn every_call_has_an_outcome_that_the_model_allows_and_frees_its_slot() {
    let mut kinds = HashSet::new();
    for seed in seeds(SEED_COUNT) {
        let printed = PrintedOnPanic(seed);
        let outcomes = paused_runtime().block_on(world::run(seed, &script(seed)));
        kinds.extend(outcomes.iter().map(discriminant));
        drop(printed);
    }
    assert_eq!(kinds.len(), 10, "the runs reach every kind of outcome: {kinds:?}");
}

#[test]
fn every_call_on_a_simulated_network_has_an_outcome_that_the_model_allows() {
    let mut kinds = HashSet::new();
    for seed in seeds(SIMULATED_SEED_COUNT) {
        let printed = PrintedOnPanic(seed);
        let outcomes = paused_runtime().block_on(simulated::run(seed));
        kinds.extend(outcomes.iter().map(discriminant));
        drop(printed);
    }
    // No datagram is changed, so no request is refused as malformed, and every response decodes.
    assert_eq!(kinds.len(), 8, "the runs reach every kind of outcome: {kinds:?}");
}

fn script(seed: u64) -> Vec<u8> {
    let mut script = vec![0; 1_200];
    StdRng::seed_from_u64(seed).fill_bytes(&mut script);
    script
}

/// The seed of a run, printed if the run panics.
struct PrintedOnPanic(u64);

impl Drop for PrintedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}
