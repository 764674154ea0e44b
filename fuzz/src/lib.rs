//! The bodies of the fuzz targets, as functions that tests call too.

mod arguments;
mod contract;
mod datagram;
mod description;
mod extension;
pub mod seeds;

// The model of `tests/behaviour/model`. There the scripts are random; here the fuzzer searches for
// them.
#[path = "../../tests/behaviour/model/calls.rs"]
mod calls;
#[path = "../../tests/behaviour/model/history.rs"]
mod history;
#[path = "../../tests/behaviour/model/manual_network.rs"]
mod manual_network;
#[path = "../../tests/behaviour/model/service.rs"]
mod service;
#[path = "../../tests/behaviour/model/world.rs"]
mod world;

pub use arguments::arguments;
pub use datagram::datagram;
pub use description::description;
pub use extension::extension;

use std::future::Future;

/// Runs a script of events for two endpoints and an unvalidated source on a manual network, and
/// compares the outcome with the model in `tests/behaviour/model`.
pub fn endpoint(script: &[u8]) {
    block_on(world::run(1, script));
}

/// Runs a future on a runtime of its own, in virtual time.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O needs no resource of the system").block_on(future)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_arguments_get_a_response() {
        for (name, seed) in seeds::of("arguments") {
            assert!(arguments(&seed), "{name}");
        }
    }

    #[test]
    fn seeds_and_their_changes_of_one_byte_hold_the_properties() {
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
                // A sample of 40 positions shows gross defects. The fuzzer searches the rest.
                for at in (0..seed.len()).step_by(1 + seed.len() / 40) {
                    for mask in [1, 0x40, 0x80, 0xff] {
                        let mut changed = seed.clone();
                        changed[at] ^= mask;
                        println!("{target} {name}, byte {at} changed by {mask:#x}");
                        run(target, &changed);
                    }
                }
            }
        }
    }
}
