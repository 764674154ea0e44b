use rpcudp::rpc_service;

/// As `anyhow::Context` is.
trait Context {}

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &Context);
}

fn main() {}
