//! Writes tonic's clients and servers with tonic's own generator, which needs no protoc for a service given in Rust,
//! and notes the compiler.

use std::env;
use std::process::Command;

use tonic_build::manual::{Builder, Method, Service};

/// Also what `compile` builds the example with.
#[path = "examples/greeter_tonic/build.rs"]
mod greeter;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=examples/greeter_tonic/build.rs");
    let method = Method::builder()
        .name("echo")
        .route_name("Echo")
        .input_type("crate::contenders::tonic::Payload")
        .output_type("crate::contenders::tonic::Payload")
        .codec_path("tonic_prost::ProstCodec")
        .build();
    Builder::new().compile(&[Service::builder().package("bench").name("Echo").method(method).build()]);
    greeter::main();

    let rustc = Command::new(env::var_os("RUSTC").expect("cargo says which")).arg("--version").output();
    let rustc = String::from_utf8(rustc.expect("the compiler runs").stdout).expect("versions are text");
    println!("cargo:rustc-env=BENCH_RUSTC={}", rustc.trim());
}
