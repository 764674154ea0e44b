//! An endpoint against a naive model of what each call may observe, whatever the network and strangers do.
//!
//! Every run has a seed, which a failure shows. `RPCUDP_SEEDS=10000` runs that many.

mod observed;
mod office;
mod service;
mod world;

use std::collections::HashSet;
use std::mem::discriminant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{paused_runtime, seeds};

/// What is run unless `RPCUDP_SEEDS` says otherwise.
const SEED_COUNT: u64 = 500;

#[test]
fn every_call_ends_as_the_model_says_and_leaves_nothing_behind() {
    let mut kinds = HashSet::new();
    for seed in seeds(SEED_COUNT) {
        let shown = Shown(seed);
        let endings = paused_runtime().block_on(world::run(seed, &script(seed)));
        kinds.extend(endings.iter().map(discriminant));
        drop(shown);
    }
    assert_eq!(kinds.len(), 8, "there are runs for each ending: {kinds:?}");
}

fn script(seed: u64) -> Vec<u8> {
    let mut script = vec![0; 1_200];
    StdRng::seed_from_u64(seed).fill_bytes(&mut script);
    script
}

/// The seed of a run, told if it fails.
struct Shown(u64);

impl Drop for Shown {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}
