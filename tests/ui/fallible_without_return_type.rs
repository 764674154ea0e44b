use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(fallible)]
    fn sayhi(&self);
}

fn main() {}
