use rpcudp::rpc_service;

macro_rules! methods {
    () => {};
}

#[rpc_service]
trait Greeter {
    methods!();
    fn sayhi(&self);
}

fn main() {}
