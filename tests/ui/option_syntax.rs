use rpcudp::rpc_service;

#[rpc_service]
trait Greeter {
    #[rpc(timeout: "2s")]
    fn sayhi(&self);
}

fn main() {}
