use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    type Name<'a>;
    fn sayhi(&self);
}

fn main() {}
