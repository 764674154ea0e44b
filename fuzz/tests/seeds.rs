//! The properties of the targets hold for the seeds and for small changes of them.

use rpcudp_fuzz::{
    arguments, command_line, datagram, description, endpoint, extension, kademlia, layers, link_streams, links, seeds,
    stream_frames,
};

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
        "layers" => layers(bytes),
        "kademlia" => kademlia(bytes),
        "command_line" => command_line(bytes),
        "links" => links(bytes),
        "link_streams" => link_streams(bytes),
        "stream_frames" => stream_frames(bytes),
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
