use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(name = "")]
    fn sayhi(&self);
}

fn main() {}
