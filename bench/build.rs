//! Generates tonic's clients and servers, and records the version of the compiler. tonic's
//! generator needs no protoc for a service that is defined in Rust.

use std::env;
use std::process::Command;

use tonic_build::manual::{Builder, Method, Service};

/// The build script of the example, which `compile` uses too.
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

    let rustc = Command::new(env::var_os("RUSTC").expect("cargo sets RUSTC")).arg("--version").output();
    let rustc = String::from_utf8(rustc.expect("the compiler runs").stdout).expect("the version is UTF-8");
    println!("cargo:rustc-env=BENCH_RUSTC={}", rustc.trim());
}
