use rpcudp::rpc_service;

/// A trait named `Context`, such as `anyhow::Context`.
trait Context {}

#[rpc_service]
trait Greeter {
    fn sayhi(&self, cx: &Context);
}

fn main() {}
