use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    const POLITE: bool;
    fn sayhi(&self);
}

fn main() {}
