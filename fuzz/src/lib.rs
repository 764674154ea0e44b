//! What the fuzz targets do with their bytes, as functions that a test may call too.

mod arguments;
mod contract;
mod datagram;
mod description;
mod extension;
pub mod seeds;

// The model that the tests use, with scripts that are searched for instead of drawn.
#[path = "../../tests/model/observed.rs"]
mod observed;
#[path = "../../tests/model/office.rs"]
mod office;
#[path = "../../tests/model/service.rs"]
mod service;
#[path = "../../tests/model/world.rs"]
mod world;

pub use arguments::arguments;
pub use datagram::datagram;
pub use description::description;
pub use extension::extension;

use std::future::Future;

/// Runs a script for two endpoints, a stranger and the post office between them: see `tests/model`.
pub fn endpoint(script: &[u8]) {
    block_on(world::run(1, script));
}

/// Runs something on a runtime of its own, in time that nothing but sleeping takes.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs nothing of the system").block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_arguments_are_answered() {
        for (name, seed) in seeds::of("arguments") {
            assert!(arguments(&seed), "{name}");
        }
    }

    #[test]
    fn the_seeds_are_survived_and_every_change_of_one_byte_of_them() {
        let run = |target, bytes: &[u8]| match target {
            "datagram" => datagram(bytes),
            "extension" => extension(bytes),
            "description" => description(bytes),
            "arguments" => drop(arguments(bytes)),
            _ => endpoint(bytes),
        };
        for target in seeds::TARGETS {
            for (name, seed) in seeds::of(target) {
                run(target, &seed);
                // Enough to find what is broken altogether; the search is the fuzzer's.
                for at in (0..seed.len()).step_by(1 + seed.len() / 40) {
                    for change in [1, 0x40, 0x80, 0xff] {
                        let mut changed = seed.clone();
                        changed[at] ^= change;
                        println!("{target} {name}, byte {at} changed by {change:#x}");
                        run(target, &changed);
                    }
                }
            }
        }
    }
}
