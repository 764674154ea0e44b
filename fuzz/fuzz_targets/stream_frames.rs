#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rpcudp_fuzz::stream_frames(bytes));
