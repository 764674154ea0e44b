use rpcudp::rpc_service;

#[rpc_service(crate = 3)]
trait Greeter {
    fn sayhi(&self);
}

fn main() {}
