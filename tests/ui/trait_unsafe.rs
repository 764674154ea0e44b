use rpcudp::rpc_service;

#[rpc_service]
unsafe trait Greeter {
    fn sayhi(&self);
}

fn main() {}
